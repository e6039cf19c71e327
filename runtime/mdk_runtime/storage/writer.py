"""The thread that writes: what is queued while one transaction runs becomes the next one (group commit).

A folder that cannot be written is in the way of no other: its messages wait apart, and are tried again by and by.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from mdk_runtime.errors import MDKError
from mdk_runtime.storage.backlog import RETRY_S_FIRST, Amount, Backlog, Job, Sized
from mdk_runtime.storage.batch import Stored
from mdk_runtime.storage.emptiness import remove_if_empty
from mdk_runtime.storage.errors import DiskLow
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.probing import is_everybodys
from mdk_runtime.storage.tenant_store import TenantStore

ROOM_S: Final = 1.0
"""Between two looks at the room on the disk."""
STEP_S_MAX: Final = 0.5
"""At the end, what is being done at that moment has so long: a transaction, or the files of a folder that is new."""
FORESEEN: Final = (sqlite3.Error, OSError, MDKError)
"""Failures that are said without a traceback."""
logger = logging.getLogger("mdk.server.storage")


class Done(NamedTuple):
    """A job whose messages are durable."""

    job: Job
    results: list[Stored]


class Writer:
    """Stores jobs in order of submission, on a thread of its own.

    Args:
        deliver: Gets jobs that are done, on the writer's thread.
        limits: How much may wait, and how large a segment gets.
        rolled: Called with a folder and the number of the segment that it writes from now on.
        removed: Called with a folder that is gone.
        turned: Called with a folder and whether it can be written when that has changed, on the writer's thread;
            before what was stored then is delivered.
        retry_s: The first wait after a failure.
        now_ms: The time.
    """

    def __init__(
        self,
        deliver: Callable[[list[Done]], None],
        limits: StorageLimits | None = None,
        *,
        rolled: Callable[[Path, int], None] = lambda folder, number: None,
        removed: Callable[[Path], None] = lambda folder: None,
        turned: Callable[[Path, bool], None] = lambda folder, works: None,
        retry_s: float = RETRY_S_FIRST,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._deliver = deliver
        self._limits = limits or StorageLimits()
        self._rolled = rolled
        self._removed = removed
        self._turned = turned
        self._now_ms = now_ms
        self._backlog = Backlog(retry_s)
        self._stores: dict[Path, TenantStore] = {}
        """The one used last stands last."""
        self._changed = threading.Condition()
        self._stop_at: float | None = None
        self._room_seen_at = float("-inf")
        self.is_failing = False
        """True while nothing can be stored, in whatever folder: what is wrong with one alone does not count."""
        self._probed_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="mdk-storage", daemon=True)

    @property
    def backlog(self) -> int:
        """Messages submitted and not durable yet."""
        return self._backlog.ready.messages + self._backlog.held.messages

    @property
    def folders_failing(self) -> int:
        """How many folders cannot be written."""
        return self._backlog.folders_held

    @property
    def is_full(self) -> bool:
        """True while nobody should submit more; more is taken all the same, for what was read already.

        What waits for folders that cannot be written does not count: that may take for ever.
        """
        return self._is_full(self._backlog.ready)

    def fails(self, folder: Path) -> bool:
        """True from a write to the folder that failed to the next that works."""
        return self._backlog.holds(folder)

    def is_full_for(self, folder: Path) -> bool:
        """True if the folder cannot be written, and as much waits for such folders as may."""
        return self.fails(folder) and self._is_full(self._backlog.held)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job; it comes back by `deliver`, if it has messages."""
        with self._changed:
            self._backlog.submit(job)
            self._changed.notify()

    def stop(self, *, timeout_s: float) -> int:
        """Store what is queued, close the files, end the thread; blocks at most that long, and `STEP_S_MAX`.

        Whatever is not stored by then stays so: many folders that are new take a while, each some writes to the disk.

        Returns:
            How many messages could not be stored in that time. None of them was acknowledged.
        """
        with self._changed:
            now = time.monotonic()
            self._stop_at = now + timeout_s
            self._backlog.hurry(now=now)
            self._changed.notify()
        self._thread.join(timeout_s + STEP_S_MAX)
        return self.backlog

    def _is_full(self, amount: Amount) -> bool:
        return amount.reaches(self._limits.backlog_max, self._limits.backlog_bytes_max)

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while jobs := self._next():
                by_folder: dict[Path, list[Sized]] = {}
                for one in jobs:
                    by_folder.setdefault(one.job.folder, []).append(one)
                # Those that are open first: to make or to open files takes as long as to store in many.
                for folder, each in sorted(by_folder.items(), key=lambda one: one[0] not in self._stores):
                    if self._is_over(time.monotonic()):
                        return
                    self._store(folder, each)
        finally:
            for store in self._stores.values():
                store.close()

    def _next(self) -> list[Sized]:
        """The jobs of one round; none when it is time to end."""
        with self._changed:
            while True:
                now, retry_at = time.monotonic(), self._backlog.retry_at
                if self._is_over(now):
                    return []
                jobs = self._backlog.take(self._limits.batch_max, now=now)
                if jobs:
                    return jobs
                if self._stop_at is not None and retry_at is None:
                    return []
                until = min((at for at in (retry_at, self._stop_at) if at is not None), default=None)
                self._changed.wait(None if until is None else max(0.0, until - now))

    def _is_over(self, now: float) -> bool:
        """True if it shall end, and the time for what is queued has passed."""
        return self._stop_at is not None and now >= self._stop_at

    def _store(self, folder: Path, jobs: list[Sized]) -> None:
        """Store one tenant's jobs in one transaction."""
        entries = [entry for job, _ in jobs for entry in job.entries]
        results: list[Stored] = []
        try:
            if not entries and jobs[-1].job.removes:
                self._remove(folder)
            else:
                self._check_room(folder)
                results = self._store_of(folder).store(entries, now_ms=self._now_ms())
        except Exception as error:  # Whatever it is: other tenants go on.
            self._forget(folder)
            self._failed(folder, jobs, error, has_entries=bool(entries))
        else:
            self._worked(folder, jobs, results)

    def _failed(self, folder: Path, jobs: list[Sized], error: Exception, *, has_entries: bool) -> None:
        trace = None if isinstance(error, FORESEEN) else error
        if not has_entries:  # Nothing waits for it, so it is not tried again, and says nothing of the next write.
            self._take_off(folder, jobs)
            logger.warning("cannot look after %s: %s", folder, error, exc_info=trace)
            return
        with self._changed:
            now = time.monotonic()
            is_new = self._backlog.failed(folder, jobs, now=now)
        if is_new or now - self._probed_at >= ROOM_S:
            self._probed_at = now
            self.is_failing = is_everybodys(error, folder.parent)
        if is_new:
            logger.error("cannot store in %s: %s; trying again, acknowledgements wait", folder, error, exc_info=trace)
            self._turned(folder, False)

    def _worked(self, folder: Path, jobs: list[Sized], results: list[Stored]) -> None:
        if self._take_off(folder, jobs):
            logger.warning("storing in %s works again", folder)
            self._turned(folder, True)
        done: list[Done] = []
        at = 0
        for job, _ in jobs:
            if job.entries:
                done.append(Done(job, results[at : at + len(job.entries)]))
            at += len(job.entries)
        if done:
            self.is_failing = False
            self._deliver(done)

    def _take_off(self, folder: Path, jobs: list[Sized]) -> bool:
        with self._changed:
            return self._backlog.worked(folder, jobs)

    def _store_of(self, folder: Path) -> TenantStore:
        store = self._stores.pop(folder, None)
        if store is not None and not store.is_in_place:
            logger.warning("the files of %s are gone, or others: they are opened anew", folder)
            store.close()
            self._removed(folder)
            store = None
        if store is None:
            if len(self._stores) >= self._limits.tenants_open_max:
                self._forget(next(iter(self._stores)))
            store = TenantStore(folder, self._limits, now_ms=self._now_ms(), rolled=self._rolled)
        self._stores[folder] = store
        return store

    def _forget(self, folder: Path) -> None:
        store = self._stores.pop(folder, None)
        if store is not None:
            store.close()

    def _remove(self, folder: Path) -> None:
        self._forget(folder)
        try:
            is_gone = remove_if_empty(folder)
        finally:
            self._removed(folder)  # In part, perhaps: what anybody knows of its files is old.
        if is_gone:
            logger.info("%s holds nothing any more, and is removed", folder)

    def _check_room(self, folder: Path) -> None:
        now = time.monotonic()
        if now - self._room_seen_at < ROOM_S and not self.fails(folder):
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk = os.statvfs(folder)
        free_bytes = disk.f_bavail * disk.f_frsize
        if free_bytes < self._limits.free_bytes_min:
            raise DiskLow(folder, free_bytes, self._limits.free_bytes_min)
        self._room_seen_at = now
