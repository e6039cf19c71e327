"""A copy of everything that is stored, while a server goes on writing it.

A backup is a data folder: a server started on it (or on a copy) goes on where the backup was begun. All that was
acknowledged before is in it; of what came while it was made, it has an unbroken beginning.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mdk_runtime.storage.errors import BackupRefused
from mdk_runtime.storage.layout import HELPERS, is_ours, manifest_path, segment_numbers, segment_path, tenant_folders
from mdk_runtime.storage.manifest import DROPPED_THROUGH, SealedSegment, fact, sealed_segments
from mdk_runtime.storage.probing import PROBE_NAME
from mdk_runtime.storage.retention import RETENTION_LOCK_NAME

HOLD_S_MAX: Final = 600.0
"""So long a backup waits for segments that are being dropped."""
NOT_COPIED: Final = ("lock", RETENTION_LOCK_NAME, PROBE_NAME)


@dataclass(frozen=True, slots=True)
class TenantBackup:
    """What was copied of one tenant."""

    tenant: str
    segments: int
    linked: int
    """Segments that nobody writes any more, and that are one file with the original now."""
    size_bytes: int


def back_up(data: Path, destination: Path) -> list[TenantBackup]:
    """Copy a data folder to one that does not exist yet. It has its name only when it is whole.

    Raises:
        BackupRefused: There is nothing to copy, or the destination exists, or lies in the data folder.
        OSError: It cannot be read or written.
        sqlite3.Error: As well.
    """
    if not data.is_dir():
        raise BackupRefused(data, "there is no such data folder; --data names it")
    if destination.exists():
        raise BackupRefused(destination, "it exists; name a folder that does not")
    if destination.resolve().is_relative_to(data.resolve()):
        raise BackupRefused(
            destination, "it lies in the data folder, where each folder is a tenant; name one elsewhere"
        )
    partial = destination.with_name(destination.name + ".partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(mode=0o700, parents=True)
    with _retention_held(data):
        tenants = [_back_up_tenant(path, partial / path.name) for path in tenant_folders(data)]
    for path in data.iterdir():
        if path.is_file() and path.name not in NOT_COPIED:
            shutil.copy2(path, partial / path.name)
    partial.rename(destination)
    return tenants


def _back_up_tenant(folder: Path, copy: Path) -> TenantBackup:
    copy.mkdir(mode=0o700)
    sealed: list[SealedSegment] = []
    dropped = 0
    if manifest_path(folder).exists():
        # First: what the manifest does not list yet is copied as a segment that is still to be sealed.
        _copy_database(manifest_path(folder), manifest_path(copy))
        with closing(sqlite3.connect(manifest_path(copy), isolation_level=None)) as database:
            sealed = sealed_segments(database)
            dropped = fact(database, DROPPED_THROUGH)
    known = {one.number for one in sealed}
    unsealed = [number for number in segment_numbers(folder) if number not in known and number > dropped]
    # The newest first: should another be begun meanwhile, those before it are whole when their turn comes.
    for number in reversed(unsealed):
        _copy_database(segment_path(folder, number), segment_path(copy, number))
    linked = sum(_link_or_copy(one.path(folder), one.path(copy)) for one in sealed)
    for path in folder.iterdir():
        if (
            path.is_file()
            and not is_ours(path.name)
            and not path.name.startswith(".")
            and not path.name.endswith(HELPERS)
        ):
            with suppress(FileNotFoundError):  # The server may take it away at any moment, with the last node.
                (_copy_database if path.suffix == ".db" else shutil.copy2)(path, copy / path.name)
    size = sum(path.stat().st_size for path in copy.iterdir())
    return TenantBackup(folder.name, len(unsealed) + len(sealed), linked, size)


def _copy_database(source: Path, target: Path) -> None:
    """By SQLite's online backup, in one transaction; whoever writes goes on."""
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.execute("PRAGMA busy_timeout = 10000")
        old.backup(new)


def _link_or_copy(source: Path, target: Path) -> bool:
    """True if it is a link: the file is final, so both names may keep it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
        return False
    return True


@contextmanager
def _retention_held(data: Path) -> Generator[None]:
    """Nothing is dropped meanwhile."""
    with (data / RETENTION_LOCK_NAME).open("a") as lock:
        end = time.monotonic() + HOLD_S_MAX
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > end:
                    raise BackupRefused(data, "segments are being dropped, for minutes now; try again") from None
                time.sleep(0.1)
        yield
