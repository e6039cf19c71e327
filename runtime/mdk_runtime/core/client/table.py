"""Who offers which service, and who waits for one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mdk_runtime.core.client.breaker import BreakerState
from mdk_runtime.core.client.clusters import Cluster, Entry
from mdk_runtime.core.client.picking import Pickers, ServiceSettings
from mdk_runtime.core.client.versions import version_matches
from mdk_runtime.errors import KnownNodes, NodeOut

if TYPE_CHECKING:
    from mdk_runtime.core.client.breaker import Breakers
    from mdk_runtime.core.client.environments import Environment
    from mdk_runtime.core.client.nodes import Node

Place = tuple[str, str, str]
"""Service, environment name, address."""


class Waiter:
    """A resolve that found nothing yet.

    Args:
        environment: As of the request.
        service: As of the request.
        version: As of the request.
        deliver: Called with its node, without the lock.
        ended: Called instead, if it waits in vain from now on.
    """

    __slots__ = ("deliver", "ended", "environment", "service", "version")

    def __init__(
        self,
        environment: Environment,
        service: str,
        version: str | None,
        deliver: Callable[[Node], None],
        ended: Callable[[], None],
    ) -> None:
        self.environment = environment
        self.service = service
        self.version = version
        self.deliver = deliver
        self.ended = ended


class Table:
    """All known nodes.

    `pickers.ready` may be read by any thread. Everything else wants the caller's lock. Methods that change the table return
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
        self.pickers = Pickers(breakers, take_probe, monotonic=monotonic, random=random)
        self._watchers: dict[str, list[Callable[[], None]]] = {}
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

    def suspect(self, service: str, environment_name: str, sender: str | None, address: str | None) -> None:
        """A sender is out of touch with the server: its node is picked last, until it is active again or expires."""
        cluster = self._clusters.get(service, {}).get(environment_name)
        if cluster is not None and cluster.suspect(sender, address):
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
            self.pickers.loads.forget(address)
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

    def pick(self, environment: Environment, service: str, version: str | None, key: str = "") -> Node | None:
        """The next node for a request, making its picker if need be; None if there is none to be had."""
        route = (environment.key, service, version)
        pick = self.pickers.ready.get(route) or self.pickers.make(
            route, self._candidates(environment, service, version)
        )
        return pick(key) if pick is not None else None

    def pick_for(self, environment: Environment, service: str, version: str | None, key: str) -> Node | None:
        """The node that has a key, by consistent hashing over those that may be used."""
        route = (environment.key, service, version)
        pick = self.pickers.hashing.get(route) or self.pickers.make_hashing(
            route, self._candidates(environment, service, version)
        )
        return pick(key) if pick is not None else None

    def configure(self, service: str, settings: ServiceSettings) -> None:
        """Choose a service's nodes in another way from now on."""
        self.pickers.configure(service, settings)
        if settings.breaker is not None:
            for node in self.nodes(service):
                self.breakers.configure(node.address, settings.breaker)
        self._drop_pickers(service)

    def settings(self, service: str) -> ServiceSettings:
        """How a service's nodes are chosen."""
        return self.pickers.settings(service)

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

    def cancel(self, waiter: Waiter) -> bool:
        """This resolve waits no longer. False if it did not: it was answered, or is about to be."""
        waiting = self._waiters.get(waiter.service, [])
        is_waiting = waiter in waiting
        if is_waiting:
            waiting.remove(waiter)
        if not waiting:
            self._waiters.pop(waiter.service, None)
        return is_waiting

    def forget_waiters(self) -> list[Waiter]:
        """Nobody waits any more. Who did, for the caller to tell; in a forked child they are not there."""
        waiters = [waiter for waiting in self._waiters.values() for waiter in waiting]
        self._waiters.clear()
        return waiters

    def wake_watchers(self) -> None:
        """Whoever watches any service looks again."""
        for watchers in self._watchers.values():
            for changed in watchers:
                changed()

    def entries(self, service: str) -> list[Entry]:
        """Every address of a service, in all environments."""
        clusters = self._clusters.get(service, {}).values()
        return [entry for cluster in clusters for entry in cluster.entries.values()]

    def nodes(self, service: str) -> list[Node]:
        """Every node of a service, in all environments."""
        return [entry.node for entry in self.entries(service)]

    def nodes_at(self, address: str) -> list[Node]:
        """The nodes of all services and environments that have an address."""
        entries = [entry for service in self._services_at.get(address, ()) for entry in self.entries(service)]
        return [entry.node for entry in entries if entry.node.address == address]

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
        for entry in self._candidates(environment, service, version):
            node = entry.node
            breaker = self.breakers.of(node.address)
            if breaker.state is not BreakerState.CLOSED:
                probing = breaker.state is BreakerState.PROBING
                found.append(NodeOut(node.address, 0.0 if probing else max(0.0, breaker.retry_at - now)))
        return tuple(found)

    def _candidates(self, environment: Environment, service: str, version: str | None) -> list[Entry]:
        """Matching nodes, whatever their breakers say: of the environment itself if it ever had one, else the fallback."""
        clusters = self._clusters.get(service, {})
        cluster = clusters.get(environment.name)
        seen = cluster is not None and any(version_matches(version, actual) for actual in cluster.seen)
        if not seen and environment.fallback_name:
            cluster = clusters.get(environment.fallback_name)
        return cluster.matching(version) if cluster is not None else []

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
        self.pickers.drop(service)
        for changed in self._watchers.get(service, ()):
            changed()

    def _arrived(self, address: str, service: str) -> None:
        services = self._services_at.setdefault(address, set())
        if service not in services:
            services.add(service)
            settings = self.settings(service).breaker
            if settings is not None:
                self.breakers.configure(address, settings)

    def _left(self, address: str, service: str) -> None:
        services = self._services_at[address]
        still_there = any(address in cluster.entries for cluster in self._clusters.get(service, {}).values())
        if not still_there:
            services.discard(service)
        if not services:
            del self._services_at[address]
            self.breakers.forget(address)
            self.pickers.loads.forget(address)
