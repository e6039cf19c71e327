"""Traces with a row that fits: the one with the newest such row first."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final, NamedTuple

from mdk_runtime.storage.answers import Filter, Page, Position, StoredTrace
from mdk_runtime.storage.rows import ERROR, SEVERITIES, id_text
from mdk_runtime.storage.search import Search
from mdk_runtime.storage.snapshot import Snapshot
from mdk_runtime.storage.traces import in_short

ROWS_PER_TRACE: Final = 4
"""Rows read at once for each trace wanted: traces overlap, so many rows are of traces that are met already."""
ROWS_LOOKED_AT_MAX: Final = 64
"""Of a trace that is met already, in one search: more are passed over without being read."""


class TraceCursor(NamedTuple):
    """Where a page of traces ended."""

    top: Position
    """The newest row of the first page: what comes later belongs above it, and changes nothing."""
    place: Position
    """The row behind which the next page begins."""

    def __str__(self) -> str:
        return f"{self.top}~{self.place}"

    @classmethod
    def parse(cls, text: str) -> TraceCursor:
        """The reverse of `str`.

        Raises:
            BadQuery: It is none.
        """
        top_text, _, place_text = text.partition("~")
        place = Position.parse(place_text)
        return cls(Position.parse(top_text), place)


def find_traces(
    snapshot: Snapshot, wanted: Filter, after: TraceCursor | None, *, limit: int, seconds: float
) -> Page[StoredTrace]:
    """A page of them.

    Args:
        snapshot: Where to look.
        wanted: What a row must be.
        after: Where the page before ended.
        limit: No more than so many.
        seconds: As long as the search may take; then the page is shorter.
    """
    place = after.place if after is not None else None
    top = after.top if after is not None else None
    rows = _TraceRows(snapshot, wanted, limit)
    search = rows.search(after=place, seconds=seconds)
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
    dropped = place is not None and snapshot.has_dropped(place)
    return Page(items, None if following is None else str(TraceCursor(top or following, following)), dropped)


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
