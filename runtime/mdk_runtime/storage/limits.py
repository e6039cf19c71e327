"""How much is stored, for how long, and how much of the machine that may take. Each limit is a setting."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE_S = 60.0
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class StorageLimits:
    """The limits of storage; those of size and age are for each tenant."""

    segment_rows: int = 2_000_000
    """A segment with more rows is sealed, and a new one begun."""
    segment_bytes: int = 512 * 1024**2
    segment_age_s: float = DAY_S
    """An older segment is sealed if there is anything in it."""

    bytes_max: int = 2 * 1024**3
    """Above, the oldest segments are dropped."""
    age_s_max: float = 7 * DAY_S
    """Segments whose newest row came longer ago are dropped."""
    kept_bytes_max: int = 200 * 1024**2
    """Of these, for the failing traces of segments that are dropped; 0 keeps none."""
    kept_age_s_max: float = 30 * DAY_S
    rates_age_s_max: float = 90 * DAY_S
    """Counts per minute, and the numbers seen of senders that were not heard since, are forgotten after that time."""
    free_bytes_min: int = 128 * 1024**2
    """With less room on the disk nothing is stored until there is more."""

    batch_max: int = 2000
    """Messages in one transaction: beyond, fsync is no longer what costs."""
    backlog_max: int = 10_000
    """Messages that wait; above, connections are not read until there is room."""
    backlog_bytes_max: int = 64 * 1024**2
    """The same in bytes: a message may have 1 MiB."""
    tenants_open_max: int = 64
    """Tenants whose files are open at once; beyond, those of the one not used longest are closed."""
    cache_bytes: int = 16 * 1024**2
    """Of a segment that is written; a tenant has one."""

    readers: int = 4
    """Threads that answer queries."""
    queries_waiting_max: int = 64
    query_s_max: float = 5.0
    """A query that takes longer is stopped."""
    search_s_max: float = 1.0
    """A search that takes longer answers what it found until then, and where to go on."""
    query_rows_max: int = 1000
    """Rows in one answer."""
    connections_idle_max: int = 64
    """Connections to segments kept open for the next query."""
