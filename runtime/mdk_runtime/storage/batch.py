"""What one transaction stores, and what becomes of each of its messages."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple

from mdk_protocol.messages import InteractionEvent
from mdk_runtime.core.server.writes import Outcome
from mdk_runtime.storage.rows import MINUTE_MS
from mdk_runtime.storage.senders import Sender

DAY_MS: Final = 86_400_000

Row = tuple[Any, ...]


class Stored(NamedTuple):
    """What became of one message."""

    outcome: Outcome
    reason: str = ""
    """What of it cannot be stored; empty if it is forbidden."""


NEW: Final = Stored(Outcome.NEW)
KNOWN: Final = Stored(Outcome.KNOWN)
REJECTED: Final = Stored(Outcome.REJECTED)


class Block(NamedTuple):
    """A row of `blocks`: rows that follow one another, and the span of their times."""

    first: int
    last: int
    earliest: int
    latest: int


class Call(NamedTuple):
    """An interaction that is new, unless the segment has it already."""

    place: int
    """In the results."""
    row: Row
    event: InteractionEvent
    service: str
    callees: dict[str, str]


class Batch:
    """What one transaction stores."""

    def __init__(self, first: int, now_ms: int) -> None:
        self.first = self.next = first
        self.results: list[Stored] = []
        self.logs: list[Row] = []
        self.calls: dict[bytes | str, Call] = {}
        self.touched: dict[str, Sender] = {}
        """Those whose seen numbers grew."""
        self.sender: Sender | None = None
        """The one touched last."""
        self.log_rates: dict[tuple[int, str, str, str, int], int] = {}
        self.call_rates: Counter[tuple[int, str, str, str, bool]] = Counter()
        self.earliest = 2**63 - 1
        self.latest = -1
        self._now_ms = now_ms

    def minute_at(self, timestamp_ms: int) -> int:
        """A row has this time. The minute that it counts in: that of its arrival if its clock is more than a day wrong."""
        if timestamp_ms < self.earliest:
            self.earliest = timestamp_ms
        if timestamp_ms > self.latest:
            self.latest = timestamp_ms
        is_near = -DAY_MS <= timestamp_ms - self._now_ms <= DAY_MS
        return (timestamp_ms if is_near else self._now_ms) // MINUTE_MS
