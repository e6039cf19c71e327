"""When a failed call may be tried again: within a budget, after a jittered pause.

A budget keeps retries from becoming the load that breaks what was only slow: they are a share of the calls, not a
multiple of them.
"""

from __future__ import annotations

from collections.abc import Callable

RATIO = 0.2
"""Retries for each call, in the long run."""
SAVED_MAX = 10.0
"""Retries that a quiet service may make at once."""
PAUSE_FIRST_S = 0.025
PAUSE_MAX_S = 1.0


class RetryBudget:
    """The retries that calls to one service have saved up."""

    __slots__ = ("_saved",)

    def __init__(self) -> None:
        self._saved = SAVED_MAX

    def call(self) -> None:
        """A call is made, not counting its retries."""
        self._saved = min(SAVED_MAX, self._saved + RATIO)

    def spend(self) -> bool:
        """Whether there may be a retry; if so, it is paid for."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True


def pause_s(attempt: int, random: Callable[[], float]) -> float:
    """Full jitter: anything between nothing and a bound that doubles with each attempt, the first being 1."""
    return random() * min(PAUSE_MAX_S, PAUSE_FIRST_S * float(1 << min(attempt, 10)))
