"""Keyed times on a heap."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)

GARBAGE_MIN = 64
"""Dead entries that the heap may hold however few are alive; above, no more than are alive."""


class Schedule(Generic[_K]):
    """When each key is due, earliest first; keys due at one time come in the order in which they were set.

    To put a key off costs one dictionary write: its entry in the heap stays where it is, and is put right when
    it comes to the top. Entries of removed keys stay as garbage, which is swept when it outweighs the rest.
    """

    __slots__ = ("_due", "_heap", "_live", "_order")

    def __init__(self) -> None:
        self._due: dict[_K, float] = {}
        self._live: dict[_K, int] = {}
        """The order of the entry that stands for a key; entries with another one are garbage."""
        self._heap: list[tuple[float, int, _K]] = []
        self._order = 0

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: _K) -> bool:
        return key in self._due

    @property
    def size(self) -> int:
        """Entries in the heap, garbage included."""
        return len(self._heap)

    @property
    def deadline(self) -> float | None:
        """When the first key is due."""
        heap = self._heap
        while heap:
            at, order, key = heap[0]
            if self._live.get(key) != order:
                heapq.heappop(heap)
            elif self._due[key] > at:
                heapq.heapreplace(heap, (self._due[key], order, key))
            else:
                return at
        return None

    def at(self, key: _K) -> float | None:
        """When a key is due; None if it is not set."""
        return self._due.get(key)

    def set(self, key: _K, at: float) -> None:
        """Make a key due at a time, whatever was set before."""
        before = self._due.get(key)
        self._due[key] = at
        if before is None or at < before:
            self._order += 1
            self._live[key] = self._order
            heapq.heappush(self._heap, (at, self._order, key))
            self._sweep()

    def remove(self, key: _K) -> bool:
        """Forget a key; False if there is none such."""
        if self._due.pop(key, None) is None:
            return False
        del self._live[key]
        if self._due:
            self._sweep()
        else:
            self._empty()
        return True

    def pop_due(self, now: float) -> tuple[_K, float] | None:
        """The first key that is due, removed, with its time; None if none is."""
        at = self.deadline
        if at is None or at > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._due[key], self._live[key]
        if not self._due:
            self._empty()
        return key, at

    def keys(self) -> list[_K]:
        """All keys, in the order in which they were first set."""
        return list(self._due)

    def _empty(self) -> None:
        """Give back what was held: an idle connection has a schedule, too."""
        self._due.clear()
        self._live.clear()
        self._heap.clear()

    def _sweep(self) -> None:
        if len(self._heap) - len(self._due) <= max(GARBAGE_MIN, len(self._due)):
            return
        self._heap = [(self._due[key], order, key) for key, order in self._live.items()]
        heapq.heapify(self._heap)
