"""A hub on a test's loop, and clients of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.datastructures import Headers

from mdk_protocol.messages import Open
from mdk_runtime.core.server.connection import ClientEndpoint
from mdk_runtime.server.hub import Hub
from mdk_runtime.storage.limits import StorageLimits
from mdkspec_runtime.links.aio import Handshake

WITHIN_S = 60.0
UPGRADE = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "k"}


@asynccontextmanager
async def hub_in(folder: Path, limits: StorageLimits | None = None, *, tenants_max: int = 100) -> AsyncIterator[Hub]:
    """A hub whose storage runs."""
    made = Hub(folder, Open(), grace_s=0.05, limits=limits, tenants_max=tenants_max)
    made.storage.start()
    try:
        yield made
    finally:
        await asyncio.to_thread(made.storage.stop, timeout_s=1.0)


class Client:
    """An endpoint without a connection."""

    def __init__(self, hub: Hub, token: str = "", node_id: str = "n", properties: dict[str, Any] | None = None) -> None:
        answer = hub.accept(Handshake("/rtp", f"token={token}", Headers(UPGRADE), ("127.0.0.1", 1)))
        assert isinstance(answer, ClientEndpoint)
        self.hub, self.endpoint = hub, answer
        self.woken = asyncio.Event()
        self.frames: list[dict[str, Any]] = []
        self.endpoint.wake = self.woken.set
        self.now = asyncio.get_running_loop().time
        self.endpoint.connected(now=self.now())
        self.send({"type": "open", "nodeId": node_id, "properties": properties or {}})
        self.collect()
        self.frames.clear()

    def send(self, message: dict[str, Any]) -> None:
        """To the server."""
        self.endpoint.receive(json.dumps(message), now=self.now())

    def collect(self) -> None:
        """What is written so far."""
        while frames := self.endpoint.take_output():
            self.frames += [json.loads(frame) for frame in frames]

    async def next(self) -> dict[str, Any]:
        """The next frame."""
        async with asyncio.timeout(WITHIN_S):
            while not self.frames:
                self.woken.clear()
                self.collect()
                if not self.frames:
                    await self.woken.wait()
        return self.frames.pop(0)

    def cut(self) -> None:
        """The connection breaks."""
        self.endpoint.lost(now=self.now())
        self.hub.ended(self.endpoint)


def active() -> dict[str, Any]:
    """Registers a node."""
    return {"type": "active", "node": {"id": "n", "service": "s", "version": "1", "address": "a"}}


def log(sequence: int, **fields: Any) -> dict[str, Any]:
    """A log."""
    return {"type": "log", "node": "n", "sequence": sequence, **fields}
