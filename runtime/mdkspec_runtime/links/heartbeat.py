"""Finds out which of many connections are dead: one timer for all of them, instead of a task for each."""

from __future__ import annotations

import asyncio

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode
from websockets.protocol import State

EARLY = 0.01
"""By so much of its time a connection may be probed too early: those that are due together are probed together."""


class Heartbeat:
    """Pings each connection in turn, and cuts the ones that have not answered when their turn comes again.

    The turns are as long for each, so who was probed last is due last: the connections in the order of their turns
    need no sorting.

    Args:
        every_s: Between two pings of one connection; 0 for none at all.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._loop = asyncio.get_running_loop()
        self._due: dict[ServerConnection, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._number = 0

    def add(self, connection: ServerConnection) -> None:
        """Probe a connection from now on; it has to be open."""
        if self._every_s:
            self._due[connection] = self._loop.time() + self._every_s
            self._look()

    def discard(self, connection: ServerConnection) -> None:
        """It is gone."""
        self._due.pop(connection, None)

    def close(self) -> None:
        """Probe nothing any more."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        if self._timer is None and self._due:
            self._timer = self._loop.call_at(next(iter(self._due.values())), self._run)

    def _run(self) -> None:
        self._timer = None
        now = self._loop.time()
        ripe = now + self._every_s * EARLY
        due: list[ServerConnection] = []
        for connection, at in self._due.items():
            if at > ripe:
                break
            due.append(connection)
        for connection in due:
            del self._due[connection]
            if self._is_alive(connection):
                self._due[connection] = now + self._every_s
        self._look()

    def _is_alive(self, connection: ServerConnection) -> bool:
        """Ping a connection, or cut it."""
        protocol = connection.protocol
        if protocol.state is not State.OPEN:
            return False  # It is ending by itself, in bounded time.
        if connection.pending_pings:
            protocol.fail(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
        else:
            self._number += 1
            data = self._number.to_bytes(8)
            connection.pending_pings[data] = (self._loop.create_future(), self._loop.time())
            protocol.send_ping(data)
        # Not by the library's `ping`, which waits until the connection takes more.
        connection.transport.write(b"".join(protocol.data_to_send()))
        if protocol.state is State.OPEN:
            return True
        connection.transport.abort()
        return False
