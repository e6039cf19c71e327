"""Questions to what is stored.

Logs, interactions and traces come in order of arrival, the newest first unless said otherwise. A cursor is a row, and
what follows is behind it: it stays right while rows arrive and segments are sealed, and says so when it points into
what was dropped. A trace has its place by the newest of its rows that fit.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
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
    SegmentStats,
    Stats,
    StoredInteraction,
    StoredLog,
    StoredTrace,
)
from mdk_runtime.storage.connections import Connections, SegmentConnection
from mdk_runtime.storage.errors import BadQuery, QueryTooSlow
from mdk_runtime.storage.fetch import calls_at, logs_at
from mdk_runtime.storage.layout import manifest_path, size_bytes
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.rows import ERROR, LEVELS, SEVERITIES, id_key, id_text
from mdk_runtime.storage.search import Search
from mdk_runtime.storage.snapshot import Snapshot
from mdk_runtime.storage.traces import Place, events_of, in_short

MINUTE_MS = 60_000
ROWS_PER_TRACE = 4
"""Rows read at once for each trace wanted: traces overlap, so many rows are of traces that are met already."""
ROWS_LOOKED_AT_MAX = 64
"""Of a trace that is met already, in one search: more are passed over without being read."""
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
            dropped = after is not None and _is_dropped(snapshot, after.position)
            return Page([event for _, event in events[:limit]], following, dropped)

        return self._answer(answer)

    def traces(self, wanted: Filter | None = None, *, cursor: str | None = None, limit: int = 50) -> Page[StoredTrace]:
        """Traces with a row that fits, the one with the newest such row first. Raises as `logs`.

        A cursor remembers the newest row of the first page: what comes later belongs above it, and changes nothing.
        """
        self._check(limit)
        top_text, _, place_text = (cursor or "").partition("~")
        place = Position.parse(place_text) if cursor is not None else None
        top = Position.parse(top_text) if cursor is not None else None
        return self._answer(lambda snapshot: self._traces(snapshot, wanted or Filter(), top, place, limit))

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
        dropped = after is not None and _is_dropped(snapshot, after)
        return Page(_fetched(snapshot, found, fetch), following, dropped)

    def _traces(
        self, snapshot: Snapshot, wanted: Filter, top: Position | None, place: Position | None, limit: int
    ) -> Page[StoredTrace]:
        rows = _TraceRows(snapshot, wanted, limit)
        search = rows.search(after=place, seconds=self._limits.search_s_max)
        items: list[StoredTrace] = []
        pending: list[bytes | str] = []
        """Traces of this page that are not summed up yet."""
        met: Counter[bytes | str] = Counter()
        following: Position | None = None
        for found in search:
            if found.trace not in met and len(items) + len(pending) == limit:
                items += _wanted_of(in_short(snapshot, pending), wanted)
                pending.clear()
                if len(items) == limit:
                    break
            following = found.position
            top = top or found.position
            met[found.trace] += 1
            if met[found.trace] == ROWS_LOOKED_AT_MAX:
                search.leave_out(found.trace)
            is_new = met[found.trace] == 1
            if is_new and (place is None or not rows.is_above(found.trace, top=top, place=place)):
                pending.append(found.trace)
        else:
            following = search.stopped
        items += _wanted_of(in_short(snapshot, pending), wanted)
        dropped = place is not None and _is_dropped(snapshot, place)
        return Page(items, None if following is None else f"{top or following}~{following}", dropped)

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

        def answer(snapshot: Snapshot) -> list[LogRate]:
            sums: dict[tuple[int, str, str, str], Counter[int]] = {}
            columns = "environment, service, version, level, sum(count)"
            rows = _rates(snapshot, "log_rates", columns, 5, since_ms, until_ms, step_minutes)
            for start, env, name, version, level, count in rows:
                if service in (None, name) and environment in (None, env):
                    sums.setdefault((start, env, name, version), Counter())[level] += count
            return [
                LogRate(*key, {LEVELS[level]: count for level, count in sorted(levels.items())})
                for key, levels in sorted(sums.items())
            ]

        return self._answer(answer)

    def call_rates(
        self, *, since_ms: int, until_ms: int, step_minutes: int = 1, environment: str | None = None
    ) -> list[CallRate]:
        """Interactions between services per span of time; oldest first. Raises as `logs`."""

        def answer(snapshot: Snapshot) -> list[CallRate]:
            sums: dict[tuple[int, str, str, str], list[int]] = {}
            columns = "environment, caller, callee, sum(ok), sum(failed)"
            rows = _rates(snapshot, "call_rates", columns, 4, since_ms, until_ms, step_minutes)
            for start, env, caller, callee, ok, failed in rows:
                if environment in (None, env):
                    total = sums.setdefault((start, env, caller, callee), [0, 0])
                    total[0] += ok
                    total[1] += failed
            return [CallRate(*key, *total) for key, total in sorted(sums.items())]

        return self._answer(answer)

    def edges(self, *, since_ms: int, until_ms: int, environment: str | None = None) -> list[Edge]:
        """Who called whom in a time. Raises as `logs`."""
        minutes = max(1, until_ms // MINUTE_MS + 1)
        sums: dict[tuple[str, str, str], list[int]] = {}
        for rate in self.call_rates(
            since_ms=since_ms, until_ms=until_ms, step_minutes=minutes, environment=environment
        ):
            total = sums.setdefault((rate.environment, rate.caller, rate.callee), [0, 0])
            total[0] += rate.ok
            total[1] += rate.failed
        return [Edge(*key, *total) for key, total in sorted(sums.items())]

    def stats(self) -> Stats:
        """What there is. Raises as `logs`."""
        return self._answer(self._stats)

    def _stats(self, snapshot: Snapshot) -> Stats:
        segments: list[SegmentStats] = []
        for file in snapshot.files:
            sealed = file.sealed
            if sealed is not None:
                state = "kept" if sealed.is_kept else "sealed"
                counts = (sealed.size_bytes, sealed.logs, sealed.interactions, sealed.earliest_ms, sealed.latest_ms)
                segments.append(SegmentStats(file.number, state, *counts))
                continue
            database = snapshot.open(file).database
            (logs,) = database.execute("SELECT coalesce(sum(count), 0) FROM log_rates").fetchone()
            (calls,) = database.execute("SELECT count(*) FROM interactions").fetchone()
            earliest, latest = database.execute("SELECT min(earliest), max(latest) FROM blocks").fetchone()
            segments.append(SegmentStats(file.number, "open", size_bytes(file.path), logs, calls, earliest, latest))
        whole = [one.earliest_ms for one in segments if one.state != "kept" and one.earliest_ms is not None]
        return Stats(
            segments=segments,
            size_bytes=sum(one.size_bytes for one in segments) + size_bytes(manifest_path(self._folder)),
            logs=sum(one.logs for one in segments),
            interactions=sum(one.interactions for one in segments),
            horizon_ms=min(whole, default=None),
            dropped_segments=snapshot.dropped_through,
        )

    # --- inside -----------------------------------------------------------------------------------

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


class _TraceRows:
    """The rows by which traces are found."""

    def __init__(self, snapshot: Snapshot, wanted: Filter, at_once: int) -> None:
        self._snapshot = snapshot
        self._has_calls = wanted.level is None and wanted.text is None and wanted.category is None
        self._at_once = at_once
        # A trace that has not failed is told by all of it, not by one row.
        level = wanted.level
        if wanted.failed and SEVERITIES.get(level or "", 0) < ERROR:
            level = "ERROR"
        self._wanted = replace(wanted, level=level, failed=wanted.failed or None)

    def search(self, *, after: Position | None, seconds: float) -> Search:
        """All of them, the newest first."""
        return self._search(self._wanted, after, self._at_once * ROWS_PER_TRACE, seconds)

    def is_above(self, trace: bytes | str, *, top: Position, place: Position) -> bool:
        """True if pages down to `place` had the trace, when `top` was the newest row."""
        wanted = replace(self._wanted, trace_id=id_text(trace))
        search = self._search(wanted, Position(top.segment, top.row + 1), 1, float("inf"))
        newest = next(iter(search), None)
        return newest is not None and newest.position >= place

    def _search(self, wanted: Filter, after: Position | None, at_once: int, seconds: float) -> Search:
        has_calls = self._has_calls
        return Search(self._snapshot, wanted, logs=True, calls=has_calls, after=after, at_once=at_once, seconds=seconds)


def _wanted_of(traces: list[StoredTrace], wanted: Filter) -> list[StoredTrace]:
    return [trace for trace in traces if wanted.failed in (None, trace.failed)]


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


def _is_dropped(snapshot: Snapshot, position: Position) -> bool:
    """True if the row is in a segment that was dropped, wholly or but for its failing traces."""
    return position.segment <= snapshot.dropped_through


def _rates(
    snapshot: Snapshot, table: str, columns: str, groups: int, since_ms: int, until_ms: int, step_minutes: int
) -> Iterator[tuple[Any, ...]]:
    """Sums of counts per span of time: those of sealed segments from the manifest, of others from themselves."""
    if step_minutes < 1:
        raise BadQuery("step_minutes", step_minutes, "1 or more")
    query = (
        f"SELECT minute / ? * ? * {MINUTE_MS}, {columns} FROM {table} WHERE minute >= ? AND minute < ?"
        f" GROUP BY {', '.join(map(str, range(1, groups + 1)))}"
    )
    values = (step_minutes, step_minutes, since_ms // MINUTE_MS, -(-until_ms // MINUTE_MS))
    sources = [snapshot.open(file) for file in snapshot.files if file.sealed is None]
    if snapshot.manifest is not None:
        sources.append(snapshot.manifest)
    for source in sources:
        yield from source.database.execute(query, values)


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
