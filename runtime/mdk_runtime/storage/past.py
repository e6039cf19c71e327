"""What segments before the one that is written know of what comes."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import NamedTuple, Protocol

from mdk_runtime.storage.layout import segment_numbers, segment_path
from mdk_runtime.storage.manifest import DROPPED_CALL_MS, DROPPED_THROUGH, Manifest
from mdk_runtime.storage.rows import INTEGER_MAX
from mdk_runtime.storage.schema import open_for_reading

Ranges = list[tuple[int, int]]


class Past(Protocol):
    """What segments before this one know."""

    def seen(self, node: str, kind: int) -> Ranges:
        """The numbers of a sender that were stored there, as ranges in any order."""
        ...

    def holds_call(self, uuid: bytes | str, end_ms: int) -> bool:
        """True if an interaction was stored there. It ended at that time, as it did whenever it was sent."""
        ...


class NoPast:
    """Nothing was stored before."""

    def seen(self, node: str, kind: int) -> Ranges:
        """None."""
        return []

    def holds_call(self, uuid: bytes | str, end_ms: int) -> bool:
        """No."""
        return False


class _Place(NamedTuple):
    """A file with interactions, and when they ended."""

    path: Path
    is_final: bool
    first_ms: int
    last_ms: int


class EarlierSegments:
    """What the manifest and earlier segments know."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder = folder
        self._manifest = manifest
        self._below = 0
        self._opened: dict[Path, sqlite3.Connection] = {}
        """For the transaction that runs, as what follows."""
        self._known: list[_Place] | None = None
        self._dropped_until_ms = 0

    def refresh(self, *, below: int) -> None:
        """From now on segments below this number are the past."""
        self._below = below

    def rest(self) -> None:
        """The transaction is over: files are let go, so that one that is dropped does not stay on the disk."""
        for database in self._opened.values():
            database.close()
        self._opened.clear()
        self._known = None

    def seen(self, node: str, kind: int) -> Ranges:
        """The numbers of a sender."""
        return self._manifest.seen(node, kind)

    def holds_call(self, uuid: bytes | str, end_ms: int) -> bool:
        """True if it is in a segment, or was in one that is dropped: an interaction ends at one time only."""
        for place in self._places():
            if place.first_ms <= end_ms <= place.last_ms and self._is_in(place, uuid):
                return True
        return end_ms <= self._dropped_until_ms

    def _places(self) -> list[_Place]:
        """Where interactions are, read once for each transaction."""
        if self._known is None:
            sealed = self._manifest.segments()
            self._dropped_until_ms = self._manifest.fact(DROPPED_CALL_MS)
            dropped = self._manifest.fact(DROPPED_THROUGH)
            self._known = [
                _Place(one.path(self._folder), True, one.call_first_ms, one.call_last_ms)
                for one in sealed
                if one.call_first_ms is not None and one.call_last_ms is not None
            ]
            numbers = {one.number for one in sealed}
            self._known += [
                _Place(segment_path(self._folder, number), False, 0, INTEGER_MAX)
                for number in segment_numbers(self._folder)
                if dropped < number < self._below and number not in numbers
            ]
        return self._known

    def _is_in(self, place: _Place, uuid: bytes | str) -> bool:
        path = place.path
        try:
            database = self._opened.get(path)
            if database is None:
                database = self._opened[path] = open_for_reading(path, is_final=place.is_final)
            return database.execute("SELECT 1 FROM interactions WHERE uuid = ?", (uuid,)).fetchone() is not None
        except sqlite3.OperationalError:
            if path.exists():
                raise
            return False  # It was dropped at this moment.
