"""Questions over a connection, answered by storage."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from mdk_protocol.messages import LogsQuery, MapQuery, Question, TraceQuery
from mdk_runtime.server.answering import halved
from mdk_runtime.server.hub import Hub
from unit.mdk_runtime.server.hubs import WITHIN_S, Client, hub_in, log

NOW_MS = time.time_ns() // 1_000_000
AROUND = {"since": NOW_MS - 120_000, "until": NOW_MS + 120_000}


class Ours(Client):
    """A client of ours, which may ask."""

    def __init__(self, hub: Hub, token: str = "") -> None:
        super().__init__(hub, token, properties={"mdkRevision": 1})
        self._request = 0

    async def ask(self, **question: Any) -> dict[str, Any]:
        """A question and its answer."""
        self._request += 1
        self.send({"type": "question", "request": self._request, **question})
        while (frame := await self.next())["type"] != "answer":
            pass
        assert frame["request"] == self._request
        return frame


async def stored(hub: Hub, count: int, **fields: Any) -> Client:
    """A client whose logs are stored."""
    client = Client(hub)
    for sequence in range(count):
        context = {"traceId": "t1", "clock": {"clocks": [sequence]}}
        client.send(log(sequence, context=context, level="INFO", text=f"text {sequence}", **fields))
    for _ in range(count):
        assert (await client.next())["type"] == "logack"
    return client


@pytest.mark.asyncio
async def test_everything_that_is_stored_can_be_asked_for(tmp_path: Path) -> None:
    """Logs, traces, one trace, interactions, rates, the map: each in its field."""
    async with hub_in(tmp_path) as hub:
        client = await stored(hub, 3, timestamp=NOW_MS)
        event = {"uuid": "u1", "session": "t1", "node": "n", "results": {"m": 0}, "sequence": 0}
        times = {"startTimestamp": NOW_MS, "endTimestamp": NOW_MS + 5, "startClock": [1], "endClock": [2]}
        client.send({"type": "interactionevent", **event, **times})
        assert (await client.next())["type"] == "interactionack"
        ours = Ours(hub)
        logs = (await ours.ask(logs={"limit": 2}))["logs"]
        assert [one["text"] for one in logs["items"]] == ["text 2", "text 1"]
        more = (await ours.ask(logs={"limit": 2, "cursor": logs["next"]}))["logs"]
        assert [one["text"] for one in more["items"]] == ["text 0"]
        assert "next" not in more
        traces = (await ours.ask(traces={}))["traces"]["items"]
        assert [(one["traceId"], one["failed"], one["levels"]) for one in traces] == [("t1", True, {"INFO": 3})]
        trace = (await ours.ask(trace={"traceId": "t1"}))["trace"]["items"]
        assert [next(iter(one)) for one in trace] == ["log", "log", "interaction", "log"]
        calls = (await ours.ask(interactions={"wanted": {"failed": True}}))["interactions"]["items"]
        assert [(one["uuid"], one["results"], one["failed"]) for one in calls] == [("u1", {"m": 0}, True)]
        rates = (await ours.ask(rates=AROUND))["rates"]
        assert [one["levels"] for one in rates["logs"]] == [{"INFO": 3}]
        assert [(one["ok"], one["failed"]) for one in rates["calls"]] == [(0, 1)]
        edges = (await ours.ask(map=AROUND))["map"]["edges"]
        assert [(one["ok"], one["failed"]) for one in edges] == [(0, 1)]


@pytest.mark.asyncio
async def test_nothing_stored_is_an_empty_answer(tmp_path: Path) -> None:
    """Not an error: somebody looks before anything has happened. Other tenants' logs are not seen."""
    async with hub_in(tmp_path) as hub:
        await stored(hub, 1)
        ours = Ours(hub, token="other")
        assert (await ours.ask(logs={}))["logs"]["items"] == []
        assert (await ours.ask(traces={}))["traces"]["items"] == []
        assert (await ours.ask(trace={"traceId": "t1"}))["trace"]["items"] == []
        assert (await ours.ask(interactions={}))["interactions"]["items"] == []
        assert (await ours.ask(rates={"since": 0, "until": 1}))["rates"] == {"logs": [], "calls": []}
        assert (await ours.ask(map={"since": 0, "until": 1}))["map"] == {"edges": []}


@pytest.mark.asyncio
async def test_what_cannot_be_answered_says_why(tmp_path: Path) -> None:
    """With a code, and what would have been right."""
    async with hub_in(tmp_path) as hub:
        await stored(hub, 1)
        ours = Ours(hub)
        error = (await ours.ask(logs={"cursor": "nonsense"}))["error"]
        assert error["code"] == "bad_query"
        assert error["title"] == "cursor is 'nonsense'; expected one that an answer named as its next"
        assert (await ours.ask())["error"]["title"].startswith("question is '0 questions'; expected one of logs,")
        assert (await ours.ask(logs={}, traces={}))["error"]["code"] == "bad_query"


@pytest.mark.asyncio
async def test_an_answer_that_would_be_too_long_is_a_shorter_page(tmp_path: Path) -> None:
    """Half as many rows, and half of that; the cursor leads to the rest."""
    async with hub_in(tmp_path) as hub:
        await stored(hub, 8, category="x" * 200_000)
        ours = Ours(hub)
        found: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await ours.ask(logs={"limit": 8, **cursor}))["logs"]
            assert 0 < len(page["items"]) <= 4
            found += [one["text"] for one in page["items"]]
            if "next" not in page:
                break
            cursor = {"cursor": page["next"]}
        assert found == [f"text {number}" for number in range(7, -1, -1)]


def test_half_of_one_is_none() -> None:
    """Then nothing can be asked for; neither of what has no pages."""
    assert halved(Question(logs=LogsQuery(limit=5))) == Question(logs=LogsQuery(limit=2))
    assert halved(Question(trace=TraceQuery(trace_id="t", limit=1))) is None
    assert halved(Question(map=MapQuery(since=0, until=1))) is None


@pytest.mark.asyncio
async def test_a_client_that_is_gone_gets_no_answer(tmp_path: Path) -> None:
    """And nobody else either."""
    async with hub_in(tmp_path) as hub:
        await stored(hub, 1)
        ours = Ours(hub)
        ours.send({"type": "question", "request": 1, "logs": {}})
        ours.cut()
        other = Ours(hub)
        assert len((await other.ask(logs={}))["logs"]["items"]) == 1
        await hub.flush(timeout_s=WITHIN_S)
        assert not [frame for frame in ours.frames if frame["type"] == "answer"]


@pytest.mark.asyncio
async def test_a_pulse_says_what_is_stored(tmp_path: Path) -> None:
    """A while after somebody began to look."""
    async with hub_in(tmp_path) as hub:
        await stored(hub, 3)
        ours = Ours(hub)
        ours.send({"type": "watch"})
        while (frame := await ours.next())["type"] != "pulse" or "storage" not in frame["server"]:
            pass
        storage = frame["server"]["storage"]
        assert (storage["logs"], storage["interactions"], storage["segments"]) == (3, 0, 1)
        assert frame["server"]["time"] >= NOW_MS
