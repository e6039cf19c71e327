"""Folders of tenants that hold nothing any more."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdk_runtime.storage.backlog import Job
from mdk_runtime.storage.emptiness import EMPTY_S, has_become_empty, remove_if_empty
from mdk_runtime.storage.layout import NODES_NAME, manifest_path, segment_path, tenant_folders
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.retention import RETENTION_LOCK_NAME
from mdk_runtime.storage.storage import Storage
from mdk_runtime.storage.tenant_store import TenantStore
from unit.mdk_runtime.storage.stores import Folder, log

DAY_MS = 86_400_000
WITHIN_S = 60.0
LATER_MS = int((EMPTY_S + 60) * 1000)


def now_ms() -> int:
    """As files have it."""
    return time.time_ns() // 1_000_000


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    """That runs, and removes what is empty by itself."""
    made = Storage(tmp_path, lambda done: None)
    made.start()
    yield made
    made.stop(timeout_s=WITHIN_S)


def made_empty(folder: Path) -> None:
    """Files in which there is nothing, long ago."""
    TenantStore(folder, StorageLimits(), now_ms=now_ms(), rolled=lambda folder, number: None).close()
    for path in folder.glob("*.db"):
        os.utime(path, (0, 0))


def until(holds: object) -> None:
    """Wait for it."""
    assert callable(holds)
    end = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_what_was_stored_goes_with_its_age_and_then_its_folder(tmp_path: Path) -> None:
    """Rows first, then what failed among them, then counts and numbers seen; nothing keeps a folder for ever."""
    folder = Folder(tmp_path)
    folder.now_ms = now_ms()
    folder.take(log(0), log(1, level="ERROR", timestamp=folder.now_ms))
    for days in (2, 8, 31):
        folder.now_ms += days * DAY_MS
        folder.housekeeper.look()
        if folder.rolls_wanted:
            folder.rolls_wanted.clear()
            folder.take()
            folder.housekeeper.look()
        assert folder.emptied == [], days
    assert folder.states()[0][0] != 1, "its rows are dropped, failing ones too"
    folder.now_ms += 91 * DAY_MS
    folder.housekeeper.look()
    assert folder.emptied == [folder.path]
    folder.close()
    assert remove_if_empty(folder.path)
    assert not folder.path.exists()


def test_what_keeps_a_folder(tmp_path: Path) -> None:
    """Nodes, files of others, and that it is young. One in which nothing of ours is, is nobody's tenant."""
    path = tmp_path / "t"
    path.mkdir()
    assert not has_become_empty(path, now_ms=now_ms() + LATER_MS)
    nodes = path / NODES_NAME
    nodes.touch()
    assert not has_become_empty(path, now_ms=now_ms())
    assert has_become_empty(path, now_ms=now_ms() + LATER_MS)
    nodes.write_text("{}\n")
    assert not has_become_empty(path, now_ms=now_ms() + LATER_MS)
    nodes.write_text("")
    (path / "notes.txt").touch()
    assert not has_become_empty(path, now_ms=now_ms() + LATER_MS)


def test_a_backup_keeps_a_folder(tmp_path: Path) -> None:
    """It goes when that is made. What is not storage's stays where it is."""
    folder = tmp_path / "t"
    made_empty(folder)
    with (tmp_path / RETENTION_LOCK_NAME).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert not remove_if_empty(folder)
    assert manifest_path(folder).exists()
    (folder / NODES_NAME).write_text("{}\n")
    with pytest.raises(OSError, match="not empty"):
        remove_if_empty(folder)
    assert [path.name for path in folder.iterdir()] == [NODES_NAME]
    assert not remove_if_empty(tmp_path / "none")


def test_an_empty_folder_goes_and_comes_back(storage: Storage, tmp_path: Path) -> None:
    """Behind what was queued for it; and whoever had read it before sees what is stored afterwards."""
    folder = tmp_path / "t"
    made_empty(folder)
    assert storage.query("t", lambda reader: reader.stats()).result(WITHIN_S).logs == 0
    storage.housekeeper.look()
    until(lambda: not folder.exists())
    storage.writer.submit(Job(folder, [log(0)]))
    storage.remove(folder)
    storage.writer.submit(Job(folder, [log(1)]))
    until(lambda: storage.writer.backlog == 0)
    assert storage.query("t", lambda reader: reader.stats()).result(WITHIN_S).logs == 2


def test_a_removal_behind_messages_of_the_same_round_waits(tmp_path: Path) -> None:
    """They are stored, whatever stands before or behind them."""
    storage = Storage(tmp_path, lambda done: None)
    folder = tmp_path / "t"
    storage.remove(folder)
    storage.writer.submit(Job(folder, [log(0)]))
    storage.remove(folder)
    storage.start()
    until(lambda: storage.writer.backlog == 0)
    assert storage.stop(timeout_s=WITHIN_S) == 0
    assert segment_path(folder, 1).exists()


def test_folders_of_the_file_system_are_no_tenants(tmp_path: Path) -> None:
    """Where the data folder is the root of one."""
    for name in ("b", "lost+found", "a"):
        (tmp_path / name).mkdir()
    (tmp_path / "lock").touch()
    assert [path.name for path in tenant_folders(tmp_path)] == ["a", "b"]
    assert tenant_folders(tmp_path / "none") == []
