"""Which of the usable nodes a resolve hands out, by name of the policy."""

from __future__ import annotations

from bisect import bisect
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mdk_runtime.core.client.nodes import Node

ROUND_ROBIN = "round_robin"
LEAST_PENDING = "least_pending"
P2C_EWMA = "p2c_ewma"
CONSISTENT_HASH = "consistent_hash"
POLICIES = (ROUND_ROBIN, LEAST_PENDING, P2C_EWMA, CONSISTENT_HASH)

PENDING_S_MAX = 60.0
"""A resolve of which nothing is heard for so long counts as over: not everybody reports."""
PENDING_MAX = 1000
"""Open calls that are told apart for one address."""
EWMA_WEIGHT = 0.3
"""Of the newest latency, when it is lower than the average; a higher one counts at once."""
FIRST_LATENCY_S = 0.001
"""Of a node that nobody has called: low, so that somebody does."""
POINTS = 64
"""On the hash ring for each node: shares differ by about an eighth."""

Clock = Callable[[], float]
Picker = Callable[[str], "Node | None"]
"""The next node. The key, a trace id as a rule, matters only to what hashes. None: others were quicker, look again."""


class Load:
    """The open calls to one address, and how long the past ones took. Its steps are atomic under threads."""

    __slots__ = ("_started", "latency_s")

    def __init__(self) -> None:
        self._started: deque[float] = deque(maxlen=PENDING_MAX)
        self.latency_s = FIRST_LATENCY_S

    def begin(self, *, now: float) -> None:
        """A resolve has handed the address out."""
        self._started.append(now)

    def end(self, *, now: float) -> None:
        """A call has come to its end; the oldest is taken for it."""
        try:
            took_s = max(0.0, now - self._started.popleft())
        except IndexError:
            return
        rises = took_s > self.latency_s
        self.latency_s = took_s if rises else self.latency_s + EWMA_WEIGHT * (took_s - self.latency_s)

    def pending(self, *, now: float) -> int:
        """How many calls are open."""
        started = self._started
        try:
            while started[0] < now - PENDING_S_MAX:
                started.popleft()
        except IndexError:
            pass
        return len(started)


class Loads:
    """The loads of addresses whose policy wants to know."""

    def __init__(self) -> None:
        self._by_address: dict[str, Load] = {}

    def of(self, address: str) -> Load:
        """The load of an address, from now on watched."""
        return self._by_address.setdefault(address, Load())

    def end(self, address: str, *, now: float) -> None:
        """A call to an address is over."""
        load = self._by_address.get(address)
        if load is not None:
            load.end(now=now)

    def forget(self, address: str) -> None:
        """Nobody offers this address any more."""
        self._by_address.pop(address, None)


def rotating(nodes: tuple[Node, ...], turn: Callable[[], int]) -> Picker:
    """Round robin: exact under threads, for `turn` is one atomic step."""
    size = len(nodes)

    def pick(_: str) -> Node:
        return nodes[turn() % size]

    return pick


def least_pending(nodes: tuple[Node, ...], loads: Loads, turn: Callable[[], int], clock: Clock) -> Picker:
    """The node with the fewest open calls; those that are level take turns."""
    watched = [(node, loads.of(node.address)) for node in nodes]

    def pick(_: str) -> Node:
        now = clock()
        first = turn() % len(watched)
        rotated = watched[first:] + watched[:first]
        node, load = min(rotated, key=lambda pair: pair[1].pending(now=now))
        load.begin(now=now)
        return node

    return pick


def p2c_ewma(nodes: tuple[Node, ...], loads: Loads, random: Callable[[], float], clock: Clock) -> Picker:
    """Of two nodes by chance, the one where open calls times latency are fewer."""
    watched = [(node, loads.of(node.address)) for node in nodes]
    size = len(watched)

    def pick(_: str) -> Node:
        now = clock()
        one = int(random() * size)
        other = (one + 1 + int(random() * (size - 1))) % size if size > 1 else one
        node, load = min(
            watched[one], watched[other], key=lambda pair: (pair[1].pending(now=now) + 1) * pair[1].latency_s
        )
        load.begin(now=now)
        return node

    return pick


class Ring:
    """Consistent hashing: a node that comes or goes moves only the keys that it gets or had."""

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        points = sorted((_hash(f"{node.address}\0{i}"), node.address, node) for node in nodes for i in range(POINTS))
        self._hashes = [point[0] for point in points]
        self._nodes = [point[2] for point in points]

    def pick(self, key: str) -> Node:
        """The node that has a key."""
        return self._nodes[bisect(self._hashes, _hash(key)) % len(self._nodes)]


def hashing(nodes: tuple[Node, ...], probes: frozenset[Node], take: Callable[[Node], bool]) -> Picker:
    """The node that has the key; of a key whose node is a probe, the first call is the one that tries it."""
    ring = Ring(nodes)
    if not probes:
        return ring.pick

    def pick(key: str) -> Node | None:
        node = ring.pick(key)
        return node if node not in probes or take(node) else None

    return pick


def _hash(text: str) -> int:
    from hashlib import blake2b  # Slow to import, and not everybody hashes.

    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big")
