"""Traces: one in causal order, and many in short."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mdk_runtime.storage.answers import Position, StoredInteraction, StoredLog, StoredTrace
from mdk_runtime.storage.connections import SegmentConnection
from mdk_runtime.storage.errors import BadQuery
from mdk_runtime.storage.fetch import CALLS, LOGS, call_of, log_of
from mdk_runtime.storage.rows import ERROR, INTEGER_MAX, LEVELS, id_text
from mdk_runtime.storage.snapshot import File, Snapshot

SUMMARY_ROWS_MAX: Final = 10_000
"""Rows of a trace in one segment that are counted for its summary."""
ERROR_LENGTH_MAX: Final = 200


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
            rows = connection.database.execute(
                f"{query} WHERE trace = ? AND {clock} >= ? AND ({clock} > ? OR {table}.id > ?)"
                f" ORDER BY {clock}, {table}.id LIMIT ?",
                (trace, key, key, _row_after(after, is_call, file.number), limit),
            )
            for row in rows:
                position = Position(file.number, row[0])
                if is_call:
                    events.append((Place(row[12], 1, position), call_of(connection, file.number, row)))
                else:
                    events.append((Place(row[2], 0, position), log_of(connection, file.number, row)))
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


@dataclass(slots=True)
class _Sum:
    start_ms: int = INTEGER_MAX
    end_ms: int = 0
    environments: set[str] = field(default_factory=set[str])
    services: set[str] = field(default_factory=set[str])
    levels: Counter[int] = field(default_factory=Counter[int])
    interactions: int = 0
    failed: int = 0
    errors: list[tuple[bytes, int, int, str]] = field(default_factory=list[tuple[bytes, int, int, str]])
    partial: bool = False


def in_short(snapshot: Snapshot, trace: bytes | str) -> StoredTrace:
    """The summary of a trace."""
    total = _Sum()
    for file in snapshot.files:
        connection = snapshot.open(file)
        _add_logs(total, connection, file, trace)
        _add_calls(total, connection, trace)
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
        first_error=min(total.errors)[-1] if total.errors else None,
        partial=total.partial,
    )


def _add_logs(total: _Sum, connection: SegmentConnection, file: File, trace: bytes | str) -> None:
    has_errors = False
    for level, service, environment, count, start, end in _groups(
        connection,
        "level, service, environment, timestamp",
        "level, service, environment",
        "min(timestamp), max(timestamp)",
        "logs INDEXED BY logs_by_trace",
        trace,
    ):
        total.levels[level] += count
        _add(total, connection, service, environment, start, end)
        total.partial = total.partial or count >= SUMMARY_ROWS_MAX
        has_errors = has_errors or level >= ERROR
    if has_errors:
        row = connection.database.execute(
            "SELECT clock, id, text FROM logs INDEXED BY logs_by_trace WHERE trace = ? AND level >= ?"
            " ORDER BY clock, id LIMIT 1",
            (trace, ERROR),
        ).fetchone()
        if row is not None:
            total.errors.append((row[0], file.number, row[1], row[2][:ERROR_LENGTH_MAX]))


def _add_calls(total: _Sum, connection: SegmentConnection, trace: bytes | str) -> None:
    for failed, service, environment, count, start, end in _groups(
        connection,
        "failed, service, environment, start_timestamp, timestamp",
        "failed, service, environment",
        "min(start_timestamp), max(timestamp)",
        "interactions INDEXED BY interactions_by_trace",
        trace,
    ):
        total.interactions += count
        total.failed += count if failed else 0
        _add(total, connection, service, environment, start, end)
        total.partial = total.partial or count >= SUMMARY_ROWS_MAX


def _groups(
    connection: SegmentConnection, columns: str, group: str, times: str, table: str, trace: bytes | str
) -> list[tuple[Any, ...]]:
    return connection.database.execute(
        f"SELECT {group}, count(*), {times} FROM (SELECT {columns} FROM {table} WHERE trace = ? LIMIT ?)"
        f" GROUP BY {group}",
        (trace, SUMMARY_ROWS_MAX),
    ).fetchall()


def _add(total: _Sum, connection: SegmentConnection, service: int, environment: int, start: int, end: int) -> None:
    total.services.add(connection.text(service))
    total.environments.add(connection.text(environment))
    total.start_ms = min(total.start_ms, start)
    total.end_ms = max(total.end_ms, end)
