"""The tables of a segment, their version, and how a file is opened.

A segment holds the rows and, written in the same transaction, the numbers seen of each sender. `user_version` is the
schema's version: a new version adds a script to `SCRIPTS`, which is run on files of the version before it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from mdk_runtime.storage.errors import UnknownSchema

SEGMENT_NAME: Final = "segment-00000001.db"
"""The one segment of a tenant's folder, until they are rolled."""

PAGE_BYTES: Final = 8192

SCRIPTS: Final = (
    """
    CREATE TABLE senders (id INTEGER PRIMARY KEY, node TEXT NOT NULL UNIQUE);
    CREATE TABLE seen (
        sender INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
        PRIMARY KEY (sender, first)
    ) WITHOUT ROWID;
    CREATE TABLE logs (
        id INTEGER PRIMARY KEY, trace NOT NULL, clock BLOB NOT NULL, timestamp INTEGER NOT NULL,
        sender INTEGER NOT NULL, sequence INTEGER, level TEXT NOT NULL, category TEXT NOT NULL,
        content_type TEXT NOT NULL, text TEXT NOT NULL, environment TEXT NOT NULL, fallback TEXT, properties TEXT
    );
    CREATE INDEX logs_by_trace ON logs (trace, clock);
    CREATE TABLE interactions (
        id INTEGER PRIMARY KEY, uuid NOT NULL UNIQUE, trace NOT NULL, sender INTEGER NOT NULL, sequence INTEGER,
        start_timestamp INTEGER NOT NULL, end_timestamp INTEGER NOT NULL, start_clock BLOB NOT NULL,
        end_clock BLOB NOT NULL, environment TEXT NOT NULL, fallback TEXT, results TEXT NOT NULL
    );
    CREATE INDEX interactions_by_trace ON interactions (trace, start_clock);
    """,
)
"""The n-th makes version n+1 of version n. Row ids are the order of arrival; texts and clocks are as in rows.py."""

VERSION: Final = len(SCRIPTS)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open a segment, made or brought up to date as needed, for the one thread that writes.

    Raises:
        UnknownSchema: It is of a newer version.
        sqlite3.Error: It cannot be opened, or is no database.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=64)
    try:
        database.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        _bring_up_to_date(database, path)
    except BaseException:
        database.close()
        raise
    return database


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a segment that exists, also while another process writes it.

    Raises:
        UnknownSchema: It is of a version that this program does not read.
        sqlite3.Error: It cannot be opened, or is no database.
    """
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        version = _version(database)
        if version != VERSION:
            raise UnknownSchema(path, version, VERSION)
    except BaseException:
        database.close()
        raise
    return database


def _version(database: sqlite3.Connection) -> int:
    with closing(database.execute("PRAGMA user_version")) as cursor:
        return int(cursor.fetchone()[0])


def _bring_up_to_date(database: sqlite3.Connection, path: Path) -> None:
    version = _version(database)
    if version > VERSION:
        raise UnknownSchema(path, version, VERSION)
    for number, script in enumerate(SCRIPTS[version:], start=version + 1):
        database.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
