"""Storage of all tenants: the thread that writes, the one that keeps house, and those that read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from mdk_runtime.storage.backlog import Job
from mdk_runtime.storage.connections import Connections
from mdk_runtime.storage.errors import TooManyQueries, UnknownSchema
from mdk_runtime.storage.housekeeper import Housekeeper
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.reader import Reader
from mdk_runtime.storage.writer import STEP_S_MAX, Done, Writer

T = TypeVar("T")

OLD_LOOK_S: Final = 0.02
"""Between two looks at a file that is being brought up to date."""


class Storage:
    """What the server knows of storage.

    Args:
        data: The folder that holds the tenants' folders.
        deliver: Gets jobs whose messages are durable, on the writer's thread.
        limits: How much, for how long.
        turned: Called with a folder and whether it can be written when that has changed, on the writer's thread.
        emptied: Called with a folder that may go, on a thread of storage's; `remove` has it go. By itself it goes at once.
        now_ms: The time.
    """

    def __init__(
        self,
        data: Path,
        deliver: Callable[[list[Done]], None],
        limits: StorageLimits | None = None,
        *,
        turned: Callable[[Path, bool], None] = lambda folder, works: None,
        emptied: Callable[[Path], None] | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.limits = limits or StorageLimits()
        self._data = data
        self._connections = Connections(self.limits.connections_idle_max)
        self.housekeeper = Housekeeper(
            data,
            self.limits,
            wants_roll=self._look_after,
            changed=self._connections.forget,
            emptied=emptied or self.remove,
            now_ms=now_ms,
        )
        self.writer = Writer(
            deliver,
            self.limits,
            rolled=self.housekeeper.rolled,
            removed=self._removed,
            turned=turned,
            now_ms=now_ms,
        )
        self._readers = ThreadPoolExecutor(self.limits.readers, thread_name_prefix="mdk-reader")
        self._lock = threading.Lock()
        self._queries = 0

    def start(self) -> None:
        """Start the threads."""
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.writer.start()
        self.housekeeper.start()

    def stop(self, *, timeout_s: float) -> int:
        """Store what is queued, end the threads; how many messages could not be stored in that time.

        Blocks that long at most, and `STEP_S_MAX`.
        """
        end = time.monotonic() + timeout_s + STEP_S_MAX
        self.housekeeper.stop(timeout_s=0.0)  # It ends while the writer does.
        unstored = self.writer.stop(timeout_s=timeout_s)
        self.housekeeper.stop(timeout_s=max(0.0, end - time.monotonic()))
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._connections.close()
        return unstored

    def fails(self, tenant: str) -> bool:
        """True while what the tenant has to store cannot be stored."""
        return self.writer.fails(self._data / tenant)

    def query(self, tenant: str, ask: Callable[[Reader], T]) -> Future[T]:
        """Ask something of a tenant, on a thread of the pool: `query("default", lambda reader: reader.stats())`.

        Raises:
            TooManyQueries: So many wait already. What `ask` raises is in the future.
        """
        with self._lock:
            if self._queries >= self.limits.queries_waiting_max:
                raise TooManyQueries(self._queries)
            self._queries += 1
        future = self._readers.submit(self._ask, self._data / tenant, ask)
        future.add_done_callback(self._answered)
        return future

    def remove(self, folder: Path) -> None:
        """Remove a tenant's folder, behind what is queued, if it holds nothing."""
        self.writer.submit(Job(folder, [], removes=True))

    def _removed(self, folder: Path) -> None:
        self.housekeeper.removed(folder)
        self._connections.forget(folder)

    def _look_after(self, folder: Path) -> None:
        self.writer.submit(Job(folder, []))

    def _ask(self, folder: Path, ask: Callable[[Reader], T]) -> T:
        """Files of before an upgrade are brought up to date by the writer, where nothing was to be written yet."""
        give_up_at = None
        while True:
            try:
                return ask(Reader(folder, connections=self._connections, limits=self.limits))
            except UnknownSchema as error:
                if not error.is_old or self.writer.fails(folder):
                    raise
                now = time.monotonic()
                if give_up_at is None:
                    give_up_at = now + self.limits.query_s_max
                    self._look_after(folder)
                elif now >= give_up_at:
                    raise
            time.sleep(OLD_LOOK_S)

    def _answered(self, _: Future[T]) -> None:
        with self._lock:
            self._queries -= 1
