"""Sets of numbers in bounded space."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

RANGES_MAX = 1000
"""Ranges kept apart. One more, and the two lowest become one that covers the gap between them."""


class NumberRanges:
    """Numbers, as ranges. `count` is exact; the ranges cover every number, and gaps too once there are too many."""

    __slots__ = ("_blurred", "_ends", "_limit", "_starts", "count")

    def __init__(self, limit: int = RANGES_MAX) -> None:
        self._limit = limit
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._blurred: int | None = None
        """Up to here gaps are covered: whether a single number was added is not known any more."""
        self.count = 0

    def spans(self) -> list[tuple[int, int]]:
        """First and last number of each range, ascending."""
        return list(zip(self._starts, self._ends, strict=True))

    @property
    def first(self) -> int | None:
        """The lowest number; None if there are none."""
        return self._starts[0] if self._starts else None

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._starts, number) - 1
        return place >= 0 and number <= self._ends[place]

    def meets(self, first: int, last: int) -> bool:
        """True if one of these numbers is in."""
        place = bisect_right(self._starts, last) - 1
        return place >= 0 and first <= self._ends[place]

    def add(self, number: int) -> None:
        """Add a number that is not in any range."""
        self.add_run(number, number)

    def add_run(self, first: int, last: int) -> None:
        """Add numbers without a gap, none of which is in any range."""
        starts, ends = self._starts, self._ends
        self.count += last - first + 1
        place = bisect_right(starts, first)
        after_previous = place > 0 and ends[place - 1] >= first - 1
        before_next = place < len(starts) and starts[place] == last + 1
        if after_previous and before_next:
            ends[place - 1] = ends.pop(place)
            del starts[place]
        elif after_previous:
            ends[place - 1] = max(ends[place - 1], last)
        elif before_next:
            starts[place] = first
        else:
            starts.insert(place, first)
            ends.insert(place, last)
            self._blur()

    def discard(self, number: int) -> bool:
        """Take a number out; False if it is not in, or is where gaps are covered."""
        return self._cut(number, number)

    def discard_run(self, first: int, last: int) -> None:
        """Take out those of some numbers that are in, and not where gaps are covered."""
        if not self._cut(first, last):
            for number in range(first, last + 1):
                self._cut(number, number)

    def _cut(self, first: int, last: int) -> bool:
        """Take out numbers that one range holds all; False if none does."""
        place = bisect_right(self._starts, first) - 1
        if place < 0 or last > self._ends[place] or (self._blurred is not None and first <= self._blurred):
            return False
        before, after = self._starts.pop(place), self._ends.pop(place)
        parts = [(a, b) for a, b in ((before, first - 1), (last + 1, after)) if a <= b]
        self._starts[place:place] = [a for a, _ in parts]
        self._ends[place:place] = [b for _, b in parts]
        self.count -= last - first + 1
        self._blur()
        return True

    def _blur(self) -> None:
        if len(self._starts) > self._limit:
            del self._starts[1]
            del self._ends[0]
            self._blurred = self._ends[0] if self._blurred is None else max(self._blurred, self._ends[0])


def runs_of(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """First and last number of each run without a gap, in the order of the numbers."""
    if not numbers:
        return []
    first, last = numbers[0], numbers[-1]
    if last - first + 1 == len(numbers) and list(numbers) == list(range(first, last + 1)):
        return [(first, last)]  # As nearly all batches are.
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
