"""The thread that seals full segments and drops old ones, beside the one that writes."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mdk_runtime.errors import MDKError
from mdk_runtime.storage.clock import ClockWatch
from mdk_runtime.storage.emptiness import has_become_empty
from mdk_runtime.storage.layout import (
    kept_numbers,
    kept_path,
    manifest_path,
    remove,
    segment_numbers,
    segment_path,
    tenant_folders,
)
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.manifest import DROPPED_THROUGH, Manifest
from mdk_runtime.storage.retention import may_drop, retain
from mdk_runtime.storage.sealing import seal

LOOK_S: Final = 60.0
"""Between two looks for what is to be tried again."""
FAILING_NAMED_MAX: Final = 20
"""Folders that are named in the log at once for that they cannot be tended: of a full disk it is all."""
IDLE_LOOK_S: Final = 600.0
"""Between two looks at a folder where nothing happened: ages are in days. One that rolls is looked at at once."""

logger = logging.getLogger("mdk.server.storage")


class Housekeeper:
    """Tends the folders of all tenants.

    Args:
        data: The folder that holds the tenants' folders.
        limits: When segments are dropped.
        wants_roll: Called with the folder of a tenant whose segment is old, and may be so because nobody writes.
        changed: Called when files of a folder were sealed or dropped.
        emptied: Called with a folder that holds nothing any more, and may go.
        now_ms: The time.
        monotonic: Seconds on a clock that does not jump.
    """

    def __init__(
        self,
        data: Path,
        limits: StorageLimits,
        *,
        wants_roll: Callable[[Path], None],
        changed: Callable[[Path], None],
        emptied: Callable[[Path], None],
        now_ms: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._data = data
        self._limits = limits
        self._wants_roll = wants_roll
        self._changed = changed
        self._emptied = emptied
        self._now_ms = now_ms
        self._clock = ClockWatch(now_ms, monotonic)
        self._condition = threading.Condition()
        self._written: dict[Path, int] = {}
        """The number of the segment that is written, of folders that were opened: those before it may be sealed."""
        self._asked: dict[Path, float] = {}
        """Age of the file for which a roll was asked."""
        self._wanted: dict[Path, None] = {}
        self._tended: dict[Path, float] = {}
        """When the last look at a folder went well."""
        self._is_ending = False
        self._failing: dict[Path, None] = {}
        """Folders that cannot be tended, each said once."""
        self._thread = threading.Thread(target=self._run, name="mdk-housekeeper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def rolled(self, folder: Path, number: int) -> None:
        """A folder writes this segment from now on. Called from any thread."""
        with self._condition:
            self._written[folder] = number
            self._wanted[folder] = None
            self._condition.notify()

    def removed(self, folder: Path) -> None:
        """A folder is gone. Called from any thread."""
        with self._condition:
            for known in (self._written, self._wanted, self._asked, self._tended, self._failing):
                known.pop(folder, None)

    def stop(self, *, timeout_s: float) -> None:
        """End the thread after the step that it is at; what is not done is done after the next start."""
        with self._condition:
            self._is_ending = True
            self._condition.notify()
        self._thread.join(timeout_s)

    def look(self) -> None:
        """Tend every folder once, on this thread."""
        for folder in tenant_folders(self._data):
            self._tend(folder)

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        next_look = time.monotonic()
        while not self._is_ending:
            with self._condition:
                if not self._wanted and not self._is_ending:
                    self._condition.wait(max(0.0, next_look - time.monotonic()))
                wanted, self._wanted = list(self._wanted), {}
            for folder in wanted:
                self._tend(folder)
            now = time.monotonic()
            if now >= next_look:
                for folder in tenant_folders(self._data):
                    if now - self._tended.get(folder, float("-inf")) >= IDLE_LOOK_S:
                        self._tend(folder)
                next_look = time.monotonic() + LOOK_S

    def _tend(self, folder: Path) -> None:
        if self._is_ending:
            return
        is_settled = False
        try:
            is_settled = self._tend_now(folder)
        except (sqlite3.Error, OSError, MDKError) as error:
            is_known = folder in self._failing or len(self._failing) >= FAILING_NAMED_MAX
            level = logging.DEBUG if is_known else logging.WARNING
            logger.log(level, "cannot tend %s: %s; trying again", folder, error)
            self._failing[folder] = None
        except Exception:
            logger.exception("cannot tend %s", folder)
        else:
            self._failing.pop(folder, None)
        if is_settled:
            self._tended[folder] = time.monotonic()
        else:
            self._tended.pop(folder, None)

    def _tend_now(self, folder: Path) -> bool:
        """True if nothing is left to be tried again."""
        numbers = segment_numbers(folder)
        is_settled = True
        if numbers and (manifest_path(folder).exists() or folder in self._written):
            is_settled = self._tend_segments(folder, numbers)
        if is_settled and self._clock.is_steady() and has_become_empty(folder, now_ms=self._now_ms()):
            self._emptied(folder)
        return is_settled

    def _tend_segments(self, folder: Path, numbers: list[int]) -> bool:
        with Manifest(folder) as manifest:
            self._tidy(folder, manifest)
            is_sealed = self._seal(folder, manifest, numbers)
            with may_drop(self._data) as is_free:
                by_age = self._clock.is_steady()
                if is_free and retain(folder, manifest, self._limits, now_ms=self._now_ms(), by_age=by_age):
                    self._changed(folder)
        self._ask_for_roll(folder, numbers[-1])
        return is_sealed and is_free

    def _tidy(self, folder: Path, manifest: Manifest) -> None:
        """Remove what a process left behind that died while it dropped. Only here: another thread might do it too early."""
        is_kept = {one.number: one.is_kept for one in manifest.segments()}
        dropped = manifest.fact(DROPPED_THROUGH)
        for number in kept_numbers(folder):
            if not is_kept.get(number, False):
                remove(kept_path(folder, number))
        for number in segment_numbers(folder):
            if number <= dropped and is_kept.get(number, True):
                remove(segment_path(folder, number))

    def _seal(self, folder: Path, manifest: Manifest, numbers: list[int]) -> bool:
        """Seal what waits for it, if the writer has said up to where; true if nothing waits any more."""
        sealed = {one.number for one in manifest.segments()}
        dropped = manifest.fact(DROPPED_THROUGH)
        for number in numbers:
            if dropped < number < self._written.get(folder, 0) and number not in sealed:
                began = time.monotonic()
                if not seal(folder, number, manifest, now_ms=self._now_ms(), may_go_on=lambda: not self._is_ending):
                    return False  # In order: what is dropped first must be sealed first.
                self._changed(folder)
                logger.info("sealed segment %d of %s in %.1f s", number, folder.name, time.monotonic() - began)
        return True

    def _ask_for_roll(self, folder: Path, number: int) -> None:
        """A segment that nobody writes to does not notice its own age."""
        path = segment_path(folder, number)
        written = max(one.stat().st_mtime for one in (path, path.with_name(path.name + "-wal")) if one.exists())
        is_old = self._now_ms() / 1000 - written > self._limits.segment_age_s
        if is_old and self._asked.get(folder) != written:
            self._asked[folder] = written
            self._wants_roll(folder)
