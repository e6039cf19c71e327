"""The tables of a segment and of a manifest, their version, and how a file is opened.

`user_version` is the version of a file. A new version changes the tables here and adds a script to migrations.py that
makes it of the version before; the two must make the same file (a test compares).
"""

from __future__ import annotations

import errno
import os
import sqlite3
import struct
import threading
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Final

from mdk_runtime.storage.errors import UnknownSchema
from mdk_runtime.storage.migrations import MIGRATIONS

PAGE_BYTES: Final = 8192
BUSY_MS: Final = 10_000
"""How long one waits for another that writes: sealing and the manifest's transactions are shorter."""

_MAKING: Final = threading.Lock()
"""Held while a file is made: two threads may want the same."""

VERSION: Final = 2
"""Of segments and manifests alike. Version 1 had one segment, no manifest, and its texts in every row."""

RATES: Final = """
    CREATE TABLE log_rates (
        minute INTEGER NOT NULL, environment TEXT NOT NULL, service TEXT NOT NULL, version TEXT NOT NULL,
        level INTEGER NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (minute, environment, service, version, level)
    ) WITHOUT ROWID;
    CREATE TABLE call_rates (
        minute INTEGER NOT NULL, environment TEXT NOT NULL, caller TEXT NOT NULL, callee TEXT NOT NULL,
        ok INTEGER NOT NULL, failed INTEGER NOT NULL,
        PRIMARY KEY (minute, environment, caller, callee)
    ) WITHOUT ROWID;
    CREATE TABLE seen (
        node TEXT NOT NULL, kind INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (node, kind, first)
    ) WITHOUT ROWID;
"""
"""In segments and in the manifest. `kind` is 0 for logs, 1 for interactions: each counts its own numbers."""

SEGMENT: Final = (
    RATES
    + """
    CREATE TABLE about (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
    CREATE TABLE senders (
        id INTEGER PRIMARY KEY, node TEXT NOT NULL, service INTEGER NOT NULL, version INTEGER NOT NULL,
        UNIQUE (node, service, version)
    );
    CREATE TABLE logs (
        id INTEGER PRIMARY KEY, trace NOT NULL, clock BLOB NOT NULL, timestamp INTEGER NOT NULL,
        sender INTEGER NOT NULL, service INTEGER NOT NULL, sequence INTEGER, level INTEGER NOT NULL,
        odd_level INTEGER, category INTEGER NOT NULL, content_type INTEGER NOT NULL, text TEXT NOT NULL,
        environment INTEGER NOT NULL, fallback INTEGER, properties TEXT
    );
    CREATE INDEX logs_by_trace ON logs (trace, clock);
    CREATE INDEX logs_by_level ON logs (level);
    CREATE INDEX logs_by_service ON logs (service, level);
    CREATE VIRTUAL TABLE log_texts USING fts5 (text, content = 'logs', content_rowid = 'id');
    CREATE TABLE interactions (
        id INTEGER PRIMARY KEY, uuid NOT NULL UNIQUE, trace NOT NULL, sender INTEGER NOT NULL,
        service INTEGER NOT NULL, sequence INTEGER, start_timestamp INTEGER NOT NULL, timestamp INTEGER NOT NULL,
        start_clock BLOB NOT NULL, end_clock BLOB NOT NULL, environment INTEGER NOT NULL, fallback INTEGER,
        failed INTEGER NOT NULL, results TEXT NOT NULL, callees TEXT
    );
    CREATE INDEX interactions_by_trace ON interactions (trace, start_clock);
    CREATE INDEX interactions_by_failure ON interactions (failed);
    CREATE INDEX interactions_by_time ON interactions (timestamp);
    CREATE TABLE blocks (
        first INTEGER PRIMARY KEY, last INTEGER NOT NULL, earliest INTEGER NOT NULL, latest INTEGER NOT NULL
    );
"""
)
"""Row ids are the order of arrival, in one count for logs and interactions.

`words` holds services, versions, categories, content types and environments. `level` is a severity (rows.py); a level
that is none of ours is 0, and `odd_level` its word. An interaction's `timestamp` is its end. `blocks` says which times
occur among rows `first` to `last`: rows are nearly in order of time, and a clock that is wrong costs speed, not rows.
"""

MANIFEST: Final = (
    RATES
    + """
    CREATE TABLE segments (
        number INTEGER PRIMARY KEY, is_kept INTEGER NOT NULL, created_ms INTEGER NOT NULL, sealed_ms INTEGER NOT NULL,
        bytes INTEGER NOT NULL, last_row INTEGER NOT NULL, logs INTEGER NOT NULL, interactions INTEGER NOT NULL,
        earliest INTEGER, latest INTEGER, call_first INTEGER, call_last INTEGER, levels TEXT NOT NULL
    );
    CREATE TABLE senders (node TEXT PRIMARY KEY, heard_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
)
"""What there is of sealed segments, and what outlives them: counts per minute, numbers seen of each sender."""


def open_segment(path: Path, *, cache_bytes: int) -> sqlite3.Connection:
    """Open a segment for writing, made or brought up to date as needed.

    Raises:
        UnknownSchema: It is of a newer version.
        sqlite3.Error: It cannot be opened, or is no database.
    """
    return _open_for_writing(path, SEGMENT, cache_bytes=cache_bytes)


def open_manifest(path: Path) -> sqlite3.Connection:
    """Open a manifest for writing, made as needed; raises as `open_segment`."""
    return _open_for_writing(path, MANIFEST, cache_bytes=2 * 1024**2)


def open_kept(path: Path) -> sqlite3.Connection:
    """A new file with the tables of a segment, for what is kept of another one; other files can be attached by URI."""
    database = sqlite3.connect(path.absolute().as_uri(), uri=True, isolation_level=None)
    try:
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("PRAGMA journal_mode = MEMORY")  # A process that dies here leaves a file that nobody reads.
        database.execute("PRAGMA synchronous = FULL")
        _run(database, SEGMENT, VERSION)
    except BaseException:
        database.close()
        raise
    return database


def open_for_reading(path: Path, *, is_final: bool = False) -> sqlite3.Connection:
    """Open a file that exists, also while another process writes it.

    Args:
        path: The file.
        is_final: Nobody writes it any more: it is read without locks and without its log of changes.

    Raises:
        UnknownSchema: It is of a version that this program does not read.
        sqlite3.Error: It cannot be opened, or is no database.
    """
    options = "mode=ro&immutable=1" if is_final else "mode=ro"
    database = sqlite3.connect(
        f"{path.absolute().as_uri()}?{options}", uri=True, isolation_level=None, check_same_thread=False
    )
    try:
        database.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        version = _version(database)
        if version != VERSION:
            raise UnknownSchema(path, version, VERSION)
    except BaseException:
        database.close()
        raise
    return database


def version_of_file(path: Path) -> int:
    """The version of a file that nobody writes, from its header. 0 if it has none."""
    with path.open("rb") as file:
        header = file.read(64)
    return int(struct.unpack(">I", header[60:64])[0]) if len(header) == 64 else 0


def _open_for_writing(path: Path, tables: str, *, cache_bytes: int) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _make(path, tables)
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
    try:
        database.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = OFF")
        database.execute(f"PRAGMA cache_size = -{cache_bytes // 1024}")
        _bring_up_to_date(database, path, tables)
    except BaseException:
        database.close()
        raise
    return database


def _make(path: Path, tables: str) -> None:
    """Make a file that is not there yet: all of it or nothing, and two writes that are waited for instead of seven.

    Where the folder's file system has no links, SQLite makes it, as it would an empty file.
    """
    if path.exists():
        return
    beside = path.with_name(path.name + ".new")
    with _MAKING:
        try:
            with beside.open("wb") as file:
                file.write(_empty(tables))
                file.flush()
                os.fsync(file.fileno())
            os.link(beside, path)  # Not over one that somebody else has made meanwhile.
        except FileExistsError:
            pass
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
                raise
        finally:
            beside.unlink(missing_ok=True)
    sync_folder(path.parent)


@lru_cache
def _empty(tables: str) -> bytes:
    """A file with these tables and nothing in them, in the mode of a log of changes."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        _run(database, tables, VERSION)
        content = bytearray(database.serialize())
    content[18:20] = b"\x02\x02"  # https://sqlite.org/fileformat2.html, 1.3.3: WAL. A file in memory has no such mode.
    return bytes(content)


def sync_folder(folder: Path) -> None:
    """So that the names in it are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _version(database: sqlite3.Connection) -> int:
    with closing(database.execute("PRAGMA user_version")) as cursor:
        return int(cursor.fetchone()[0])


def _bring_up_to_date(database: sqlite3.Connection, path: Path, tables: str) -> None:
    version = _version(database)
    if version > VERSION:
        raise UnknownSchema(path, version, VERSION)
    if version == 0:
        _run(database, tables, VERSION)
        return
    if version < VERSION:
        _run(database, MIGRATIONS[version].replace("{tables}", tables), VERSION)


def _run(database: sqlite3.Connection, script: str, version: int) -> None:
    """In one transaction: after a crash the file is of the version before, or of this one."""
    try:
        database.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {version}; COMMIT;")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
