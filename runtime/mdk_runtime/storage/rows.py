"""Messages as rows, and back.

A trace id that is a uuid in its usual spelling becomes its 16 bytes, any other one stays text. A clock becomes the
big-endian u32 of its levels, one after the other: compared as bytes, clocks are in causal order.
"""

from __future__ import annotations

import json
import struct
import uuid
from typing import Any, Final

from msgspec import UnsetType

from mdk_protocol.messages import InteractionEvent, Log
from mdk_runtime.storage.errors import Unstorable

LEVEL_MAX: Final = 2**32 - 1
"""The highest Lamport level that a clock can hold."""

INTEGER_MAX: Final = 2**63 - 1
"""SQLite's."""

INSERT_LOG: Final = (
    "INSERT INTO logs (trace, clock, timestamp, sender, sequence, level, category, content_type, text, environment,"
    " fallback, properties) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

INSERT_INTERACTION: Final = (
    "INSERT INTO interactions (uuid, trace, sender, sequence, start_timestamp, end_timestamp, start_clock, end_clock,"
    " environment, fallback, results) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (uuid) DO NOTHING"
)

Row = tuple[Any, ...]


def log_row(log: Log, sender: int) -> Row:
    """The values of `INSERT_LOG`.

    Raises:
        Unstorable: A number does not fit.
    """
    context = log.context
    return (
        id_key(context.trace_id),
        clock_key(context.clock.clocks),
        _integer("timestamp", log.timestamp),
        sender,
        _sequence(log.sequence),
        _text(log.level),
        _text(log.category),
        _text(log.content_type),
        _text(log.text),
        _text(context.environment.name),
        _text(context.environment.fallback_name) if context.environment.fallback_name else None,
        json.dumps(context.properties, separators=(",", ":")) if context.properties else None,
    )


def interaction_row(event: InteractionEvent, sender: int) -> Row:
    """The values of `INSERT_INTERACTION`.

    Raises:
        Unstorable: A number does not fit, or the uuid, by which it is known, is missing.
    """
    if not event.uuid:
        raise Unstorable("uuid", event.uuid, "a text that is not empty")
    return (
        id_key(event.uuid),
        id_key(event.session),
        sender,
        _sequence(event.sequence),
        _integer("startTimestamp", event.start_timestamp),
        _integer("endTimestamp", event.end_timestamp),
        clock_key(event.start_clock),
        clock_key(event.end_clock),
        _text(event.environment.name),
        _text(event.environment.fallback_name) if event.environment.fallback_name else None,
        json.dumps(event.results, separators=(",", ":")),
    )


def id_key(text: str) -> bytes | str:
    """A trace id, or the uuid of an interaction, as it is stored."""
    if len(text) == 36:
        try:
            value = uuid.UUID(text)
        except ValueError:
            return _text(text)
        if str(value) == text:
            return value.bytes
    return _text(text)


def id_text(key: bytes | str) -> str:
    """The reverse of `id_key`."""
    return str(uuid.UUID(bytes=key)) if isinstance(key, bytes) else key


def clock_key(clocks: list[int]) -> bytes:
    """A clock as it is stored.

    Raises:
        Unstorable: A level does not fit.
    """
    try:
        return struct.pack(f">{len(clocks)}I", *clocks)
    except struct.error:
        raise Unstorable("clock", clocks, f"levels from 0 to {LEVEL_MAX}") from None


def clock_levels(key: bytes) -> tuple[int, ...]:
    """The reverse of `clock_key`."""
    return struct.unpack(f">{len(key) // 4}I", key)


def sender_text(node: str) -> str:
    """A node id as it is stored."""
    return _text(node)


def _text(text: str) -> str:
    """The text, with lone surrogates (an original can send them) as visible escapes: UTF-8 has none."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _sequence(value: int | UnsetType) -> int | None:
    return None if isinstance(value, UnsetType) else _integer("sequence", value)


def _integer(what: str, value: int) -> int:
    if not 0 <= value <= INTEGER_MAX:
        raise Unstorable(what, value, f"a number from 0 to {INTEGER_MAX}")
    return value
