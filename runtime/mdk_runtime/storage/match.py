"""What a user searches for, as FTS5 wants it said (https://sqlite.org/fts5.html, 3)."""

from __future__ import annotations

import re
from typing import Final

from mdk_runtime.storage.errors import BadQuery
from mdk_runtime.storage.rows import clean

TEXT_LENGTH_MAX: Final = 1000
WORDS_MAX: Final = 32
"""Each costs a walk through its list of rows."""

_PART: Final = re.compile(r'"([^"]*)"|([^\s"]+)')


def match_of(text: str) -> str:
    """The operand of MATCH: every part is quoted, so that none of it can be syntax.

    Raises:
        BadQuery: It is empty or too long.
    """
    if len(text) > TEXT_LENGTH_MAX:
        raise BadQuery("text", text, f"at most {TEXT_LENGTH_MAX} characters")
    parts: list[str] = []
    for found in _PART.finditer(clean(text).replace("\0", " ")):
        phrase, word = found[1], found[2]
        if phrase is not None:
            parts.append(f'"{phrase}"')
        elif len(word) > 1 and word.endswith("*"):
            parts.append(f'"{word[:-1]}"*')
        else:
            parts.append(f'"{word}"')
    if not parts:
        raise BadQuery("text", text, "at least one word")
    if len(parts) > WORDS_MAX:
        raise BadQuery("text", text, f"at most {WORDS_MAX} words")
    return " ".join(parts)
