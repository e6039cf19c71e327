"""Which segments are dropped, and what is kept of them."""

from __future__ import annotations

import fcntl
import logging
import sqlite3
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from mdk_runtime.storage import faults
from mdk_runtime.storage.layout import (
    kept_path,
    manifest_path,
    remove,
    segment_numbers,
    segment_path,
    size_bytes,
)
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.manifest import Manifest, SealedSegment
from mdk_runtime.storage.rows import ERROR
from mdk_runtime.storage.schema import open_kept, sync_folder
from mdk_runtime.storage.sealing import describe, with_size

RETENTION_LOCK_NAME: Final = "retention.lock"
"""In the data folder. Who holds it shared (a backup) keeps segments from being dropped."""
KEPT_MAX: Final = 100
"""Files with what was kept; beyond, the oldest is dropped: each costs a query a look."""
DAY_MS: Final = 86_400_000

logger = logging.getLogger("mdk.server.storage")

COPY: Final = f"""
    CREATE TEMP TABLE failing (trace PRIMARY KEY) WITHOUT ROWID;
    INSERT OR IGNORE INTO failing
        SELECT trace FROM source.logs WHERE level >= {ERROR} AND trace <> ''
        UNION SELECT trace FROM source.interactions WHERE failed <> 0 AND trace <> '';
"""
COPY_NEXT: Final = f"""
    INSERT OR IGNORE INTO failing
        SELECT trace FROM next.logs WHERE level >= {ERROR} AND trace <> ''
            AND trace IN (SELECT trace FROM source.logs)
        UNION SELECT trace FROM next.interactions WHERE failed <> 0 AND trace <> ''
            AND trace IN (SELECT trace FROM source.logs);
"""
"""A trace may go on in the next segment and fail there."""
COPY_ROWS: Final = """
    INSERT INTO about SELECT * FROM source.about;
    INSERT INTO words SELECT * FROM source.words;
    INSERT INTO senders SELECT * FROM source.senders;
    INSERT INTO logs SELECT logs.* FROM source.logs AS logs
        WHERE trace IN (SELECT trace FROM failing) ORDER BY logs.id;
    INSERT INTO interactions SELECT calls.* FROM source.interactions AS calls
        WHERE trace IN (SELECT trace FROM failing) ORDER BY calls.id;
    INSERT INTO log_texts (rowid, text) SELECT id, text FROM logs ORDER BY id;
    INSERT INTO log_texts (log_texts) VALUES ('optimize');
    INSERT INTO blocks
        SELECT min(id), max(id), min(timestamp), max(timestamp) FROM
            (SELECT id, timestamp FROM logs UNION ALL SELECT id, timestamp FROM interactions)
        GROUP BY id / 1000;
"""
NEWEST: Final = """
    DELETE FROM failing WHERE trace NOT IN (
        SELECT trace FROM (
            SELECT trace, sum(rows) OVER (ORDER BY newest DESC) AS total FROM (
                SELECT trace, max(id) AS newest, count(*) AS rows FROM (
                    SELECT trace, id FROM source.logs WHERE trace IN (SELECT trace FROM failing)
                    UNION ALL SELECT trace, id FROM source.interactions WHERE trace IN (SELECT trace FROM failing)
                ) GROUP BY trace
            )
        ) WHERE total <= ?
    )
"""


@contextmanager
def may_drop(data: Path) -> Generator[bool]:
    """False while a backup holds what is there."""
    with (data / RETENTION_LOCK_NAME).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def retain(folder: Path, manifest: Manifest, limits: StorageLimits, *, now_ms: int, by_age: bool = True) -> list[int]:
    """Drop what is too much, then what is too old, if ages are known.

    Returns:
        The numbers of what was dropped, or shrunk to what is kept.

    Raises:
        sqlite3.Error: It did not go to its end; the next time it does.
        OSError: As well.
    """
    dropped: list[int] = []
    sealed = manifest.segments()
    total = size_bytes(manifest_path(folder)) + _size(sealed) + _unsealed_bytes(folder, sealed)
    for segment in _oldest(sealed, is_kept=False):
        is_old = by_age and now_ms - segment.sealed_ms > limits.age_s_max * 1000
        if total <= limits.bytes_max and not is_old:
            break
        kept = _drop(folder, manifest, segment, limits, now_ms=now_ms)
        total += (kept.size_bytes if kept is not None else 0) - segment.size_bytes
        dropped.append(segment.number)
    left = _oldest(manifest.segments(), is_kept=True)
    while left and (
        _size(left) > limits.kept_bytes_max
        or len(left) > KEPT_MAX
        or (by_age and now_ms - left[0].sealed_ms > limits.kept_age_s_max * 1000)
    ):
        manifest.drop(left[0], kept=None, dropped_call_ms=0)
        remove(kept_path(folder, left[0].number))
        dropped.append(left.pop(0).number)
    if by_age:
        manifest.forget(before_ms=now_ms - int(limits.rates_age_s_max * 1000))
    return dropped


def _drop(
    folder: Path, manifest: Manifest, segment: SealedSegment, limits: StorageLimits, *, now_ms: int
) -> SealedSegment | None:
    kept = _keep(folder, segment, limits, now_ms=now_ms)
    faults.reached("drop: what is kept has its name")
    # An interaction that ended in the future would make all repeated ones known.
    until_ms = min(segment.call_last_ms or 0, segment.sealed_ms + DAY_MS)
    manifest.drop(segment, kept=kept, dropped_call_ms=until_ms)
    faults.reached("drop: the manifest says so")
    remove(segment_path(folder, segment.number))
    faults.reached("drop: the file is gone")
    logger.info("dropped segment %d of %s: %d logs", segment.number, folder.name, segment.logs)
    return kept


def _keep(folder: Path, segment: SealedSegment, limits: StorageLimits, *, now_ms: int) -> SealedSegment | None:
    """Copy the failing traces, the newest first if they are too many; None if there are none."""
    rows = segment.logs + segment.interactions
    rows_max = limits.kept_bytes_max * rows // max(1, segment.size_bytes)
    path = kept_path(folder, segment.number)
    beside = path.with_name(path.name + ".new")
    remove(beside)
    if rows_max == 0 or not segment_path(folder, segment.number).exists():
        return None
    try:
        with closing(open_kept(beside)) as database:
            if not _copy(database, folder, segment.number, rows_max):
                return None
            described = describe(database, segment.number, is_kept=True, now_ms=segment.sealed_ms)
        faults.reached("drop: what is kept is written")
        beside.replace(path)
        sync_folder(folder)
    finally:
        remove(beside)
    return with_size(described, path.stat().st_size)


def _copy(database: sqlite3.Connection, folder: Path, number: int, rows_max: int) -> int:
    _attach(database, segment_path(folder, number), "source", "immutable=1")
    database.executescript(COPY)
    following = segment_path(folder, number + 1)
    if following.exists():
        _attach(database, following, "next", "mode=ro")
        database.executescript(COPY_NEXT)
        database.execute("DETACH next")
    database.execute(NEWEST, (rows_max,))
    (count,) = database.execute("SELECT count(*) FROM failing").fetchone()
    if count:
        database.executescript(f"BEGIN; {COPY_ROWS} COMMIT;")
    database.execute("DROP TABLE failing")
    database.execute("DETACH source")
    return int(count)


def _attach(database: sqlite3.Connection, path: Path, name: str, option: str) -> None:
    database.execute(f"ATTACH ? AS {name}", (f"{path.absolute().as_uri()}?{option}",))


def _oldest(segments: Iterable[SealedSegment], *, is_kept: bool) -> list[SealedSegment]:
    return sorted((one for one in segments if one.is_kept == is_kept), key=lambda one: one.number)


def _size(segments: Iterable[SealedSegment]) -> int:
    return sum(one.size_bytes for one in segments)


def _unsealed_bytes(folder: Path, sealed: Iterable[SealedSegment]) -> int:
    known = {one.number for one in sealed}
    return sum(size_bytes(segment_path(folder, number)) for number in segment_numbers(folder) if number not in known)
