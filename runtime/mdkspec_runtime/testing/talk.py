"""The peer's end of a talk with an implementation: what is said to it, and what came."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from mdkspec_runtime.monitor import Monitor
from mdkspec_runtime.tables import Role

SILENCES_MAX = 3
"""Times the quiet that is waited for while more comes."""

UNREAD_MAX = 4
"""Frames that may have been read behind what came; a case sends few without an answer between them."""
WAYS_MAX = 32
"""Orders that are kept apart."""

NextConnection = Callable[[bool], Awaitable[Connection]]
"""The next connection with the implementation; True if the one before was cut."""

Sight = tuple[str, str, str]
"""Part, its state, and the type of a frame that came in it."""


class Talk:
    """One connection after the other, with one implementation.

    Args:
        role: The implementation's.
        peer: The one that is played.
        connection: Makes the next connection.
        seen: Told of every frame that came while only one state was possible.
    """

    def __init__(self, role: Role, peer: Role, connection: NextConnection, seen: set[Sight]) -> None:
        self._role = role
        self._peer = peer
        self._next = connection
        self._seen = seen
        self._order = Order(self._new_monitor(), role.role, peer.role)
        self._changed = asyncio.Event()
        self._websocket: Connection | None = None
        self._reader: asyncio.Task[None] | None = None
        self.is_closed = False
        self.came: list[str] = []
        """Types of all that came."""
        self.frames: defaultdict[str, list[Any]] = defaultdict(list)
        """By type, those that nobody has waited for yet."""
        self.problems: list[str] = []
        """What the tables say against frames that came."""

    async def connect(self) -> None:
        """Take the next connection."""
        was_cut = self._websocket is not None
        if self._reader is not None:
            await self._reader
        self._websocket = await self._next(was_cut)
        self._order = Order(self._new_monitor(), self._role.role, self._peer.role)
        self.is_closed = False
        self._reader = asyncio.create_task(self._read(self._websocket))

    async def cut(self, within_s: float) -> None:
        """Break the connection, and wait until it is."""
        assert self._websocket is not None, "a case begins with its connection"
        self._websocket.transport.abort()
        self.frames.clear()
        await self.until(lambda: self.is_closed, within_s)

    async def say(self, frame: str) -> None:
        """Send a frame, legal or not."""
        self._order.said(frame)
        assert self._websocket is not None, "a case begins with its connection"
        with suppress(ConnectionClosed):  # seen where the frames are read
            await self._websocket.send(frame)

    async def until(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Wait for a condition, until the connection ends or the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not condition():
                    if self.is_closed:
                        return condition()
                    self._changed.clear()
                    await self._changed.wait()
                return True
        return condition()

    async def silence(self, quiet_s: float) -> None:
        """Until nothing came for a while; an application that goes on talking is not waited for."""
        heard = -1
        for _ in range(SILENCES_MAX):
            if heard == len(self.came) or self.is_closed:
                break
            heard = len(self.came)
            await self.until(lambda: self.is_closed, quiet_s)
        self._order.settle()

    async def end(self) -> None:
        """Close what is open."""
        if self._websocket is not None:
            await self._websocket.close()
        if self._reader is not None:
            await self._reader

    def _new_monitor(self) -> Monitor:
        connector, acceptor = (self._role, self._peer) if self._role.connects else (self._peer, self._role)
        return Monitor(connector, acceptor)

    async def _read(self, websocket: Connection) -> None:
        with suppress(ConnectionClosed):
            while True:
                self._take(await websocket.recv())
                self._changed.set()
        self.is_closed = True
        self._changed.set()

    def _take(self, frame: str | bytes) -> None:
        role = self._role
        type_, value = _read(frame, role.codec.tag)
        for machine in role.machines:
            states = self._order.states(machine.part)
            if len(states) == 1:
                self._seen.add((machine.part, next(iter(states)), type_))
        problem = self._order.came(frame)
        if problem is not None:
            self.problems.append(problem)
        self.came.append(type_)
        self.frames[type_].append(value)


class Order:
    """What a conversation was, as far as one end can know: what it said may have been read behind what it got after it.

    Args:
        monitor: Of a new connection.
        other: The role at the other end.
        own: The role at this one.
    """

    def __init__(self, monitor: Monitor, other: str, own: str) -> None:
        self._other = other
        self._own = own
        self.ways: list[tuple[Monitor, tuple[str, ...]]] = [(monitor, ())]
        """Each with what the other end has not read yet."""

    def said(self, frame: str) -> None:
        """This end has sent a frame, legal or not."""
        self.ways = [(monitor, (*unread, frame)[-UNREAD_MAX:]) for monitor, unread in self.ways]

    def came(self, frame: str | bytes) -> str | None:
        """The other end has sent one; what is wrong with it in every order, as if all had been read."""
        ways: dict[object, tuple[Monitor, tuple[str, ...]]] = {}
        problem: str | None = None
        for monitor, unread in self.ways:
            here = monitor.copy()
            for read in range(len(unread) + 1):
                there = here.copy()
                problem = there.observe(self._other, frame)
                if problem is None:
                    ways.setdefault((there.key, unread[read:]), (there, unread[read:]))
                if read < len(unread):
                    here.observe(self._own, unread[read])  # what must not be moves no state
        if ways:
            self.ways = list(ways.values())[-WAYS_MAX:]
            return None
        return problem

    def settle(self) -> None:
        """All that was sent has been read."""
        ways: dict[object, tuple[Monitor, tuple[str, ...]]] = {}
        for monitor, unread in self.ways:
            for frame in unread:
                monitor.observe(self._own, frame)
            ways.setdefault(monitor.key, (monitor, ()))
        self.ways = list(ways.values())

    def states(self, part: str) -> frozenset[str]:
        """The states in which the other end may be."""
        found = frozenset[str]()
        for monitor, unread in self.ways:
            here = monitor.copy()
            for frame in unread:
                here.observe(self._own, frame)
            found |= here.states(self._other, part)
        return found


def _read(frame: str | bytes, tag: str) -> tuple[str, Any]:
    try:
        value = json.loads(frame)
        return str(value[tag]), value
    except (ValueError, KeyError, TypeError):
        return "rubbish", None


def numbers_at(value: Any, path: Sequence[str]) -> list[int]:
    """The numbers at a place: in a list, of its items."""
    match value:
        case list():
            items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]  # JSON
            return [number for one in items for number in numbers_at(one, path)]
        case dict() if path:
            return numbers_at(value.get(path[0]), path[1:])  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]  # JSON
        case int() if not path:
            return [value]
        case _:
            return []
