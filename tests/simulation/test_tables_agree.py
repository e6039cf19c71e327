"""Whatever happens to connections, time and the server: each client's table is the model's, after every step."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mdk_protocol.client import SessionClient
from mdk_protocol.messages import NODE_TTL, Open
from mdk_runtime.core.client.breaker import BreakerSettings
from mdk_runtime.core.client.core import ClientCore
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.core.server.connection import Connection
from mdk_runtime.core.server.history import Past
from mdk_runtime.core.server.protection import BROKEN_MIN, STALL_S
from mdk_runtime.core.server.tenant import MERGE_S, Tenant
from unit.mdk_runtime.fakes import Listener

GRACE_S = 2.0
PROCESSES = [f"p{number}" for number in range(13)]
ADDRESSES = ["a", "b", "c"]
SERVICES = ["one", "two"]

Table = dict[tuple[str, str], bool]
"""(service, address) to whether it is suspect."""


# --- the model ------------------------------------------------------------------------------------


@dataclass
class Lease:
    """What a process serves, and until when the server believes it."""

    service: str
    address: str
    until: float
    grace_until: float | None = None

    @property
    def due(self) -> float:
        """When it goes by itself."""
        return self.until if self.grace_until is None else min(self.until, self.grace_until)


class Model:
    """What the server should know: a lease for each process, and a pause of expiry when the fault is its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.leases: dict[str, Lease] = {}
        self.paused_until: float | None = None
        self.warm_until: float | None = None

    def wait(self, seconds: float) -> None:
        """Time passes, and everything runs in time."""
        end = self.now + seconds
        while (at := min(self._next(), end)) < end or self._next() <= end:
            self.now = at
            self._expire()
        self.now = end

    def stall(self, seconds: float) -> None:
        """Time passes, and nothing runs."""
        due = max(min(one.due for one in self.leases.values()), self.paused_until or 0.0) if self.leases else None
        self.now += seconds
        if due is not None and self.now - due > STALL_S:
            self.paused_until = self.now + NODE_TTL
        self._expire()

    def broke(self, process: str) -> None:
        """Its connection is gone."""
        if process in self.leases:
            self.leases[process].grace_until = self.now + GRACE_S
        out = sum(one.grace_until is not None for one in self.leases.values())
        if self.warm_until is None and self.paused_until is None and out >= BROKEN_MIN and out * 2 > len(self.leases):
            self.paused_until = self.now + NODE_TTL

    def table(self) -> Table:
        """Every address that somebody serves; suspect if all who do are out of touch."""
        table: Table = {}
        for one in self.leases.values():
            key = (one.service, one.address)
            table[key] = table.get(key, True) and one.grace_until is not None
        return table

    def _next(self) -> float:
        due = [max(one.due, self.paused_until or 0.0) for one in self.leases.values()]
        return min([*due, self.paused_until or float("inf"), self.warm_until or float("inf")])

    def _expire(self) -> None:
        if self.paused_until is not None and self.now >= self.paused_until:
            self.paused_until = None
        if self.warm_until is not None and self.now >= self.warm_until:
            self.warm_until = None
        if self.paused_until is None:
            self.leases = {process: one for process, one in self.leases.items() if one.due > self.now}


# --- clients --------------------------------------------------------------------------------------


class Peer:
    """One end of a connection at the server, with its frames."""

    def __init__(self, tenant: Tenant, now: float) -> None:
        self.tenant = tenant
        self.connection: Connection = tenant.connect()
        self.connection.endpoint.connected(now=now)

    def send(self, now: float, message: dict[str, Any]) -> None:
        """To the server."""
        self.connection.endpoint.receive(json.dumps(message), now=now)

    def frames(self) -> list[bytes]:
        """From the server."""
        taken: list[bytes] = []
        while frames := self.connection.endpoint.take_output():
            taken += frames
        return taken

    def cut(self, now: float) -> None:
        """The connection breaks."""
        self.connection.endpoint.lost(now=now)
        self.tenant.disconnected(self.connection, now=now)


class Original:
    """An original process: it replaces the first with the same id or address, and forgets only what is expired by id."""

    def __init__(self) -> None:
        self.nodes: list[dict[str, Any]] = []

    def take(self, frames: list[bytes]) -> None:
        """What the server says."""
        for message in map(json.loads, frames):
            assert message["type"] in ("open", "active", "expire"), "an original knows no other"
            if message["type"] == "open":
                continue
            node = message["node"]
            known = [one for one in self.nodes if one["service"] == node["service"]]
            if message["type"] == "active":
                same = [one for one in known if one["address"] == node["address"] or one["id"] == node["id"]]
                if same:
                    self.nodes[self.nodes.index(same[0])] = node
                else:
                    self.nodes.append(node)
            else:
                same = [one for one in known if one["id"] == node["id"]]
                if same:
                    self.nodes.remove(same[0])

    def table(self) -> set[tuple[str, str]]:
        """Where it would go."""
        return {(node["service"], node["address"]) for node in self.nodes}


class Ours:
    """A client of ours, which keeps its table over reconnects."""

    def __init__(self, services: list[str] | None) -> None:
        self.core = ClientCore(
            node_id="observer",
            environment=Environment(),
            mdk_version=lambda: "1",
            settings=BreakerSettings(),
            listener=Listener(),
            lock=RLock(),
            monotonic=lambda: 0.0,
            wall=lambda: 0.0,
            random=lambda: 0.5,
            follows_all=services is None,
        )
        self.follows = services
        for service in services or ():
            self.core.use(service)
        self.endpoint = SessionClient(self.core)
        self.peer: Peer | None = None

    def connect(self, tenant: Tenant, now: float) -> None:
        """To a server."""
        self.peer = Peer(tenant, now)
        self.endpoint.connected(now=now)

    def use(self, service: str | None, now: float) -> None:
        """Follow one more service, or all."""
        if self.follows is not None:
            self.follows = None if service is None else sorted({*self.follows, service})
        self.core.use(service)
        if self.endpoint.state("Table") is not None and (more := self.core.more_wanted()) is not None:
            self.endpoint.follow(more, now=now)

    def cut(self, now: float) -> None:
        """The connection breaks."""
        if self.peer is not None:
            self.endpoint.lost(now=now)
            self.peer.cut(now)
            self.peer = None

    def flow(self, now: float) -> bool:
        """Carry what there is, both ways; True if there was anything."""
        if self.peer is None:
            return False
        moved = False
        while frames := self.endpoint.take_output():
            moved = True
            for frame in frames:
                self.peer.connection.endpoint.receive(frame, now=now)
        for frame in self.peer.frames():
            moved = True
            self.endpoint.receive(frame, now=now)
        return moved

    def table(self) -> Table:
        """Where it would go, but for what a server that warms up has not named."""
        table: Table = {}
        for service in SERVICES:
            for entry in self.core.table.entries(service):
                place = (service, entry.node.environment.name, entry.node.address)
                if place not in self.core.following.doubted:
                    table[service, entry.node.address] = entry.suspect
        return table


# --- all together ---------------------------------------------------------------------------------


class TablesAgree(RuleBasedStateMachine):
    """Processes register, renew, fall silent, are cut and come back; the server stalls, and is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.lives = 0
        self.model = Model()
        self.model.now = self.now
        self.saved: list[Any] = []
        self.saved_past: Past | None = None
        self.saved_model: dict[str, Lease] = {}
        self.observers = [Ours(None), Ours(["one"])]
        self.originals: dict[str, tuple[Peer, Original]] = {}
        self.away: dict[str, Original] = {}
        """Originals without a connection, with the tables that they had."""
        self.wants: dict[str, tuple[str, str]] = {}
        """What each process serves, as far as it knows itself."""
        self.start_server(warm_until=None)
        for observer in self.observers:
            observer.connect(self.tenant, self.now)
        self.settle()

    def start_server(self, warm_until: float | None) -> None:
        """A new life of the tenant."""
        self.lives += 1
        self.tenant = Tenant(Open(), epoch=f"life {self.lives}", grace_s=GRACE_S, warm_until=warm_until)
        self.is_woken = False
        self.tenant.wake = self.wake

    def wake(self) -> None:
        """The shell is called."""
        self.is_woken = True

    def settle(self) -> None:
        """Everything that is to be done now."""
        while True:
            if self.is_woken:
                self.is_woken = False
                self.tenant.work(now=self.now)
            moved = [observer.flow(self.now) for observer in self.observers]
            for peer, original in self.originals.values():
                frames = peer.frames()
                moved.append(bool(frames))
                original.take(frames)
            if not any(moved) and not self.is_woken:
                return

    def wait(self, seconds: float) -> None:
        """Time passes, and the server keeps every deadline."""
        end = self.now + seconds
        self.settle()
        while (deadline := self.tenant.deadline) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.tenant.work(now=self.now)
            self.settle()
        self.now = end
        self.model.wait(seconds)

    def say(self, process: str) -> None:
        """A process says what it serves."""
        if process in self.wants and process in self.originals:
            service, address = self.wants[process]
            node = {"id": process, "service": service, "version": "1.0", "address": address, "properties": {}}
            self.originals[process][0].send(self.now, {"type": "active", "node": node, "ttl": NODE_TTL})
            self.model.leases[process] = Lease(service, address, self.now + NODE_TTL)

    def leave(self, process: str) -> None:
        """Its connection breaks; it lives on with what it knows."""
        peer, self.away[process] = self.originals.pop(process)
        peer.cut(self.now)
        self.model.broke(process)

    def told(self) -> None:
        """All that is merged is told."""
        self.wait(MERGE_S * 2)

    @rule(process=st.sampled_from(PROCESSES))
    def connect(self, process: str) -> None:
        """A process starts, or comes back: `open`, then what it serves."""
        if process not in self.originals:
            peer = Peer(self.tenant, self.now)
            self.originals[process] = (peer, self.away.pop(process) if process in self.away else Original())
            peer.send(self.now, {"type": "open", "nodeId": process})
            self.say(process)
        self.told()

    @rule(process=st.sampled_from(PROCESSES), service=st.sampled_from(SERVICES), address=st.sampled_from(ADDRESSES))
    def register(self, process: str, service: str, address: str) -> None:
        """A process serves something, and says so if it is connected."""
        known = self.wants.get(process)
        if known is None or known[0] == service:
            self.wants[process] = (service, address)
            self.say(process)
        self.told()

    @rule()
    def everybody_registers(self) -> None:
        """So many that most of them can be lost."""
        for number, process in enumerate(PROCESSES):
            self.connect(process)
            self.wants.setdefault(process, ("one", ADDRESSES[number % len(ADDRESSES)]))
            self.say(process)
        self.told()

    @rule(process=st.sampled_from(PROCESSES))
    def renew(self, process: str) -> None:
        """What half a ttl brings."""
        self.say(process)
        self.told()

    @rule()
    def everybody_renews(self) -> None:
        """All that are connected."""
        for process in PROCESSES:
            self.say(process)
        self.told()

    @rule(process=st.sampled_from(PROCESSES))
    def expire(self, process: str) -> None:
        """A process takes back what it serves."""
        if process in self.originals and process in self.wants:
            service, address = self.wants.pop(process)
            node = {"id": process, "service": service, "version": "1.0", "address": address}
            self.originals[process][0].send(self.now, {"type": "expire", "node": node})
            self.model.leases.pop(process, None)
        self.told()

    @rule(process=st.sampled_from(PROCESSES))
    def cut(self, process: str) -> None:
        """A connection breaks."""
        if process in self.originals:
            self.leave(process)
        self.told()

    @rule(number=st.integers(BROKEN_MIN - 1, len(PROCESSES)))
    def cut_many(self, number: int) -> None:
        """A switch fails."""
        for process in PROCESSES[:number]:
            if process in self.originals:
                self.leave(process)
        self.told()

    @precondition(lambda self: bool(self.away))
    @rule(data=st.data())
    def original_comes_back(self, data: st.DataObject) -> None:
        """One that was cut, with the table that it had."""
        self.connect(data.draw(st.sampled_from(sorted(self.away))))

    @rule(which=st.integers(0, 1))
    def cut_observer(self, which: int) -> None:
        """A client of ours is away, until it comes back."""
        self.observers[which].cut(self.now)
        self.told()

    @rule(which=st.integers(0, 1))
    def observer_comes_back(self, which: int) -> None:
        """With the table that it had."""
        if self.observers[which].peer is None:
            self.observers[which].connect(self.tenant, self.now)
        self.told()

    @rule(service=st.sampled_from([*SERVICES, None]), waits=st.booleans(), breaks=st.booleans())
    def observer_uses_more(self, service: str | None, waits: bool, breaks: bool) -> None:
        """One more service, or all of them; before it is answered the connection may break."""
        if service is None and self.lives % 2:
            return  # Or hardly any run would see a client that follows some.
        observer = self.observers[1]
        observer.use(service, self.now)
        if breaks and observer.peer is not None:
            if not waits:
                observer.flow(self.now)
            observer.cut(self.now)
            observer.connect(self.tenant, self.now)
        self.told()

    @rule(seconds=st.sampled_from([0.5, GRACE_S, 5.0, NODE_TTL / 2, NODE_TTL]))
    def time_passes(self, seconds: float) -> None:
        """Grace and leases run out."""
        self.wait(seconds)
        self.told()

    @rule(seconds=st.sampled_from([0.5, STALL_S + 0.1, 10.0, NODE_TTL + STALL_S + 0.1]))
    def stall(self, seconds: float) -> None:
        """The server is suspended."""
        self.now += seconds
        self.tenant.work(now=self.now)
        self.model.stall(seconds)
        self.told()

    @rule()
    def save(self) -> None:
        """The nodes are on disk."""
        self.saved = self.tenant.registry.records()
        self.saved_past = self.tenant.audience.past()
        self.saved_model = {process: replace(one) for process, one in self.model.leases.items()}

    @precondition(lambda self: self.lives < 4)
    @rule(away=st.sampled_from([0.0, 1.0, 100.0]), at_once=st.booleans(), is_saved=st.booleans())
    def kill(self, away: float, at_once: bool, is_saved: bool) -> None:
        """The server is killed, and starts again with what it had saved; ours keep what they know, and originals do."""
        for observer in self.observers:
            observer.cut(self.now)
        if is_saved:
            self.save()
            self.away.update((process, original) for process, (_, original) in self.originals.items())
        else:
            self.away.clear()  # What an original heard that was not saved, nobody knows any more.
        self.originals.clear()
        self.now += away
        self.start_server(warm_until=self.now + NODE_TTL)
        self.tenant.restore(self.saved, self.saved_past, now=self.now)
        self.model = Model()
        self.model.now = self.now
        self.model.warm_until = self.now + NODE_TTL
        self.model.leases = {
            process: replace(one, until=self.now + NODE_TTL, grace_until=None)
            for process, one in self.saved_model.items()
        }
        if at_once:
            for observer in self.observers:
                observer.connect(self.tenant, self.now)
        self.told()

    @invariant()
    def same_tables(self) -> None:
        """The server's, and that of each client that is connected."""
        expected = self.model.table()
        assert {(node.service, str(node.address)) for node in self.tenant.registry.nodes()} == expected.keys()
        assert (self.tenant.expiry.protection.until is not None) == (self.model.paused_until is not None)
        for process, (_, original) in self.originals.items():
            assert original.table() == expected.keys(), process
        for observer in self.observers:
            if observer.peer is not None:
                wanted = observer.follows or SERVICES
                assert observer.table() == {key: value for key, value in expected.items() if key[0] in wanted}


TablesAgree.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestTablesAgree = TablesAgree.TestCase
