"""Pings of a server over real sockets on loopback: who does not answer is cut, and what a connection keeps."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from loop_clock import LoopClock, until
from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.links.aio import Handshake, Listener, serve
from unit.mdkspec_runtime.toy import SERVER, Handler, Server

EVERY_S = 2.0
"""Twice that is less than the toy waits for a `hello`."""


class Kept(ServerConnection):
    """Remembers every connection."""

    every: list[ServerConnection] = []  # noqa: RUF012  # of the test that runs

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """One more."""
        self.every.append(self)
        super().connection_made(transport)


@asynccontextmanager
async def place(clock: LoopClock, ping_every_s: float = EVERY_S) -> AsyncGenerator[tuple[Listener, list[Endpoint]]]:
    """A server of the toy protocol, and the endpoints that ended; the clock is held meanwhile."""
    Kept.every.clear()
    handler, ended = Handler(), list[Endpoint]()
    shared = SharedLeases(SERVER, handler)

    def accept(handshake: Handshake) -> Endpoint:
        return Server(handler, shared)

    async with serve(
        accept,
        "127.0.0.1",
        0,
        path="/toy",
        message_bytes_max=2000,
        ended=ended.append,
        ping_every_s=ping_every_s,
        connection_class=Kept,
    ) as listener:
        with clock.held():
            yield listener, ended


async def mute(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A peer that answers no ping: nobody reads its socket for it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = ["GET /toy HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
    writer.write("\r\n".join(lines).encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> LoopClock:
    """The loop's."""
    return LoopClock(monkeypatch)


@pytest.mark.asyncio
async def test_a_peer_that_answers_no_ping_is_cut(clock: LoopClock) -> None:
    """One ping, and no other before the end; it is told why, and its endpoint has lost its connection."""
    async with place(clock) as (listener, ended):
        reader, writer = await mute(listener.port)
        await clock.move(EVERY_S)
        ping = await reader.readexactly(10)
        assert ping[:2] == b"\x89\x08", "a ping of 8 bytes"
        assert not ended
        await clock.move(EVERY_S)
        await until(lambda: ended)
        assert listener.connections == 0
        said = await reader.read()
        writer.close()
    assert said == b"\x88\x18\x03\xf3keepalive ping timeout", "then the end, with code 1011"


@pytest.mark.asyncio
async def test_a_peer_that_answers_stays(clock: LoopClock) -> None:
    """Many pings later it is there, and nothing is kept of what was answered; a mute one beside it is not."""
    async with (
        place(clock) as (listener, ended),
        connect(f"ws://127.0.0.1:{listener.port}/toy", ping_interval=None) as peer,
    ):
        await peer.send('{"type":"hello","name":"ada"}')
        assert await peer.recv() == '{"type":"welcome","members":[]}'
        _, writer = await mute(listener.port)
        for turn in range(10):
            Kept.every[0].latency = -1.0
            await clock.move(EVERY_S)
            await until(lambda: Kept.every[0].latency >= 0)  # It is set by the answer to a ping.
            assert not Kept.every[0].pending_pings
            assert len(ended) == min(turn, 1)
        assert listener.connections == 1
        assert peer.protocol.state is State.OPEN
        writer.close()


@pytest.mark.asyncio
async def test_connections_that_come_one_after_another_are_all_probed(clock: LoopClock) -> None:
    """Each has turns of its own; all that are mute are cut."""
    async with place(clock) as (listener, ended):
        writers: list[asyncio.StreamWriter] = []
        for _ in range(5):
            writers.append((await mute(listener.port))[1])
            await clock.move(EVERY_S / 3)
        for _ in range(9):
            await clock.move(EVERY_S / 3)
        await until(lambda: len(ended) == 5)
        for writer in writers:
            writer.close()


@pytest.mark.asyncio
async def test_no_pings_are_sent_where_none_are_wanted(clock: LoopClock) -> None:
    """0 is never."""
    async with place(clock, 0.0) as (listener, ended):
        reader, writer = await mute(listener.port)
        await clock.move(2 * EVERY_S)
        assert not ended
        assert not reader._buffer  # type: ignore[attr-defined]  # nothing has come, and a read would wait for it
        writer.close()


@pytest.mark.asyncio
async def test_nothing_is_kept_of_the_handshake(clock: LoopClock) -> None:
    """An idle connection has no headers, no response, and no task besides the one that reads it."""
    async with place(clock) as (listener, _), connect(f"ws://127.0.0.1:{listener.port}/toy"):
        await until(lambda: listener.connections)
        (connection,) = Kept.every
        assert connection.request is not None
        assert not list(connection.request.headers.raw_items())
        assert connection.response is None
        assert connection.keepalive_task is None
