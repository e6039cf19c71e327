"""One tenant's folder as it is written: the segment that takes rows, and when the next one is begun."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from mdk_runtime.core.server.origin import Entry
from mdk_runtime.errors import MDKError
from mdk_runtime.storage import faults
from mdk_runtime.storage.batch import Stored
from mdk_runtime.storage.layout import segment_numbers, segment_path
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.manifest import DROPPED_THROUGH, Manifest, SealedSegment
from mdk_runtime.storage.past import EarlierSegments
from mdk_runtime.storage.schema import VERSION, open_segment, version_of_file
from mdk_runtime.storage.segment import Segment

ROLL_AGAIN_MS: Final = 10_000
"""After a segment could not be begun (disk full) the old one goes on, and it is tried again after that."""

logger = logging.getLogger("mdk.server.storage")


class TenantStore:
    """A tenant's files, open for writing. Used by one thread at a time.

    A segment is begun in two steps. First the numbers seen in the old one go into the manifest, which says nothing
    new; then the new one is there, in one transaction. Whatever happens between, each number is known in at least
    one of the two files that are asked: the manifest and the segment that is written.

    Args:
        folder: The tenant's, made if needed.
        limits: When a segment is full.
        now_ms: The time.
        rolled: Called with the number of the segment that is written: those before it can be sealed.
    """

    def __init__(
        self, folder: Path, limits: StorageLimits, *, now_ms: int, rolled: Callable[[Path, int], None]
    ) -> None:
        self.folder = folder
        self._limits = limits
        self._rolled = rolled
        self._roll_not_before_ms = 0
        self._manifest = Manifest(folder)
        self._past = EarlierSegments(folder, self._manifest)
        try:
            self._number, self._segment = self._recovered(now_ms)
        except BaseException:
            self._manifest.close()
            raise
        rolled(folder, self._number)

    @property
    def is_in_place(self) -> bool:
        """False if the folder was moved or removed: what is written then is in nobody's reach, and soon gone."""
        return self._segment.is_in_place

    def store(self, entries: Sequence[Entry], *, now_ms: int) -> list[Stored]:
        """Store messages; when this returns they are on the disk. Raises as `Segment.store`."""
        try:
            results = self._segment.store(entries, now_ms=now_ms) if entries else []
        finally:
            self._past.rest()
        if self._is_full(now_ms) and now_ms >= self._roll_not_before_ms:
            try:
                self._roll(now_ms)
            except (sqlite3.Error, OSError, MDKError) as error:
                # What was to be stored is stored. The segment grows beyond its limit, that is all.
                self._roll_not_before_ms = now_ms + ROLL_AGAIN_MS
                logger.warning("cannot begin a segment in %s: %s; going on with the old one", self.folder, error)
        return results

    def close(self) -> None:
        """Let go of the files."""
        self._past.rest()
        self._segment.close()
        self._manifest.close()

    # --- inside -----------------------------------------------------------------------------------

    def _is_full(self, now_ms: int) -> bool:
        segment, limits = self._segment, self._limits
        return segment.rows > 0 and (
            segment.rows >= limits.segment_rows
            or segment.size_bytes >= limits.segment_bytes
            or now_ms - segment.created_ms >= limits.segment_age_s * 1000
        )

    def _roll(self, now_ms: int) -> None:
        self._manifest.add_seen(self._segment.seen(), now_ms=now_ms)
        faults.reached("roll: numbers are in the manifest")
        following = self._open(self._number + 1, now_ms)
        try:
            faults.reached("roll: the new segment is there")
            self._segment.close()
        except BaseException:
            following.close()
            raise
        self._number, self._segment = self._number + 1, following
        self._past.refresh(below=self._number)
        self._rolled(self.folder, self._number)

    def _recovered(self, now_ms: int) -> tuple[int, Segment]:
        """The segment to go on with. What the manifest does not know and has dropped is left to the housekeeper."""
        sealed = {one.number: one for one in self._manifest.segments()}
        dropped = self._manifest.fact(DROPPED_THROUGH)
        unsealed = [number for number in segment_numbers(self.folder) if number not in sealed and number > dropped]
        for one in sealed.values():
            self._bring_up_to_date(one)
        number = unsealed[-1] if unsealed else max([dropped, *sealed]) + 1
        for older in unsealed[:-1]:
            segment = self._open(older, now_ms)
            self._manifest.add_seen(segment.seen(), now_ms=now_ms)
            segment.close()
        self._past.refresh(below=number)
        return number, self._open(number, now_ms)

    def _bring_up_to_date(self, sealed: SealedSegment) -> None:
        path = sealed.path(self.folder)
        if path.exists() and version_of_file(path) != VERSION:
            if path.stat().st_nlink > 1:  # A backup has the file too, and keeps it as it is.
                beside = path.with_name(path.name + ".new")
                shutil.copy2(path, beside)
                beside.replace(path)
            open_segment(path, cache_bytes=self._limits.cache_bytes).close()

    def _open(self, number: int, now_ms: int) -> Segment:
        path = segment_path(self.folder, number)
        return Segment(path, past=self._past, now_ms=now_ms, cache_bytes=self._limits.cache_bytes)
