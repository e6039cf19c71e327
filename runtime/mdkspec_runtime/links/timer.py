"""A timer that follows a deadline: set to a time or to none, and moved when the deadline moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Timer:
    """Calls once when its time has come. All methods are called on the loop's thread.

    What it calls is given with the time, not kept: a timer at rest holds on to nobody, so that its owner goes
    when the last reference to it goes.
    """

    __slots__ = ("_at", "_handle", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._at: float | None = None
        self._handle: asyncio.TimerHandle | None = None

    def move(self, at: float | None, act: Callable[[], object]) -> None:
        """Call `act` at that time of the loop's clock, instead of before; never, if None. The same time changes nothing."""
        if at == self._at:
            return
        self.stop()
        if at is not None:
            self._at = at
            self._handle = self._loop.call_at(at, self._due, act)

    def stop(self) -> None:
        """Call nothing."""
        if self._handle is not None:
            self._handle.cancel()
        self._at = self._handle = None

    def _due(self, act: Callable[[], object]) -> None:
        self._at = self._handle = None
        act()
