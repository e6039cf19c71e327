"""Where a test may let the process die: each step between two things that have to be durable has a name here."""

from __future__ import annotations

from collections.abc import Callable

STEPS = (
    "roll: numbers are in the manifest",
    "roll: the new segment is there",
    "seal: texts are merged",
    "seal: changes are folded in",
    "seal: the manifest says so",
    "drop: what is kept is written",
    "drop: what is kept has its name",
    "drop: the manifest says so",
    "drop: the file is gone",
)


def _nothing(step: str) -> None:
    pass


reached: Callable[[str], None] = _nothing
"""Called at each step; a test puts a function here that raises."""
