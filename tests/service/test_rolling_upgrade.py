"""A server is stopped and a new one started on the same data and port, under load."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.watch import REMOVED
from service.programs import WITHIN_S, wait_until
from service.sending import Sender, check, numbers_of, unacknowledged
from service.servers import ServerProcess, active

UPGRADES = 2
GRACE_S = 1.0
RENEW_EVERY_S = 1.0
NODE_TTL_S = 5.0
"""Shorter than the test, longer than it takes a process to start here."""


class Original:
    """Registers as an original does, comes back after every cut, and keeps what it was told."""

    def __init__(self, node: str, url: str) -> None:
        self.node = node
        self.url = url
        self.present: set[str] = set()
        self.expired: list[str] = []
        self.connections = 0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with connect(f"{self.url}?token=tok", compression=None) as websocket:
                    await self._talk(websocket)
            except (ConnectionClosed, WebSocketException, OSError, TimeoutError):
                await asyncio.sleep(0.05)

    async def _talk(self, websocket: ClientConnection) -> None:
        await websocket.send(json.dumps({"type": "open", "version": "2.0.0", "nodeId": self.node}))
        renewing = asyncio.create_task(self._renew(websocket))
        self.connections += 1
        try:
            async for frame in websocket:
                message = json.loads(frame)
                if message["type"] == "active":
                    self.present.add(message["node"]["address"])
                elif message["type"] == "expire":
                    self.expired.append(message["node"]["address"])
        finally:
            renewing.cancel()

    async def _renew(self, websocket: ClientConnection) -> None:
        while True:
            await websocket.send(json.dumps(active(self.node, f"http://{self.node}", ttl=NODE_TTL_S)))
            await asyncio.sleep(RENEW_EVERY_S)


@contextmanager
def logging(clients: list[MDK]) -> Iterator[None]:
    """Each of them logs, every 2 ms, from a thread."""
    ending = threading.Event()

    def work() -> None:
        while not ending.wait(0.002):
            for one in clients:
                one.session().info("load", "text")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


@pytest.mark.asyncio
async def test_an_upgrade_under_load_expires_nobody_and_loses_nothing(tmp_path: Path) -> None:
    """Our clients and originals, registrations and logs: no live node goes, every acknowledged log is there, once."""
    options = ("--grace", str(GRACE_S))
    running = await asyncio.to_thread(ServerProcess, tmp_path, *options)
    port = str(running.port)
    ours = [MDK(Config(server_url=running.url, token="tok")).start() for _ in range(3)]
    originals = [Original(f"o{number}", running.url) for number in range(2)]
    senders = [Sender(f"n{number}") for number in range(4)]
    for sender in senders:
        sender.url = running.url
    tasks = [asyncio.create_task(one.run()) for one in originals]
    sending = [asyncio.create_task(one.run()) for one in senders]
    try:
        for number, one in enumerate(ours):
            one.register("svc", "1.0", f"http://ours{number}")
        everybody = {f"http://ours{number}" for number in range(3)} | {"http://o0", "http://o1"}
        watches = [one.watch("svc") for one in ours]

        def all_know_all() -> bool:
            ours_know = all({node.address for node in one.nodes("svc")} == everybody for one in ours)
            return ours_know and all(one.present == everybody for one in originals)

        await asyncio.to_thread(wait_until, all_know_all, "everybody knows everybody")
        with logging(ours):
            for turn in range(UPGRADES):
                await asyncio.sleep(1.0)
                assert await asyncio.to_thread(running.terminate) == 0
                running = await asyncio.to_thread(ServerProcess, tmp_path, *options, "--port", port)

                def all_are_back(turn: int = turn) -> bool:
                    return all(one.connected for one in ours) and all(one.connections > turn + 1 for one in originals)

                await asyncio.to_thread(wait_until, all_are_back, "all are back")
                await asyncio.sleep(2 * GRACE_S)
                assert all_know_all()
            await asyncio.sleep(NODE_TTL_S)
            assert all_know_all(), "also after a ttl"
        assert not any(one.expired for one in originals)
        changes = [change.kind for watch in watches for change in iter(lambda w=watch: w.next(0.05), None)]  # type: ignore[misc]
        assert REMOVED not in changes
        for sender in senders:
            sender.is_emitting = False
        async with asyncio.timeout(2 * WITHIN_S):
            await asyncio.gather(*sending)
        await asyncio.to_thread(wait_until, lambda: not any(map(unacknowledged, ours)), "all is acknowledged")
        said = {one.node_id: one.core.own_statistics() for one in ours}
    finally:
        for one in ours:
            await asyncio.to_thread(one.stop)
        for task in (*tasks, *sending):
            task.cancel()
    assert await asyncio.to_thread(running.terminate) == 0
    stored = numbers_of(running.tenant_folder())
    check(senders, stored)
    assert {one.node: len(stored[one.node]) for one in senders} == {one.node: one.emitted for one in senders}
    for node, statistics in said.items():
        assert (statistics.queued, statistics.dropped) == (0, 0)
        assert stored[node] == list(range(statistics.emitted))
