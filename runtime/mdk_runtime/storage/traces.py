"""Traces: one in causal order, and many in short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mdk_runtime.storage.answers import Position, StoredInteraction, StoredLog, StoredTrace
from mdk_runtime.storage.connections import SegmentConnection
from mdk_runtime.storage.errors import BadQuery
from mdk_runtime.storage.fetch import CALLS, COLUMNS, LOGS, call_of, log_of
from mdk_runtime.storage.rows import ERROR, INTEGER_MAX, LEVELS, id_text
from mdk_runtime.storage.snapshot import File, Snapshot

SUMMARY_ROWS_MAX: Final = 10_000
"""Rows of a trace in one segment that are counted for its summary."""
TEXT_LENGTH_MAX: Final = 200
"""Of a text in a summary."""
OWN_CATEGORY: Final = "MDK"
"""Of logs that MDK writes itself: they say where interactions begin and end."""
TRACES_AT_ONCE: Final = 100
"""In one statement, which SQLite bounds at 500 parts."""


class Place(NamedTuple):
    """Where a row stands in its trace: in causal order; logs before interactions, then in order of arrival."""

    clock: bytes
    is_call: int
    position: Position

    def __str__(self) -> str:
        return f"{self.clock.hex()}-{self.is_call}-{self.position}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """The reverse of `str`.

        Raises:
            BadQuery: It is none.
        """
        clock, _, rest = text.partition("-")
        is_call, _, position = rest.partition("-")
        try:
            return cls(bytes.fromhex(clock), ("0", "1").index(is_call), Position.parse(position))
        except ValueError:
            raise BadQuery("cursor", text, "one that an answer named as its next") from None


def events_of(
    snapshot: Snapshot, trace: bytes | str, *, after: Place | None, limit: int
) -> list[tuple[Place, StoredLog | StoredInteraction]]:
    """The first `limit` rows of a trace behind a place, in causal order."""
    events: list[tuple[Place, StoredLog | StoredInteraction]] = []
    for file in snapshot.files:
        connection = snapshot.open(file)
        for is_call in (0, 1):
            query = CALLS if is_call else LOGS
            table, clock = ("interactions", "start_clock") if is_call else ("logs", "clock")
            key = after.clock if after is not None else b""
            rows = connection.rows(
                f"{query} WHERE trace = ? AND {clock} >= ? AND ({clock} > ? OR {table}.id > ?)"
                f" ORDER BY {clock}, {table}.id LIMIT ?",
                (trace, key, key, _row_after(after, is_call, file.number), limit),
                COLUMNS,
            )
            for row in rows:
                position = Position(file.number, row[0])
                place = Place(bytes.fromhex(row[12] if is_call else row[2]), is_call, position)
                event = call_of(connection, file.number, row) if is_call else log_of(connection, file.number, row)
                events.append((place, event))
    events.sort(key=lambda event: event[0])
    return events[:limit]


def _row_after(after: Place | None, is_call: int, number: int) -> int:
    """Of rows with the same clock as the place, those above this row id stand behind it."""
    if after is None:
        return 0
    here, there = (is_call, number), (after.is_call, after.position.segment)
    if here == there:
        return after.position.row
    return 0 if here > there else INTEGER_MAX


class _First(NamedTuple):
    """The first row of a kind that a segment has of a trace; the least of them is the first of all."""

    clock: bytes
    is_call: int
    segment: int
    row: int
    text: str


@dataclass(slots=True)
class _Sum:
    start_ms: int = INTEGER_MAX
    end_ms: int = 0
    environments: set[str] = field(default_factory=set[str])
    services: set[str] = field(default_factory=set[str])
    levels: Counter[int] = field(default_factory=Counter[int])
    interactions: int = 0
    failed: int = 0
    errors: list[_First] = field(default_factory=list[_First])
    texts: list[_First] = field(default_factory=list[_First])
    entries: list[_First] = field(default_factory=list[_First])
    """Each of them the first of a segment."""
    partial: bool = False


def in_short(snapshot: Snapshot, traces: Sequence[bytes | str]) -> list[StoredTrace]:
    """The summaries of some traces, in their order."""
    totals = [_Sum() for _ in traces]
    for file in snapshot.files:
        connection = snapshot.open(file)
        for at in range(0, len(traces), TRACES_AT_ONCE):
            some, sums = traces[at : at + TRACES_AT_ONCE], totals[at : at + TRACES_AT_ONCE]
            _add_logs(sums, connection, file, some)
            _add_calls(sums, connection, file, some)
    return [_shown(trace, total) for trace, total in zip(traces, totals, strict=True)]


def _shown(trace: bytes | str, total: _Sum) -> StoredTrace:
    levels = {LEVELS[level]: count for level, count in sorted(total.levels.items())}
    return StoredTrace(
        trace_id=id_text(trace),
        start_ms=total.start_ms,
        end_ms=total.end_ms,
        environments=tuple(sorted(total.environments)),
        services=tuple(sorted(total.services)),
        levels=levels,
        interactions=total.interactions,
        failed=total.failed > 0 or any(level >= ERROR for level in total.levels),
        worst_level=LEVELS[max(total.levels)] if total.levels else None,
        first_error=min(total.errors).text if total.errors else None,
        entry=min(total.entries).text if total.entries else "",
        first_text=min(total.texts).text if total.texts else None,
        partial=total.partial,
    )


def _add_logs(totals: Sequence[_Sum], connection: SegmentConnection, file: File, traces: Sequence[bytes | str]) -> None:
    met: set[int] = set()
    failing: set[int] = set()
    rows = _groups(connection, "level", "timestamp", "logs INDEXED BY logs_by_trace", traces)
    for place, level, service, environment, count, start, end in rows:
        total = totals[int(place)]
        total.levels[level] += count
        _add(total, connection, service, environment, start, end)
        total.partial = total.partial or count >= SUMMARY_ROWS_MAX
        met.add(place)
        if level >= ERROR:
            failing.add(place)
    own = connection.number(OWN_CATEGORY)
    silent: set[int] = set()
    for place, first, service, category in _first_logs(connection, file, traces, met):
        totals[place].entries.append(first._replace(text=connection.text(service)))
        if category == own:
            silent.add(place)
        else:
            totals[place].texts.append(first)
    for place, first, _, _ in _first_logs(connection, file, traces, silent, f"category <> {own}"):
        totals[place].texts.append(first)
    for place, first, _, _ in _first_logs(connection, file, traces, failing, f"level >= {ERROR}"):
        totals[place].errors.append(first)


def _first_logs(
    connection: SegmentConnection, file: File, traces: Sequence[bytes | str], places: set[int], condition: str = "1"
) -> list[tuple[int, _First, int, int]]:
    """Place, first log that fits, its service and its category, of the traces at these places; one statement for all."""
    if not places:
        return []
    parts = [
        f"SELECT * FROM (SELECT {place} AS c0, hex(clock) AS c1, id AS c2, substr(text, 1, {TEXT_LENGTH_MAX}) AS c3,"
        " service AS c4, category AS c5 FROM logs INDEXED BY logs_by_trace"
        f" WHERE trace = ? AND {condition} ORDER BY clock, id LIMIT 1)"
        for place in places
    ]
    rows = connection.rows(" UNION ALL ".join(parts), [traces[place] for place in places], 6)
    return [
        (place, _First(bytes.fromhex(clock), 0, file.number, row, text), service, category)
        for place, clock, row, text, service, category in rows
    ]


def _add_calls(
    totals: Sequence[_Sum], connection: SegmentConnection, file: File, traces: Sequence[bytes | str]
) -> None:
    met: set[int] = set()
    rows = _groups(connection, "failed", "start_timestamp", "interactions INDEXED BY interactions_by_trace", traces)
    for place, failed, service, environment, count, start, end in rows:
        total = totals[int(place)]
        met.add(place)
        total.interactions += count
        total.failed += count if failed else 0
        _add(total, connection, service, environment, start, end)
        total.partial = total.partial or count >= SUMMARY_ROWS_MAX
    if not met:
        return
    parts = [
        f"SELECT * FROM (SELECT {place} AS c0, hex(start_clock) AS c1, id AS c2, service AS c3"
        " FROM interactions INDEXED BY interactions_by_trace WHERE trace = ? ORDER BY start_clock, id LIMIT 1)"
        for place in met
    ]
    for place, clock, row, service in connection.rows(" UNION ALL ".join(parts), [traces[one] for one in met], 4):
        first = _First(bytes.fromhex(clock), 1, file.number, row, connection.text(service))
        totals[int(place)].entries.append(first)


def _groups(
    connection: SegmentConnection, kind: str, start: str, table: str, traces: Sequence[bytes | str]
) -> list[list[Any]]:
    """Place of the trace, kind, service, environment, count, start and end; one statement for all traces."""
    parts = [
        f"SELECT * FROM (SELECT {place} AS place, {kind} AS kind, service, environment, {start} AS start, timestamp"
        f" FROM {table} WHERE trace = ? LIMIT {SUMMARY_ROWS_MAX})"
        for place in range(len(traces))
    ]
    return connection.rows(
        "SELECT place AS c0, kind AS c1, service AS c2, environment AS c3, count(*) AS c4, min(start) AS c5,"
        f" max(timestamp) AS c6 FROM ({' UNION ALL '.join(parts)}) GROUP BY 1, 2, 3, 4",
        traces,
        7,
    )


def _add(total: _Sum, connection: SegmentConnection, service: int, environment: int, start: int, end: int) -> None:
    total.services.add(connection.text(service))
    total.environments.add(connection.text(environment))
    total.start_ms = min(total.start_ms, start)
    total.end_ms = max(total.end_ms, end)
