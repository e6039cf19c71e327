"""Backups: whole, usable as they are, and made while everything goes on."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from mdk_runtime.storage import backup as module
from mdk_runtime.storage.backlog import Job
from mdk_runtime.storage.backup import back_up
from mdk_runtime.storage.errors import BackupRefused
from mdk_runtime.storage.layout import segment_path
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.reader import Reader
from mdk_runtime.storage.storage import Storage
from mdk_runtime.storage.writer import Done
from unit.mdk_runtime.storage.stores import Folder, call, log


def sequences(folder: Path) -> list[int | None]:
    """Of all logs, in order of arrival."""
    found: list[int | None] = []
    cursor: str | None = None
    with Reader(folder) as reader:
        while True:
            page = reader.logs(cursor=cursor, oldest_first=True, limit=1000)
            found += [one.sequence for one in page.items]
            cursor = page.next
            if cursor is None:
                return found


def test_a_backup_is_a_data_folder(tmp_path: Path) -> None:
    """Sealed, kept and open segments; what was stored or dropped is known there; other files come along."""
    folder = Folder(tmp_path / "data", age_s_max=60.0)
    folder.fill(10, level="ERROR")
    folder.take(call("c", sequence=0))
    folder.housekeeper.look()
    folder.now_ms += 86_400_000
    folder.housekeeper.look()
    folder.fill(15)
    folder.housekeeper.look()
    (tmp_path / "data" / "audit.log").write_text("an act")
    (folder.path / "nodes.json").write_text("{}")
    (folder.path / "kept-00000009.db.new").write_text("half")
    (done,) = back_up(tmp_path / "data", tmp_path / "copy")
    assert (done.tenant, done.segments, done.linked) == ("t", 3, 2)
    assert segment_path(tmp_path / "copy" / "t", 2).samefile(segment_path(folder.path, 2))
    states = folder.states()
    folder.fill(5)
    folder.close()
    assert sequences(tmp_path / "copy" / "t") == list(range(25))
    assert (tmp_path / "copy" / "audit.log").read_text() == "an act"
    assert (tmp_path / "copy" / "t" / "nodes.json").read_text() == "{}"
    assert not list((tmp_path / "copy" / "t").glob("*.new"))
    restored = Folder(tmp_path / "copy")
    assert restored.states() == states
    assert restored.take(log(3), log(24), call("c", sequence=0)) == ["KNOWN"] * 3
    assert restored.take(log(25)) == ["NEW"]
    restored.close()


def test_a_backup_copies_where_it_cannot_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another disk."""

    def fail(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    folder = Folder(tmp_path / "data")
    folder.fill(15)
    folder.housekeeper.look()
    folder.close()
    monkeypatch.setattr(os, "link", fail)
    (done,) = back_up(tmp_path / "data", tmp_path / "copy")
    assert done.linked == 0
    assert sequences(tmp_path / "copy" / "t") == list(range(15))


def test_a_table_is_copied_that_is_saved_anew_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is written to beside is nobody's, and gone in a moment; with the last node all of it may go."""
    folder = Folder(tmp_path / "data")
    folder.take(log(0))
    for name in ("nodes.jsonl", ".nodes.jsonl", "past.jsonl"):
        (folder.path / name).write_text("{}")
    copy2 = shutil.copy2

    def copy_late(source: Path, target: Path) -> object:
        (folder.path / ".nodes.jsonl").unlink(missing_ok=True)
        (folder.path / "past.jsonl").unlink(missing_ok=True)
        return copy2(source, target)

    monkeypatch.setattr(shutil, "copy2", copy_late)
    back_up(tmp_path / "data", tmp_path / "copy")
    folder.close()
    assert {path.name for path in (tmp_path / "copy" / "t").glob("*.jsonl")} == {"nodes.jsonl"}


def test_what_is_no_backup_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data, or a name that is taken; what an attempt left behind is in nobody's way."""
    with pytest.raises(BackupRefused, match="there is no such data folder; --data names it"):
        back_up(tmp_path / "nothing", tmp_path / "copy")
    folder = Folder(tmp_path / "data")
    folder.fill(3)
    folder.close()
    with monkeypatch.context() as patched:

        def fail(*_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        patched.setattr(module, "_copy_database", fail)
        with pytest.raises(sqlite3.OperationalError):
            back_up(tmp_path / "data", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    back_up(tmp_path / "data", tmp_path / "copy")
    with pytest.raises(BackupRefused, match="it exists; name a folder that does not"):
        back_up(tmp_path / "data", tmp_path / "copy")
    for inside in (tmp_path / "data" / "copy", tmp_path / "copy" / ".." / "data" / "t" / "copy"):
        with pytest.raises(BackupRefused, match="it lies in the data folder, where each folder is a tenant"):
            back_up(tmp_path / "data", inside)
    assert sorted(path.name for path in (tmp_path / "data").iterdir() if path.is_dir()) == ["t"]


def test_a_backup_under_load_is_an_unbroken_beginning(tmp_path: Path) -> None:
    """While rows come, segments are begun, sealed and dropped: all that was durable before it is there, in order."""
    limits = StorageLimits(segment_rows=60, batch_max=50)
    durable = 0

    def deliver(done: list[Done]) -> None:
        nonlocal durable
        durable += sum(len(one.results) for one in done)

    storage = Storage(tmp_path / "data", deliver, limits)
    storage.start()
    stop = threading.Event()

    def feed() -> None:
        first = 0
        while not stop.is_set():
            if storage.writer.backlog < 200:
                storage.writer.submit(
                    Job(tmp_path / "data" / "t", [log(number) for number in range(first, first + 10)])
                )
                first += 10
            else:
                stop.wait(0.001)

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        for turn in range(5):
            while durable < (turn + 1) * 200:
                stop.wait(0.005)
            before = durable
            back_up(tmp_path / "data", tmp_path / f"copy {turn}")
            copied = sequences(tmp_path / f"copy {turn}" / "t")
            assert copied == list(range(len(copied)))
            assert len(copied) >= before
    finally:
        stop.set()
        feeder.join()
        storage.stop(timeout_s=10.0)
    for path in (tmp_path / "copy 4" / "t").glob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",), path
