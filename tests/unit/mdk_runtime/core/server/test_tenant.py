"""What the connections of a tenant are told, with frames in and frames out, and no network."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conformance import captures
from mdk_protocol.messages import ProtocolError
from mdk_protocol.tables import SESSION_SERVER
from mdk_runtime.core.server.tenant import REFUSALS_MAX
from mdk_runtime.core.server.writes import Outcome
from unit.mdk_runtime.core.server.raw_clients import Client, Network, active, expire, log

MESSAGE_BYTES_MAX = SESSION_SERVER.codec.message_bytes_max
"""A message that comes in with just as much is larger when its defaults are written out."""


def test_silent_until_the_client_has_spoken() -> None:
    """Not one frame before `open`; then our `open`, then the nodes (wire/README.md, rules 1 and 2)."""
    network = Network()
    first = network.client("s1")
    first.send(active())
    silent = network.client(opens=False)
    network.work()
    first.send(active("s2", "b"))
    assert silent.take() == []
    silent.send({"type": "open"})
    assert silent.take() == ["open", "active svc a", "active svc b"]


@pytest.mark.parametrize(
    ("properties", "answer"),
    [
        ({"mdkRevision": 1}, ["open", "extend"]),
        ({"mdkRevision": 7}, ["open", "extend"]),
        ({"mdkRevision": 0}, ["open"]),
        ({"mdkRevision": "1"}, ["open"]),
        ({"mdkRevision": None}, ["open"]),
        ({"other": 1}, ["open"]),
    ],
)
def test_only_a_client_that_says_so_is_sent_what_originals_do_not_know(
    properties: dict[str, Any], answer: list[str]
) -> None:
    """`extend` follows the server's `open` exactly if the client's `open` names a revision."""
    network = Network()
    client = network.client(opens=False)
    client.send({"type": "open", "properties": properties})
    assert client.take() == answer


def test_a_change_is_told_to_all_and_to_its_cause() -> None:
    """The sender's own echo is expected (rule 11)."""
    network = Network()
    one, other = network.client("s1"), network.client()
    one.send(active())
    assert one.take() == other.take() == ["active svc a"]
    one.send(expire())
    assert one.take() == other.take() == ["expire svc a"]


def test_a_renewal_is_not_sent_on() -> None:
    """It says nothing new."""
    network = Network()
    one, other = network.client("s1"), network.client()
    one.send(active())
    one.take()
    other.take()
    one.send(active(), active())
    assert one.take() == other.take() == []


def test_who_joins_an_address_gets_its_echo() -> None:
    """The second worker of an address is no change for others, but waits for an answer."""
    network = Network()
    one, other = network.client("s1"), network.client("s2")
    one.send(active())
    one.take()
    other.take()
    other.send(active("s2"))
    assert (one.take(), other.take()) == ([], ["active svc a"])
    other.send(active("s2"))
    assert other.take() == []


def test_what_a_new_client_has_read_is_not_told_again() -> None:
    """A change that was gathered when it read the table is part of what it read."""
    network = Network()
    one, new = network.client("s1"), network.client(opens=False)
    one.connection.endpoint.receive(json.dumps(active()), now=0.0)
    new.connection.endpoint.receive('{"type":"open"}', now=0.0)
    one.connection.endpoint.receive(json.dumps(active("s2", "b")), now=0.0)
    network.work()
    assert new.take() == ["open", "active svc a", "active svc b"]


def test_a_node_lapses_with_its_ttl() -> None:
    """A silent client's node goes for everyone, at its time."""
    network = Network()
    one, other = network.client("s1"), network.client()
    one.send(active() | {"ttl": 3.0})
    other.take()
    assert network.tenant.deadline == 3.0
    network.work(at=2.9)
    assert other.take() == []
    network.work(at=3.0)
    assert other.take() == ["expire svc a"]
    assert network.tenant.deadline is None


def test_a_broken_connection_has_the_grace() -> None:
    """Its nodes go after the grace; who is back and has renewed by then was never away for others."""
    network = Network()
    one, other = network.client("s1"), network.client()
    one.send(active())
    other.take()
    one.cut()
    again = network.client("s1")
    network.now = 1.0
    again.send(active())
    network.work(at=5.0)
    assert other.take() == []
    again.cut()
    assert network.tenant.deadline == 7.0
    network.work(at=7.0)
    assert other.take() == ["expire svc a"]


def test_one_of_several_connections_breaks() -> None:
    """An original can hold six under one id (rule 13): as long as one is there, its nodes are not suspect."""
    network = Network()
    connections = [network.client("s1") for _ in range(6)]
    connections[0].send(active())
    for connection in connections[:5]:
        connection.cut()
    assert network.tenant.deadline == 30.0
    connections[5].cut()
    assert network.tenant.deadline == 2.0


def test_a_foreign_node_goes_with_the_connection_that_brought_it() -> None:
    """A program may register nodes of others: it is their sender's connection too."""
    network = Network()
    one = network.client("tool")
    one.send(active("another"))
    one.cut()
    assert network.tenant.deadline == 2.0


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"version": None}, "it has no version"),
        ({"id": None, "address": ""}, "it has no id and no address"),
        (
            {"properties": {"x": "x" * (MESSAGE_BYTES_MAX - len(json.dumps(active(properties={"x": ""}))))}},
            "it cannot be passed on: ",
        ),
    ],
)
def test_what_is_not_whole_is_refused(fields: dict[str, Any], reason: str) -> None:
    """An original that gets such a node locks up for good (rule 7): nobody is told, and the log says why."""
    network = Network()
    one, other = network.client("s1"), network.client()
    one.send(active(**fields))
    assert one.take() == other.take() == []
    assert [refusal.reason.startswith(reason) for refusal in network.tenant.take_refusals()] == [True]
    one.send(active())
    assert other.take() == ["active svc a"]


def test_an_id_among_the_properties_is_completed() -> None:
    """Old clients keep it there; everyone is told where all look."""
    network = Network()
    one = network.client()
    one.send(active(id=None, properties={"datawire_nodeId": "s1"}))
    assert one.frames[0]["node"]["id"] == "s1"


def test_followers_see_new_logs_once() -> None:
    """Every one of the tenant, their own included; not what was sent again, not what no frame can hold."""
    network = Network()
    writer, follower = network.client("s1"), network.client("s2")
    follower.send({"type": "subscribe"}, log(7))
    writer.send(log(0), log(1))
    network.store()
    assert [frame["text"] for frame in follower.frames if frame["type"] == "log"] == ["text 7", "text 0", "text 1"]
    assert "log" not in [frame["type"] for frame in writer.frames]
    follower.frames.clear()
    writer.send(log(0))
    network.store(Outcome.KNOWN)
    writer.send({"type": "log", "node": "s1", "sequence": 2, "text": "x" * (MESSAGE_BYTES_MAX - 100)})
    network.store()
    assert follower.take() == []
    assert network.tenant.counters["log unsendable"] == 1


def test_goodbye_to_all() -> None:
    """Each client that is there gets one `close`, and is hung up on."""
    network = Network()
    one, silent = network.client("s1"), network.client(opens=False)
    network.tenant.close(ProtocolError(code="shutdown"), now=0.0)
    network.work()
    one.collect()
    assert one.take() == ["close shutdown"]
    assert one.connection.endpoint.hanging_up
    assert not silent.connection.endpoint.hanging_up


def test_idle_means_that_nothing_is_lost() -> None:
    """A tenant with a client, a node, or a write under way is needed."""
    network = Network()
    assert network.tenant.is_idle
    one = network.client("s1")
    assert not network.tenant.is_idle
    one.send(active(), log(0))
    one.cut()
    network.work(at=2.0)
    assert not network.tenant.is_idle
    writes = network.tenant.writes.take()
    assert not network.tenant.is_idle
    network.tenant.writes.left(writes)
    assert network.tenant.is_idle


@pytest.mark.parametrize("name", captures.names())
def test_captures_are_answered(name: str) -> None:
    """The client side of each capture: every `open`, node, log and interaction gets what the client waits for."""
    network = Network()
    connections: dict[int, Client] = {}
    expected, got = 0, 0
    for frame in captures.frames(name):
        if not frame.from_client:
            continue
        if frame.connection not in connections:
            connections[frame.connection] = network.client(opens=False)
        client = connections[frame.connection]
        client.send(frame.text)
        network.store()
        message = json.loads(frame.text)
        expected += message["type"] in ("open", "log", "interactionevent")
        got += sum(one["type"] in ("open", "logack", "interactionack") for one in client.frames)
        for one in client.frames:
            node = one.get("node")
            assert not isinstance(node, dict) or all(
                isinstance(node[key], str) for key in ("id", "service", "version", "address")
            )
        client.frames.clear()
    assert got == expected
    offences = [client.connection.endpoint.counters for client in connections.values()]
    assert [(one.unknown, one.illegal, one.malformed) for one in offences] == [(0, 0, 0)] * len(offences)
    assert network.tenant.take_refusals() == []


def test_refusals_kept_for_the_log_are_bounded() -> None:
    """All are counted."""
    network = Network()
    one = network.client("s1")
    for _ in range(REFUSALS_MAX + 1):
        one.connection.endpoint.receive(json.dumps(active(version=None)), now=0.0)
    assert len(network.tenant.take_refusals()) == REFUSALS_MAX
    assert network.tenant.take_refusals() == []
    assert network.tenant.counters["node refused"] == REFUSALS_MAX + 1


def test_who_has_hung_up_gets_nothing_more() -> None:
    """Neither changes nor a goodbye nor logs; and a tenant needs no shell."""
    network = Network()
    network.tenant.wake = None
    one, other = network.client("s1"), network.client("s2")
    other.send({"type": "subscribe"}, {"type": "close"})
    one.send(active(), log(0))
    network.store()
    network.tenant.close(ProtocolError(code="shutdown"), now=0.0)
    network.work()
    assert other.take() == []
    assert one.take() == ["active svc a", "logack 0", "close shutdown"]
