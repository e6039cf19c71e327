"""Which rows fit a filter, in order of arrival, a window of rows at a time.

A window is a range of row ids that is asked for at once. Each starts where the one before it ended, so a search may
stop after any of them and say where; it never holds more than one window's rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from mdk_runtime.storage.answers import Filter, Position
from mdk_runtime.storage.connections import SegmentConnection
from mdk_runtime.storage.errors import BadQuery
from mdk_runtime.storage.match import match_of
from mdk_runtime.storage.rows import INTEGER_MAX, SEVERITIES, clean, id_column, id_key, id_of
from mdk_runtime.storage.snapshot import File, Snapshot

SCAN_ROWS: Final = (4_096, 65_536)
"""The first window and the largest one, where every row is looked at."""
INDEX_ROWS: Final = (262_144, 4_194_304)
"""And where an index leads to the rows."""
INDEXED_SEVERITY: Final = SEVERITIES["WARN"]
"""Levels from here on are rare enough to be found by their index; below, most rows fit."""
LEFT_OUT_MAX: Final = 32
"""Traces left out of one search: each is compared with each row."""


class Found(NamedTuple):
    """A row that fits."""

    position: Position
    is_log: bool
    trace: bytes | str


class Search:
    """Iterates over the rows that fit.

    Args:
        snapshot: Where.
        wanted: What fits.
        logs: Look at logs.
        calls: Look at interactions; of the filter they know neither level, text nor category.
        after: Begin behind this row.
        oldest_first: The order.
        at_once: How many rows a caller will want, at least: it bounds what is read for nothing.
        seconds: The search stops after that time, and says where.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        wanted: Filter,
        *,
        logs: bool,
        calls: bool,
        after: Position | None = None,
        oldest_first: bool = False,
        at_once: int = 100,
        seconds: float = float("inf"),
    ) -> None:
        self._snapshot = snapshot
        self._wanted = wanted
        self._kinds = [is_log for is_log, is_wanted in ((True, logs), (False, calls)) if is_wanted]
        self._after = after
        self._oldest_first = oldest_first
        self._at_once = at_once
        self._stop_at = time.monotonic() + seconds
        self._left_out: list[bytes | str] = []
        self.stopped: Position | None = None
        """Where to go on, if time ran out."""
        if wanted.level is not None and wanted.level not in SEVERITIES:
            raise BadQuery("level", wanted.level, f"one of {', '.join(SEVERITIES)}")
        self._match = None if wanted.text is None else match_of(wanted.text)

    def __iter__(self) -> Iterator[Found]:
        is_begun = False  # Each search gets a window further, or who goes on where it stopped would never end.
        files = self._snapshot.files if self._oldest_first else reversed(self._snapshot.files)
        for file in files:
            if self._is_passed(file) or not self._may_have(file):
                continue
            connection = self._snapshot.open(file)
            selects = [select for is_log in self._kinds if (select := self._select(connection, is_log)) is not None]
            if not selects:
                continue
            first, largest = SCAN_ROWS if any(select.is_scan for select in selects) else INDEX_ROWS
            size = first
            for low, high in self._ranges(connection, file):
                while low <= high:
                    if is_begun and time.monotonic() > self._stop_at:
                        self.stopped = Position(file.number, low - 1 if self._oldest_first else high + 1)
                        return
                    window = (
                        (low, min(high, low + size - 1)) if self._oldest_first else (max(low, high - size + 1), high)
                    )
                    rows, is_cut = self._ask(connection, file, selects, window)
                    is_begun = True
                    yield from rows
                    if self._oldest_first:
                        low = rows[-1].position.row + 1 if is_cut else window[1] + 1
                    else:
                        high = rows[-1].position.row - 1 if is_cut else window[0] - 1
                    size = min(size * 4, largest)

    def leave_out(self, trace: bytes | str) -> None:
        """From the next window on rows of this trace are passed over, as long as few traces are."""
        if len(self._left_out) < LEFT_OUT_MAX:
            self._left_out.append(trace)

    # --- where ------------------------------------------------------------------------------------

    def _is_passed(self, file: File) -> bool:
        after = self._after
        if after is None:
            return False
        return file.number < after.segment if self._oldest_first else file.number > after.segment

    def _may_have(self, file: File) -> bool:
        """False if the manifest says that the file has no row of the time."""
        sealed, wanted = file.sealed, self._wanted
        if sealed is None:
            return True
        if sealed.earliest_ms is None or sealed.latest_ms is None:
            return False
        is_before = wanted.until_ms is not None and sealed.earliest_ms >= wanted.until_ms
        is_after = wanted.since_ms is not None and sealed.latest_ms < wanted.since_ms
        return not (is_before or is_after)

    def _ranges(self, connection: SegmentConnection, file: File) -> list[tuple[int, int]]:
        """Row ids to look at, in order of the search."""
        wanted = self._wanted
        low, high = 1, INTEGER_MAX
        if self._after is not None and file.number == self._after.segment:
            low, high = (self._after.row + 1, high) if self._oldest_first else (low, self._after.row - 1)
        since = 0 if wanted.since_ms is None else wanted.since_ms
        until = INTEGER_MAX if wanted.until_ms is None else wanted.until_ms
        if wanted.since_ms is None and wanted.until_ms is None:
            query = "SELECT min(first), max(last) FROM blocks WHERE first IS NOT NULL"
            blocks: list[tuple[int, int]] = [row for row in connection.database.execute(query) if row[0] is not None]
        else:
            query = "SELECT first, last FROM blocks WHERE latest >= ? AND earliest < ? ORDER BY first"
            blocks = list(connection.database.execute(query, (since, until)))
        ranges: list[tuple[int, int]] = []
        for first, last in blocks:
            first, last = max(first, low), min(last, high)
            if first > last:
                continue
            if ranges and ranges[-1][1] == first - 1:
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((first, last))
        return ranges if self._oldest_first else ranges[::-1]

    # --- what -------------------------------------------------------------------------------------

    def _ask(
        self, connection: SegmentConnection, file: File, selects: Sequence[_Select], window: tuple[int, int]
    ) -> tuple[list[Found], bool]:
        """The rows of a window; true if there are more of them in it."""
        found: list[Found] = []
        ends: list[int] = []
        if self._left_out:
            rest = _Condition(f"trace NOT IN ({', '.join('?' * len(self._left_out))})", tuple(self._left_out))
            selects = [select._replace(conditions=[*select.conditions, rest]) for select in selects]
        for select in selects:
            rows = connection.rows(select.text(self._oldest_first), select.values(window, self._at_once), 2)
            rows.sort(reverse=not self._oldest_first)
            found += [Found(Position(file.number, row), select.is_log, id_of(trace)) for row, trace in rows]
            if len(rows) >= self._at_once:
                ends.append(rows[-1][0])
        if len(selects) > 1:
            found.sort(key=lambda one: one.position.row, reverse=not self._oldest_first)
        if not ends:
            return found, False
        if self._oldest_first:
            return [one for one in found if one.position.row <= min(ends)], True
        return [one for one in found if one.position.row >= max(ends)], True

    def _select(self, connection: SegmentConnection, is_log: bool) -> _Select | None:
        """How rows of this kind are found; None if the segment cannot have any."""
        conditions = self._conditions(connection, is_log)
        if conditions is None:
            return None
        wanted = self._wanted
        if not is_log:
            index = ""
            if wanted.trace_id is not None:
                index = "INDEXED BY interactions_by_trace"
            elif wanted.failed:
                index = "INDEXED BY interactions_by_failure"
            return _Select(False, not index, f"interactions {index}", "interactions.id", [[]], conditions)
        severity = SEVERITIES[wanted.level] if wanted.level is not None else 0
        if wanted.trace_id is not None:
            return _Select(True, False, "logs INDEXED BY logs_by_trace", "logs.id", [[]], conditions)
        if self._match is not None:
            table = "log_texts CROSS JOIN logs ON logs.id = log_texts.rowid"
            return _Select(True, False, table, "log_texts.rowid", [[]], conditions)
        if wanted.service is not None:
            levels = [[_Condition("level = ?", (one,))] for one in range(severity, max(SEVERITIES.values()) + 1)]
            return _Select(True, False, "logs INDEXED BY logs_by_service", "logs.id", levels, conditions)
        if severity >= INDEXED_SEVERITY:
            levels = [[_Condition("level = ?", (one,))] for one in range(severity, max(SEVERITIES.values()) + 1)]
            return _Select(True, False, "logs INDEXED BY logs_by_level", "logs.id", levels, conditions)
        return _Select(True, True, "logs NOT INDEXED", "logs.id", [[]], conditions)

    def _conditions(self, connection: SegmentConnection, is_log: bool) -> list[_Condition] | None:
        wanted = self._wanted
        conditions: list[_Condition] = []
        words = {"service": wanted.service, "environment": wanted.environment}
        if is_log:
            words["category"] = wanted.category
        for column, word in words.items():
            if word is not None:
                number = connection.number(clean(word))
                if number is None:
                    return None
                conditions.append(_Condition(f"{column} = ?", (number,)))
        if wanted.trace_id is not None:
            conditions.append(_Condition("trace = ?", (id_key(wanted.trace_id),)))
        if wanted.node is not None:
            senders = connection.database.execute("SELECT id FROM senders WHERE node = ?", (clean(wanted.node),))
            numbers = [str(number) for (number,) in senders]
            if not numbers:
                return None
            conditions.append(_Condition(f"sender IN ({', '.join(numbers)})", ()))
        if wanted.since_ms is not None:
            conditions.append(_Condition("timestamp >= ?", (wanted.since_ms,)))
        if wanted.until_ms is not None:
            conditions.append(_Condition("timestamp < ?", (wanted.until_ms,)))
        return conditions + (self._log_conditions() if is_log else self._call_conditions())

    def _log_conditions(self) -> list[_Condition]:
        wanted = self._wanted
        conditions: list[_Condition] = []
        severity = SEVERITIES[wanted.level] if wanted.level is not None else 0
        if severity and (wanted.trace_id is not None or self._match is not None or severity < INDEXED_SEVERITY):
            conditions.append(_Condition("level >= ?", (severity,)))
        if self._match is not None:
            is_driver = wanted.trace_id is None
            text = (
                "log_texts MATCH ?" if is_driver else "logs.id IN (SELECT rowid FROM log_texts WHERE log_texts MATCH ?)"
            )
            conditions.append(_Condition(text, (self._match,)))
        return conditions

    def _call_conditions(self) -> list[_Condition]:
        return [] if self._wanted.failed is None else [_Condition("failed = ?", (int(self._wanted.failed),))]


class _Condition(NamedTuple):
    text: str
    values: tuple[Any, ...]


class _Select(NamedTuple):
    """A SELECT of row ids and traces."""

    is_log: bool
    is_scan: bool
    table: str
    row: str
    """The column of the row id."""
    branches: list[list[_Condition]]
    """Each is a SELECT of its own, in order of row ids; SQLite merges them."""
    conditions: list[_Condition]

    def text(self, oldest_first: bool) -> str:
        parts: list[str] = []
        for branch in self.branches:
            where = " AND ".join([f"{self.row} BETWEEN ? AND ?", *(one.text for one in (*branch, *self.conditions))])
            parts.append(f"SELECT {self.row} AS c0, {id_column('trace')} AS c1 FROM {self.table} WHERE {where}")
        return f"{' UNION ALL '.join(parts)} ORDER BY c0 {'ASC' if oldest_first else 'DESC'} LIMIT ?"

    def values(self, window: tuple[int, int], limit: int) -> list[Any]:
        values: list[Any] = []
        for branch in self.branches:
            values += window
            for condition in (*branch, *self.conditions):
                values += condition.values
        return [*values, limit]
