"""The HTTP port and peers that take their time, or send what nobody foresaw. Over loopback, without a server behind it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from loop_clock import LoopClock
from mdk_runtime.server.http import protocols as module
from mdk_runtime.server.http.listener import HTTPListener
from mdk_runtime.server.http.protocols import REQUEST_WITHIN_S

WITHIN_S = 60.0
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
TEXT, CONT, CLOSE, PING = 1, 0, 8, 9


def frame(opcode: int, data: bytes, *, is_final: bool = True) -> bytes:
    """A client's, with a mask that changes nothing."""
    head = bytes([(0x80 if is_final else 0) | opcode])
    size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0x80 | 126]) + struct.pack(">H", len(data))
    return head + size + bytes(4) + data


async def form(request: Request) -> Response:
    """Reads all."""
    return PlainTextResponse(str(len(await request.body())))


async def quick(_: Request) -> Response:
    """Reads nothing."""
    return PlainTextResponse("quick")


async def echo(websocket: WebSocket) -> None:
    """Says what it is told, from the first word on."""
    await asyncio.sleep(0)  # As an application does that looks something up before it accepts.
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass


class Peer:
    """Reads and writes bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read(self, count: int) -> bytes:
        """So many, or all until the end."""
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.read(count)

    async def head(self) -> bytes:
        """The head of an answer."""
        async with asyncio.timeout(WITHIN_S):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def frame(self) -> tuple[int, bytes]:
        """A short one of the server's."""
        async with asyncio.timeout(WITHIN_S):
            first, size = await self.reader.readexactly(2)
            return first & 15, await self.reader.readexactly(size)

    async def trickle(self, data: bytes, clock: LoopClock) -> None:
        """Byte after byte, until the server hangs up, which it has to do before all the time is over twice."""
        for at in range(20):
            if self.reader.at_eof() or self.writer.transport.is_closing():  # The latter after a reset.
                return
            self.writer.write(data[at : at + 1])
            await clock.move(REQUEST_WITHIN_S / 10)
        raise AssertionError("the server took all of it")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> LoopClock:
    """The loop's."""
    return LoopClock(monkeypatch)


@asynccontextmanager
async def peer(clock: LoopClock | None = None) -> AsyncIterator[Peer]:
    """Connected to a listener of its own; with a clock that is held meanwhile."""
    routes = [Route("/form", form, methods=["POST"]), Route("/quick", quick, methods=["GET", "POST"])]
    application = Starlette(routes=[*routes, WebSocketRoute("/ws", echo)])
    listener = HTTPListener(application, "127.0.0.1", 0, context=None, frame_bytes_max=100_000, browsers=())
    await listener.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    try:
        with clock.held() if clock else nullcontext():
            yield Peer(reader, writer)
    finally:
        writer.close()
        await listener.close()


@pytest.mark.asyncio
async def test_who_says_nothing_is_cut(clock: LoopClock) -> None:
    """A connection without a request holds a descriptor for a while, and not for ever."""
    async with peer(clock) as one:
        await clock.move(REQUEST_WITHIN_S)
        assert await one.read(1) == b""


@pytest.mark.asyncio
@pytest.mark.parametrize("path", [b"form", b"quick"])
async def test_a_request_that_trickles_in_is_cut(path: bytes, clock: LoopClock) -> None:
    """In its head, or in a body, whether the application reads it or not; the first of a connection, or a later one."""
    async with peer(clock) as one:
        await one.trickle(b"GET /quick HTTP/1.1\r\nHost: h\r\nX-A: " + b"a" * 1000, clock)
    async with peer(clock) as one:
        one.writer.write(b"POST /" + path + b" HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
        if path == b"quick":
            await one.head()
            await one.read(5)
        await one.trickle(b"x" * 900, clock)
    async with peer(clock) as one:
        one.writer.write(b"GET /quick HTTP/1.1\r\nHost: h\r\n\r\n")
        assert (await one.head()).startswith(b"HTTP/1.1 200")
        assert await one.read(5) == b"quick"
        await one.trickle(b"GET /quick HTTP/1.1\r\nHost: h\r\nX-A: " + b"a" * 1000, clock)


@pytest.mark.asyncio
async def test_a_whole_request_is_not_hurried(clock: LoopClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is on the request, not on what comes after: the next one, or frames of a WebSocket."""
    limit_s = 2.0  # Shorter than a connection is kept for another request.
    monkeypatch.setattr(module, "REQUEST_WITHIN_S", limit_s)
    async with peer(clock) as one:
        for _ in range(2):
            one.writer.write(b"POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
            assert (await one.head()).startswith(b"HTTP/1.1 200")
            assert await one.read(1) == b"3"
            await clock.move(1.5 * limit_s)
    async with peer(clock) as one:
        one.writer.write(HANDSHAKE)
        assert (await one.head()).startswith(b"HTTP/1.1 101")
        await clock.move(1.5 * limit_s)
        one.writer.write(frame(TEXT, b"late"))
        assert await one.frame() == (TEXT, b"late")


@pytest.mark.asyncio
async def test_frames_that_come_with_the_handshake_are_read() -> None:
    """In the same segment, as a peer may send them that does not wait; a ping is answered behind the handshake."""
    async with peer() as one:
        one.writer.write(HANDSHAKE + frame(PING, b"p") + frame(TEXT, b"early") + frame(TEXT, b"bird"))
        assert (await one.head()).startswith(b"HTTP/1.1 101")
        assert [await one.frame() for _ in range(3)] == [(10, b"p"), (TEXT, b"early"), (TEXT, b"bird")]


@pytest.mark.asyncio
async def test_what_comes_early_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody has answered the handshake."""
    monkeypatch.setattr(module, "EARLY_BYTES_MAX", 1000)
    async with peer() as one:
        one.writer.write(HANDSHAKE + frame(TEXT, b"x" * 2000))
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await one.head()


@pytest.mark.asyncio
async def test_fragments_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty ones do not count against the size of a message, but take memory."""
    monkeypatch.setattr(module, "FRAGMENTS_MAX", 10)
    async with peer() as one:
        one.writer.write(HANDSHAKE)
        await one.head()
        one.writer.write(frame(TEXT, b"a", is_final=False) + frame(CONT, b"b", is_final=False) + frame(CONT, b"c"))
        assert await one.frame() == (TEXT, b"abc")
        one.writer.write(frame(TEXT, b"", is_final=False) + frame(CONT, b"", is_final=False) * 20)
        assert await one.frame() == (CLOSE, struct.pack(">H", 1009) + b"too many fragments")
        assert await one.read(1) == b""
