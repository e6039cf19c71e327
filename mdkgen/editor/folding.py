"""What an editor may fold: whatever stands between braces, and comments of several lines. A broken text folds as well."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mdkgen.chunks import PIECE

_COMMENTS = re.compile(r"^[ \t]*//.*(?:\n[ \t]*//.*)+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fold:
    """Lines count from 0; the last one is folded, too."""

    first: int
    last: int
    is_comment: bool


def folds(text: str) -> list[Fold]:
    """In the order of their first lines."""
    return sorted({*_blocks(text), *_comments(text)}, key=lambda one: (one.first, -one.last))


def _blocks(text: str) -> Iterator[Fold]:
    """The line with the closing brace stays to be seen."""
    line, open_ = 0, list[int]()
    for match in PIECE.finditer(text):
        piece = match.group()
        if match.lastgroup == "brace" and piece == "{":
            open_.append(line)
        elif match.lastgroup == "brace" and open_:
            first = open_.pop()
            if line - 1 > first:
                yield Fold(first, line - 1, is_comment=False)
        line += piece.count("\n")


def _comments(text: str) -> Iterator[Fold]:
    for match in _COMMENTS.finditer(text):
        first = text.count("\n", 0, match.start())
        yield Fold(first, first + match.group().count("\n"), is_comment=True)
