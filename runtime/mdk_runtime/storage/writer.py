"""The thread that writes: what is queued while one transaction runs becomes the next one (group commit)."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from mdk_protocol.messages import InteractionEvent, Log
from mdk_runtime.errors import MDKError
from mdk_runtime.storage.schema import SEGMENT_NAME
from mdk_runtime.storage.segment import Segment, Stored

BATCH_MAX = 2000
"""Messages in one transaction: beyond, fsync is no longer what costs."""

BACKLOG_MAX = 10_000
"""Messages that wait; above, who submits shall stop reading until there is room."""

OPEN_MAX = 64
"""Segments open at once; beyond, the one that was not used longest is closed."""

RETRY_S_FIRST = 0.05
RETRY_S_MAX = 2.0
"""A write that fails (disk full, I/O error) is tried again, later and later; its acks wait."""

logger = logging.getLogger("mdk.server.storage")


class Job(NamedTuple):
    """Messages of one tenant, to be stored in its folder."""

    folder: Path
    messages: list[Log | InteractionEvent]
    token: Any
    """The submitter's, handed back with the results."""


class Done(NamedTuple):
    """A job whose messages are durable."""

    job: Job
    results: list[Stored]


class Writer:
    """Stores jobs in order of submission, on a thread of its own.

    Args:
        deliver: Gets jobs that are done, on the writer's thread.
        retry_s: The first wait after a failure.
    """

    def __init__(self, deliver: Callable[[list[Done]], None], *, retry_s: float = RETRY_S_FIRST) -> None:
        self._deliver = deliver
        self._retry_s = retry_s
        self._jobs: deque[Job] = deque()
        self._segments: dict[Path, Segment] = {}
        """The one used last stands last."""
        self._changed = threading.Condition()
        self._stop_at: float | None = None
        self._backlog = 0
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
        return self._backlog >= BACKLOG_MAX

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job; it comes back by `deliver`."""
        with self._changed:
            self._jobs.append(job)
            self._backlog += len(job.messages)
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
            while batch := self._next_batch():
                done = self._store(batch)
                if done is None:
                    return
                with self._changed:
                    self._backlog -= sum(len(one.results) for one in done)
                self._deliver(done)
        finally:
            for segment in self._segments.values():
                segment.close()

    def _next_batch(self) -> list[Job]:
        """The jobs of one round; empty when it is time to end."""
        with self._changed:
            while not self._jobs and self._stop_at is None:
                self._changed.wait()
            batch: list[Job] = []
            count = 0
            while self._jobs and (not batch or count + len(self._jobs[0].messages) <= BATCH_MAX):
                batch.append(self._jobs.popleft())
                count += len(batch[-1].messages)
            return batch

    def _store(self, batch: list[Job]) -> list[Done] | None:
        """Store each tenant's jobs in one transaction; None if that fails until the end."""
        by_folder: dict[Path, list[Job]] = {}
        for job in batch:
            by_folder.setdefault(job.folder, []).append(job)
        done: list[Done] = []
        for folder, jobs in by_folder.items():
            messages = [message for job in jobs for message in job.messages]
            results = self._persistently(folder, messages)
            if results is None:
                return None
            at = 0
            for job in jobs:
                done.append(Done(job, results[at : at + len(job.messages)]))
                at += len(job.messages)
        return done

    def _persistently(self, folder: Path, messages: list[Log | InteractionEvent]) -> list[Stored] | None:
        wait_s = self._retry_s
        while True:
            try:
                results = self._segment(folder).store(messages)
            except (sqlite3.Error, OSError, MDKError) as error:
                if not self.is_failing:
                    logger.error("cannot store in %s: %s; trying again, acknowledgements wait", folder, error)
                self.is_failing = True
                self._forget(folder)
            else:
                if self.is_failing:
                    logger.warning("storing in %s works again", folder)
                self.is_failing = False
                return results
            if not self._pause(wait_s):
                return None
            wait_s = min(wait_s * 2, RETRY_S_MAX)

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

    def _segment(self, folder: Path) -> Segment:
        segment = self._segments.pop(folder, None)
        if segment is None:
            if len(self._segments) >= OPEN_MAX:
                self._forget(next(iter(self._segments)))
            segment = Segment(folder / SEGMENT_NAME)
        self._segments[folder] = segment
        return segment

    def _forget(self, folder: Path) -> None:
        segment = self._segments.pop(folder, None)
        if segment is not None:
            segment.close()
