"""When a failed call may be tried again: within a budget, after a jittered pause.

A budget keeps retries from becoming the load that breaks what was only slow: they are a share of the calls, not a
multiple of them.
"""

from __future__ import annotations

from collections.abc import Callable

from mdk_runtime.errors import BadValue

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


class Retries:
    """The attempts of one call."""

    __slots__ = ("_attempts", "_budget", "_left", "_random")

    def __init__(self, budget: RetryBudget, attempts: int, random: Callable[[], float]) -> None:
        if attempts < 1:
            raise BadValue("attempts", attempts, "1 or more")
        budget.call()
        self._budget = budget
        self._attempts = attempts
        self._left = attempts
        self._random = random

    def pause_s(self, remaining_s: float | None) -> float | None:
        """An attempt has failed: how long to wait before the next, None for no more.

        Args:
            remaining_s: Until the deadline, if there is one; nothing is tried after it.
        """
        self._left -= 1
        pause = pause_s(self._attempts - self._left, self._random)
        late = remaining_s is not None and remaining_s <= pause
        if not self._left or late or not self._budget.spend():
            return None
        return pause
