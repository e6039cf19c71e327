"""Who offers which service: what `resolve` reads, without a lock and without a clock.

For every request that was ever answered (environment, service, version) there is a ready picker over an immutable
tuple of nodes. A change throws away the pickers of its service; the next resolve makes new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from mdk_runtime.core.balancing import (
    CONSISTENT_HASH,
    LEAST_PENDING,
    P2C_EWMA,
    ROUND_ROBIN,
    Loads,
    Ring,
    least_pending,
    p2c_ewma,
)
from mdk_runtime.core.breaker import BreakerSettings, BreakerState
from mdk_runtime.core.versions import version_matches
from mdk_runtime.errors import KnownNodes, NodeOut

if TYPE_CHECKING:
    from mdk_runtime.core.breaker import Breakers
    from mdk_runtime.core.environments import Environment
    from mdk_runtime.core.nodes import Node

WAIT, NEXT = "wait", "next"
"""What a resolve does when breakers keep every node out."""

PICKERS_MAX = 10_000
"""Ready pickers. Sessions of others name environments and versions, so their number is not ours to choose."""

Picker = Callable[[], "Node | None"]
"""None: others were quicker, look again."""
RouteKey = tuple[str, str, str | None]
"""Environment key, service, version."""
Place = tuple[str, str, str]
"""Service, environment name, address."""


@dataclass(slots=True)
class Entry:
    """One address of a service, and the processes that stand behind it."""

    node: Node
    senders: set[str | None]


@dataclass(slots=True)
class Cluster:
    """A service in one environment, in order of arrival."""

    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    """Keyed by address."""
    seen: set[str | None] = field(default_factory=set[str | None])
    """Every version that was ever here: with a match among these, nobody looks in the fallback."""
    address_of: dict[str, str] = field(default_factory=dict[str, str])
    """Sender to its one address."""

    def add(self, node: Node) -> tuple[bool, str | None]:
        """Take a node in. Whether that changed anything, and the address that its sender left alone."""
        sender = node.node_id
        left = self._move(sender, node.address)
        entry = self.entries.get(node.address)
        self.seen.add(node.version)
        if entry is None:
            self.entries[node.address] = Entry(node, {sender})
            return True, left
        entry.senders.add(sender)
        if left is None and entry.node.says_the_same(node) and entry.node.id == node.id:
            return False, None
        entry.node = node
        return True, left

    def remove(self, sender: str | None, address: str | None) -> str | None:
        """Take a sender out. The address that is gone with it, if it was the last one there."""
        known = self.address_of.get(sender) if sender else None
        if known and address and known != address:
            return None  # News of an address that this sender has left.
        entry = self.entries.get(known or address or "")
        if entry is None:
            return None
        entry.senders.discard(sender)
        if sender and known:
            del self.address_of[sender]
        if known and entry.senders:
            return None
        # A sender that we don't know speaks for the whole address: the server tells one of several behind it.
        for other in entry.senders:
            if other:
                self.address_of.pop(other, None)
        del self.entries[entry.node.address]
        return entry.node.address

    def _move(self, sender: str | None, address: str) -> str | None:
        if not sender:
            return None
        before = self.address_of.get(sender)
        self.address_of[sender] = address
        if before is None or before == address:
            return None
        entry = self.entries[before]
        entry.senders.discard(sender)
        if entry.senders:
            return None
        del self.entries[before]
        return before


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How one service's nodes are chosen and left out."""

    policy: str = ROUND_ROBIN
    breaker: BreakerSettings | None = None
    """None: as every service."""
    when_all_out: str = WAIT
    """WAIT, or NEXT: hand out the node that is to be tried again soonest."""


@dataclass(slots=True, eq=False)
class Waiter:
    """A resolve that found nothing yet."""

    environment: Environment
    service: str
    version: str | None
    deliver: Callable[[Node], None]
    """Called once, without the lock."""


DEFAULT_SETTINGS = ServiceSettings()
RINGS_MAX = 100
"""A ring of 1,000 nodes takes some megabytes."""


class Table:
    """All known nodes.

    `pickers` may be read by any thread. Everything else wants the caller's lock. Methods that change the table return
    the waiting resolves that the change answers; the caller delivers them after it has let go of the lock.
    """

    def __init__(
        self,
        breakers: Breakers,
        take_probe: Callable[[Node], bool],
        *,
        monotonic: Callable[[], float] = lambda: 0.0,
        random: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.breakers = breakers
        self.loads = Loads()
        self._take_probe = take_probe
        self._monotonic = monotonic
        self._random = random
        self._settings: dict[str, ServiceSettings] = {}
        self._rings: dict[RouteKey, Ring] = {}
        self._watchers: dict[str, list[Callable[[], None]]] = {}
        self.pickers: dict[RouteKey, Picker] = {}
        self._keys: dict[str, set[RouteKey]] = {}
        self._turns: dict[RouteKey, Iterator[int]] = {}
        """Where each rotation stands; survives a new picker, so that a change starts no one over."""
        self._clusters: dict[str, dict[str, Cluster]] = {}
        """Service to environment name to cluster."""
        self._services_at: dict[str, set[str]] = {}
        """Address to the services that have it."""
        self._waiters: dict[str, list[Waiter]] = {}

    def active(self, node: Node) -> list[tuple[Waiter, Node]]:
        """A node is there, or still there."""
        cluster = self._clusters.setdefault(node.service, {}).setdefault(node.environment.name, Cluster())
        changed, left = cluster.add(node)
        if left is not None:
            self._left(left, node.service)
        self._arrived(node.address, node.service)
        return self._changed(node.service) if changed else []

    def expired(self, service: str, environment_name: str, sender: str | None, address: str | None) -> None:
        """A sender is gone; its address goes when nobody else stands behind it."""
        cluster = self._clusters.get(service, {}).get(environment_name)
        gone = cluster.remove(sender, address) if cluster else None
        if gone is not None:
            self._left(gone, service)
            self._changed(service)

    def replace(self, service: str, environment_name: str, nodes: Iterable[Node]) -> list[tuple[Waiter, Node]]:
        """These nodes and no others offer the service."""
        cluster = self._clusters.setdefault(service, {}).setdefault(environment_name, Cluster())
        before = set(cluster.entries)
        cluster.entries.clear()
        cluster.address_of.clear()
        for node in nodes:
            cluster.add(node)
            self._arrived(node.address, service)
        for address in before - set(cluster.entries):
            self._left(address, service)
        return self._changed(service)

    def clear(self) -> None:
        """Forget every node; which versions were ever seen stays known."""
        for service, clusters in self._clusters.items():
            for cluster in clusters.values():
                cluster.entries.clear()
                cluster.address_of.clear()
            self._drop_pickers(service)
        for address in self._services_at:
            self.breakers.forget(address)
            self.loads.forget(address)
        self._services_at.clear()

    def may_be_used(self, address: str) -> list[tuple[Waiter, Node]]:
        """The breaker of an address lets somebody through."""
        answered: list[tuple[Waiter, Node]] = []
        for service in tuple(self._services_at.get(address, ())):
            answered += self._changed(service)
        return answered

    def may_not_be_used(self, address: str) -> None:
        """The breaker of an address lets nobody through from now on."""
        for service in self._services_at.get(address, ()):
            self._drop_pickers(service)

    def pick(self, environment: Environment, service: str, version: str | None) -> Node | None:
        """The next node for a request, making its picker if need be."""
        key = (environment.key, service, version)
        picker = self.pickers.get(key)
        if picker is None:
            picker = self._make_picker(key, self._candidates(environment, service, version))
            if picker is None:
                return None
            if self.settings(service).policy == CONSISTENT_HASH:
                return picker()  # Never ready for a resolve that brings no key.
            if len(self._turns) > PICKERS_MAX:
                self._forget_pickers()
            self.pickers[key] = picker
            self._keys.setdefault(service, set()).add(key)
        return picker()

    def pick_for(self, environment: Environment, service: str, version: str | None, key: str) -> Node | None:
        """The node that has a key, by consistent hashing over those that may be used; an offered probe is taken."""
        route = (environment.key, service, version)
        ring = self._rings.get(route)
        if ring is None:
            candidates = self._candidates(environment, service, version)
            known = (BreakerState.CLOSED, BreakerState.OFFERED)
            usable = tuple(node for node in candidates if self.breakers.state(node.address) in known)
            if not usable:
                return self.pick(environment, service, version)
            if len(self._rings) >= RINGS_MAX:
                self._rings.clear()
            ring = self._rings[route] = Ring(usable)
            self._keys.setdefault(service, set()).add(route)
        node = ring.pick(key)
        if self.breakers.state(node.address) is BreakerState.OFFERED:
            self._take_probe(node)
        return node

    def configure(self, service: str, settings: ServiceSettings) -> None:
        """Choose a service's nodes in another way from now on."""
        self._settings[service] = settings
        if settings.breaker is not None:
            for node in self.nodes(service):
                self.breakers.configure(node.address, settings.breaker)
        self._drop_pickers(service)

    def settings(self, service: str) -> ServiceSettings:
        """How a service's nodes are chosen."""
        return self._settings.get(service, DEFAULT_SETTINGS)

    def watch(self, service: str, changed: Callable[[], None]) -> None:
        """Call `changed`, which must be quick and take no lock of ours, whenever the service has changed."""
        self._watchers.setdefault(service, []).append(changed)

    def unwatch(self, service: str, changed: Callable[[], None]) -> None:
        """End what `watch` began. Harmless if it has ended."""
        watchers = self._watchers.get(service, [])
        if changed in watchers:
            watchers.remove(changed)
        if not watchers:
            self._watchers.pop(service, None)

    def wait(self, waiter: Waiter) -> None:
        """Answer this resolve when there is a node."""
        self._waiters.setdefault(waiter.service, []).append(waiter)

    def cancel(self, waiter: Waiter) -> None:
        """This resolve waits no longer. Harmless if it was answered."""
        waiting = self._waiters.get(waiter.service, [])
        if waiter in waiting:
            waiting.remove(waiter)
        if not waiting:
            self._waiters.pop(waiter.service, None)

    def forget_waiters(self) -> None:
        """Nobody waits any more: in a forked child, those who did are not there."""
        self._waiters.clear()

    def nodes(self, service: str) -> list[Node]:
        """Every node of a service, in all environments."""
        clusters = self._clusters.get(service, {}).values()
        return [entry.node for cluster in clusters for entry in cluster.entries.values()]

    def services(self) -> list[str]:
        """Every service that has a node."""
        return sorted(service for service in self._clusters if self.nodes(service))

    def places(self) -> set[Place]:
        """Where every node stands."""
        return {
            (service, name, address)
            for service, clusters in self._clusters.items()
            for name, cluster in clusters.items()
            for address in cluster.entries
        }

    def known(self, service: str) -> tuple[KnownNodes, ...]:
        """What there is of a service, by environment and version."""
        counts: dict[tuple[str, str | None], int] = {}
        for node in self.nodes(service):
            key = (node.environment.name, node.version)
            counts[key] = counts.get(key, 0) + 1
        return tuple(KnownNodes(environment, version, number) for (environment, version), number in counts.items())

    def out(self, environment: Environment, service: str, version: str | None, *, now: float) -> tuple[NodeOut, ...]:
        """The nodes that would answer a request if their breakers let them."""
        found: list[NodeOut] = []
        for node in self._candidates(environment, service, version):
            breaker = self.breakers.of(node.address)
            if breaker.state is not BreakerState.CLOSED:
                probing = breaker.state is BreakerState.PROBING
                found.append(NodeOut(node.address, 0.0 if probing else max(0.0, breaker.retry_at - now)))
        return tuple(found)

    def _candidates(self, environment: Environment, service: str, version: str | None) -> list[Node]:
        """Matching nodes, whatever their breakers say: of the environment itself if it ever had one, else the fallback."""
        clusters = self._clusters.get(service, {})
        cluster = clusters.get(environment.name)
        seen = cluster is not None and any(version_matches(version, actual) for actual in cluster.seen)
        if not seen and environment.fallback_name:
            cluster = clusters.get(environment.fallback_name)
        if cluster is None:
            return []
        nodes = [entry.node for entry in cluster.entries.values()]
        return [node for node in nodes if version_matches(version, node.version)]

    def _make_picker(self, key: RouteKey, candidates: list[Node]) -> Picker | None:
        states = [(node, self.breakers.state(node.address)) for node in candidates]
        usable = tuple(node for node, state in states if state is BreakerState.CLOSED)
        probes = [node for node, state in states if state is BreakerState.OFFERED]
        if not usable and not probes:
            return self._soonest(key[1], candidates)
        others = self._balancing(key, usable) if usable else None
        return _probing(probes, others, self._take_probe) if probes else others

    def _balancing(self, key: RouteKey, usable: tuple[Node, ...]) -> Picker:
        turn = self._turns.setdefault(key, count()).__next__
        policy = self.settings(key[1]).policy
        if policy == LEAST_PENDING:
            return least_pending(usable, self.loads, turn, self._monotonic)
        if policy == P2C_EWMA:
            return p2c_ewma(usable, self.loads, self._random, self._monotonic)
        return _rotating(usable, turn)

    def _soonest(self, service: str, candidates: list[Node]) -> Picker | None:
        """With every node out, the one that is to be tried again first, where that is wanted."""
        if self.settings(service).when_all_out != NEXT or not candidates:
            return None
        soonest = min(candidates, key=lambda node: self.breakers.of(node.address).retry_at)
        return lambda: soonest

    def _changed(self, service: str) -> list[tuple[Waiter, Node]]:
        self._drop_pickers(service)
        answered: list[tuple[Waiter, Node]] = []
        for waiter in tuple(self._waiters.get(service, ())):
            node = self.pick(waiter.environment, service, waiter.version)
            if node is not None:
                self.cancel(waiter)
                answered.append((waiter, node))
        return answered

    def _drop_pickers(self, service: str) -> None:
        for key in self._keys.pop(service, ()):
            self.pickers.pop(key, None)
            self._rings.pop(key, None)
        for changed in self._watchers.get(service, ()):
            changed()

    def _forget_pickers(self) -> None:
        self.pickers.clear()
        self._rings.clear()
        self._keys.clear()
        self._turns.clear()

    def _arrived(self, address: str, service: str) -> None:
        services = self._services_at.setdefault(address, set())
        if service not in services:
            services.add(service)
            settings = self.settings(service).breaker
            if settings is not None:
                self.breakers.configure(address, settings)

    def _left(self, address: str, service: str) -> None:
        services = self._services_at.get(address)
        if services is None:
            return
        still_there = any(address in cluster.entries for cluster in self._clusters.get(service, {}).values())
        if not still_there:
            services.discard(service)
        if not services:
            del self._services_at[address]
            self.breakers.forget(address)
            self.loads.forget(address)


def _rotating(nodes: tuple[Node, ...], turn: Callable[[], int]) -> Picker:
    """Round robin: exact under threads, for `turn` is one atomic step."""
    size = len(nodes)

    def pick() -> Node:
        return nodes[turn() % size]

    return pick


def _probing(
    probes: list[Node],
    others: Picker | None,
    take: Callable[[Node], bool],
) -> Picker:
    """Each probe once, to whoever comes first; everybody else gets one of the others."""
    waiting = iter(probes)

    def pick() -> Node | None:
        for node in waiting:
            if take(node):
                return node
        return others() if others else None

    return pick
