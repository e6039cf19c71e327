"""Time of an asyncio loop that passes when a test says so: no stall of the machine lets a timer run out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


class LoopClock:
    """While it is held it stands still but for `move`: what waits for a time waits for that, and a test polls with `until`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._true_time = asyncio.SelectorEventLoop.time
        self._behind = 0.0
        self._held_at: float | None = None
        monkeypatch.setattr(asyncio.SelectorEventLoop, "time", lambda loop: self._time(loop))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Stand still in this block."""
        loop: Any = asyncio.get_running_loop()
        self._held_at = loop.time()
        try:
            yield
        finally:
            self._behind = self._true_time(loop) - self._held_at
            self._held_at = None

    async def move(self, seconds: float) -> None:
        """Let time pass, and timers run out and do what they do."""
        assert self._held_at is not None
        self._held_at += seconds
        for _ in range(3):
            await asyncio.sleep(0)

    def _time(self, loop: asyncio.SelectorEventLoop) -> float:
        return self._held_at if self._held_at is not None else self._true_time(loop) - self._behind


async def until(condition: Callable[[], object]) -> None:
    """Let others go on until it holds. There is no bound but the test's own, for the clock may stand still."""
    while not condition():  # noqa: ASYNC110  # no event says it
        await asyncio.sleep(0)
