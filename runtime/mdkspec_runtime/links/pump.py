"""Moves frames between one endpoint and one WebSocket, and waits until its deadlines."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.errors import PeerError

CLOSE_NORMAL = 1000
HANGUP_WITHIN_S = 5.0
"""From the endpoint's hang-up to the end: a peer that reads nothing cannot be told, and is cut."""
OFFENCES_NAMED_MAX = 5
"""Frames of one connection that are named in the log for not being taken; the endpoint counts the rest."""


class Pump:
    """One connection of an endpoint, from `connected` to `lost`.

    One task reads, another writes. The reader never waits for a write: what the peer sent before it closed is
    handled, however much was still to be written to it. What piles up for a peer that reads too slowly is bounded by
    the endpoint, which hangs up; a peer that does not even read that is cut soon after.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        websocket: Connection,
        logger: logging.Logger,
        observe: Callable[[str, str | bytes], None] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._websocket = websocket
        self._log = logger
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at: float | None = None
        self._cut: asyncio.TimerHandle | None = None
        self._writing = False
        self._woken = asyncio.Event()
        self._offences = 0

    async def run(self) -> None:
        """Until the connection has ended."""
        endpoint = self._endpoint
        endpoint.wake = self.wake
        endpoint.on_offence = self._name_offence
        self._input(lambda: endpoint.connected(now=self._loop.time()))
        writer = self._loop.create_task(self._write())
        self.wake()
        try:
            while True:
                frame = await self._websocket.recv()
                binary = isinstance(frame, bytes)
                if self._observe is not None:
                    self._observe("received", frame)
                now = self._loop.time()
                try:
                    endpoint.receive(frame, now=now, binary=binary)
                except Exception:
                    self._log.exception("the application failed on a message; the connection goes on")
                self.wake()
        except ConnectionClosed as closed:
            self._log.debug("connection closed: %s", closed)
        finally:
            writer.cancel()
            await self._end()

    def wake(self) -> None:
        """Something is to be written, or the deadline has moved."""
        self._woken.set()
        if self._endpoint.hanging_up and self._cut is None:
            self._cut = self._loop.call_later(HANGUP_WITHIN_S, self._websocket.transport.abort)

    async def flush(self) -> None:
        """Write all output; if the endpoint hangs up, close. Returns at once if another task is writing."""
        if self._writing:
            return
        self._writing = True
        try:
            while frames := self._endpoint.take_output():
                for frame in frames:
                    if self._observe is not None:
                        self._observe("sent", frame)
                    await self._websocket.send(frame, text=True)
        finally:
            self._writing = False
        if self._endpoint.hanging_up:
            await self._websocket.close(CLOSE_NORMAL)
        self._set_timer()

    async def _write(self) -> None:
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                await self.flush()
        except ConnectionClosed:
            return  # The reader sees it too, and ends the connection.

    def _set_timer(self) -> None:
        deadline = self._endpoint.deadline
        if deadline == self._timer_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = self._timer_at = None
        self._input(lambda: self._endpoint.tick(now=self._loop.time()))
        self.wake()

    def _input(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            self._log.exception("the application failed on an event; the connection goes on")

    def _name_offence(self, offence: PeerError) -> None:
        self._offences += 1
        if self._offences <= OFFENCES_NAMED_MAX:
            last = "; no more are named on this connection" if self._offences == OFFENCES_NAMED_MAX else ""
            self._log.warning("a frame of the %s is not taken: %s%s", self._endpoint.role.peer, offence, last)

    async def _end(self) -> None:
        self._endpoint.wake = self._endpoint.on_offence = None
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._websocket.close()
        except asyncio.CancelledError:
            self._websocket.transport.abort()
            raise
        finally:
            if self._cut is not None:
                self._cut.cancel()
            self._input(lambda: self._endpoint.lost(now=self._loop.time()))
