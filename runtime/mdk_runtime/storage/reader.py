"""Questions to what is stored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mdk_runtime.storage.rows import clock_levels, id_key, id_text
from mdk_runtime.storage.schema import SEGMENT_NAME, open_for_reading

_SELECT = (
    "SELECT logs.id, trace, clock, timestamp, senders.node, sequence, level, category, text, environment, fallback,"
    " properties FROM logs JOIN senders ON senders.id = logs.sender"
)


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log as it was stored."""

    id: int
    """Grows in the order of arrival."""
    trace_id: str
    clock: tuple[int, ...]
    timestamp_ms: int
    node: str
    sequence: int | None
    level: str
    category: str
    text: str
    environment: str
    fallback: str | None
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredInteraction:
    """An interaction as it was stored."""

    uuid: str
    trace_id: str
    node: str
    results: Mapping[str, int]
    start_clock: tuple[int, ...]
    end_clock: tuple[int, ...]


class Reader:
    """Reads one tenant's folder, also while a server writes it. Used by one thread at a time.

    Args:
        folder: The tenant's.
    """

    def __init__(self, folder: Path) -> None:
        self._database = open_for_reading(folder / SEGMENT_NAME)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        self._database.close()

    def logs_of_trace(self, trace_id: str, *, limit: int = 10_000) -> list[StoredLog]:
        """A trace's logs in causal order; those of one clock in the order of arrival."""
        rows = self._database.execute(
            f"{_SELECT} WHERE trace = ? ORDER BY clock, logs.id LIMIT ?",
            (id_key(trace_id), limit),
        )
        return [_log(row) for row in rows]

    def recent_logs(self, *, limit: int = 100) -> list[StoredLog]:
        """The logs that came last, the newest first."""
        rows = self._database.execute(f"{_SELECT} ORDER BY logs.id DESC LIMIT ?", (limit,))
        return [_log(row) for row in rows]

    def interactions_of_trace(self, trace_id: str, *, limit: int = 10_000) -> list[StoredInteraction]:
        """A trace's interactions, in causal order of their starts."""
        rows = self._database.execute(
            "SELECT uuid, trace, senders.node, results, start_clock, end_clock FROM interactions"
            " JOIN senders ON senders.id = sender WHERE trace = ? ORDER BY start_clock, interactions.id LIMIT ?",
            (id_key(trace_id), limit),
        )
        return [_interaction(row) for row in rows]

    def counts(self) -> tuple[int, int]:
        """How many logs and interactions there are."""
        (logs,) = self._database.execute("SELECT count(*) FROM logs").fetchone()
        (interactions,) = self._database.execute("SELECT count(*) FROM interactions").fetchone()
        return logs, interactions


def _log(row: tuple[Any, ...]) -> StoredLog:
    number, trace, clock, timestamp, node, sequence, level, category, text, environment, fallback, properties = row
    return StoredLog(
        id=number,
        trace_id=id_text(trace),
        clock=clock_levels(clock),
        timestamp_ms=timestamp,
        node=node,
        sequence=sequence,
        level=level,
        category=category,
        text=text,
        environment=environment,
        fallback=fallback,
        properties=json.loads(properties or "{}"),
    )


def _interaction(row: tuple[Any, ...]) -> StoredInteraction:
    uuid, trace, node, results, start_clock, end_clock = row
    return StoredInteraction(
        id_text(uuid), id_text(trace), node, json.loads(results), clock_levels(start_clock), clock_levels(end_clock)
    )
