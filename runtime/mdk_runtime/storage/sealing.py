"""How a full segment becomes one that nobody writes any more: smaller, in one file, listed in the manifest.

Every step can be done again, so a process that dies between two of them leaves nothing to repair.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

from mdk_runtime.storage import faults
from mdk_runtime.storage.layout import segment_path
from mdk_runtime.storage.manifest import Manifest, SealedSegment
from mdk_runtime.storage.rows import LEVELS
from mdk_runtime.storage.schema import open_segment

MERGE_PAGES: Final = 500
"""Of the index of words, merged in one transaction: the tables are not held, nor the log of changes long, for more."""
CACHE_BYTES: Final = 16 * 1024**2
FOLD_TRIES: Final = 100
FOLD_PAUSE_S: Final = 0.1
"""A query that runs keeps the log of changes from being emptied; queries end after seconds."""

logger = logging.getLogger("mdk.server.storage")


def seal(folder: Path, number: int, manifest: Manifest, *, now_ms: int, may_go_on: Callable[[], bool]) -> bool:
    """Seal a segment that is not written any more; False if it was not possible now.

    Raises:
        sqlite3.Error: As well not possible now.
    """
    path = segment_path(folder, number)
    with closing(open_segment(path, cache_bytes=CACHE_BYTES)) as database:
        database.execute("PRAGMA synchronous = NORMAL")  # What is lost of this is done again.
        if not _merge_texts(database, may_go_on):
            return False
        faults.reached("seal: texts are merged")
        described = describe(database, number, is_kept=False, now_ms=now_ms)
        database.execute("PRAGMA synchronous = FULL")
        if not _fold_in(database, may_go_on):
            return False
    faults.reached("seal: changes are folded in")
    manifest.add_sealed(with_size(described, path.stat().st_size))
    faults.reached("seal: the manifest says so")
    return True


def describe(database: sqlite3.Connection, number: int, *, is_kept: bool, now_ms: int) -> SealedSegment:
    """What the manifest says of a segment, but for its size."""

    def ask(query: str) -> tuple[int | None, ...]:
        found: tuple[int | None, ...] = database.execute(query).fetchone() or (None, None)
        return found

    (created,) = ask("SELECT value FROM about WHERE name = 'created_ms'")
    counts = dict(database.execute("SELECT level, count(*) FROM logs GROUP BY level"))
    (interactions,) = ask("SELECT count(*) FROM interactions")
    earliest, latest = ask("SELECT min(earliest), max(latest) FROM blocks")
    (last,) = ask("SELECT max(last) FROM blocks")
    (call_first,) = ask("SELECT min(timestamp) FROM interactions")
    (call_last,) = ask("SELECT max(timestamp) FROM interactions")
    return SealedSegment(
        number=number,
        is_kept=is_kept,
        created_ms=created or 0,
        sealed_ms=now_ms,
        size_bytes=0,
        last_row=last or 0,
        logs=sum(counts.values()),
        interactions=interactions or 0,
        earliest_ms=earliest,
        latest_ms=latest,
        call_first_ms=call_first,
        call_last_ms=call_last,
        levels={LEVELS[level]: count for level, count in sorted(counts.items())},
    )


def with_size(segment: SealedSegment, size_bytes: int) -> SealedSegment:
    """The description with its size."""
    return replace(segment, size_bytes=size_bytes)


def _merge_texts(database: sqlite3.Connection, may_go_on: Callable[[], bool]) -> bool:
    """Merge the index of words into one b-tree (https://sqlite.org/fts5.html, 6.8), a piece at a time."""
    pages = -MERGE_PAGES  # The first time: begin to merge all of it.
    while may_go_on():
        before = database.total_changes
        database.execute("INSERT INTO log_texts (log_texts, rank) VALUES ('merge', ?)", (pages,))
        if database.total_changes - before < 2:
            return True
        pages = MERGE_PAGES
    return False


def _fold_in(database: sqlite3.Connection, may_go_on: Callable[[], bool]) -> bool:
    for _ in range(FOLD_TRIES):
        is_busy, _, _ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not is_busy:
            return True
        if not may_go_on():
            break
        time.sleep(FOLD_PAUSE_S)
    logger.warning("a segment is still being read; it is sealed later")
    return False
