"""What is held in memory of what can be read again."""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Held(dict[K, V]):
    """A dict of at most so many; beyond, all is forgotten, for to keep an order would cost each use.

    Args:
        count_max: It may hold more between two calls of `bound`.
    """

    __slots__ = ("_count_max",)

    def __init__(self, count_max: int) -> None:
        super().__init__()
        self._count_max = count_max

    def bound(self) -> None:
        """Forget all if they are too many."""
        if len(self) > self._count_max:
            self.clear()
