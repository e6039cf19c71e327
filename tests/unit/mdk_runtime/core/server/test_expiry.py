"""When nodes go: with their lease, with their sender's grace, or as an admin asks; and when nobody goes."""

from __future__ import annotations

import pytest

from mdk_protocol.messages import Node
from mdk_runtime.core.server.expiry import NODES_LEASE
from mdk_runtime.core.server.protection import BROKEN_MIN, STALL_S
from unit.mdk_runtime.core.server.networks import GRACE_S, TTL_S, Client, Network


def test_a_connection_that_breaks_makes_its_nodes_suspect_at_once() -> None:
    """Ours are told in the same breath; one that comes back in the grace is active again; else it goes."""
    network = Network()
    client = Client(network)
    client.follow()
    service = Client(network, "s1")
    service.register("s1", "a")
    network.move(1)
    client.take()
    service.cut()
    assert client.take() == ["?a @2"]
    network.move(GRACE_S / 2)
    service = Client(network, "s1")
    service.register("s1", "a")
    network.move(GRACE_S)
    assert client.take() == ["+a @3"]
    service.cut()
    network.move(GRACE_S)
    assert client.take() == ["?a @4", "-a @5"]


def test_one_of_six_connections_of_a_sender_breaks_and_nothing_is_suspect() -> None:
    """A sender is out of touch when its last connection is gone (wire/README.md, rule 13)."""
    network = Network()
    client = Client(network)
    client.follow()
    connections = [Client(network, "s1") for _ in range(6)]
    connections[0].register("s1", "a")
    client.take()
    for connection in connections[:5]:
        connection.cut()
        network.move(GRACE_S * 2)
    assert client.take() == []
    connections[5].cut()
    assert client.take() == ["?a @2"]


def test_an_address_stays_while_one_of_its_workers_lives() -> None:
    """N workers of one gunicorn: the address is suspect when all are out of touch, and goes with the last."""
    network = Network()
    client, original = Client(network), Client(network, is_ours=False)
    client.follow()
    workers = [Client(network, f"w{number}") for number in range(4)]
    for number, worker in enumerate(workers):
        worker.register(f"w{number}", "a")
    network.move(1)
    assert (client.take(), original.take()) == (["+a @1"], ["active a"])
    for worker in workers[:3]:
        worker.cut()
        network.move(GRACE_S * 2)
    assert not any(frame.startswith(("?", "-")) for frame in client.take())
    assert set(original.take()) == {"active a"}
    workers[3].cut()
    network.move(GRACE_S)
    assert [frame.split()[0] for frame in client.take()] == ["?a", "-a"]
    assert original.take() == ["expire a"]


def test_a_server_that_starts_serves_what_it_knew_and_expires_it_after_a_ttl() -> None:
    """Last known nodes are there at once; those that nobody renews go after one ttl, the others stay."""
    network = Network(warm_until=100.0 + TTL_S)
    before = Client(Network(), "s")
    before.register("s1", "a")
    before.register("s2", "b")
    before.network.move(1)
    network.tenant.restore(before.network.tenant.registry.records(), now=network.now)
    client, original = Client(network), Client(network, is_ours=False)
    network.move(0)
    assert client.follow() == ["begin", "+a +b", "end @2 incomplete"]
    network.move(1)
    Client(network, "s1").register("s1", "a")
    network.move(TTL_S - 1.1)
    client.take()
    assert "expire b" not in original.take()
    network.move(0.1)
    assert client.take() == ["tablecomplete", "-b @3"]
    assert original.take() == ["expire b"]


def test_a_server_that_warms_up_ends_no_node_that_it_does_not_know() -> None:
    """Its table is incomplete for one ttl, and said to be: clients keep what it has not named until it is complete."""
    network = Network(warm_until=100.0 + TTL_S)
    client = Client(network)
    assert client.follow() == ["begin", "end @0 incomplete"]
    network.move(TTL_S)
    assert client.take() == ["tablecomplete"]
    assert Client(network).follow() == ["begin", "end @0"]


def test_a_stalled_server_expires_nobody_for_one_ttl() -> None:
    """What was due while the loop stood still may have been renewed unheard; who stays silent goes a ttl later."""
    network = Network()
    original, service = Client(network, is_ours=False), Client(network)
    service.register("s1", "a")
    service.register("s2", "b")
    network.move(TTL_S - 5)
    original.take()
    network.stall(5 + STALL_S + 0.5)
    assert network.tenant.expiry.protection.until == network.now + TTL_S
    assert network.tenant.expiry.take_notices() == ["no node is expired for 30 s: the server stood still for 1.5 s"]
    service.register("s1", "a")
    network.move(TTL_S - 0.1)
    assert original.take() == []
    service.register("s1", "a")
    network.move(0.1)
    assert original.take() == ["expire b"]
    assert network.tenant.expiry.protection.until is None
    assert network.tenant.expiry.take_notices() == ["nodes are expired again"]
    assert network.tenant.expiry.protection.count == 1


def test_a_loop_that_is_a_little_late_protects_nobody() -> None:
    """Nor one that stood still when nothing was due."""
    network = Network()
    service = Client(network)
    service.register("s1", "a")
    network.move(TTL_S - 1)
    network.tenant.expiry.stalled(0.9, now=network.now)
    assert network.tenant.expiry.protection.until is None
    network.tenant.expiry.stalled(1.1, now=network.now)
    assert network.tenant.expiry.protection.until is not None


@pytest.mark.parametrize(
    ("broken", "of", "is_protected"), [(BROKEN_MIN, 19, True), (BROKEN_MIN, 20, False), (9, 9, False)]
)
def test_most_connections_breaking_at_once_expire_nobody(broken: int, of: int, is_protected: bool) -> None:
    """More than half, and not just a few: the network or we have failed. They are suspect, and stay for one ttl."""
    network = Network()
    services = [Client(network, f"s{number}") for number in range(of)]
    for number, service in enumerate(services):
        service.register(f"s{number}", f"a{number}")
    network.move(1)
    for service in services[:broken]:
        service.cut()
    network.move(GRACE_S + 1)
    assert len(network.tenant.registry) == (of if is_protected else of - broken)
    assert (network.tenant.expiry.protection.until is not None) is is_protected
    network.move(TTL_S - GRACE_S - 1)
    assert network.tenant.expiry.protection.until is None
    assert len(network.tenant.registry) <= of - broken


def test_protection_ends_though_connections_go_on_breaking() -> None:
    """Those who are out when it begins do not prolong it."""
    network = Network()
    services = [Client(network, f"s{number}") for number in range(15)]
    for number, service in enumerate(services):
        service.register(f"s{number}", f"a{number}")
    for service in services[:10]:
        service.cut()
    until = network.tenant.expiry.protection.until
    network.move(TTL_S / 2)
    services[10].cut()
    assert network.tenant.expiry.protection.until == until
    network.move(TTL_S)
    assert network.tenant.expiry.protection.until is None


def test_clear_forgets_every_node_until_it_says_so_again() -> None:
    """Originals are told by `expire`, which they know; ours by `clear`, on which they register again."""
    network = Network()
    client, original, service = Client(network), Client(network, is_ours=False), Client(network, "s1", is_ours=False)
    client.follow()
    service.register("s1", "a")
    network.move(1)
    client.take(), original.take()
    network.tenant.clear()
    network.move(1)
    assert client.take() == ["clear", "-a @2"]
    assert original.take() == ["expire a"]
    assert network.tenant.expiry.leases.keys(NODES_LEASE) == []
    service.register("s1", "a")
    network.move(1)
    assert client.take() == ["+a @3"]
    assert original.take() == ["active a"]


def test_an_address_is_taken_out_with_all_its_senders() -> None:
    """By an admin; who lives says so again."""
    network = Network()
    service, client = Client(network, "s1"), Client(network)
    service.register("s1", "a")
    service.register("s2", "a")
    service.register("s3", "b")
    network.move(1.0)
    client.follow()
    name = next(iter(network.tenant.registry.nodes())).environment.name
    assert network.tenant.remove(name, "svc", "a") == 2
    assert network.tenant.remove(name, "svc", "a") == 0
    network.settle()
    network.move(1.0)
    assert client.take()[0].startswith("-a @")
    service.register("s1", "a")
    assert client.take()[0].startswith("+a @")


def test_what_was_saved_and_is_not_whole_is_left() -> None:
    """A file that somebody has edited starts the server all the same."""
    network = Network()
    network.tenant.restore([Node(service="svc"), Node(id="s", service="svc", version="1", address="a")], now=0.0)
    assert [node.address for node in network.tenant.registry.nodes()] == ["a"]
