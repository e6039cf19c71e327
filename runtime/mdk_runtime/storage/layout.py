"""The files of a tenant's folder.

`segment-N.db` holds rows, N counts from 1; the one with the highest number is written. `kept-N.db` is what is left of
a dropped one: its failing traces, with their row ids. `manifest.db` says which segments are sealed and remembers what
outlives them. What is not in the manifest is not sealed, whatever the folder says.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

MANIFEST_NAME: Final = "manifest.db"
NODES_NAME: Final = "nodes.jsonl"
"""The tenant's table, not storage's (server/last_known.py)."""
PAST_NAME: Final = "past.jsonl"
"""And what originals may know of it besides."""
TABLE_NAMES: Final = (NODES_NAME, f".{NODES_NAME}", PAST_NAME, f".{PAST_NAME}")
"""Of both, also as they are being written."""
HELPERS: Final = ("-wal", "-shm", "-journal", ".new")
"""What SQLite has beside a database, and a file that is being made."""
NO_TENANTS: Final = frozenset({"lost+found"})
"""Folders in the data folder that are nobody's: of the file system, where the data folder is the root of one."""
_SEGMENT: Final = re.compile(r"segment-(\d{8})\.db")
_KEPT: Final = re.compile(r"kept-(\d{8})\.db")


def tenant_folders(data: Path) -> list[Path]:
    """Those of all tenants, by name."""
    try:
        return sorted(path for path in data.iterdir() if path.is_dir() and path.name not in NO_TENANTS)
    except FileNotFoundError:
        return []


def segment_path(folder: Path, number: int) -> Path:
    """Where a segment is."""
    return folder / f"segment-{number:08d}.db"


def kept_path(folder: Path, number: int) -> Path:
    """Where what was kept of a segment is."""
    return folder / f"kept-{number:08d}.db"


def manifest_path(folder: Path) -> Path:
    """Where the manifest is."""
    return folder / MANIFEST_NAME


def segment_numbers(folder: Path) -> list[int]:
    """Of the segments in the folder, ascending."""
    return _numbers(folder, _SEGMENT)


def kept_numbers(folder: Path) -> list[int]:
    """Of the segments of which something was kept, ascending."""
    return _numbers(folder, _KEPT)


def is_ours(name: str) -> bool:
    """True if a file of this name is a database of storage."""
    return name == MANIFEST_NAME or bool(_SEGMENT.fullmatch(name) or _KEPT.fullmatch(name))


def size_bytes(path: Path) -> int:
    """Of a database with its log of changes; 0 if it is not there."""
    total = 0
    for one in (path, path.with_name(path.name + "-wal")):
        try:
            total += one.stat().st_size
        except FileNotFoundError:
            continue
    return total


def remove(path: Path) -> None:
    """Remove a database with its helpers; nothing happens if it is not there."""
    for suffix in ("-wal", "-shm", "-journal", ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _numbers(folder: Path, pattern: re.Pattern[str]) -> list[int]:
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(found[1]) for found in map(pattern.fullmatch, names) if found)
