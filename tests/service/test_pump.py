"""What was received before a connection's end is handled, however much was still to be written."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

import mdk_protocol
from mdk_protocol import CODEC, Active, Node, Open, SessionServer, SessionServerShared
from mdkspec_runtime.broadcast import broadcast_all
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


def test_what_goes_to_many_is_written_at_once_and_in_order() -> None:
    """Messages told to all of several connections come whole to each, also to one that reads late, then to none."""
    count, text = 200, "x" * 50_000

    async def read(client: ClientConnection) -> list[str]:
        return [json.loads(await client.recv())["node"]["id"] for _ in range(count)]

    async def scenario() -> list[list[str]]:
        endpoints: list[SessionServer] = []

        def accept(_: object) -> SessionServer:
            endpoints.append(Echo().endpoint)
            return endpoints[-1]

        async with serve(accept, "127.0.0.1", 0, path="/rtp", message_bytes_max=CODEC.message_bytes_max) as listener:
            url = f"ws://127.0.0.1:{listener.port}/rtp"
            clients = [await connect(url, compression=None, max_queue=4) for _ in range(3)]
            for client in clients:
                await client.send(CODEC.encode(Open()), text=True)
                assert json.loads(await client.recv())["type"] == "open"
            gone, *others = clients
            gone.transport.abort()
            early = asyncio.create_task(read(others[0]))
            for number in range(0, count, 2):
                nodes = [Node(service="s", id=f"{number + one}", version="1", address=text) for one in range(2)]
                broadcast_all(endpoints, "Discovery", [("announce", Active(node=node)) for node in nodes], now=0.0)
                await asyncio.sleep(0)
            got = [await early, await read(others[1])]
            for client in others:
                await client.close()
            return got

    assert asyncio.run(asyncio.wait_for(scenario(), 60)) == [[f"{number}" for number in range(count)]] * 2
