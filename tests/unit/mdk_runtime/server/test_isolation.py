"""Tenants and environments are apart: one tries to see across with every message that there is."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from mdk_protocol import SESSION_SERVER, messages
from mdk_runtime.server.auth import tenant_of
from unit.mdk_runtime.server.hubs import Client, hub_in

SECRET = "secret-of-the-tenant"
ENVIRONMENT = {"name": SECRET}
NODE = {"id": "n", "service": "shared", "version": "1", "address": "http://shared", "properties": {"x": SECRET}}
LOG = {"node": "n", "level": "ERROR", "category": SECRET, "text": SECRET, "context": {"traceId": "t"}}
INTERACTION = {"uuid": "u", "session": "t", "node": "n", "results": {"n": 1}, "environment": ENVIRONMENT}
STATUS = {"service": "shared", "address": SECRET, "state": "OPEN"}
PRIVATE = {"id": "n2", "service": SECRET, "version": "1", "address": f"http://{SECRET}"}

SAID: dict[str, list[dict[str, Any]]] = {
    "Open": [],  # Said by every client.
    "Active": [{"type": "active", "node": NODE}, {"type": "active", "node": PRIVATE}],
    "Log": [{"type": "log", "sequence": 0, **LOG}],
    "LogBatch": [{"type": "logs", "logs": [{"sequence": 1, **LOG}]}],
    "InteractionEvent": [{"type": "interactionevent", "sequence": 0, **INTERACTION}],
    "InteractionBatch": [{"type": "interactions", "interactions": [{"sequence": 1, **INTERACTION, "uuid": "u2"}]}],
    "BreakerChanged": [{"type": "breaker", "breaker": STATUS}],
    "Statistics": [{"type": "statistics", "emitted": 7}],
    "Follow": [{"type": "follow"}, {"type": "follow", "services": [SECRET]}],
    "Subscribe": [{"type": "subscribe"}],
    "TailBegin": [{"type": "tailbegin"}],
    "Watch": [{"type": "watch"}],
    "TailEnd": [{"type": "tailend"}],
    "Unwatch": [{"type": "unwatch"}],
    "Question": [],  # Its own queries are below.
    "Expire": [{"type": "expire", "node": NODE}],
    "Close": [{"type": "close"}],
}
"""What one tenant says, in this order; the last two take away what it has."""


QUERIES: dict[str, dict[str, Any]] = {
    "logs": {},
    "traces": {},
    "trace": {"traceId": "t"},
    "interactions": {},
}
"""Those that show what somebody wrote."""


def ours(hub: Any, token: str) -> Client:
    """A client of ours."""
    return Client(hub, token, properties={"mdkRevision": messages.REVISION})


def seen(client: Client) -> str:
    """All that has come."""
    client.collect()
    text, client.frames = json.dumps(client.frames), []
    return text


async def heard(client: Client, text: str) -> str:
    """Everything up to the frame that has a text in it."""
    frames: list[dict[str, Any]] = []
    while not frames or text not in json.dumps(frames[-1]):
        frames.append(await client.next())
    return json.dumps(frames)


def test_every_message_is_tried() -> None:
    """A message that is added to the spec has to be tried here as well."""
    assert SAID.keys() == SESSION_SERVER.receives.keys()


def test_no_message_of_one_tenant_reaches_another(tmp_path: Path) -> None:
    """Those of the other tenant that listen to everything hear nothing; its own node of the same name stays as it was."""

    async def scenario() -> None:
        async with hub_in(tmp_path) as hub:
            listeners = [ours(hub, "other"), Client(hub, "other")]
            for listener in listeners:
                for kind in ("Follow", "Subscribe", "TailBegin", "Watch"):
                    for message in SAID[kind] if listener is listeners[0] or kind == "Subscribe" else ():
                        listener.send(message)
            own = {"type": "active", "node": {**NODE, "properties": {}}}
            listeners[1].send(own)
            await heard(listeners[0], '"sequence": 1')
            await heard(listeners[1], "http://shared")
            speakers = [ours(hub, "mine"), Client(hub, "mine")]
            for message in [message for kind, said in SAID.items() if kind != "Close" for message in said]:
                for speaker in speakers:
                    speaker.send(message)
            await heard(speakers[0], "logsack")
            for message in SAID["Close"]:
                speakers[0].send(message)
            await asyncio.sleep(0.1)
            for listener in listeners:
                assert SECRET not in seen(listener)
            late = ours(hub, "other")
            late.send({"type": "follow"})
            table = await heard(late, "tableend")
            assert "http://shared" in table
            assert SECRET not in table

    asyncio.run(scenario())


def test_a_question_of_another_tenant_is_answered_from_its_own_data(tmp_path: Path) -> None:
    """Whatever it asks for, nothing of ours is in the answer."""

    async def scenario() -> None:
        async with hub_in(tmp_path) as hub:
            speaker, asking = ours(hub, "mine"), ours(hub, "other")
            for kind in ("Active", "LogBatch", "InteractionBatch"):
                for message in SAID[kind]:
                    speaker.send(message)
            for kind in ("logsack", "interactionsack"):
                await heard(speaker, kind)
            for query in QUERIES:
                for client in (asking, speaker):
                    client.send({"type": "question", "request": 1, query: QUERIES[query]})
                    while (answer := await client.next())["type"] != "answer":
                        pass
                    assert (SECRET in json.dumps(answer)) is (client is speaker), query

    asyncio.run(scenario())


def test_environments_are_apart_in_every_message_of_discovery(tmp_path: Path) -> None:
    """The same sender, service and address in two environments are two nodes: what is said of one is not said of the other."""

    async def scenario() -> None:
        async with hub_in(tmp_path) as hub:
            one, watcher = Client(hub, "t"), ours(hub, "t")
            watcher.send({"type": "follow"})
            for name in ("blue", "green"):
                one.send({"type": "active", "node": {**NODE, "environment": {"name": name}}})
            await heard(watcher, "green")
            one.send({"type": "expire", "node": {**NODE, "environment": {"name": "blue"}}})
            one.send({"type": "expire", "node": {**NODE, "environment": {"name": "red"}}})
            gone = json.loads(await heard(watcher, 'gone": [{'))
            assert [place["environment"] for frame in gone for place in frame.get("gone", [])] == ["blue"]
            late = ours(hub, "t")
            late.send({"type": "follow"})
            table = json.loads(await heard(late, "tableend"))
            named = [node["environment"]["name"] for frame in table for node in frame.get("active", [])]
            assert named == ["green"]

    asyncio.run(scenario())


def test_an_admin_clears_one_tenant_and_no_other(tmp_path: Path) -> None:
    """Its nodes are forgotten and its clients told; of a tenant that is not served there is nothing to forget."""

    async def scenario() -> None:
        async with hub_in(tmp_path) as hub:
            mine, other = Client(hub, "mine"), Client(hub, "other")
            for client in (mine, other):
                client.send(SAID["Active"][0])
                await heard(client, "http://shared")
            assert hub.clear("nobody's") == 0
            assert hub.clear(tenant_of("mine")) == 1
            assert (await mine.next())["type"] == "expire"
            assert hub.clear(tenant_of("mine")) == 0
            await asyncio.sleep(0.05)
            assert seen(other) == "[]"

    asyncio.run(scenario())
