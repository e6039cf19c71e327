"""What applications hand in, checked where they do, so that the error names the argument."""

from __future__ import annotations

from contextlib import suppress
from math import isinf
from typing import Any

from mdk_runtime.errors import BadValue

PROPERTY_BYTES_MAX = 64 * 1024
"""A property travels in every header and every log message of its session."""


def checked_seconds(seconds: object) -> float:
    """A number of seconds. Raises BadValue for anything else, NaN included."""
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds == seconds:
        with suppress(OverflowError):
            return float(seconds)
    raise BadValue("seconds", seconds, "a number")


def finite_seconds(seconds: object) -> float:
    """The same for what is sent: JSON has no infinity. Raises BadValue."""
    found = checked_seconds(seconds)
    if isinf(found):
        raise BadValue("seconds", seconds, "a number that is not infinite")
    return found


def checked_text(name: str, value: object) -> str:
    """An argument that has to be a text, and not an empty one. Raises BadValue."""
    if isinstance(value, str) and value:
        return value
    raise BadValue(name, value, "a text")


def checked_callable(name: str, value: object) -> None:
    """Raises BadValue for what cannot be called: where it will be, nobody could say who gave it."""
    if not callable(value):
        raise BadValue(name, value, "a function")


def property_value(name: str, value: Any) -> Any:
    """A copy as the other side will read it: what travels is what `get_property` answers here, too."""
    import json  # A millisecond, and many sessions have no property.

    try:
        text = json.dumps([name, value], allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
        copy = json.loads(text)[1]
    except (TypeError, ValueError, RecursionError) as error:
        raise BadValue(f"property {name!r}", value, f"a JSON value ({error})") from error
    if len(text) > PROPERTY_BYTES_MAX:
        raise BadValue(f"property {name!r}", value, f"at most {PROPERTY_BYTES_MAX} bytes of JSON, not {len(text)}")
    return copy


def text_of(name: str, value: object, hint: str = "") -> str:
    """A text, or what is read as its text: numbers of versions, lazy strings."""
    if value is None or isinstance(value, (bytes, bytearray)) or not str(value):
        raise BadValue(name, value, f"a text{hint}")
    return str(value)


def is_count(value: object) -> bool:
    """True for a whole number from 1 on."""
    return isinstance(value, int) and value >= 1
