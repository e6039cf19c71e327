"""A table that is large, and clients that read it slowly or not at all."""

from __future__ import annotations

import pytest

from mdk_protocol.messages import Level, Node, Position, ProtocolError, TableEnd
from mdk_runtime.core.server import audience
from mdk_runtime.core.server import history as history_module
from mdk_runtime.core.server.connection import TABLE_BYTES_MAX
from mdk_runtime.core.server.history import History, as_messages
from mdk_runtime.core.server.service import Change
from mdkspec_runtime import machines
from unit.mdk_runtime.core.server.networks import Client, Network, position


def test_originals_that_are_away_are_remembered_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was away for longest is forgotten first, and of what is gone only the last changes are told."""
    monkeypatch.setattr(audience, "AWAY_MAX", 1)
    monkeypatch.setattr(audience, "MISSED_MAX", 2)
    network = Network()
    service = Client(network, "s1")
    for name in ("o1", "o2"):
        Client(network, name, is_ours=False).cut()
    for address in ("a", "b", "c"):
        service.register(address, address)
    for address in ("a", "b", "c"):
        service.send(
            {"type": "expire", "node": {"id": address, "service": "svc", "address": address, "version": "1.0"}}
        )
    network.move(1)
    assert Client(network, "o1", is_ours=False, takes=False).take() == ["open"]
    assert Client(network, "o2", is_ours=False, takes=False).take() == ["open", "expire b", "expire c"]


def test_what_outlives_a_restart_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many originals, and of what is gone the last changes; without an original there is nothing to be kept."""
    monkeypatch.setattr(audience, "AWAY_MAX", 2)
    monkeypatch.setattr(audience, "MISSED_MAX", 2)
    network = Network()
    service = Client(network, "s1")
    for address in "abc":
        service.register(address, address)
    for address in "abc":
        service.send(
            {"type": "expire", "node": {"id": address, "service": "svc", "address": address, "version": "1.0"}}
        )
    network.move(1)
    assert network.tenant.audience.past() is None
    for name in ("o1", "o2", "o3", "o2"):
        Client(network, name, is_ours=False).cut()
    past = network.tenant.audience.past()
    assert past is not None
    assert (past.originals, [stand.node.id for stand in past.stands]) == (["o2", "o3"], ["b", "c"])
    again = Network(epoch="f")
    again.tenant.restore([], past._replace(originals=["o0", *past.originals]), now=again.now)
    recalled = again.tenant.audience.past()
    assert recalled is not None
    assert (recalled.originals, [stand.node.id for stand in recalled.stands]) == (["o2", "o3"], ["b", "c"])


def test_a_long_absence_costs_the_whole_table() -> None:
    """Addresses that are gone are kept up to a bound; who was away while more went reads all of it again."""
    network = Network()
    history = network.tenant.audience.history = History("e", gone_max=2)
    service = Client(network, "s0")
    service.register("s0", "stays")
    for number in range(1, 4):
        service.register("s1", f"a{number}")
    network.move(1)
    assert [history.knows(Position(epoch="e", sequence=at)) for at in (1, 3, history.sequence)] == [True, True, True]
    service.register("s1", "a4")
    network.move(1)
    assert [history.knows(Position(epoch="e", sequence=at)) for at in (1, 3, 4)] == [False, True, True]
    assert Client(network).follow(None, position(1)) == ["begin", "+stays +a4", "end @8"]


def test_a_large_table_comes_in_pieces() -> None:
    """Each fits into a message and leaves room for others; the position comes with the last."""
    network = Network()
    service, client = Client(network, "s1"), Client(network)
    for number in range(6):
        node = {"id": f"s{number}", "service": "svc", "version": "1.0", "address": f"a{number}"}
        service.send({"type": "active", "node": node | {"properties": {"x": "x" * 100_000}}})
    network.move(1)
    assert client.follow() == ["begin", "+a0 +a1", "+a2 +a3", "+a4 +a5", "end @6"]
    assert Client(network).follow(["svc"], position(1)) == ["+a1 +a2", "+a3 +a4", "+a5 @6", "end @6"]


def test_a_table_that_nobody_could_read_is_refused() -> None:
    """Whoever connects is sent all of it, so its size is bounded, renewals that grow included; what is in stays."""
    network = Network()
    service = Client(network, "s1")
    address, size = 0, 500_000
    while network.tenant.registry.size_bytes + size < TABLE_BYTES_MAX:
        node = {"id": f"s{address}", "service": "svc", "version": "1.0", "address": f"a{address}"}
        service.send({"type": "active", "node": node | {"properties": {"x": "x" * size}}})
        address += 1
    held = len(network.tenant.registry)
    assert held == address
    service.send({"type": "active", "node": node | {"id": "late", "properties": {"x": "x" * size}}})
    assert [(one.reason, len(network.tenant.registry)) for one in network.tenant.take_refusals()] == [
        (f"the tenant's nodes have {TABLE_BYTES_MAX} bytes already", held)
    ]
    again = Client(network, "s1")
    again.send({"type": "active", "node": node | {"properties": {"x": "y" * size}}})
    assert len(network.tenant.registry) == held
    again.send({"type": "active", "node": node | {"properties": {}}})
    assert network.tenant.registry.size_bytes < TABLE_BYTES_MAX - size
    for number in range(address):
        again.send({"type": "expire", "node": node | {"id": f"s{number}", "address": f"a{number}"}})
    assert network.tenant.registry.size_bytes == 0


def test_a_client_that_is_being_hung_up_on_is_told_nothing() -> None:
    """Neither changes, nor the table, nor a level, a pulse or that all is cleared; nobody else misses anything."""
    network = Network(warm_until=1000.0)
    service, leaving, staying = Client(network, "s1"), Client(network), Client(network)
    for one in (leaving, staying):
        one.follow()
    leaving.send({"type": "watch"})
    leaving.connection.endpoint.close(ProtocolError(code="test"), now=network.now)
    leaving.take()
    service.register("s1", "a")
    network.tenant.set_level("service", "svc", Level.DEBUG, 10.0, now=network.now)
    leaving.connection.tell_changes([], now=network.now)
    leaving.connection.tell_table(None, [], TableEnd(position=Position(epoch="e", sequence=0)), now=network.now)
    network.tenant.clear()
    network.move(2.0)
    assert leaving.take() == []
    assert "clear" in staying.take()


def test_a_service_whose_addresses_are_forgotten_is_forgotten() -> None:
    """What is gone is kept to a bound, by the order of going; with its last address the service goes."""
    history = History("e", gone_max=1)
    for service in ("one", "two"):
        history.note(Change(Node(id="s", service=service, version="1", address="a"), is_gone=True))
    assert [stand.node.service for stand in history.since(0)] == ["two"]
    assert list(history._places) == ["two"]
    assert as_messages([], history.position(0)) == []


def test_one_that_reads_nothing_costs_nobody_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """An original for whom the news are too many is hung up on in the middle of them; the others hear all."""
    network = Network()
    service, other, ours = Client(network, "s1"), Client(network, "o2", is_ours=False), Client(network)
    ours.follow()
    network.move(1)
    service.register("first", "x" * 1000)  # Told at once: what follows is gathered.
    service.register("second", "second")
    other.take(), ours.take()
    slow = Client(network, "o1", is_ours=False, takes=False)
    for number in range(8):
        service.register(f"s{number}", f"a{number}")
    monkeypatch.setattr(machines, "UNREAD_BYTES_MAX", 2000)
    network.move(1)
    told = [f"active a{number}" for number in range(8)]
    assert other.take()[-8:] == told
    assert sorted(" ".join(ours.take()).split()[-9:-1]) == [f"+a{number}" for number in range(8)]
    slow.take_frames()
    assert slow.frames[-1]["type"] == "close"


def test_a_table_that_is_too_much_ends_the_connection_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of ours that reads nothing is hung up on in the middle of the table's pieces; no end of it is told."""
    network = Network()
    service = Client(network, "s1")
    for number in range(5):
        service.register(f"s{number}", f"a{number}" * 100)
    network.move(1)
    client = Client(network)
    monkeypatch.setattr(history_module, "PIECE_BYTES_MAX", 1)
    monkeypatch.setattr(machines, "UNREAD_BYTES_MAX", 1000)
    told = client.follow()
    assert told[-1] == "close"
    assert not any(one.startswith("end") for one in told)
