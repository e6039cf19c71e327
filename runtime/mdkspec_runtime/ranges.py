"""Sets of numbers in bounded space."""

from __future__ import annotations

from bisect import bisect_right

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

    def add(self, number: int) -> None:
        """Add a number that is not in any range."""
        starts, ends = self._starts, self._ends
        self.count += 1
        place = bisect_right(starts, number)
        after_previous = place > 0 and ends[place - 1] >= number - 1
        before_next = place < len(starts) and starts[place] == number + 1
        if after_previous and before_next:
            ends[place - 1] = ends.pop(place)
            del starts[place]
        elif after_previous:
            ends[place - 1] = max(ends[place - 1], number)
        elif before_next:
            starts[place] = number
        else:
            starts.insert(place, number)
            ends.insert(place, number)
            self._blur()

    def discard(self, number: int) -> bool:
        """Take a number out; False if it is not in, or is where gaps are covered."""
        place = bisect_right(self._starts, number) - 1
        if place < 0 or number > self._ends[place] or (self._blurred is not None and number <= self._blurred):
            return False
        first, last = self._starts.pop(place), self._ends.pop(place)
        parts = [(a, b) for a, b in ((first, number - 1), (number + 1, last)) if a <= b]
        self._starts[place:place] = [a for a, _ in parts]
        self._ends[place:place] = [b for _, b in parts]
        self.count -= 1
        self._blur()
        return True

    def _blur(self) -> None:
        if len(self._starts) > self._limit:
            del self._starts[1]
            del self._ends[0]
            self._blurred = self._ends[0] if self._blurred is None else max(self._blurred, self._ends[0])
