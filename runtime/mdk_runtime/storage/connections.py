"""Connections to segments, kept open for the next query."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec.json import decode

from mdk_runtime.storage.held import Held
from mdk_runtime.storage.schema import open_for_reading

WORDS_MAX: Final = 20_000
"""Words of a segment that a connection remembers."""


class _Key(NamedTuple):
    path: Path
    is_final: bool


class SegmentConnection:
    """A connection for reading, with the words of the segment that it has met. Used by one thread at a time."""

    def __init__(self, path: Path, is_final: bool) -> None:
        self.key = _Key(path, is_final)
        self._inode = path.stat().st_ino if path.exists() else 0
        self.database = open_for_reading(path, is_final=is_final)
        self._texts: Held[int, str] = Held(WORDS_MAX)

    @property
    def is_there(self) -> bool:
        """False if the file was removed since: it stays on the disk as long as it is open; another may have its name."""
        try:
            return self.key.path.stat().st_ino == self._inode
        except OSError:
            return False

    def rows(self, query: str, values: Sequence[Any], columns: int) -> list[list[Any]]:
        """The rows of a query whose columns are named c0, c1, and so on; blobs must come as hex digits.

        All in one step of SQLite, as JSON: Python's lock is asked for again after each step, and where another thread
        is busy each may have to wait for it (measured beside one that never rests: 100 rows in 15 ms, in one step 1.6).
        """
        names = ", ".join(f"c{number}" for number in range(columns))
        cursor = self.database.execute(f"SELECT json_group_array(json_array({names})) FROM ({query})", values)
        found: list[list[Any]] = decode(cursor.fetchone()[0])
        return found

    def text(self, number: int) -> str:
        """The word of a number."""
        found = self._texts.get(number)
        if found is None:
            self._texts.bound()
            row = self.database.execute("SELECT text FROM words WHERE id = ?", (number,)).fetchone()
            found = self._texts[number] = row[0] if row else ""
        return found

    def number(self, text: str) -> int | None:
        """The number of a word; None if the segment has it not."""
        row = self.database.execute("SELECT id FROM words WHERE text = ?", (text,)).fetchone()
        return int(row[0]) if row else None


class Connections:
    """Open connections that nobody uses, the one used last first. Used by any thread.

    Args:
        idle_max: So many stay open.
    """

    def __init__(self, idle_max: int) -> None:
        self._idle_max = idle_max
        self._lock = threading.Lock()
        self._idle: list[SegmentConnection] = []
        self._is_closed = False

    @contextmanager
    def use(self, path: Path, *, is_final: bool) -> Generator[SegmentConnection]:
        """A connection that is this thread's for a while. Raises as `open_for_reading`."""
        connection = self._take(_Key(path, is_final)) or SegmentConnection(path, is_final)
        try:
            yield connection
        except sqlite3.Error:
            connection.database.close()
            raise
        except BaseException:
            self._give(connection)
            raise
        self._give(connection)

    def forget(self, folder: Path) -> None:
        """Let go of a tenant's files: some may have been removed, and stay on the disk as long as they are open."""
        with self._lock:
            gone = [one for one in self._idle if one.key.path.parent == folder]
            self._idle = [one for one in self._idle if one.key.path.parent != folder]
        for connection in gone:
            connection.database.close()

    def close(self) -> None:
        """Let go of all files."""
        with self._lock:
            self._is_closed = True
            gone, self._idle = self._idle, []
        for connection in gone:
            connection.database.close()

    def _take(self, key: _Key) -> SegmentConnection | None:
        with self._lock:
            for place in range(len(self._idle) - 1, -1, -1):
                if self._idle[place].key == key:
                    return self._idle.pop(place)
        return None

    def _give(self, connection: SegmentConnection) -> None:
        is_there = connection.is_there
        with self._lock:
            is_kept = is_there and not self._is_closed
            if is_kept:
                self._idle.append(connection)
            gone = self._idle[: -self._idle_max] if is_kept else [connection]
            self._idle = self._idle[-self._idle_max :]
        for one in gone:
            one.database.close()
