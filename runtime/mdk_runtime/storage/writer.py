"""The thread that writes: what is queued while one transaction runs becomes the next one (group commit)."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from mdk_protocol.messages import Log
from mdk_runtime.core.origin import Entry
from mdk_runtime.errors import MDKError
from mdk_runtime.storage.errors import DiskLow
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.segment import Stored
from mdk_runtime.storage.tenant_store import TenantStore

RETRY_S_FIRST: Final = 0.05
RETRY_S_MAX: Final = 2.0
"""A write that fails (disk full, I/O error) is tried again, later and later; its acks wait."""
ROOM_S: Final = 1.0
"""Between two looks at the room on the disk."""
MESSAGE_BYTES: Final = 500
"""Of a message in memory, beside its texts."""

logger = logging.getLogger("mdk.server.storage")


class Job(NamedTuple):
    """Messages of one tenant, to be stored in its folder; without any, the folder is only looked after."""

    folder: Path
    entries: list[Entry]
    token: Any = None
    """The submitter's, handed back with the results."""


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
        turned: Called with whether storing works when that has changed, on the writer's thread; before what was
            stored then is delivered.
        retry_s: The first wait after a failure.
        now_ms: The time.
    """

    def __init__(
        self,
        deliver: Callable[[list[Done]], None],
        limits: StorageLimits | None = None,
        *,
        rolled: Callable[[Path, int], None] = lambda folder, number: None,
        turned: Callable[[bool], None] = lambda works: None,
        retry_s: float = RETRY_S_FIRST,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._deliver = deliver
        self._limits = limits or StorageLimits()
        self._rolled = rolled
        self._turned = turned
        self._retry_s = retry_s
        self._now_ms = now_ms
        self._jobs: deque[tuple[Job, int]] = deque()
        """With their sizes in bytes."""
        self._stores: dict[Path, TenantStore] = {}
        """The one used last stands last."""
        self._changed = threading.Condition()
        self._stop_at: float | None = None
        self._backlog = 0
        self._backlog_bytes = 0
        self._room_seen_at = float("-inf")
        self.is_failing = False
        """True from a write that failed to the next that works."""
        self._thread = threading.Thread(target=self._run, name="mdk-storage", daemon=True)

    @property
    def backlog(self) -> int:
        """Messages submitted and not durable yet."""
        return self._backlog

    @property
    def is_full(self) -> bool:
        """True while nobody should submit more; more is taken all the same, for what was read already."""
        return self._backlog >= self._limits.backlog_max or self._backlog_bytes >= self._limits.backlog_bytes_max

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job; it comes back by `deliver`, if it has messages."""
        size = _bytes_of(job.entries)
        with self._changed:
            self._jobs.append((job, size))
            self._backlog += len(job.entries)
            self._backlog_bytes += size
            self._changed.notify()

    def stop(self, *, timeout_s: float) -> int:
        """Store what is queued, close the files, end the thread; blocks at most that long.

        Returns:
            How many messages could not be stored in that time. None of them was acknowledged.
        """
        with self._changed:
            self._stop_at = time.monotonic() + timeout_s
            self._changed.notify()
        self._thread.join(timeout_s + RETRY_S_MAX)
        return self._backlog

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while True:
                batch, size = self._next_batch()
                if not batch:
                    return
                done = self._store(batch)
                if done is None:
                    return
                with self._changed:
                    self._backlog -= sum(len(one.results) for one in done)
                    self._backlog_bytes -= size
                if done:
                    self._deliver(done)
        finally:
            for store in self._stores.values():
                store.close()

    def _next_batch(self) -> tuple[list[Job], int]:
        """The jobs of one round, and their size; none when it is time to end."""
        with self._changed:
            while not self._jobs and self._stop_at is None:
                self._changed.wait()
            batch: list[Job] = []
            count = size = 0
            while self._jobs and (not batch or count + len(self._jobs[0][0].entries) <= self._limits.batch_max):
                job, job_bytes = self._jobs.popleft()
                batch.append(job)
                count += len(job.entries)
                size += job_bytes
            return batch, size

    def _store(self, batch: list[Job]) -> list[Done] | None:
        """Store each tenant's jobs in one transaction; None if that fails until the end."""
        by_folder: dict[Path, list[Job]] = {}
        for job in batch:
            by_folder.setdefault(job.folder, []).append(job)
        done: list[Done] = []
        for folder, jobs in by_folder.items():
            entries = [entry for job in jobs for entry in job.entries]
            results = self._persistently(folder, entries)
            if results is None:
                return None
            at = 0
            for job in jobs:
                if job.entries:
                    done.append(Done(job, results[at : at + len(job.entries)]))
                at += len(job.entries)
        return done

    def _persistently(self, folder: Path, entries: list[Entry]) -> list[Stored] | None:
        wait_s = self._retry_s
        while True:
            try:
                self._check_room(folder)
                results = self._store_of(folder).store(entries, now_ms=self._now_ms())
            except (sqlite3.Error, OSError, MDKError) as error:
                self._forget(folder)
                if not entries:  # Nothing waits for it, so it is not tried again, and says nothing of the next write.
                    logger.warning("cannot look after %s: %s", folder, error)
                    return []
                if not self.is_failing:
                    logger.error("cannot store in %s: %s; trying again, acknowledgements wait", folder, error)
                    self._turn(works=False)
            else:
                if self.is_failing:
                    logger.warning("storing in %s works again", folder)
                    self._turn(works=True)
                return results
            if not self._pause(wait_s):
                return None
            wait_s = min(wait_s * 2, RETRY_S_MAX)

    def _turn(self, *, works: bool) -> None:
        self.is_failing = not works
        self._turned(works)

    def _pause(self, wait_s: float) -> bool:
        """Wait before the next try; False if there is no time left for one."""
        with self._changed:
            if self._stop_at is None:
                self._changed.wait(wait_s)
                return True
            left_s = self._stop_at - time.monotonic()
        if left_s <= 0:
            return False
        time.sleep(min(wait_s, left_s))
        return True

    def _store_of(self, folder: Path) -> TenantStore:
        store = self._stores.pop(folder, None)
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

    def _check_room(self, folder: Path) -> None:
        now = time.monotonic()
        if now - self._room_seen_at < ROOM_S and not self.is_failing:
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk = os.statvfs(folder)
        free_bytes = disk.f_bavail * disk.f_frsize
        if free_bytes < self._limits.free_bytes_min:
            raise DiskLow(folder, free_bytes, self._limits.free_bytes_min)
        self._room_seen_at = now


def _bytes_of(entries: list[Entry]) -> int:
    """About as much as the messages take in memory."""
    total = MESSAGE_BYTES * len(entries)
    for message, *_ in entries:
        if isinstance(message, Log):
            total += len(message.text)
            if properties := message.context.properties:
                total += _bytes_in(properties)
        else:
            total += 100 * len(message.results)
    return total


def _bytes_in(value: object) -> int:
    """Of what JSON can say; without recursion, as it may be deep."""
    total, rest = 0, [value]
    while rest:
        one = rest.pop()
        total += 50
        if isinstance(one, str):
            total += len(one)
        elif isinstance(one, dict):
            rest += one
            rest += one.values()
        elif isinstance(one, list):
            rest += one
    return total
