"""What the server counts of itself, on the loop's thread; metrics.py shows it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

ACK_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_BOUNDS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Histogram:
    """How many values were below each bound."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.total = 0.0
        """The sum of all values."""
        self._counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float, *, count: int = 1) -> None:
        """So many had this value."""
        self._counts[bisect_left(self.bounds, value)] += count
        self.total += value * count

    def cumulative(self) -> list[int]:
        """How many were at each bound or below; the last is how many there are."""
        sums: list[int] = []
        for count in self._counts:
            sums.append(count + (sums[-1] if sums else 0))
        return sums


class Measures:
    """Of one server."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        """Of tenants that are no longer in memory; see `Tenant.counters`."""
        self.protections = 0
        """How often self-preservation began, of these."""
        self.ack_s = Histogram(ACK_BOUNDS_S)
        """From a message's arrival in its tenant to its acknowledgement."""
        self.loop_lag_s = Histogram(LAG_BOUNDS_S)
        """How late the loop's timer ran."""
