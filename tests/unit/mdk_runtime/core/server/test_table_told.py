"""How a tenant tells its table to clients of ours: by need, merged, and from where they left off."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mdk_protocol.messages import Level, Node, Open, Position, ProtocolError, TableEnd
from mdk_runtime.core.server import audience
from mdk_runtime.core.server import history as history_module
from mdk_runtime.core.server.connection import TABLE_BYTES_MAX, Connection
from mdk_runtime.core.server.expiry import NODES_LEASE
from mdk_runtime.core.server.history import History, as_messages
from mdk_runtime.core.server.protection import BROKEN_MIN, STALL_S
from mdk_runtime.core.server.service import Change
from mdk_runtime.core.server.tenant import Tenant
from mdkspec_runtime import machines

TTL_S, GRACE_S, MERGE_S = 30.0, 2.0, 0.02


class Network:
    """A tenant whose shell is always in time."""

    def __init__(self, **options: Any) -> None:
        self.now = 100.0
        options = {"epoch": "e", "grace_s": GRACE_S, "merge_s": MERGE_S, **options}
        self.tenant = Tenant(Open(), **options)
        self.is_woken = False
        self.tenant.wake = self._wake

    def _wake(self) -> None:
        self.is_woken = True

    def settle(self) -> None:
        """What is to be done now."""
        while self.is_woken:
            self.is_woken = False
            self.tenant.work(now=self.now)

    def move(self, seconds: float) -> None:
        """Time passes; every deadline on the way is kept."""
        end = self.now + seconds
        self.settle()
        while (deadline := self.tenant.deadline) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.tenant.work(now=self.now)
            self.settle()
        self.now = end

    def stall(self, seconds: float) -> None:
        """Time passes, and nothing runs."""
        self.now += seconds
        self.tenant.work(now=self.now)
        self.settle()


class Client:
    """A raw client; of ours if it has a revision."""

    def __init__(self, network: Network, node_id: str = "", *, is_ours: bool = True, takes: bool = True) -> None:
        self.network = network
        self.frames: list[dict[str, Any]] = []
        self.connection: Connection = network.tenant.connect()
        self.connection.endpoint.connected(now=network.now)
        properties = {"mdkRevision": 1} if is_ours else {}
        self.send({"type": "open", "properties": properties} | ({"nodeId": node_id} if node_id else {}))
        if takes:
            self.take()

    def send(self, *messages: dict[str, Any]) -> None:
        """To the server."""
        for message in messages:
            self.connection.endpoint.receive(json.dumps(message), now=self.network.now)
        self.network.settle()

    def register(self, sender: str, address: str, service: str = "svc") -> None:
        """A node of this client."""
        node = {"id": sender, "service": service, "version": "1.0", "address": address, "properties": {}}
        self.send({"type": "active", "node": node, "ttl": TTL_S})

    def follow(self, services: list[str] | None = None, since: dict[str, Any] | None = None) -> list[str]:
        """Ask for services; what the answer says, in short."""
        self.take()
        follow = {"services": services, "since": since}
        self.send({"type": "follow"} | {key: value for key, value in follow.items() if value is not None})
        return self.take()

    def take_frames(self) -> None:
        """What came, into `frames`."""
        while frames := self.connection.endpoint.take_output():
            self.frames += [json.loads(frame) for frame in frames]

    def take(self) -> list[str]:
        """What came since the last time, in short: `+a ?b -c @7`."""
        self.take_frames()
        told, self.frames = self.frames, []
        return [short(frame) for frame in told]

    def cut(self) -> None:
        """The connection breaks."""
        self.connection.endpoint.lost(now=self.network.now)
        self.network.tenant.disconnected(self.connection, now=self.network.now)
        self.network.settle()


def short(frame: dict[str, Any]) -> str:
    """A frame in a few words."""
    kind = frame["type"]
    if kind == "changes":
        marks = [f"+{node['address']}" for node in frame["active"]]
        marks += [f"?{node['address']}" for node in frame["suspect"]]
        marks += [f"-{place['address']}" for place in frame["gone"]]
        return " ".join([*marks, *([f"@{frame['position']['sequence']}"] if "position" in frame else [])])
    if kind == "tablebegin":
        return f"begin {','.join(frame['services'])}" if "services" in frame else "begin"
    if kind == "tableend":
        return f"end @{frame['position']['sequence']}" + ("" if frame["complete"] else " incomplete")
    return f"{kind} {frame['node']['address']}" if "node" in frame else str(kind)


def position(sequence: int, epoch: str = "e") -> dict[str, Any]:
    """As a client says where it stands."""
    return {"epoch": epoch, "sequence": sequence}


def test_a_client_is_told_what_it_follows_and_nothing_else() -> None:
    """No table before `follow`; then the table of these services, and their changes; a second `follow` adds."""
    network = Network()
    service, client = Client(network, "s1"), Client(network)
    service.register("s1", "a", "one")
    network.move(1)
    assert client.take() == []
    assert client.follow(["one"]) == ["begin one", "+a", "end @1"]
    service.register("s1", "b", "two")
    network.move(1)
    assert client.take() == []
    assert client.follow(["two"]) == ["begin two", "+b", "end @2"]
    service.register("s1", "c", "one")
    network.move(1)
    assert client.take() == ["+c -a @4"]
    assert client.follow() == ["begin", "+b +c", "end @4"]


def test_an_original_is_told_change_by_change_and_sees_nothing_new() -> None:
    """`active` and `expire` as ever; that a node is suspect is not said."""
    network = Network()
    original, service = Client(network, is_ours=False), Client(network, "s1")
    service.register("s1", "a")
    service.register("s1", "b")
    service.register("s1", "c", "two")
    network.move(1)
    assert original.take() == ["active a", "active b", "active c"]
    service.cut()
    network.move(GRACE_S)
    assert original.take() == ["expire b", "expire c"]


def test_an_original_that_was_away_is_told_what_is_gone() -> None:
    """It keeps what it knows until that is expired: under every id by which an address was known, and nothing else."""
    network = Network()
    first, second = Client(network, "s1"), Client(network, "s2")
    first.register("s1", "a")
    first.register("s1", "m", "moves")
    first.register("s1", "stays", "two")
    original = Client(network, "o", is_ours=False)
    network.move(1)
    original.cut()
    second.register("s2", "a")
    for sender, address, service in (("s1", "a", "svc"), ("s2", "a", "svc")):
        node = {"id": sender, "service": service, "version": "1.0", "address": address}
        first.send({"type": "expire", "node": node})
    first.register("s1", "n", "moves")
    network.move(1)
    back, other = Client(network, "o", is_ours=False, takes=False), Client(network, "o2", is_ours=False)
    network.move(1)
    back.take_frames()
    table, told = back.frames[:3], back.frames[3:]
    assert [short(frame) for frame in table] == ["open", "active n", "active stays"]
    assert [(short(frame), frame["node"]["id"]) for frame in told] == [
        ("expire a", "s1"),
        ("expire a", "s2"),
        ("expire m", "s1"),
        ("active n", "s1"),
    ]
    assert other.take() == []
    assert Client(network, "o", is_ours=False, takes=False).take() == ["open", "active n", "active stays"]


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


def test_the_first_change_is_told_at_once_and_what_follows_is_merged() -> None:
    """Within 20 ms: each address once, as it is at the end."""
    network = Network()
    service, client = Client(network, "s1"), Client(network)
    client.follow()
    service.register("s1", "a")
    assert client.take() == ["+a @1"]
    service.register("s1", "b")
    service.register("s1", "c")
    service.register("s2", "d")
    assert client.take() == []
    network.move(MERGE_S)
    assert client.take() == ["+c +d -a -b @6"]
    network.move(1)
    service.register("s2", "e")
    assert client.take() == ["+e -d @8"]


def test_a_short_cut_costs_what_changed_meanwhile() -> None:
    """(epoch, sequence): nothing if nothing changed, else each address once; of the services that were followed."""
    network = Network()
    service, client = Client(network, "s1"), Client(network)
    service.register("s1", "a")
    service.register("s2", "b", "two")
    network.move(1)
    assert client.follow(["svc"]) == ["begin svc", "+a", "end @2"]
    client.cut()
    client = Client(network)
    assert client.follow(["svc"], position(2)) == ["end @2"]
    client.cut()
    service.register("s2", "c", "two")
    service.register("s3", "d")
    service.register("s3", "e")
    network.move(1)
    client = Client(network)
    assert client.follow(["svc"], position(2)) == ["+e -d @7", "end @7"]
    assert Client(network).follow(None, position(5, "another")) == ["begin", "+a +c +e", "end @7"]
    assert Client(network).follow(None, position(99)) == ["begin", "+a +c +e", "end @7"]


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


def test_a_position_does_not_pass_over_what_is_gathered() -> None:
    """One that asks for more while a change waits to be told, and is cut, is told that change when it comes back."""
    network = Network()
    service, client = Client(network, "s1"), Client(network)
    client.follow(["svc"])
    service.register("s1", "a")
    service.register("s2", "b")
    assert client.take() == ["+a @1"]
    assert client.follow(["two"]) == ["begin two", "end @1"]
    client.cut()
    assert Client(network).follow(["svc", "two"], position(1)) == ["+b @1", "end @1"]


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


def test_a_change_is_encoded_once_for_all_that_follow_the_same() -> None:
    """The very same bytes go to each; and an original's message is encoded once for all originals."""
    network = Network()
    service = Client(network, "s1")
    ours, originals = [Client(network) for _ in range(3)], [Client(network, is_ours=False) for _ in range(3)]
    for client in ours:
        client.follow()
    service.register("s1", "a")
    for group in (ours, originals):
        frames = [client.connection.endpoint.take_output() for client in group]
        assert len(frames[0]) == 1
        assert all(one[0] is frames[0][0] for one in frames)
    again = [Client(network) for _ in range(2)]
    for client in again:
        client.send({"type": "follow"})
    tables = [client.connection.endpoint.take_output() for client in again]
    assert tables[0][1] is tables[1][1]


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
