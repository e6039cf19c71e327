"""What a tenant's folder knows beside its segments: which are sealed, and what outlives them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Self

from mdk_runtime.core.server.seen import united
from mdk_runtime.storage.layout import kept_path, manifest_path, segment_path
from mdk_runtime.storage.schema import open_manifest

DROPPED_THROUGH: Final = "dropped through"
"""The highest number of a dropped segment."""
DROPPED_CALL_MS: Final = "dropped calls until"
"""When the last interaction of dropped segments ended."""

MERGE_RATES: Final = (
    "INSERT INTO log_rates SELECT * FROM segment.log_rates WHERE true"
    " ON CONFLICT DO UPDATE SET count = count + excluded.count",
    "INSERT INTO call_rates SELECT * FROM segment.call_rates WHERE true"
    " ON CONFLICT DO UPDATE SET ok = ok + excluded.ok, failed = failed + excluded.failed",
)

COLUMNS: Final = (
    "number, is_kept, created_ms, sealed_ms, bytes, last_row, logs, interactions, earliest, latest, call_first,"
    " call_last, levels"
)


@dataclass(frozen=True, slots=True)
class SealedSegment:
    """A segment that nobody writes any more, or what was kept of it."""

    number: int
    is_kept: bool
    """True: it was dropped, and this is what was kept of it."""
    created_ms: int
    sealed_ms: int
    size_bytes: int
    last_row: int
    logs: int
    interactions: int
    earliest_ms: int | None
    latest_ms: int | None
    """Of its rows' own times."""
    call_first_ms: int | None
    call_last_ms: int | None
    """When its interactions ended."""
    levels: Mapping[str, int]
    """Logs by level."""

    def path(self, folder: Path) -> Path:
        """Where it is."""
        return (kept_path if self.is_kept else segment_path)(folder, self.number)

    def as_row(self) -> tuple[Any, ...]:
        """As the manifest has it."""
        return (
            self.number,
            int(self.is_kept),
            self.created_ms,
            self.sealed_ms,
            self.size_bytes,
            self.last_row,
            self.logs,
            self.interactions,
            self.earliest_ms,
            self.latest_ms,
            self.call_first_ms,
            self.call_last_ms,
            json.dumps(dict(self.levels)),
        )


def sealed_segments(database: sqlite3.Connection) -> list[SealedSegment]:
    """What the manifest lists, by number."""
    query = f"SELECT {COLUMNS} FROM segments ORDER BY number"
    return [_segment_of(*row) for row in database.execute(query)]


def _segment_of(number: int, is_kept: int, *rest: Any) -> SealedSegment:
    *numbers, levels = rest
    created, sealed, size, last, logs, interactions, earliest, latest, call_first, call_last = numbers
    return SealedSegment(
        number=number,
        is_kept=bool(is_kept),
        created_ms=created,
        sealed_ms=sealed,
        size_bytes=size,
        last_row=last,
        logs=logs,
        interactions=interactions,
        earliest_ms=earliest,
        latest_ms=latest,
        call_first_ms=call_first,
        call_last_ms=call_last,
        levels=json.loads(levels),
    )


def fact(database: sqlite3.Connection, name: str) -> int:
    """A number that the manifest holds; 0 unless it was set."""
    found = database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return int(found[0]) if found else 0


class Manifest:
    """A manifest open for writing. Several may be, in several threads; each is used by one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = open_manifest(manifest_path(folder))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    def segments(self) -> list[SealedSegment]:
        """Those that are sealed, by number."""
        return sealed_segments(self.database)

    def fact(self, name: str) -> int:
        """A number that it holds."""
        return fact(self.database, name)

    def seen(self, node: str, kind: int) -> list[tuple[int, int]]:
        """The numbers of a sender, as ranges."""
        query = "SELECT first, last FROM seen WHERE node = ? AND kind = ? ORDER BY first"
        return list(self.database.execute(query, (node, kind)))

    def add_seen(self, rows: Iterable[tuple[str, int, int, int]], *, now_ms: int) -> None:
        """Remember numbers: node, kind, first and last, sorted by node and kind. To do it twice changes nothing."""
        with self._transaction():
            for (node, kind), group in groupby(rows, key=lambda row: row[:2]):
                before = self.seen(node, kind)
                ranges = united([*before, *((first, last) for _, _, first, last in group)])
                if ranges != before:
                    self.database.execute("DELETE FROM seen WHERE node = ? AND kind = ?", (node, kind))
                    values = [(node, kind, first, last) for first, last in ranges]
                    self.database.executemany("INSERT INTO seen VALUES (?, ?, ?, ?)", values)
                self.database.execute("INSERT OR REPLACE INTO senders VALUES (?, ?)", (node, now_ms))

    def add_sealed(self, segment: SealedSegment) -> None:
        """From now on the segment is sealed, and what it counted per minute is here too."""
        path = segment_path(self.folder, segment.number)
        self.database.execute("ATTACH ? AS segment", (str(path),))
        try:
            with self._transaction():
                marks = ", ".join("?" * len(segment.as_row()))
                self.database.execute(f"INSERT INTO segments ({COLUMNS}) VALUES ({marks})", segment.as_row())
                for merge in MERGE_RATES:
                    self.database.execute(merge)
        finally:
            self.database.execute("DETACH segment")

    def drop(self, segment: SealedSegment, *, kept: SealedSegment | None, dropped_call_ms: int) -> None:
        """From now on the segment is not there, or only what was kept of it."""
        with self._transaction():
            self.database.execute("DELETE FROM segments WHERE number = ?", (segment.number,))
            if kept is not None:
                marks = ", ".join("?" * len(kept.as_row()))
                self.database.execute(f"INSERT INTO segments ({COLUMNS}) VALUES ({marks})", kept.as_row())
            for name, value in ((DROPPED_THROUGH, segment.number), (DROPPED_CALL_MS, dropped_call_ms)):
                self.database.execute(
                    "INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
                    (name, value),
                )

    def forget(self, *, before_ms: int) -> None:
        """Forget counts of earlier minutes, and the numbers of senders that were not heard since."""
        with self._transaction():
            for table in ("log_rates", "call_rates"):
                self.database.execute(f"DELETE FROM {table} WHERE minute < ?", (before_ms // 60_000,))
            old = "SELECT node FROM senders WHERE heard_ms < ?"
            self.database.execute(f"DELETE FROM seen WHERE node IN ({old})", (before_ms,))
            self.database.execute("DELETE FROM senders WHERE heard_ms < ?", (before_ms,))

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self.database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.database.execute("COMMIT")
        except BaseException:
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")
            raise
