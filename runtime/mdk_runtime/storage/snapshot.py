"""A tenant's folder as one query sees it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple, Self

from mdk_runtime.storage.answers import Position
from mdk_runtime.storage.connections import Connections, SegmentConnection
from mdk_runtime.storage.errors import NoSuchTenant, UnknownSchema
from mdk_runtime.storage.layout import manifest_path, segment_numbers, segment_path
from mdk_runtime.storage.manifest import DROPPED_THROUGH, SealedSegment, fact, sealed_segments

STEPS: Final = 20_000
"""Of SQLite's machine, between two looks at the clock: a fraction of a millisecond."""


class File(NamedTuple):
    """A segment, or what was kept of one."""

    number: int
    path: Path
    sealed: SealedSegment | None
    """None: it is still written, or waits to be sealed."""


class Snapshot:
    """The files of a tenant, each read as it was when it was first asked. Used by one thread, for one query.

    Args:
        folder: The tenant's.
        connections: Where connections come from.
        seconds: The query is stopped after that time.

    Raises:
        NoSuchTenant: There is no such folder.
    """

    def __init__(self, folder: Path, connections: Connections, *, seconds: float) -> None:
        self._connections = connections
        self._stop_at = time.monotonic() + seconds
        self._stack = ExitStack()
        self._opened: dict[Path, SegmentConnection] = {}
        if not folder.is_dir():
            raise NoSuchTenant(folder)
        self.dropped_through = 0
        self.manifest: SegmentConnection | None = None
        try:
            self.files = self._list(folder)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open(self, file: File) -> SegmentConnection:
        """Its connection, within a transaction that ends with the snapshot."""
        found = self._opened.get(file.path)
        if found is None:
            found = self._opened[file.path] = self._use(file.path, is_final=file.sealed is not None)
        return found

    def _list(self, folder: Path) -> list[File]:
        """By number. What the manifest says comes first: a segment sealed after that is read as an open one."""
        path = manifest_path(folder)
        sealed: dict[int, SealedSegment] = {}
        if path.exists() and (manifest := self._if_made(path)) is not None:
            self.manifest = manifest
            sealed = {one.number: one for one in sealed_segments(manifest.database)}
            self.dropped_through = fact(manifest.database, DROPPED_THROUGH)
        files = [File(number, one.path(folder), one) for number, one in sealed.items()]
        for number in segment_numbers(folder):
            if number not in sealed and number > self.dropped_through:
                file = File(number, segment_path(folder, number), None)
                if (found := self._if_made(file.path)) is not None:
                    self._opened[file.path] = found
                    files.append(file)
        return sorted(files)

    def _if_made(self, path: Path) -> SegmentConnection | None:
        """The connection to a file that may be written; None if it is being made, and has no rows."""
        try:
            return self._use(path, is_final=False)
        except UnknownSchema as error:
            if error.version:
                raise
            return None

    def _use(self, path: Path, *, is_final: bool) -> SegmentConnection:
        connection = self._stack.enter_context(self._connections.use(path, is_final=is_final))
        database = connection.database
        self._stack.callback(self._end, database)
        database.set_progress_handler(self.is_over, STEPS)
        database.execute("BEGIN")
        return connection

    def _end(self, database: sqlite3.Connection) -> None:
        database.set_progress_handler(None, 0)
        if database.in_transaction:
            database.execute("ROLLBACK")

    def has_dropped(self, position: Position) -> bool:
        """True if the row is in a segment that was dropped, wholly or but for its failing traces."""
        return position.segment <= self.dropped_through

    def is_over(self) -> bool:
        """True if the query has taken its time."""
        return time.monotonic() > self._stop_at
