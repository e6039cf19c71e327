"""The real tenant and the real storage behind a link that fails: every log is stored once, whatever was sent again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from mdk_protocol import InteractionEvent, Log, Open, SessionClient, messages
from mdk_runtime.core.tenant import Tenant, by_write
from mdk_runtime.storage.layout import segment_path
from mdk_runtime.storage.reader import Reader
from mdk_runtime.storage.segment import Segment
from mdkspec_runtime import Endpoint
from mdkspec_runtime.testing import LossyLink, VirtualClock
from simulation.variants import Recorder

STEPS = 150


class World:
    """One client, one tenant, one file; the disk takes its time."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.dice = random.Random(seed)
        self.clock = VirtualClock()
        self.tenant = Tenant(Open())
        self.segment = Segment(segment_path(folder, 1))
        self.waiting: list[Any] = []
        """Batches that the disk has taken, not yet told to the tenant."""
        self.client = SessionClient(Recorder(package=messages))
        self.client.start(now=0.0)
        self.link = LossyLink(
            self.client, self._accept, self.clock, delay_s=self.dice.choice([0.0, 0.005]), ended=self._ended
        )
        self.logs = 0
        self.interactions = 0

    def _accept(self) -> Endpoint:
        return self.tenant.connect().endpoint

    def _ended(self, endpoint: Any) -> None:
        self.tenant.disconnected(endpoint.connection, now=self.clock.now())

    def step(self) -> None:
        """Something happens."""
        act = self.dice.random()
        if act < 0.4:
            self.client.deliver_logs(Log(node="n1", text=f"log {self.logs}"), now=self.clock.now())
            self.logs += 1
        elif act < 0.45:
            event = InteractionEvent(node="n1", uuid=f"uuid {self.interactions}")
            self.client.deliver_interactions(event, now=self.clock.now())
            self.interactions += 1
        elif act < 0.5:
            self.dice.choice([self.link.cut, self.link.go_half_open])()
        elif act < 0.55:
            self.link.is_reachable = self.dice.random() < 0.5
        elif act < 0.9:
            self.link.advance(self.dice.choice([0.001, 0.1, 2.0]))
        self.store()
        if self.dice.random() < 0.5:
            self.tell()

    def store(self) -> None:
        """The disk takes what the tenant wants stored; the acknowledgement comes later, or never."""
        self.tenant.work(now=self.clock.now())
        writes = self.tenant.take_writes()
        if writes:
            results = self.segment.store([entry for write in writes for entry in write.entries], now_ms=0)
            self.waiting.append(list(by_write(writes, [result.outcome for result in results])))

    def tell(self) -> None:
        """The tenant hears that it is stored, and acknowledges."""
        while self.waiting:
            self.tenant.stored(self.waiting.pop(0), now=self.clock.now())


@pytest.mark.parametrize("seed", range(30))
def test_every_log_is_stored_once(seed: int, tmp_path: Path) -> None:
    """Whatever was lost, repeated or acknowledged too late: in the end each stands in the file once, in order."""
    world = World(seed, tmp_path)
    for _ in range(STEPS):
        world.step()
    world.link.cut()
    world.link.is_reachable = True
    for _ in range(40):
        world.link.advance(1.0)
        world.store()
        world.tell()
    world.link.settle()
    assert world.client.outbox("logs").count == 0
    assert world.client.outbox("interactions").count == 0
    world.segment.close()
    with Reader(tmp_path) as reader:
        stats = reader.stats()
        assert (stats.logs, stats.interactions) == (world.logs, world.interactions)
        stored = reader.logs(limit=1000, oldest_first=True).items
    assert [log.text for log in stored] == [f"log {number}" for number in range(world.logs)]
