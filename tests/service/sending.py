"""Who sends logs, and what is stored of them."""

from __future__ import annotations

import asyncio
import itertools
import json
import resource
import time
from contextlib import suppress
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from mdk_runtime.client import MDK
from service.servers import log, stored_logs

CLIENTS = 10
LOGS_PER_S = 5000
"""Of all clients together."""
UNACKED_MAX = 5000
"""Of one client: beyond, it waits, as it would drop what it has."""


class Sender:
    """Logs at its rate, and sends again after each connect what is not acknowledged, as an original does."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.url = ""
        self.emitted = 0
        self.acked: set[int] = set()
        self.unacked: dict[int, None] = {}
        self.is_emitting = True
        self._text = json.dumps(log(987654321, node=node)).replace("987654321", "%d")

    async def run(self) -> None:
        """Until all that it emitted is acknowledged."""
        while self.is_emitting or self.unacked:
            try:
                async with connect(f"{self.url}?token=tok", compression=None) as websocket:
                    await self._talk(websocket)
            except (ConnectionClosed, WebSocketException, OSError, TimeoutError):
                await asyncio.sleep(0.02)

    async def _talk(self, websocket: ClientConnection) -> None:
        await websocket.send(json.dumps({"type": "open", "version": "2.0.0", "nodeId": self.node}))
        for sequence in list(self.unacked):
            await self._send(websocket, sequence)
        reading = asyncio.create_task(self._read(websocket))
        try:
            while (self.is_emitting or self.unacked) and not reading.done():
                began = time.monotonic()
                for _ in range(LOGS_PER_S // CLIENTS // 50):
                    if self.is_emitting and len(self.unacked) < UNACKED_MAX:
                        self.unacked[self.emitted] = None
                        self.emitted += 1
                        await self._send(websocket, self.emitted - 1)
                await asyncio.sleep(max(0.001, 0.02 - (time.monotonic() - began)))
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, ConnectionClosed):
                await reading

    async def _send(self, websocket: ClientConnection, sequence: int) -> None:
        await websocket.send(self._text % ((sequence,) * self._text.count("%d")))

    async def _read(self, websocket: ClientConnection) -> None:
        async for frame in websocket:
            message = json.loads(frame)
            if message["type"] == "logack":
                self.acked.add(message["sequence"])
                self.unacked.pop(message["sequence"], None)


def check(senders: list[Sender], stored: dict[str, list[int]]) -> None:
    """What was acknowledged is there; nothing is there twice; each client's logs are in its order."""
    for sender in senders:
        numbers = stored.get(sender.node, [])
        assert not sender.acked - set(numbers), "an acknowledged log is lost"
        assert all(one < other for one, other in itertools.pairwise(numbers)), "a log is there twice, or out of order"


def numbers_of(folder: Path) -> dict[str, list[int]]:
    """What is stored of each sender, in order of arrival."""
    stored: dict[str, list[int]] = {}
    for one in stored_logs(folder):
        assert one.sequence is not None
        stored.setdefault(one.node, []).append(one.sequence)
    return stored


def unacknowledged(mdk: MDK) -> int:
    """What the server has not stored yet."""
    return len(mdk.intake) + sum(mdk.endpoint.outbox(name).count for name in ("logs", "interactions"))


def resident_bytes(process: int) -> int:
    """Memory of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize()
