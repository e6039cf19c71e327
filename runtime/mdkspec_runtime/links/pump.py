"""Moves frames between one endpoint and one WebSocket, and waits until its deadlines."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode
from websockets.protocol import SERVER, State

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.links.driver import Driver

CLOSE_NORMAL = 1000
WRITE_BYTES_MAX = 64 * 1024
"""Frames are joined up to so much for one write; then it is looked whether the connection takes more."""
FIRST_BYTE = 0x80 | Opcode.TEXT
"""A text that is whole (RFC 6455 §5.2)."""
SHARED_MAX = 64
"""Frames of a turn that are kept with their headers, for the next connection that gets the same."""


class Turn:
    """Writes what the endpoints of one loop have to say, each connection once in a turn of the loop.

    A frame that goes to many connections is the same object for each, and its header is put before it once. Only
    clients mask their frames, so what a server writes is the same for everybody.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken: list[Pump] = []
        self._shared: dict[int, tuple[bytes, bytes]] = {}
        """By the frame's `id`: the frame, so that it lives as long, and all of what is written."""
        self.frames: Sequence[bytes] = ()
        """Written to many in this turn, and as what."""
        self.data = b""

    def add(self, pump: Pump) -> None:
        """A connection has something to write."""
        if not self._woken:
            self._loop.call_soon(self._run)
        self._woken.append(pump)

    def framed(self, frame: bytes) -> bytes:
        """A frame of a server with its header."""
        known = self._shared.get(id(frame))
        if known is not None:
            return known[1]
        size = len(frame)
        if size < 126:
            data = bytes((FIRST_BYTE, size)) + frame
        elif size < 65536:
            data = bytes((FIRST_BYTE, 126)) + size.to_bytes(2) + frame
        else:
            data = bytes((FIRST_BYTE, 127)) + size.to_bytes(8) + frame
        if len(self._shared) >= SHARED_MAX:
            self._shared.clear()
        self._shared[id(frame)] = (frame, data)
        return data

    def join(self, frames: Sequence[bytes]) -> bytes:
        """All frames in one piece, kept for the next connection that gets the same."""
        if not self.frames:
            self._loop.call_soon(self._forget)
        self.frames = frames
        self.data = b"".join([self.framed(frame) for frame in frames])
        return self.data

    def _forget(self) -> None:
        self.frames, self.data = (), b""
        self._shared.clear()

    def _run(self) -> None:
        woken, self._woken = self._woken, []
        for pump in woken:
            try:
                pump.write()
            except Exception:
                pump.failed()
        self._shared.clear()


class Pump(Driver):
    """One connection of an endpoint, over a WebSocket.

    A task reads; what is to be written is written in the next turn of the loop. The reader never waits for a write:
    what the peer sent before it closed is handled, however much was still to be written to it. While the connection
    takes no more, frames stay with the endpoint, which hangs up on a peer for whom too many pile up; a
    peer that does not even read that is cut soon after.
    """

    __slots__ = (
        "_at",
        "_closing",
        "_draining",
        "_has_ended",
        "_is_server",
        "_is_woken",
        "_observe",
        "_rest",
        "_turn",
        "_websocket",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        websocket: Connection,
        turn: Turn,
        logger: logging.Logger,
        observe: Callable[[str, str | bytes], None] | None = None,
    ) -> None:
        super().__init__(endpoint, logger)
        self._websocket = websocket
        self._turn = turn
        self._observe = observe
        self._is_woken = False
        self._rest: Sequence[bytes] = ()
        """Frames taken from the endpoint and not written yet, from `_at` on."""
        self._at = 0
        self._draining: asyncio.Task[None] | None = None
        """Waits until the connection takes more."""
        self._closing: asyncio.Task[None] | None = None
        self._has_ended = False
        self._is_server = websocket.protocol.side is SERVER

    async def run(self) -> None:
        """Until the connection has ended."""
        if self._is_server and self._observe is None:
            self._endpoint.write_now = self._write_now
        self._begin()
        self.wake()
        try:
            while True:
                frame = await self._websocket.recv()
                if self._observe is not None:
                    self._observe("received", frame)
                self._receive(frame)
                self.wake()
        except ConnectionClosed as closed:
            self._log.debug("connection closed: %s", closed)
        finally:
            await self._end()

    def wake(self) -> None:
        """Something is to be written, or the deadline has moved."""
        if not self._is_woken:
            self._is_woken = True
            self._turn.add(self)
        self._look_at_hangup()

    def abort(self) -> None:
        """End the connection without a word."""
        self._websocket.transport.abort()

    def write(self) -> None:
        """Write all output that the connection takes now; if the endpoint hangs up, close."""
        self._is_woken = False
        if self._has_ended:
            return
        endpoint = self._endpoint
        if self._draining is None:
            self._write_frames()
        if endpoint.hanging_up and self._draining is None and self._closing is None:
            self._closing = self._loop.create_task(self._websocket.close(CLOSE_NORMAL))
        self._set_timer()

    def failed(self) -> None:
        """Writing failed in a way that nobody foresaw."""
        self._log.exception("a connection failed in writing, and is cut")
        self.abort()

    async def flush(self) -> None:
        """Write all output, however long the peer takes to read it."""
        self.write()
        while self._draining is not None:
            await asyncio.shield(self._draining)
            self.write()
        if self._closing is not None:
            await asyncio.shield(self._closing)

    def _write_now(self, frames: Sequence[bytes]) -> bool:
        """Write frames at once: nothing is before them, and what goes to many touches little of each connection."""
        websocket = self._websocket
        transport = websocket.transport
        if (
            self._draining is not None
            or self._at < len(self._rest)
            or websocket.paused
            or websocket.protocol.state is not State.OPEN
            or transport.is_closing()
        ):
            return False
        turn = self._turn
        try:
            transport.write(turn.data if turn.frames is frames else turn.join(frames))
        except Exception:
            self.failed()
        return True

    def _write_frames(self) -> None:
        websocket = self._websocket
        while True:
            if self._at >= len(self._rest):
                self._rest, self._at = self._endpoint.take_output(), 0
                if not self._rest:
                    return
            if websocket.protocol.state is not State.OPEN or websocket.transport.is_closing():
                self._rest = ()  # The reader sees it too, and ends the connection.
            elif websocket.paused:
                self._draining = self._loop.create_task(self._drain())
                return
            else:
                self._write_some()

    def _write_some(self) -> None:
        """Write frames in one go, up to a bound."""
        start, size = self._at, 0
        while self._at < len(self._rest) and size < WRITE_BYTES_MAX:
            size += len(self._rest[self._at])
            self._at += 1
        frames = self._rest[start : self._at]
        if self._observe is not None:
            for frame in frames:
                self._observe("sent", frame)
        websocket = self._websocket
        if self._is_server:
            framed = self._turn.framed
            data = framed(frames[0]) if len(frames) == 1 else b"".join([framed(frame) for frame in frames])
        else:
            for frame in frames:
                websocket.protocol.send_text(frame)
            data = b"".join(websocket.protocol.data_to_send())
        websocket.transport.write(data)

    async def _drain(self) -> None:
        try:
            await self._websocket.drain()
        finally:
            self._draining = None
            self.wake()

    async def _end(self) -> None:
        self._let_go()
        self._has_ended = True
        if self._draining is not None:
            self._draining.cancel()
        try:
            await self._websocket.close()
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._lost()
