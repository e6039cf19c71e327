"""A tenant's folder that holds nothing any more, and how it goes: without keys each new token makes one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

from mdk_runtime.storage.errors import UnknownSchema
from mdk_runtime.storage.layout import HELPERS, MANIFEST_NAME, NODES_NAME, TABLE_NAMES, is_ours, remove
from mdk_runtime.storage.retention import may_drop
from mdk_runtime.storage.schema import open_for_reading

EMPTY_S: Final = 3600.0
"""So long nothing was written to a folder that goes: who comes back within the hour finds the files made."""

ROWS: Final = {
    True: ("segments", "log_rates", "call_rates", "seen", "senders"),
    False: ("logs", "interactions", "seen"),
}
"""Tables of the manifest, and of a segment, that hold something if they have a row."""


def has_become_empty(folder: Path, *, now_ms: int) -> bool:
    """True if it is a tenant's, holds nothing, and nothing was written to it for a while.

    Raises:
        OSError: It cannot be read.
        sqlite3.Error: As well.
    """
    files = [path for path in folder.iterdir() if not path.name.endswith(HELPERS)]
    if not files or not all(is_ours(path.name) or path.name in TABLE_NAMES for path in files):
        return False
    found = [path.stat() for path in files]
    if now_ms / 1000 - max(one.st_mtime for one in found) < EMPTY_S:
        return False
    has_nodes = any(one.st_size for path, one in zip(files, found, strict=True) if path.name == NODES_NAME)
    return not has_nodes and _holds_nothing(folder)


def remove_if_empty(folder: Path) -> bool:
    """Remove the folder, unless a backup is made, or something came meanwhile. For the thread that writes it.

    Raises:
        OSError: It cannot be removed, or is not empty: there are nodes by now.
        sqlite3.Error: It cannot be read.
    """
    with may_drop(folder.parent) as is_free:
        if not is_free or not folder.is_dir() or not _holds_nothing(folder):
            return False
        for path in sorted(_databases(folder), reverse=True):  # The manifest last: what is left can be gone on with.
            remove(path)
        folder.rmdir()
    return True


def _holds_nothing(folder: Path) -> bool:
    return not any(_has_rows(path) for path in _databases(folder))


def _databases(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if is_ours(path.name)]


def _has_rows(path: Path) -> bool:
    """True as well of a file of another version: whoever can read it may find something."""
    tables = ROWS[path.name == MANIFEST_NAME]
    try:
        opened = open_for_reading(path)
    except UnknownSchema:
        return True
    with closing(opened) as database:
        asked = " OR ".join(f"EXISTS (SELECT 1 FROM {table})" for table in tables)
        return bool(database.execute(f"SELECT {asked}").fetchone()[0])
