"""Questions to what is stored.

Logs, interactions and traces come in order of arrival, the newest first unless said otherwise. A cursor is a row, and
what follows is behind it: it stays right while rows arrive and segments are sealed, and says so when it points into
what was dropped. A trace has its place by the newest of its rows that fit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any, Self, TypeVar

from mdk_runtime.storage.answers import (
    CallRate,
    Edge,
    Filter,
    LogRate,
    Page,
    Position,
    Stats,
    StoredInteraction,
    StoredLog,
    StoredTrace,
)
from mdk_runtime.storage.connections import Connections, SegmentConnection
from mdk_runtime.storage.counts import Span, call_rates, edges_of, log_rates, stats
from mdk_runtime.storage.errors import BadQuery, QueryTooSlow
from mdk_runtime.storage.fetch import calls_at, logs_at
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.rows import MINUTE_MS, id_key
from mdk_runtime.storage.search import Search
from mdk_runtime.storage.snapshot import Snapshot
from mdk_runtime.storage.trace_search import TraceCursor, find_traces
from mdk_runtime.storage.traces import Place, events_of

TRIES = 3
"""A file may be dropped between being listed and being opened."""

T = TypeVar("T")


class Reader:
    """Reads one tenant's folder, also while a server writes it. Used by one thread at a time.

    Args:
        folder: The tenant's.
        connections: Where connections come from; its own unless given.
        limits: Of time and rows.
    """

    def __init__(
        self, folder: Path, *, connections: Connections | None = None, limits: StorageLimits | None = None
    ) -> None:
        self._folder = folder
        self._limits = limits or StorageLimits()
        self._own = Connections(self._limits.connections_idle_max) if connections is None else None
        self._connections = connections or self._own or Connections(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files, if they are its own."""
        if self._own is not None:
            self._own.close()

    # --- rows -------------------------------------------------------------------------------------

    def logs(
        self, wanted: Filter | None = None, *, cursor: str | None = None, oldest_first: bool = False, limit: int = 100
    ) -> Page[StoredLog]:
        """Logs that fit, in order of arrival.

        Raises:
            BadQuery: The cursor or the filter is none.
            QueryTooSlow: It took too long.
            NoSuchTenant: Nothing was ever stored.
        """

        def answer(snapshot: Snapshot) -> Page[StoredLog]:
            return self._rows(snapshot, wanted, cursor, oldest_first, limit, is_log=True, fetch=logs_at)

        return self._answer(answer)

    def interactions(
        self, wanted: Filter | None = None, *, cursor: str | None = None, oldest_first: bool = False, limit: int = 100
    ) -> Page[StoredInteraction]:
        """Interactions that fit, in order of arrival; they have no level, text or category. Raises as `logs`."""
        if wanted is not None and (wanted.level or wanted.text or wanted.category):
            raise BadQuery("filter", wanted, "neither level, text nor category: interactions have none")

        def answer(snapshot: Snapshot) -> Page[StoredInteraction]:
            return self._rows(snapshot, wanted, cursor, oldest_first, limit, is_log=False, fetch=calls_at)

        return self._answer(answer)

    def trace(
        self, trace_id: str, *, cursor: str | None = None, limit: int = 1000
    ) -> Page[StoredLog | StoredInteraction]:
        """All of one trace in causal order; an interaction stands behind the log that began it. Raises as `logs`."""
        self._check(limit)
        after = None if cursor is None else Place.parse(cursor)

        def answer(snapshot: Snapshot) -> Page[StoredLog | StoredInteraction]:
            events = events_of(snapshot, id_key(trace_id), after=after, limit=limit + 1)
            following = str(events[limit - 1][0]) if len(events) > limit else None
            dropped = after is not None and snapshot.has_dropped(after.position)
            return Page([event for _, event in events[:limit]], following, dropped)

        return self._answer(answer)

    def traces(self, wanted: Filter | None = None, *, cursor: str | None = None, limit: int = 50) -> Page[StoredTrace]:
        """Traces with a row that fits, the one with the newest such row first. Raises as `logs`.

        A cursor remembers the newest row of the first page, so that what comes later changes nothing.
        """
        self._check(limit)
        after = None if cursor is None else TraceCursor.parse(cursor)

        def answer(snapshot: Snapshot) -> Page[StoredTrace]:
            return find_traces(snapshot, wanted or Filter(), after, limit=limit, seconds=self._limits.search_s_max)

        return self._answer(answer)

    # --- counts -----------------------------------------------------------------------------------

    def log_rates(
        self,
        *,
        since_ms: int,
        until_ms: int,
        step_minutes: int = 1,
        service: str | None = None,
        environment: str | None = None,
    ) -> list[LogRate]:
        """Logs per service and span of time, by level; oldest first. Raises as `logs`."""
        span = Span(since_ms, until_ms, step_minutes)
        return self._answer(lambda snapshot: log_rates(snapshot, span, service=service, environment=environment))

    def call_rates(
        self, *, since_ms: int, until_ms: int, step_minutes: int = 1, environment: str | None = None
    ) -> list[CallRate]:
        """Interactions between services per span of time; oldest first. Raises as `logs`."""
        span = Span(since_ms, until_ms, step_minutes)
        return self._answer(lambda snapshot: call_rates(snapshot, span, environment=environment))

    def edges(self, *, since_ms: int, until_ms: int, environment: str | None = None) -> list[Edge]:
        """Who called whom in a time. Raises as `logs`."""
        span = Span(since_ms, until_ms, step_minutes=max(1, until_ms // MINUTE_MS + 1))
        return edges_of(self._answer(lambda snapshot: call_rates(snapshot, span, environment=environment)))

    def stats(self) -> Stats:
        """What there is. Raises as `logs`."""
        return self._answer(lambda snapshot: stats(snapshot, self._folder))

    # --- inside -----------------------------------------------------------------------------------

    def _rows(
        self,
        snapshot: Snapshot,
        wanted: Filter | None,
        cursor: str | None,
        oldest_first: bool,
        limit: int,
        *,
        is_log: bool,
        fetch: Callable[[SegmentConnection, int, list[int]], list[Any]],
    ) -> Page[Any]:
        self._check(limit)
        after = None if cursor is None else Position.parse(cursor)
        search = Search(
            snapshot,
            wanted or Filter(),
            logs=is_log,
            calls=not is_log,
            after=after,
            oldest_first=oldest_first,
            at_once=limit + 1,
            seconds=self._limits.search_s_max,
        )
        found: list[Position] = []
        is_more = False
        for one in search:
            if len(found) == limit:
                is_more = True
                break
            found.append(one.position)
        following = str(found[-1]) if is_more else str(search.stopped) if search.stopped is not None else None
        dropped = after is not None and snapshot.has_dropped(after)
        return Page(_fetched(snapshot, found, fetch), following, dropped)

    def _check(self, limit: int) -> None:
        if not 1 <= limit <= self._limits.query_rows_max:
            raise BadQuery("limit", limit, f"a number from 1 to {self._limits.query_rows_max}")

    def _answer(self, ask: Callable[[Snapshot], T]) -> T:
        for left in range(TRIES - 1, -1, -1):
            before = _names(self._folder)
            try:
                with Snapshot(self._folder, self._connections, seconds=self._limits.query_s_max) as snapshot:
                    try:
                        return ask(snapshot)
                    except sqlite3.OperationalError as error:
                        if snapshot.is_over():
                            raise QueryTooSlow(self._limits.query_s_max) from error
                        raise
            except sqlite3.OperationalError:
                if not left or _names(self._folder) == before:
                    raise
        raise AssertionError("the last try answers or raises")


def _fetched(
    snapshot: Snapshot, positions: list[Position], fetch: Callable[[SegmentConnection, int, list[int]], list[Any]]
) -> list[Any]:
    """The rows at these positions, in their order."""
    files = {file.number: file for file in snapshot.files}
    rows: dict[Position, Any] = {}
    for number, group in groupby(positions, key=lambda position: position.segment):
        for row in fetch(snapshot.open(files[number]), number, [position.row for position in group]):
            rows[row.position] = row
    return [rows[position] for position in positions]


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
