"""Words: texts that many rows share, each written once and known by its number."""

from __future__ import annotations

import sqlite3
from typing import Final

from mdk_runtime.storage.held import Held
from mdk_runtime.storage.rows import clean

WORDS_MAX: Final = 20_000
"""Held in memory."""


class Words:
    """Those of a segment that is being written."""

    __slots__ = ("_database", "numbers")

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.numbers: Held[str, int] = Held(WORDS_MAX)
        """Of those held in memory."""

    def number(self, text: str) -> int:
        """Of this word; it is written if it is new."""
        number = self.numbers.get(text)
        if number is None:
            word = clean(text)
            self._database.execute("INSERT OR IGNORE INTO words (text) VALUES (?)", (word,))
            (number,) = self._database.execute("SELECT id FROM words WHERE text = ?", (word,)).fetchone()
            self.numbers[text] = number
        return number
