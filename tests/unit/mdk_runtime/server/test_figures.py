"""What the console is shown of a tenant's storage, asked of a real one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import UNSET, UnsetType

from mdk_protocol.messages import Log, Open, Rates, Watch
from mdk_runtime.core.server.news import MINUTE_MS
from mdk_runtime.core.server.origin import Entry, Origin
from mdk_runtime.core.server.pulse import Facts
from mdk_runtime.core.server.tenant import Tenant
from mdk_runtime.server import figures as module
from mdk_runtime.server.figures import Figures
from mdk_runtime.storage.backlog import Job
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.storage import Storage
from mdk_runtime.storage.writer import Done

WITHIN_S = 60.0
MINUTE = 29_000_000


async def until(figures: Figures, wanted: Callable[[Facts], bool]) -> Facts:
    """The first facts that are as wanted."""
    async with asyncio.timeout(WITHIN_S):
        while not wanted(facts := figures.facts()):  # noqa: ASYNC110  # no event tells of an answer
            await asyncio.sleep(0.005)
    return facts


class Tended:
    """A tenant whose storage runs."""

    def __init__(self, storage: Storage, folder: Path, stored: asyncio.Queue[None]) -> None:
        self.storage = storage
        self.pulses = Tenant(Open(), epoch="e", grace_s=1.0).pulses
        self.pulses.facts = Facts(time_ms=MINUTE * MINUTE_MS)
        self.figures = Figures(folder.name, self.pulses.news, storage, started_at=0.0)
        self._folder = folder
        self._stored = stored
        self._count = 0

    async def store(self, minute: int) -> None:
        """One log of a minute."""
        entry = Entry(Log(node="n", sequence=self._count, text="t", timestamp=minute * MINUTE_MS), Origin())
        self._count += 1
        self.storage.writer.submit(Job(self._folder, [entry]))
        async with asyncio.timeout(WITHIN_S):
            await self._stored.get()
        self.pulses.news.stored([entry], time_ms=self.pulses.facts.time_ms)

    async def sums(self, before: Rates | UnsetType = UNSET) -> list[int]:
        """The minutes of the next sums."""
        sums = (await until(self.figures, lambda facts: facts.sums is not before)).sums
        assert sums is not UNSET
        return [rate.start // MINUTE_MS for rate in sums.logs]


@asynccontextmanager
async def tended(folder: Path) -> AsyncIterator[Tended]:
    """A tenant in a storage that takes one question at a time."""
    loop, stored = asyncio.get_running_loop(), asyncio.Queue[None]()
    limits = StorageLimits(readers=1, queries_waiting_max=1)

    def deliver(_: list[Done]) -> None:
        loop.call_soon_threadsafe(stored.put_nowait, None)

    storage = Storage(folder, deliver, limits, now_ms=lambda: MINUTE * MINUTE_MS)
    storage.start()
    try:
        yield Tended(storage, folder / "a", stored)
    finally:
        await asyncio.to_thread(storage.stop, timeout_s=1.0)


@pytest.mark.asyncio
async def test_minutes_are_asked_for_again_when_nobody_could_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While too many questions wait the minutes stay touched, though nothing more is stored."""
    monkeypatch.setattr(module, "SUMS_EVERY_S", 0.0)
    may_answer = threading.Event()
    async with tended(tmp_path) as one:
        await one.store(MINUTE)
        one.storage.query("a", lambda reader: may_answer.wait(WITHIN_S))
        try:
            assert one.figures.facts().sums is UNSET
        finally:
            may_answer.set()
        assert await one.sums() == [MINUTE]
        assert one.pulses.news.minutes == set()


@pytest.mark.asyncio
async def test_sums_are_told_before_others_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or those of a minute that has just passed would never be seen."""
    monkeypatch.setattr(module, "SUMS_EVERY_S", 0.0)
    async with tended(tmp_path) as one:
        await one.store(MINUTE - 1)
        assert await one.sums() == [MINUTE - 1]
        await one.store(MINUTE)
        facts = one.figures.facts()
        await one.store(MINUTE)
        assert one.figures.facts().sums is facts.sums
        assert one.pulses.news.minutes == {MINUTE}
        one.pulses.facts = facts
        one.pulses.begin(Tenant(Open(), epoch="e", grace_s=1.0).connect(), Watch(), now=0.0)
        one.pulses.work(now=1.0)
        assert await one.sums(before=facts.sums) == [MINUTE]
