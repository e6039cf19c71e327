"""A clock that stands until it is moved."""

from __future__ import annotations


class VirtualClock:
    """Seconds from 0; use `now` where a monotonic clock is wanted."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """The time."""
        return self._now

    def move_to(self, time: float) -> None:
        """Let time pass until then; a clock never goes back.

        Raises:
            ValueError: The time lies in the past.
        """
        if time < self._now:
            raise ValueError(f"the clock stands at {self._now} and cannot go back to {time}")
        self._now = time
