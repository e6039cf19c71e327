"""What is asked of storage, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from mdk_runtime.storage.errors import BadQuery

T = TypeVar("T")


class Position(NamedTuple):
    """Where a row is, in order of arrival."""

    segment: int
    row: int

    def __str__(self) -> str:
        return f"{self.segment}.{self.row}"

    @classmethod
    def parse(cls, text: str) -> Position:
        """The reverse of `str`.

        Raises:
            BadQuery: It is none.
        """
        segment, dot, row = text.partition(".")
        if not (dot and _is_number(segment) and _is_number(row)):
            raise BadQuery("cursor", text, "one that an answer named as its next")
        return cls(int(segment), int(row))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are meant: those that fit all that is given. Times are the rows' own, in ms since the epoch."""

    trace_id: str | None = None
    service: str | None = None
    """As the sender had registered; "" are the rows of senders without any."""
    level: str | None = None
    """At least as bad as this one of DEBUG, INFO, WARN, ERROR, CRITICAL. Other levels are below all of them."""
    text: str | None = None
    """Words that the text has, all of them; "some words" in quotes stand side by side, `word*` begins with it."""
    since_ms: int | None = None
    until_ms: int | None = None
    """Not included."""
    environment: str | None = None
    node: str | None = None
    category: str | None = None
    failed: bool | None = None
    """Interactions: whether they failed. Traces: True for those with an ERROR, worse, or a failed interaction."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of the answer."""

    items: Sequence[T]
    next: str | None
    """The cursor to ask for more with; None if there is no more. A page may have it and hold few items, or none:
    searching took too long, and goes on from there."""
    dropped: bool = False
    """True if the cursor pointed into what was dropped since: there is a hole before these items."""


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log as it was stored."""

    position: Position
    """As text it is a cursor."""
    trace_id: str
    clock: tuple[int, ...]
    timestamp_ms: int
    node: str
    service: str
    version: str
    sequence: int | None
    level: str
    category: str
    content_type: str
    text: str
    environment: str
    fallback: str | None
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredInteraction:
    """An interaction as it was stored."""

    position: Position
    uuid: str
    trace_id: str
    start_ms: int
    end_ms: int
    node: str
    service: str
    version: str
    sequence: int | None
    results: Mapping[str, int]
    """Node to 1 (worked) or 0 (failed)."""
    callees: Mapping[str, str]
    """Node to service, as far as it was known."""
    failed: bool
    start_clock: tuple[int, ...]
    end_clock: tuple[int, ...]
    environment: str
    fallback: str | None


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """A trace in short."""

    trace_id: str
    start_ms: int
    end_ms: int
    environments: tuple[str, ...]
    services: tuple[str, ...]
    """Both sorted; "" stands for senders that registered none."""
    levels: Mapping[str, int]
    """Logs by level; a level that is none of ours is OTHER."""
    interactions: int
    failed: bool
    worst_level: str | None
    """None without logs."""
    first_error: str | None
    """The beginning of the first text, in causal order, that is an ERROR or worse."""
    entry: str
    """The service of the first row, in causal order."""
    first_text: str | None
    """The beginning of the first text, in causal order, that is not MDK's own."""
    partial: bool
    """True if the trace is so large that only a part of it was counted."""


@dataclass(frozen=True, slots=True)
class LogRate:
    """Logs of one service in one span of time."""

    start_ms: int
    environment: str
    service: str
    version: str
    levels: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CallRate:
    """Interactions between two services in one span of time; "" is a service that nobody knows."""

    start_ms: int
    environment: str
    caller: str
    callee: str
    ok: int
    failed: int


@dataclass(frozen=True, slots=True)
class Edge:
    """Who calls whom; "" is a service that nobody knows."""

    environment: str
    caller: str
    callee: str
    ok: int
    failed: int


@dataclass(frozen=True, slots=True)
class SegmentStats:
    """One file."""

    number: int
    state: str
    """`open`, `sealed`, or `kept`: the failing traces of one that was dropped."""
    size_bytes: int
    logs: int
    interactions: int
    earliest_ms: int | None
    latest_ms: int | None


@dataclass(frozen=True, slots=True)
class Stats:
    """What there is."""

    segments: Sequence[SegmentStats]
    size_bytes: int
    logs: int
    interactions: int
    horizon_ms: int | None
    """The oldest time in a segment of which nothing is dropped."""
    dropped_segments: int


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
