"""Rows as they are shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from mdk_runtime.storage.answers import Position, StoredInteraction, StoredLog
from mdk_runtime.storage.connections import SegmentConnection
from mdk_runtime.storage.rows import LEVELS, clock_levels, id_column, id_of, id_text


def _named(columns: Sequence[str]) -> str:
    return ", ".join(f"{column} AS c{number}" for number, column in enumerate(columns))


_LOG_COLUMNS: Final = (
    "logs.id",
    id_column("trace"),
    "hex(clock)",
    *("timestamp", "node", "logs.service", "version", "sequence", "level", "odd_level", "category", "content_type"),
    *("text", "environment", "fallback", "properties"),
)
_CALL_COLUMNS: Final = (
    "interactions.id",
    id_column("uuid"),
    id_column("trace"),
    *("start_timestamp", "timestamp", "node", "interactions.service", "version", "sequence", "results", "callees"),
    *("failed", "hex(start_clock)", "hex(end_clock)", "environment", "fallback"),
)
LOGS: Final = f"SELECT {_named(_LOG_COLUMNS)} FROM logs JOIN senders ON senders.id = logs.sender"
CALLS: Final = f"SELECT {_named(_CALL_COLUMNS)} FROM interactions JOIN senders ON senders.id = interactions.sender"
COLUMNS: Final = 16
"""Of each."""
AT_ONCE: Final = 500
"""Row ids in one query."""


def logs_at(connection: SegmentConnection, number: int, rows: Sequence[int]) -> list[StoredLog]:
    """The logs with these row ids, in any order."""
    return [log_of(connection, number, row) for row in _at(connection, f"{LOGS} WHERE logs.id IN", rows)]


def calls_at(connection: SegmentConnection, number: int, rows: Sequence[int]) -> list[StoredInteraction]:
    """The interactions with these row ids, in any order."""
    return [call_of(connection, number, row) for row in _at(connection, f"{CALLS} WHERE interactions.id IN", rows)]


def log_of(connection: SegmentConnection, number: int, row: Sequence[Any]) -> StoredLog:
    """A row of `LOGS`."""
    at, trace, clock, timestamp, node, service, version, sequence, level, odd_level, *rest = row
    category, content_type, text, environment, fallback, properties = rest
    word = connection.text
    return StoredLog(
        position=Position(number, at),
        trace_id=id_text(id_of(trace)),
        clock=clock_levels(bytes.fromhex(clock)),
        timestamp_ms=timestamp,
        node=node,
        service=word(service),
        version=word(version),
        sequence=sequence,
        level=LEVELS[int(level)] if odd_level is None else word(odd_level),
        category=word(category),
        content_type=word(content_type),
        text=text,
        environment=word(environment),
        fallback=None if fallback is None else word(fallback),
        properties=json.loads(properties) if properties else {},
    )


def call_of(connection: SegmentConnection, number: int, row: Sequence[Any]) -> StoredInteraction:
    """A row of `CALLS`."""
    at, uuid, trace, start, end, node, service, version, sequence, results, callees, failed, *rest = row
    start_clock, end_clock, environment, fallback = rest
    word = connection.text
    return StoredInteraction(
        position=Position(number, at),
        uuid=id_text(id_of(uuid)),
        trace_id=id_text(id_of(trace)),
        start_ms=start,
        end_ms=end,
        node=node,
        service=word(service),
        version=word(version),
        sequence=sequence,
        results=json.loads(results),
        callees=json.loads(callees) if callees else {},
        failed=bool(failed),
        start_clock=clock_levels(bytes.fromhex(start_clock)),
        end_clock=clock_levels(bytes.fromhex(end_clock)),
        environment=word(environment),
        fallback=None if fallback is None else word(fallback),
    )


def _at(connection: SegmentConnection, query: str, rows: Sequence[int]) -> Iterable[Sequence[Any]]:
    for at in range(0, len(rows), AT_ONCE):
        some = rows[at : at + AT_ONCE]
        yield from connection.rows(f"{query} ({', '.join('?' * len(some))})", some, COLUMNS)
