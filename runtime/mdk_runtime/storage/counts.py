"""Counts of what is stored: rates per span of time, who called whom, and how much there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mdk_runtime.storage.answers import CallRate, Edge, LogRate, SegmentStats, Stats
from mdk_runtime.storage.errors import BadQuery
from mdk_runtime.storage.layout import manifest_path, size_bytes
from mdk_runtime.storage.rows import LEVELS, MINUTE_MS
from mdk_runtime.storage.snapshot import Snapshot


class Span(NamedTuple):
    """A time, in equal steps."""

    since_ms: int
    until_ms: int
    """Not in it."""
    step_minutes: int = 1


def log_rates(snapshot: Snapshot, span: Span, *, service: str | None, environment: str | None) -> list[LogRate]:
    """Logs per service and step, by level; oldest first."""
    sums: dict[tuple[int, str, str, str], Counter[int]] = {}
    columns = "environment, service, version, level, sum(count)"
    for start, env, name, version, level, count in _rates(snapshot, "log_rates", columns, 5, span):
        if service in (None, name) and environment in (None, env):
            sums.setdefault((start, env, name, version), Counter())[level] += count
    return [
        LogRate(*key, {LEVELS[level]: count for level, count in sorted(levels.items())})
        for key, levels in sorted(sums.items())
    ]


def call_rates(snapshot: Snapshot, span: Span, *, environment: str | None) -> list[CallRate]:
    """Interactions between services per step; oldest first."""
    sums: dict[tuple[int, str, str, str], list[int]] = {}
    columns = "environment, caller, callee, sum(ok), sum(failed)"
    for start, env, caller, callee, ok, failed in _rates(snapshot, "call_rates", columns, 4, span):
        if environment in (None, env):
            total = sums.setdefault((start, env, caller, callee), [0, 0])
            total[0] += ok
            total[1] += failed
    return [CallRate(*key, *total) for key, total in sorted(sums.items())]


def edges_of(rates: Iterable[CallRate]) -> list[Edge]:
    """Who called whom, whenever it was."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for rate in rates:
        total = sums.setdefault((rate.environment, rate.caller, rate.callee), [0, 0])
        total[0] += rate.ok
        total[1] += rate.failed
    return [Edge(*key, *total) for key, total in sorted(sums.items())]


def stats(snapshot: Snapshot, folder: Path) -> Stats:
    """What there is, file by file."""
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
        size_bytes=sum(one.size_bytes for one in segments) + size_bytes(manifest_path(folder)),
        logs=sum(one.logs for one in segments),
        interactions=sum(one.interactions for one in segments),
        horizon_ms=min(whole, default=None),
        dropped_segments=snapshot.dropped_through,
    )


def _rates(snapshot: Snapshot, table: str, columns: str, groups: int, span: Span) -> Iterator[tuple[Any, ...]]:
    """Sums of counts per step: those of sealed segments from the manifest, of others from themselves."""
    since_ms, until_ms, step_minutes = span
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
