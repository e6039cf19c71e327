"""What clients of ours let be seen, and who looks on: over the endpoints of a tenant."""

from __future__ import annotations

from typing import Any

import pytest

from mdk_protocol.messages import Level, ProtocolError
from mdk_runtime.core.server.connection import Connection
from mdk_runtime.core.server.origin import Origin
from mdk_runtime.core.server.writes import Outcome, Write
from mdk_runtime.errors import BadValue
from unit.mdk_runtime.core.server.networks import Client, Network


def told(client: Client, kind: str) -> list[dict[str, Any]]:
    """The frames of a kind that came since the last time."""
    client.take_frames()
    frames, client.frames = client.frames, []
    return [frame for frame in frames if frame["type"] == kind]


def log(client: Client, sequence: int, **fields: Any) -> None:
    """A client logs."""
    client.send({"type": "log", "node": "n1", "sequence": sequence, "level": "INFO", **fields})


def store(network: Network, service: str = "") -> None:
    """Everything is durable, and new."""
    writes = [
        write._replace(entries=[entry._replace(origin=Origin(service)) for entry in write.entries])
        for write in network.tenant.writes.take()
    ]
    outcomes: list[tuple[Write, list[Outcome]]] = [(write, [Outcome.NEW] * len(write.entries)) for write in writes]
    network.tenant.stored(outcomes, now=network.now)


def test_a_tail_shows_what_fits_once_it_is_stored() -> None:
    """In one message for what was stored together; nothing after its end."""
    network = Network()
    sender, looker = Client(network, "n1"), Client(network, "n2")
    looker.send({"type": "tailbegin", "filter": {"level": "WARN"}})
    for sequence, level in enumerate(("INFO", "WARN", "ERROR")):
        log(sender, sequence, level=level, text=level.lower())
    assert told(looker, "taillogs") == []
    store(network)
    (message,) = told(looker, "taillogs")
    assert [one["text"] for one in message["logs"]] == ["warn", "error"]
    looker.send({"type": "tailend"})
    log(sender, 3, level="ERROR")
    store(network)
    assert told(looker, "taillogs") == []


def test_a_tail_knows_the_service_of_a_log() -> None:
    """As the sender has registered it."""
    network = Network()
    sender, looker = Client(network, "n1"), Client(network)
    looker.send({"type": "tailbegin", "filter": {"service": "shop"}})
    log(sender, 0, text="one")
    store(network, "cart")
    log(sender, 1, text="two")
    store(network, "shop")
    assert [[one["text"] for one in message["logs"]] for message in told(looker, "taillogs")] == [["two"]]


def test_a_tail_ends_with_its_connection() -> None:
    """Nothing is gathered for nobody."""
    network = Network()
    sender, looker = Client(network, "n1"), Client(network)
    looker.send({"type": "tailbegin"})
    looker.cut()
    log(sender, 0)
    store(network)
    assert told(looker, "taillogs") == []


def test_what_is_too_large_to_show_is_counted() -> None:
    """Properties do not count for the bound of a tail; what they make unsendable harms nobody."""
    network = Network()
    sender, looker = Client(network, "n1"), Client(network)
    looker.send({"type": "tailbegin"})
    for sequence in range(3):
        log(sender, sequence, context={"properties": {"p": "x" * 500_000}})
    store(network)
    assert told(looker, "taillogs") == []
    assert network.tenant.counters["log unsendable"] == 3
    assert looker.connection.endpoint.is_connected


def test_a_level_is_told_to_all_of_ours_and_to_those_who_come() -> None:
    """Originals hear nothing of it; who comes later hears how long it still holds."""
    network = Network()
    one, original = Client(network, "n1"), Client(network, "n2", is_ours=False)
    network.tenant.set_level("service", "shop", Level.DEBUG, 60.0, now=network.now)
    rule = {"type": "levelrule", "service": "shop", "level": "DEBUG"}
    assert told(one, "levelrule") == [{**rule, "left": 60.0}]
    assert told(original, "levelrule") == []
    network.move(20.0)
    late = Client(network, "n3", takes=False)
    assert told(late, "levelrule") == [{**rule, "left": 40.0}]
    network.tenant.set_level("service", "shop", Level.DEBUG, 0.0, now=network.now)
    assert [each["left"] for each in told(one, "levelrule")] == [0.0]
    assert told(Client(network, "n4", takes=False), "levelrule") == []
    with pytest.raises(BadValue):
        network.tenant.set_level("service", "", Level.DEBUG, 1.0, now=network.now)


def test_breakers_and_statistics_belong_to_their_connection() -> None:
    """Kept while it stands, with the client's id."""
    network = Network()
    client = Client(network, "n1")
    breaker = {"service": "shop", "address": "a1", "state": "OPEN", "failures": 3, "since": 5}
    client.send({"type": "breaker", "breaker": breaker})
    client.send({"type": "statistics", "emitted": 7, "dropped": 2, "droppedRanges": [{"first": 0, "last": 1}]})
    telemetry = network.tenant.insight.telemetry
    ((owner, status),) = telemetry.breakers()
    assert isinstance(owner, Connection)
    assert (owner.node_id, status.address, status.state) == ("n1", "a1", "OPEN")
    statistics = telemetry.report(client.connection)
    assert statistics is not None
    assert (statistics.emitted, [(one.first, one.last) for one in statistics.dropped_ranges]) == (7, [(0, 1)])
    client.cut()
    assert list(telemetry.breakers()) == []
    assert telemetry.report(client.connection) is None
    assert [change.node for change in telemetry.journal] == ["n1"]


def test_an_original_cannot_look_on() -> None:
    """Our messages are illegal on its connection."""
    network = Network()
    original = Client(network, "n1", is_ours=False)
    original.send({"type": "tailbegin"})
    assert original.connection.endpoint.counters.illegal == 1


def test_questions_wait_for_the_shell() -> None:
    """In order, each with its connection, once."""
    network = Network()
    client = Client(network)
    client.send(
        {"type": "question", "request": 1, "logs": {}},
        {"type": "question", "request": 2, "map": {"since": 0, "until": 1}},
    )
    asked = network.tenant.insight.take_questions()
    assert [(one.connection, one.question.request) for one in asked] == [(client.connection, 1), (client.connection, 2)]
    assert network.tenant.insight.take_questions() == []


def test_clients_of_ours_are_told_that_storage_fails() -> None:
    """When that changes, and who comes while it does; originals would not know what to do with it."""
    network = Network()
    early, original = Client(network, "n1"), Client(network, "n2", is_ours=False, takes=False)
    network.tenant.tell_storing(True, now=network.now)
    assert told(early, "storing") == []
    for _ in range(2):
        network.tenant.tell_storing(False, now=network.now)
    late = Client(network, "n3", takes=False)
    assert [told(one, "storing") for one in (early, late)] == [[{"type": "storing", "works": False}]] * 2
    network.tenant.tell_storing(True, now=network.now)
    after = Client(network, "n4", takes=False)
    assert [told(one, "storing") for one in (early, late)] == [[{"type": "storing", "works": True}]] * 2
    assert told(after, "storing") == told(original, "storing") == []


def test_who_is_hung_up_on_at_once_is_told_no_level() -> None:
    """It spoke, and was sent away before the rules were told: they are for those who stay."""
    network = Network()
    network.tenant.set_level("service", "svc", Level.DEBUG, 10.0, now=network.now)
    network.settle()
    endpoint = network.tenant.connect().endpoint
    endpoint.connected(now=network.now)
    endpoint.receive('{"type":"open","properties":{"mdkRevision":1}}', now=network.now)
    endpoint.close(ProtocolError(code="test"), now=network.now)
    network.settle()
    assert not any(b'"levelrule"' in frame for frame in endpoint.take_output())
