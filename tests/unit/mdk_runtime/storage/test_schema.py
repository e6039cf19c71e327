"""Files of every version there was."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mdk_protocol.messages import InteractionEvent, Log
from mdk_runtime.core.server.origin import Entry
from mdk_runtime.storage.answers import Filter, StoredLog
from mdk_runtime.storage.emptiness import has_become_empty, remove_if_empty
from mdk_runtime.storage.errors import UnknownSchema
from mdk_runtime.storage.layout import manifest_path, segment_path
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.migrations import MIGRATIONS
from mdk_runtime.storage.reader import Reader
from mdk_runtime.storage.schema import PAGE_BYTES, VERSION, open_for_reading, open_segment, version_of_file
from mdk_runtime.storage.storage import Storage
from unit.mdk_runtime.storage.stores import Folder

FIXTURES = Path(__file__).parent / "fixtures"
TRACE = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
CACHE = 1 << 20
WITHIN_S = 60.0


def made_of(fixture: str, path: Path) -> None:
    """The file as that version left it."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as database:
        database.executescript((FIXTURES / fixture).read_text())


def tables(path: Path) -> list[tuple[Any, ...]]:
    """Every table and index, with blanks made equal."""
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
        return [(*names, " ".join(sql.split()) if sql else sql) for *names, sql in found]


def test_every_old_version_has_a_way_and_a_fixture() -> None:
    """From each to the newest."""
    assert set(MIGRATIONS) == set(range(1, VERSION))
    assert {path.name for path in FIXTURES.iterdir()} == {f"version-{number}.sql" for number in MIGRATIONS}


@pytest.mark.parametrize("version", list(MIGRATIONS))
def test_an_old_file_becomes_what_a_new_one_is(tmp_path: Path, version: int) -> None:
    """The same tables and indexes; and it is sound."""
    old, new = tmp_path / "a" / "old.db", tmp_path / "b" / "new.db"
    made_of(f"version-{version}.sql", old)
    open_segment(old, cache_bytes=CACHE).close()
    open_segment(new, cache_bytes=CACHE).close()
    assert tables(old) == tables(new)
    assert version_of_file(old) == version_of_file(new) == VERSION
    with closing(sqlite3.connect(old)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        database.execute("INSERT INTO log_texts (log_texts) VALUES ('integrity-check')")


def test_all_of_version_1_is_there_and_known(tmp_path: Path) -> None:
    """Rows, order, words, counts; and what was stored is not stored again."""
    made_of("version-1.sql", segment_path(tmp_path / "t", 1))
    folder = Folder(tmp_path)
    with folder.reader() as reader:
        logs = reader.logs(oldest_first=True).items
        assert [(one.node, one.sequence, one.level, one.text) for one in logs] == [
            ("n1", 0, "INFO", "first"),
            ("n1", 1, "INFO", 'second\'s "quote"'),
            ("n1", 5, "ERROR", "after a gap"),
            ("n2", 0, "WARN", "grüße 😀"),
            ("n2", None, "DEBUG", "without a sequence"),
            ("n2", 7, "FATAL", "odd level"),
            ("n1", 6, "INFO", "later"),
        ]
        assert (logs[3].environment, logs[3].fallback, logs[3].service) == ("green", "sandbox", "")
        assert logs[1].properties == {"a": [1, None, "x"]}
        calls = reader.interactions(oldest_first=True).items
        assert [(one.uuid, one.failed, one.results) for one in calls] == [
            ("0f8fad5b-d9cb-469f-a165-70867728950e", True, {"n2": 1, "n3": 0}),
            ("odd", False, {"n1": 1}),
        ]
        trace = reader.trace(TRACE).items
        assert [one.clock for one in trace if isinstance(one, StoredLog)] == [(1,), (1,), (2,), (2, 1), (3, 1)]
        assert [one.text for one in reader.logs(Filter(text="GRÜSSE OR gap")).items] == []
        assert [one.text for one in reader.logs(Filter(text="gap")).items] == ["after a gap"]
        assert [one.text for one in reader.logs(Filter(level="WARN")).items] == ["grüße 😀", "after a gap"][::-1][::-1]
        rates = reader.log_rates(since_ms=0, until_ms=2**50)
        assert sum(sum(rate.levels.values()) for rate in rates) == 7
        assert [(edge.ok, edge.failed) for edge in reader.edges(since_ms=0, until_ms=2**50)] == [(2, 1)]
    again = [Entry(Log(node="n1", sequence=number, text="again")) for number in (0, 1, 5, 6)] + [
        Entry(InteractionEvent(uuid="odd", node="n2", end_timestamp=9))
    ]
    assert folder.take(*again) == ["KNOWN"] * 5
    assert folder.take(Entry(Log(node="n1", sequence=2))) == ["NEW"]
    folder.close()


def test_old_files_keep_a_folder(tmp_path: Path) -> None:
    """Of a tenant that nobody asked for since an upgrade: its folder is no failure, and does not go."""
    made_of("version-1.sql", segment_path(tmp_path / "t", 1))
    now_ms = time.time_ns() // 1_000_000
    assert not has_become_empty(tmp_path / "t", now_ms=now_ms + 10 * 86_400_000)
    assert not remove_if_empty(tmp_path / "t")


def test_old_files_are_read_before_anything_is_written(tmp_path: Path) -> None:
    """Who asks after an upgrade has them brought up to date; a question that the writer cannot help is answered by why."""
    path = segment_path(tmp_path / "t", 1)
    made_of("version-1.sql", path)
    storage = Storage(tmp_path, lambda done: None)
    storage.start()
    try:
        logs = storage.query("t", lambda reader: reader.logs()).result(WITHIN_S)
        assert len(logs.items) == 7
    finally:
        storage.stop(timeout_s=1.0)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (VERSION,)
        database.execute("PRAGMA user_version = 1")  # As if a migration failed: the tables are there already.
    storage = Storage(tmp_path, lambda done: None, StorageLimits(query_s_max=0.2))
    storage.start()
    try:
        with pytest.raises(
            UnknownSchema, match=f"has schema version 1, and is not brought up to version {VERSION} yet"
        ):
            storage.query("t", lambda reader: reader.logs()).result(WITHIN_S)
    finally:
        storage.stop(timeout_s=1.0)


def test_files_that_are_being_made_are_not_looked_into(tmp_path: Path) -> None:
    """A question between the making of a file and of its tables: nothing is stored yet."""
    folder = tmp_path / "t"
    folder.mkdir()
    for path in (manifest_path(folder), segment_path(folder, 1)):
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode = WAL")
    with Reader(folder) as reader:
        assert reader.logs().items == []
        assert reader.log_rates(since_ms=0, until_ms=2**50) == []
        assert list(reader.stats().segments) == []


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one transaction: the file is of its old version, and is made new the next time."""
    path = segment_path(tmp_path / "t", 1)
    made_of("version-1.sql", path)
    before = tables(path)
    with monkeypatch.context() as patched:
        patched.setitem(MIGRATIONS, 1, MIGRATIONS[1] + "SELECT no_such_function();")
        with pytest.raises(sqlite3.OperationalError):
            open_segment(path, cache_bytes=CACHE)
    assert tables(path) == before
    open_segment(path, cache_bytes=CACHE).close()
    assert version_of_file(path) == VERSION


@pytest.mark.parametrize("results", ["", "{bad", '{"n2":null}', "[1,0]", "7", '{"n2":"x"}'])
def test_one_odd_row_does_not_keep_a_tenant_from_a_new_version(tmp_path: Path, results: str) -> None:
    """What cannot be read of it is left out; everything else is there, and stores on."""
    path = segment_path(tmp_path / "t", 1)
    made_of("version-1.sql", path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE interactions SET results = ? WHERE id = 1", (results,))
        database.commit()
    folder = Folder(tmp_path)
    with folder.reader() as reader:
        assert (len(reader.logs().items), len(reader.interactions().items)) == (7, 2)
        reader.edges(since_ms=0, until_ms=2**52)
    folder.close()


def test_sealed_segments_are_brought_up_to_date_too(tmp_path: Path) -> None:
    """When the tenant is opened; one that a backup shares is copied first, and the backup keeps it as it was."""
    path = segment_path(tmp_path / "t", 1)
    folder = Folder(tmp_path)
    folder.fill(25)
    folder.housekeeper.look()
    folder.close()
    with closing(sqlite3.connect(segment_path(folder.path, 2))) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    for number in (1, 2):
        sealed = segment_path(folder.path, number)
        sealed.unlink()
        with closing(sqlite3.connect(sealed)) as database:
            database.executescript((FIXTURES / "version-1.sql").read_text())
    linked = tmp_path / "backup.db"
    linked.hardlink_to(path)
    folder.open()
    folder.close()
    assert [version_of_file(segment_path(folder.path, number)) for number in (1, 2)] == [VERSION, VERSION]
    assert version_of_file(linked) == 1


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_is_made_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool) -> None:
    """With its tables, sound, with a log of changes; also where there are no links, and where one died while it made one."""
    path = tmp_path / "a" / "new.db"
    path.parent.mkdir()
    beside = path.with_name("new.db.new")
    beside.write_bytes(b"half of a file")
    if not has_links:

        def no_links(*_: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", no_links)
    with closing(open_segment(path, cache_bytes=CACHE)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (VERSION,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA page_size").fetchone() == (PAGE_BYTES,)
        assert not beside.exists()
    made = tables(path)
    assert "log_texts" in {name for _, name, *_ in made}
    open_segment(path, cache_bytes=CACHE).close()
    assert tables(path) == made


def test_a_file_that_cannot_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is not taken for one that has no links; nothing is left of the file."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        open_segment(tmp_path / "new.db", cache_bytes=CACHE)
    assert list(tmp_path.iterdir()) == []


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """By a writer and by a reader, with both versions in the text; it is not touched."""
    folder = Folder(tmp_path)
    folder.fill(5)
    folder.close()
    for path in (segment_path(folder.path, 1), manifest_path(folder.path)):
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"PRAGMA user_version = {VERSION + 1}")
        with pytest.raises(UnknownSchema, match=f"has schema version {VERSION + 1}; this program knows versions up to"):
            folder.open()
        with pytest.raises(UnknownSchema):
            open_for_reading(path)
        with Reader(folder.path) as reader, pytest.raises(UnknownSchema):
            reader.logs()
        with closing(sqlite3.connect(path)) as database:
            database.execute(f"PRAGMA user_version = {VERSION}")
