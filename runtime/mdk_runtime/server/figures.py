"""What the console is shown of a tenant's storage: asked of it now and then, while somebody looks."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from contextlib import suppress
from time import time_ns

from msgspec import UNSET, UnsetType

from mdk_protocol.messages import Rates, RatesQuery, StorageState
from mdk_runtime.core.server.news import MINUTE_MS, News
from mdk_runtime.core.server.pulse import Facts, Retention
from mdk_runtime.server.stored import rates, storage_state
from mdk_runtime.storage.errors import NoSuchTenant, TooManyQueries
from mdk_runtime.storage.storage import Storage

STATS_EVERY_S = 5.0
"""How often storage is asked how much it holds."""
SUMS_EVERY_S = 0.5
"""How often it is asked for the minutes that have changed: half the time between two pulses, so that each may have some."""

logger = logging.getLogger("mdk.server")


class Figures:
    """Of one tenant. Storage is never waited for: what is shown is what it said last.

    Args:
        name: The tenant's.
        news: They know which minutes have changed.
        storage: Where it is asked.
        started_at: When the server started, on the loop's clock.
    """

    def __init__(self, name: str, news: News, storage: Storage, *, started_at: float) -> None:
        self._name = name
        self._news = news
        self._storage = storage
        self._started_at = started_at
        self._loop = asyncio.get_running_loop()
        self._state: StorageState | UnsetType = UNSET
        self._state_at = 0.0
        """Not to be asked for again before."""
        self._sums: Rates | UnsetType = UNSET
        """Of the minutes to which something was added when it was asked last."""
        self._sums_at = 0.0
        self._is_summing = False

    def facts(self) -> Facts:
        """What is known now; what is old is asked for anew."""
        now = self._loop.time()
        self._ask_state(now)
        self._ask_sums(now)
        limits, writer = self._storage.limits, self._storage.writer
        return Facts(
            time_ms=time_ns() // 1_000_000,
            uptime_s=now - self._started_at,
            waiting=writer.backlog,
            is_failing=self._storage.fails(self._name),
            storage=self._state,
            sums=self._sums,
            retention=Retention(limits.bytes_max, limits.age_s_max, limits.kept_bytes_max, limits.kept_age_s_max),
        )

    def _ask_state(self, now: float) -> None:
        if now < self._state_at:
            return
        self._state_at = now + STATS_EVERY_S
        with suppress(TooManyQueries):
            future = self._storage.query(self._name, lambda reader: storage_state(reader.stats()))
            future.add_done_callback(self._counted)

    def _ask_sums(self, now: float) -> None:
        """One question, however many look."""
        if now < self._sums_at or self._is_summing or not self._news.has_told(self._sums):
            return
        minutes = self._news.minutes
        if not minutes:
            return
        self._sums_at = now + SUMS_EVERY_S
        query = RatesQuery(since=min(minutes) * MINUTE_MS, until=(max(minutes) + 1) * MINUTE_MS)
        with suppress(TooManyQueries):
            future = self._storage.query(self._name, lambda reader: rates(reader, query))
            self._news.sums_asked()
            self._is_summing = True
            future.add_done_callback(self._summed)

    def _counted(self, done: Future[StorageState]) -> None:
        """On a thread of storage's."""
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._state = done.result()
        elif not isinstance(error, NoSuchTenant):
            logger.warning("what is stored of %s cannot be counted: %s", self._name, error)

    def _summed(self, done: Future[Rates]) -> None:
        """On a thread of storage's. What fails is asked again when more is stored."""
        if not done.cancelled():
            error = done.exception()
            if error is None:
                self._sums = done.result()
            else:
                logger.warning("minutes of %s cannot be summed up: %s", self._name, error)
        self._is_summing = False  # Not before: others would be asked for, in place of these.
