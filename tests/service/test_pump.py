"""What was received before a connection's end is handled, however much was still to be written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.asyncio.client import connect

import mdk_protocol
from mdk_protocol import CODEC, Active, Node, Open, SessionServer, SessionServerShared
from mdkspec_runtime.links.aio import serve
from simulation.variants import Recorder

COUNT = 3000


class Echo(Recorder):
    """Announces every node to its sender, so that there is always something to write."""

    def __init__(self) -> None:
        super().__init__(package=mdk_protocol)
        self.endpoint = SessionServer(self, shared=SessionServerShared(self))
        self.registered_count = 0
        self.ended = asyncio.Event()

    def registered(self, node: Any, ttl: float) -> None:
        """Count it, and answer ten times."""
        self.registered_count += 1
        for _ in range(10):
            if self.endpoint.is_connected:
                self.endpoint.announce(Active(node=node), now=asyncio.get_running_loop().time())


def test_frames_before_a_close_are_handled() -> None:
    """A client registers thousands of nodes, reads nothing, and closes: the server has seen every one."""

    async def scenario() -> int:
        echo = Echo()
        limit = CODEC.message_bytes_max
        async with serve(
            lambda _: echo.endpoint,
            "127.0.0.1",
            0,
            path="/rtp",
            message_bytes_max=limit,
            ended=lambda _: echo.ended.set(),
        ) as listener:
            client = await connect(f"ws://127.0.0.1:{listener.port}/rtp", compression=None, max_queue=None)
            await client.send(CODEC.encode(Open()), text=True)
            for number in range(COUNT):
                node = Node(service=f"s{number}", id="n", version="1", address="a")
                await client.send(CODEC.encode(Active(node=node)), text=True)
            await client.close()
            await asyncio.wait_for(echo.ended.wait(), 20)
        return echo.registered_count

    assert asyncio.run(scenario()) == COUNT


def test_frames_that_are_not_taken_are_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The first five of a connection, with what is wrong; then silence, so that no peer fills a log."""

    async def scenario() -> None:
        echo = Echo()
        async with serve(
            lambda _: echo.endpoint,
            "127.0.0.1",
            0,
            path="/rtp",
            message_bytes_max=CODEC.message_bytes_max,
            ended=lambda _: echo.ended.set(),
        ) as listener:
            client = await connect(f"ws://127.0.0.1:{listener.port}/rtp", compression=None)
            await client.send(CODEC.encode(Open()), text=True)
            for _ in range(9):
                await client.send('{"type":"active","node":{"service":"s","version":1.0}}')
            await client.close()
            await asyncio.wait_for(echo.ended.wait(), 20)

    asyncio.run(scenario())
    named = [record.message for record in caplog.records if "not taken" in record.message]
    text = "a frame of the client is not taken: malformed message: Expected `str`, got `float` - at `$.node.version`"
    assert named == [text] * 4 + [f"{text}; no more are named on this connection"]
