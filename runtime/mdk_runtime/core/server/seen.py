"""Which numbers of a sender were seen, as ranges, and which of these ranges have to be written down."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final, NamedTuple

RANGES_MAX: Final = 10_000
"""Ranges of a sender that are kept apart; one more, and the two lowest become one that covers the gap between them.

A number in that gap counts as seen though it never came, so it must be one that no sender keeps any more. Between our
own sides none of the higher numbers is acknowledged before it, so they stand in the outbox with it, one for each range at
least; and as many as these push it out (the largest outbox of the spec; a test compares). Without a bound a client that
leaves out every other number would have a range for each of its logs, in memory and in every segment.
"""


class RangeChanges(NamedTuple):
    """What differs from what was written last."""

    removed: list[int]
    """First numbers of ranges that are no more."""
    written: list[tuple[int, int]]
    """First and last number of ranges that are new, or end elsewhere."""


class SeenNumbers:
    """A set of numbers. Not the highest one: an original can send over six connections under one id at once.

    It is exact, but for gaps below RANGES_MAX ranges: to take an unseen number for a seen one would be to acknowledge
    what was never stored.

    Args:
        ranges: First and last numbers, ascending, as they were written.
        limit: See RANGES_MAX.
    """

    __slots__ = ("_firsts", "_lasts", "_limit", "_touched")

    def __init__(self, ranges: Iterable[tuple[int, int]] = (), *, limit: int = RANGES_MAX) -> None:
        self._limit = limit
        pairs = list(ranges)
        self._firsts = [first for first, _ in pairs]
        self._lasts = [last for _, last in pairs]
        self._touched: dict[int, None] = {}
        self._join_lowest()

    def __contains__(self, number: int) -> bool:
        place = bisect_right(self._firsts, number) - 1
        return place >= 0 and number <= self._lasts[place]

    def ranges(self) -> list[tuple[int, int]]:
        """First and last number of each range, ascending."""
        return list(zip(self._firsts, self._lasts, strict=True))

    def add(self, number: int) -> bool:
        """Add a number; False if it was seen before."""
        firsts, lasts = self._firsts, self._lasts
        if lasts and number == lasts[-1] + 1:  # As nearly always.
            lasts[-1] = number
            self._touched[firsts[-1]] = None
            return True
        place = bisect_right(firsts, number)
        if place and number <= lasts[place - 1]:
            return False
        follows = place > 0 and lasts[place - 1] == number - 1
        precedes = place < len(firsts) and firsts[place] == number + 1
        if precedes:
            self._touched[number + 1] = None
        if follows and precedes:
            lasts[place - 1] = lasts.pop(place)
            del firsts[place]
        elif follows:
            lasts[place - 1] = number
        elif precedes:
            firsts[place] = number
        else:
            firsts.insert(place, number)
            lasts.insert(place, number)
        self._touched[firsts[place - 1] if follows else number] = None
        self._join_lowest()
        return True

    def _join_lowest(self) -> None:
        """See RANGES_MAX."""
        more = len(self._firsts) - self._limit
        if more <= 0:
            return
        for first in self._firsts[: more + 1]:
            self._touched[first] = None
        del self._firsts[1 : more + 1]
        del self._lasts[:more]

    def take_changes(self) -> RangeChanges:
        """What to write so that the written ranges are these; forgotten with this call."""
        touched, self._touched = self._touched, {}
        changes = RangeChanges([], [])
        for first in touched:
            place = bisect_right(self._firsts, first) - 1
            if place >= 0 and self._firsts[place] == first:
                changes.written.append((first, self._lasts[place]))
            else:
                changes.removed.append(first)
        return changes


def united(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that may overlap and stand in any order, as the fewest that cover the same numbers, ascending."""
    result: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if result and first <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], last))
        else:
            result.append((first, last))
    return result
