"""Whether the machine's clock can be trusted with what is dropped by age."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

JUMP_S: Final = 3600.0
"""What is stored is kept for days: an hour more or less makes no difference."""
DISTRUST_S: Final = 86_400.0
"""So long somebody has to put the clock right."""

logger = logging.getLogger("mdk.server.storage")


class ClockWatch:
    """Notices when the clock jumps: a year ahead for a minute, and all that is stored would be too old.

    Args:
        now_ms: The clock, in milliseconds since the epoch.
        monotonic: Seconds on one that does not jump.
    """

    def __init__(self, now_ms: Callable[[], int], monotonic: Callable[[], float]) -> None:
        self._now_ms = now_ms
        self._monotonic = monotonic
        self._apart_s = self._look()
        self._until = float("-inf")

    def is_steady(self) -> bool:
        """True if it has not jumped for a day. To be asked often: a jump is what happened between two times."""
        apart_s = self._look()
        jump_s, self._apart_s = apart_s - self._apart_s, apart_s
        if abs(jump_s) > JUMP_S:
            self._until = self._monotonic() + DISTRUST_S
            logger.warning("the clock has jumped by %+.0f s: nothing is dropped by its age for a day", jump_s)
        return self._monotonic() >= self._until

    def _look(self) -> float:
        return self._now_ms() / 1000 - self._monotonic()
