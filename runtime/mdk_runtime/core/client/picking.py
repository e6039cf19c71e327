"""Which node a resolve gets: ready pickers, read without a lock, a clock or a look at a breaker.

For every request that was ever answered (environment, service, version) there is a ready picker over an immutable
tuple of nodes. A change, and so a breaker that opens or closes, throws away the pickers of its service; the next resolve
makes new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from mdk_runtime.core.client.balancing import (
    CONSISTENT_HASH,
    LEAST_PENDING,
    P2C_EWMA,
    ROUND_ROBIN,
    Loads,
    Picker,
    hashing,
    least_pending,
    p2c_ewma,
    rotating,
)
from mdk_runtime.core.client.breaker import BreakerSettings, BreakerState

if TYPE_CHECKING:
    from mdk_runtime.core.client.breaker import Breakers
    from mdk_runtime.core.client.clusters import Entry
    from mdk_runtime.core.client.nodes import Node

WAIT, NEXT = "wait", "next"
"""What a resolve does when breakers keep every node out."""

PICKERS_MAX = 10_000
"""Ready pickers. Sessions of others name environments and versions, so their number is not ours to choose."""
HASHING_MAX = 100
"""Of those that hash: a ring of 1,000 nodes takes some megabytes."""

RouteKey = tuple[str, str, str | None]
"""Environment key, service, version."""


class ServiceSettings(NamedTuple):
    """How one service's nodes are chosen and left out."""

    policy: str = ROUND_ROBIN
    breaker: BreakerSettings | None = None
    """None: as every service."""
    when_all_out: str = WAIT
    """WAIT, or NEXT: hand out the node that is to be tried again soonest."""


DEFAULT_SETTINGS = ServiceSettings()


class Pickers:
    """The ready pickers of a table.

    `ready` and `hashing` may be read by any thread. Everything else wants the lock of the table.

    Args:
        breakers: Say which nodes are out.
        take_probe: Called, without the lock, by the one resolve that gets a node whose breaker wants a try; False if
            another was quicker.
        monotonic: For the policies that look at calls under way.
        random: For the policy that draws.
    """

    def __init__(
        self,
        breakers: Breakers,
        take_probe: Callable[[Node], bool],
        *,
        monotonic: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        self.loads = Loads()
        self.ready: dict[RouteKey, Picker] = {}
        self.hashing: dict[RouteKey, Picker] = {}
        """Those for `resolve_for`, under every policy."""
        self._breakers = breakers
        self._take_probe = take_probe
        self._monotonic = monotonic
        self._random = random
        self._settings: dict[str, ServiceSettings] = {}
        self._keys: dict[str, set[RouteKey]] = {}
        self._turns: dict[RouteKey, Iterator[int]] = {}
        """Where each rotation stands; survives a new picker, so that a change starts no one over."""

    def configure(self, service: str, settings: ServiceSettings) -> None:
        """Choose a service's nodes in another way from now on."""
        self._settings[service] = settings
        self.drop(service)

    def settings(self, service: str) -> ServiceSettings:
        """How a service's nodes are chosen."""
        return self._settings.get(service, DEFAULT_SETTINGS)

    def make(self, route: RouteKey, candidates: Sequence[Entry]) -> Picker | None:
        """Make a picker ready; None if no candidate may be used."""
        policy = self.settings(route[1]).policy
        if policy == CONSISTENT_HASH:
            picker = self.make_hashing(route, candidates)
        else:
            picker = self._make(route, candidates, policy)
        if picker is not None:
            if len(self.ready) >= PICKERS_MAX or len(self._turns) > PICKERS_MAX:
                self._forget()
            self.ready[route] = picker
            self._keys.setdefault(route[1], set()).add(route)
        return picker

    def make_hashing(self, route: RouteKey, candidates: Sequence[Entry]) -> Picker | None:
        """As `make`, for `resolve_for`."""
        picker = self._make(route, candidates, CONSISTENT_HASH)
        if picker is not None:
            if len(self.hashing) >= HASHING_MAX:
                for known in self.hashing:
                    self.ready.pop(known, None)
                self.hashing.clear()
            self.hashing[route] = picker
            self._keys.setdefault(route[1], set()).add(route)
        return picker

    def drop(self, service: str) -> None:
        """Something about the service has changed."""
        for route in self._keys.pop(service, ()):
            self.ready.pop(route, None)
            self.hashing.pop(route, None)

    def _make(self, route: RouteKey, candidates: Sequence[Entry], policy: str) -> Picker | None:
        usable, probes = self._in_use(candidates)
        if not usable and not probes:
            return self._soonest(route[1], candidates)
        if policy == CONSISTENT_HASH:
            return hashing((*usable, *probes), frozenset(probes), self._take_probe)
        others = self._balancing(route, policy, usable) if usable else None
        return _probing(probes, others, self._take_probe) if probes else others

    def _in_use(self, candidates: Sequence[Entry]) -> tuple[tuple[Node, ...], list[Node]]:
        """The nodes to pick from, and those of which one resolve shall try each. Suspects only where nothing else is."""
        closed: tuple[list[Node], list[Node]] = ([], [])
        offered: tuple[list[Node], list[Node]] = ([], [])
        for entry in candidates:
            state = self._breakers.state(entry.node.address)
            if state is BreakerState.CLOSED:
                closed[entry.suspect].append(entry.node)
            elif state is BreakerState.OFFERED:
                offered[entry.suspect].append(entry.node)
        trusted = closed[False] or offered[False]
        return tuple(closed[False] or closed[True]), offered[False] if trusted else offered[True]

    def _balancing(self, route: RouteKey, policy: str, usable: tuple[Node, ...]) -> Picker:
        turn = self._turns.setdefault(route, count()).__next__
        if policy == LEAST_PENDING:
            return least_pending(usable, self.loads, turn, self._monotonic)
        if policy == P2C_EWMA:
            return p2c_ewma(usable, self.loads, self._random, self._monotonic)
        return rotating(usable, turn)

    def _soonest(self, service: str, candidates: Sequence[Entry]) -> Picker | None:
        """With every node out, the one that is to be tried again first, where that is wanted."""
        if self.settings(service).when_all_out != NEXT or not candidates:
            return None
        nodes = [entry.node for entry in candidates]
        soonest = min(nodes, key=lambda node: self._breakers.of(node.address).retry_at)
        return lambda _: soonest

    def _forget(self) -> None:
        self.ready.clear()
        self.hashing.clear()
        self._keys.clear()
        self._turns.clear()


def _probing(probes: Sequence[Node], others: Picker | None, take: Callable[[Node], bool]) -> Picker:
    """Each probe once, to whoever comes first; everybody else gets one of the others."""
    waiting = iter(probes)

    def pick(key: str) -> Node | None:
        for node in waiting:
            if take(node):
                return node
        return others(key) if others else None

    return pick
