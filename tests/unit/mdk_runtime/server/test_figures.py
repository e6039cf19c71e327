"""What the console is shown of a tenant's storage, asked of a real one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import UNSET

from mdk_protocol.messages import Log, Open
from mdk_runtime.core.origin import Entry, Origin
from mdk_runtime.core.pulse import MINUTE_MS, Facts
from mdk_runtime.core.tenant import Tenant
from mdk_runtime.server import figures as module
from mdk_runtime.server.figures import Figures
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.storage import Storage
from mdk_runtime.storage.writer import Job

WITHIN_S = 10.0
MINUTE = 29_000_000


async def until(figures: Figures, wanted: Callable[[Facts], bool]) -> Facts:
    """The first facts that are as wanted."""
    async with asyncio.timeout(WITHIN_S):
        while not wanted(facts := figures.facts()):  # noqa: ASYNC110  # no event tells of an answer
            await asyncio.sleep(0.005)
    return facts


@pytest.mark.asyncio
async def test_minutes_are_asked_for_again_when_nobody_could_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While too many questions wait the minutes stay touched, though nothing more is stored."""
    monkeypatch.setattr(module, "SUMS_EVERY_S", 0.0)
    stored = threading.Event()
    limits = StorageLimits(readers=1, queries_waiting_max=1)
    storage = Storage(tmp_path, lambda done: stored.set(), limits, now_ms=lambda: MINUTE * MINUTE_MS)
    storage.start()
    may_answer = threading.Event()
    try:
        entry = Entry(Log(node="n", sequence=0, text="t", timestamp=MINUTE * MINUTE_MS), Origin())
        storage.writer.submit(Job(tmp_path / "a", [entry]))
        assert await asyncio.to_thread(stored.wait, WITHIN_S)
        pulses = Tenant(Open(), epoch="e", grace_s=1.0).pulses
        pulses.facts = Facts(time_ms=MINUTE * MINUTE_MS)
        pulses.stored([entry])
        storage.query("a", lambda reader: may_answer.wait(WITHIN_S))
        figures = Figures("a", pulses, storage, started_at=0.0)
        assert figures.facts().sums is UNSET
        may_answer.set()
        facts = await until(figures, lambda facts: facts.sums is not UNSET)
        assert facts.sums is not UNSET
        assert [rate.start for rate in facts.sums.logs] == [MINUTE * MINUTE_MS]
        assert pulses.minutes == set()
    finally:
        may_answer.set()
        await asyncio.to_thread(storage.stop, timeout_s=1.0)
