"""What a client of ours follows, and how far it knows it: by need, and after a cut from where it left off."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mdk_protocol.messages import Changes, Follow, Position, TableBegin, TableEnd

if TYPE_CHECKING:
    from mdk_runtime.core.client.table import Place

SERVICES_MAX = 10_000
"""A client that uses more follows all of them: a longer list would not fit into a message."""


class Following:
    """Which services the client wants, which of them it has, and which nodes are in doubt.

    Args:
        places: Where every node stands that the server has named, now.
        drop: Told of places where nobody serves any more.
        wants_all: Follow every service from the beginning.
    """

    def __init__(
        self, places: Callable[[], set[Place]], drop: Callable[[Iterable[Place]], None], *, wants_all: bool = False
    ) -> None:
        self._places = places
        self._drop = drop
        self._wanted: set[str] | None = None if wants_all else set()
        """None: all."""
        self._held: set[str] | None = set()
        """Those whose nodes the client knows as of `position`; None: all."""
        self.position: Position | None = None
        self._asked: list[set[str] | None] = []
        """What was asked for on this connection and is not answered in full, in order."""
        self.doubted: set[Place] = set()
        """Nodes that the server has not named since the last `tablebegin` of their service."""

    @property
    def wants_all(self) -> bool:
        """True if every service is followed."""
        return self._wanted is None

    @property
    def knows_all(self) -> bool:
        """True once a server of ours has named every node of every service. An original never says that it has."""
        return self._held is None and not self._asked

    def want(self, service: str) -> bool:
        """Follow one more service. True if there is more to ask for now."""
        if self._wanted is None or service in self._wanted:
            return False
        if len(self._wanted) >= SERVICES_MAX:
            return self.want_all()
        self._wanted.add(service)
        return True

    def want_all(self) -> bool:
        """Follow every service. True if there is more to ask for now."""
        news, self._wanted = self._wanted is not None, None
        return news

    def more(self) -> Follow | None:
        """What is wanted, not known, and not asked for on this connection."""
        if self._wanted is None:
            return self._ask(None) if self._held is not None and None not in self._asked else None
        known = self._wanted if self._held is None else self._held
        missing = self._wanted.difference(known, *(one for one in self._asked if one is not None))
        return self._ask(missing) if missing else None

    def wanted(self) -> list[Follow]:
        """What to ask for on a new connection: what changed of what is known, and all of the rest."""
        self._asked = []
        follows: list[Follow] = []
        if self._wanted is None and self._held is None:
            return [self._ask(None, self.position)]
        if self._wanted is None:
            return [self._ask(None)]
        held = self._wanted if self._held is None else self._wanted & self._held
        if held:
            follows.append(self._ask(held, self.position))
        if self._wanted - held:
            follows.append(self._ask(self._wanted - held))
        return follows

    def begins(self, m: TableBegin) -> None:
        """All nodes of some services follow."""
        places = self._places()
        services = None if not m.services else set(m.services)
        self.doubted |= places if services is None else {one for one in places if one[0] in services}

    def named(self, place: Place) -> None:
        """The server has named a node."""
        self.doubted.discard(place)

    def takes(self, m: Changes) -> None:
        """Changes are taken into the table."""
        if m.position:
            self.position = m.position

    def ends(self, m: TableEnd) -> None:
        """An answer is complete."""
        if self._asked:
            services = self._asked.pop(0)
            self._held = None if services is None or self._held is None else self._held | services
        self.position = m.position
        if m.complete:
            self.complete()

    def complete(self) -> None:
        """The server knows all nodes by now: those that it has not named are gone."""
        if self.doubted:
            gone, self.doubted = self.doubted & self._places(), set()
            self._drop(gone)

    def lose(self) -> None:
        """The table comes from elsewhere now: what was known of it is nowhere to go on from."""
        self._held = set()
        self.position = None

    def _ask(self, services: set[str] | None, since: Position | None = None) -> Follow:
        self._asked.append(services)
        if services is None:
            return Follow(since=since) if since is not None else Follow()
        listed = sorted(services)
        return Follow(services=listed, since=since) if since is not None else Follow(services=listed)
