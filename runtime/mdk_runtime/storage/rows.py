"""Messages as rows, and back.

A trace id that is a uuid in its usual spelling becomes its 16 bytes, any other one stays text. A clock becomes the
big-endian u32 of its levels, one after the other: compared as bytes, clocks are in causal order. A level becomes its
severity, so that `level >= ?` asks for what is at least as bad.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from typing import Final

from mdk_runtime.storage.errors import Unstorable

LEVEL_MAX: Final = 2**32 - 1
"""The highest Lamport level that a clock can hold."""

MINUTE_MS: Final = 60_000
"""Rows are counted by the minute."""

INTEGER_MAX: Final = 2**63 - 1
"""SQLite's."""

SEVERITIES: Final[Mapping[str, int]] = {"DEBUG": 1, "INFO": 2, "WARN": 3, "ERROR": 4, "CRITICAL": 5}
"""Of the levels; 0 is any other one."""
LEVELS: Final[tuple[str, ...]] = ("OTHER", *SEVERITIES)
"""Names of the severities."""
ERROR: Final = SEVERITIES["ERROR"]
"""From here on a log makes its trace a failing one."""

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_PACKS: Final = [struct.Struct(f">{count}I").pack for count in range(32)]
"""By the levels of a clock; it has few, as many as calls are nested."""

encode_json: Final = json.JSONEncoder(separators=(",", ":")).encode


def id_key(text: str) -> bytes | str:
    """A trace id, or the uuid of an interaction, as it is stored."""
    if len(text) == 36 and _UUID.fullmatch(text):
        return bytes.fromhex(text.replace("-", ""))
    return clean(text)


def id_text(key: bytes | str) -> str:
    """The reverse of `id_key`."""
    if isinstance(key, str):
        return key
    digits = key.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def id_column(column: str) -> str:
    """SQL that gives an id as hex digits behind `x`, or as its text behind `t`: what JSON can hold."""
    return f"iif(typeof({column}) = 'blob', 'x' || hex({column}), 't' || {column})"


def id_of(shown: str) -> bytes | str:
    """The reverse of `id_column`."""
    return bytes.fromhex(shown[1:]) if shown[0] == "x" else shown[1:]


def clock_key(clocks: list[int]) -> bytes:
    """A clock as it is stored.

    Raises:
        Unstorable: A level does not fit.
    """
    try:
        pack = _PACKS[len(clocks)] if len(clocks) < len(_PACKS) else struct.Struct(f">{len(clocks)}I").pack
        return pack(*clocks)
    except struct.error:
        raise Unstorable("clock", clocks, f"levels from 0 to {LEVEL_MAX}") from None


def clock_levels(key: bytes) -> tuple[int, ...]:
    """The reverse of `clock_key`."""
    return struct.unpack(f">{len(key) // 4}I", key)


def clean(text: str) -> str:
    """The text, with lone surrogates (an original can send them) as visible escapes: UTF-8 has none."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def checked_integer(what: str, value: int) -> int:
    """The number, if it can be stored.

    Raises:
        Unstorable: It does not fit.
    """
    if not 0 <= value <= INTEGER_MAX:
        raise Unstorable(what, value, f"a number from 0 to {INTEGER_MAX}")
    return value
