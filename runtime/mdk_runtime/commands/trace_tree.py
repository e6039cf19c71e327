"""One trace as a tree: who said what, indented by the depth of its Lamport clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

CLOCK_WIDTH = 6


class Entry(NamedTuple):
    """One line of the tree."""

    clocks: Sequence[int]
    who: str
    """The service, or what else the process is called."""
    level: str
    text: str


def tree(entries: Iterable[Entry]) -> Iterator[str]:
    """The lines of a tree, in causal order; the entries may come in any."""
    ordered = sorted(entries, key=lambda entry: list(entry.clocks))
    width = max((len(entry.who) for entry in ordered), default=0)
    for clocks, who, level, text in ordered:
        indent = "    " * (len(clocks) - 1)
        clock = ".".join(map(str, clocks)).ljust(CLOCK_WIDTH)
        inner = f"\n{indent}{' ' * (CLOCK_WIDTH + width + 9)}"
        yield f"{indent}{clock}{who.ljust(width)}  {level:<5}  {printable(text, inner)}"


def printable(text: str, newline: str = "\n    ") -> str:
    """A text of others as a terminal may show it: it cannot move the cursor, and its lines stand below each other."""
    lines = text.rstrip("\n").split("\n")
    return newline.join("".join(map(_shown, line)) for line in lines)


def _shown(character: str) -> str:
    if character.isprintable() or character == "\t":
        return character
    return character.encode("unicode_escape").decode()
