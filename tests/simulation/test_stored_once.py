"""The real tenant and the real storage behind a link that fails: every log is stored once, whatever was sent again.

So it is when the server ends in between, and when its tenant logs too fast: what is above the rate is rejected once.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mdk_protocol import InteractionEvent, Log, Open, SessionClient, messages
from mdk_runtime.core.server.limits import Limits
from mdk_runtime.core.server.tenant import Tenant
from mdk_runtime.core.server.writes import by_write
from mdk_runtime.storage.layout import segment_path
from mdk_runtime.storage.reader import Reader
from mdk_runtime.storage.segment import Segment
from mdk_runtime.storage.senders import LOGS
from mdkspec_runtime import Endpoint
from mdkspec_runtime.testing import LossyLink, VirtualClock
from simulation.variants import Recorder

STEPS = 150


class World:
    """One client, one tenant, one file; the disk takes its time. The server may end and start again."""

    def __init__(self, seed: int, folder: Path, *, logs_per_s_max: int = 0) -> None:
        self.dice = random.Random(seed)
        self.clock = VirtualClock()
        self.limits = Limits(logs_per_s_max=logs_per_s_max)
        self.tenant = Tenant(Open(), limits=self.limits)
        self.counters = Counter[str]()
        """Of the servers that are gone."""
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
        self.seen: list[tuple[int, int]] = []
        """The numbers that are stored or rejected, in the end."""

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

    def restart(self, *, is_killed: bool) -> None:
        """The server ends, and another one starts on the same file. Its last acknowledgements do not arrive."""
        self.link.cut()
        if is_killed:
            self.waiting.clear()
        self.tell()
        self.counters += self.tenant.counters
        self.segment.close()
        self.segment = Segment(self.segment.path)
        self.tenant = Tenant(Open(), limits=self.limits)

    def outcome(self, name: str) -> int:
        """How many logs had it, over all lives of the server."""
        return self.counters[f"log {name}"] + self.tenant.counters[f"log {name}"]

    def end(self) -> None:
        """Everything works again, until all is acknowledged."""
        self.link.cut()
        self.link.is_reachable = True
        for _ in range(40):
            self.link.advance(1.0)
            self.store()
            self.tell()
        self.link.settle()
        assert self.client.outbox("logs").count == 0
        assert self.client.outbox("interactions").count == 0
        self.seen = [(first, last) for _, kind, first, last in self.segment.seen() if kind == LOGS]
        self.segment.close()

    def store(self) -> None:
        """The disk takes what the tenant wants stored; the acknowledgement comes later, or never."""
        self.tenant.work(now=self.clock.now())
        writes = self.tenant.writes.take()
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
    world.end()
    with Reader(tmp_path) as reader:
        stats = reader.stats()
        assert (stats.logs, stats.interactions) == (world.logs, world.interactions)
        stored = reader.logs(limit=1000, oldest_first=True).items
    assert [log.text for log in stored] == [f"log {number}" for number in range(world.logs)]


@pytest.mark.parametrize("is_killed", [False, True], ids=["ends", "is killed"])
@pytest.mark.parametrize("seed", range(30))
def test_every_log_is_stored_or_rejected_once(seed: int, is_killed: bool, tmp_path: Path) -> None:
    """Emitted = stored + rejected, though servers end, and what was stored comes again above the rate.

    One that is killed takes its counts with it, but not what it decided.
    """
    world = World(seed, tmp_path, logs_per_s_max=4)
    for _ in range(STEPS):
        world.step()
        if world.dice.random() < 0.05:
            world.restart(is_killed=is_killed)
    world.end()
    with Reader(tmp_path) as reader:
        stored = {log.sequence for log in reader.logs(limit=1000, oldest_first=True).items}
        assert (reader.stats().logs, reader.stats().interactions) == (len(stored), world.interactions)
    if is_killed:
        assert world.outcome("rejected") <= world.logs - len(stored)
    else:
        assert (world.outcome("new"), world.outcome("rejected")) == (len(stored), world.logs - len(stored))
    assert world.seen == [(0, world.logs - 1)] if world.logs else not world.seen
