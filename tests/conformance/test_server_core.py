"""The server's core, fed with what the original client sent, answers as the captures and the rules demand."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from conformance import captures
from mdk_protocol import Open
from mdk_runtime.core.server.tenant import Tenant
from mdk_runtime.core.server.writes import Outcome


class Host:
    """A tenant whose storage is as fast as thought, and what each of its connections was sent."""

    def __init__(self) -> None:
        self.tenant = Tenant(Open(mdk_version="test"), merge_s=0.0)
        self.connections: dict[int, Any] = {}
        self.sent: dict[int, list[dict[str, Any]]] = {}
        self.stored: set[Any] = set()
        self.now = 0.0

    def receive(self, number: int, text: str, now: float) -> None:
        """A frame comes from a client; everything that follows happens at once."""
        self.now = max(self.now, now)
        if number not in self.connections:
            self.connections[number] = self.tenant.connect()
            self.sent[number] = []
            self.connections[number].endpoint.connected(now=self.now)
            self._flow()
            assert self.sent[number] == [], "the server spoke first"
        self.connections[number].endpoint.receive(text, now=self.now)
        self._flow()

    def _flow(self) -> None:
        self.tenant.work(now=self.now)
        writes = self.tenant.writes.take()
        outcomes = []
        for write in writes:
            ((message, *_),) = write.entries
            key = getattr(message, "uuid", None) or (message.node, message.sequence)
            outcomes.append((write, [Outcome.KNOWN if key in self.stored else Outcome.NEW]))
            self.stored.add(key)
        self.tenant.stored(outcomes, now=self.now)
        for number, connection in self.connections.items():
            while frames := connection.endpoint.take_output():
                self.sent[number] += [json.loads(frame) for frame in frames]

    def kinds(self, number: int) -> Counter[str]:
        """How many of each type a connection was sent."""
        return Counter(message["type"] for message in self.sent[number])


def _played(name: str) -> Host:
    host = Host()
    for frame in captures.frames(name):
        if frame.from_client:
            host.receive(frame.connection, frame.text, frame.t)
    return host


@pytest.mark.parametrize("name", captures.names())
def test_every_capture_is_answered(name: str) -> None:
    """`open` first and once; one acknowledgement for every log and interaction; nobody is hung up on."""
    host = _played(name)
    for number, connection in host.connections.items():
        received = Counter(
            json.loads(f.text)["type"] for f in captures.frames(name) if f.from_client and f.connection == number
        )
        kinds = host.kinds(number)
        assert host.sent[number][0]["type"] == "open"
        assert (kinds["open"], kinds["close"]) == (1, 0)
        assert kinds["logack"] == received["log"]
        assert kinds["interactionack"] == received["interactionevent"]
        assert not connection.endpoint.hanging_up


@pytest.mark.parametrize("name", captures.names())
def test_every_node_that_is_sent_is_whole(name: str) -> None:
    """Rule 7 of the captures' README: id, service, address and a version that is a string, always."""
    for messages in _played(name).sent.values():
        for message in messages:
            if message["type"] in ("active", "expire"):
                node = message["node"]
                assert all(isinstance(node[key], str) and node[key] for key in ("id", "service", "version", "address"))


def test_a_client_hears_of_its_own_nodes_and_of_their_end() -> None:
    """Capture 02: each registration comes back once, renewals are silent, each goodbye comes back."""
    host = _played("02_register_heartbeat_stop")
    (messages,) = host.sent.values()
    actives = [(m["node"]["service"], m["node"]["address"]) for m in messages if m["type"] == "active"]
    assert actives == [
        ("svcA", "http://127.0.0.1:7001"),
        ("svcB", "http://127.0.0.1:7002"),
        ("svcA", "http://127.0.0.1:7009"),
    ]
    expires = [(m["node"]["service"], m["node"]["address"]) for m in messages if m["type"] == "expire"]
    assert expires == [("svcA", "http://127.0.0.1:7009"), ("svcB", "http://127.0.0.1:7002")]
    assert len(host.tenant.registry) == 0


def test_a_subscriber_hears_every_log() -> None:
    """Capture 06: whoever subscribed is sent the other process's logs, and those who did not are not."""
    host = _played("06_subscribe")
    followers = {f.connection for f in captures.frames("06_subscribe") if json.loads(f.text)["type"] == "subscribe"}
    for number in host.connections:
        assert (host.kinds(number)["log"] > 0) == (number in followers)


def test_what_the_original_sends_again_is_stored_once() -> None:
    """Capture 07: after the reconnect every interaction of its life comes again; each is stored once, and acknowledged."""
    frames = [f for f in captures.frames("07_interactions") if f.from_client]
    uuids = [json.loads(f.text)["uuid"] for f in frames if json.loads(f.text)["type"] == "interactionevent"]
    assert len(uuids) > len(set(uuids))
    host = _played("07_interactions")
    assert host.tenant.counters["interaction new"] == len(set(uuids))
    assert host.tenant.counters["interaction known"] == len(uuids) - len(set(uuids))
