"""W3C Trace Context and Baggage beside X-MDK-Context, so that a hop that knows only OpenTelemetry keeps the trace.

https://www.w3.org/TR/trace-context-2/ and https://www.w3.org/TR/baggage/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from mdk_runtime.core.client.context import CLOCK_LEVELS_MAX, CONTEXT_HEADER, TRACE_PROPERTY, Context
from mdk_runtime.core.client.environments import Environment

if TYPE_CHECKING:
    from hashlib import blake2b

    from mdk_runtime.ports import HeaderItems

TRACEPARENT, TRACESTATE, BAGGAGE = "traceparent", "tracestate", "baggage"
NAMES = frozenset({CONTEXT_HEADER.lower(), TRACEPARENT, TRACESTATE, BAGGAGE})
HEADER_CHARS_MAX = 8192
"""Longer W3C headers are not read; the specification guarantees no more of a baggage."""
TRACESTATE_MEMBERS_MAX = 32
BAGGAGE_MEMBERS_MAX = 64
TICK_MAX = 2**32 - 1
TRACE_KEY = "mdk.trace"
"""The baggage key of a session's trace level, which always travels."""
SAMPLED, RANDOM = 0x01, 0x02

_TRACE_ONLY = {TRACE_PROPERTY: TRACE_KEY}
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class Upstream(NamedTuple):
    """What a caller's W3C headers say."""

    trace_id: str = ""
    """32 hexadecimal digits; empty if there is no valid traceparent."""
    parent_id: str = ""
    flags: int = SAMPLED | RANDOM
    clocks: tuple[int, ...] = ()
    """The clock in the `mdk` member of tracestate."""
    tracestate: tuple[str, ...] = ()
    """Members of others, as they came."""
    baggage: tuple[str, ...] = ()
    """Members, as they came."""

    def context(self, environment: Environment, allowed: Sequence[str]) -> Context | None:
        """The receiver's side of a trace that came without X-MDK-Context; None if there is none.

        The level of its own is taken from the caller's span, which keeps siblings apart.
        """
        if not self.trace_id:
            return None
        text = self.trace_id
        trace_id = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
        prefix = (*self.clocks, int(self.parent_id[:8], 16))
        return Context(trace_id, prefix, 0, _properties(self.baggage, allowed), environment)


NO_UPSTREAM = Upstream()


def wanted(headers: HeaderItems) -> dict[str, str]:
    """The headers that matter here, by lower-case name; a header that came twice is joined."""
    found: dict[str, str] = {}
    for name, value in headers.items():
        key = name.lower()
        if key in NAMES and isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # from outside
            found[key] = f"{found[key]},{value}" if key in found else value
    return found


def read_upstream(headers: Mapping[str, str]) -> Upstream:
    """Read W3C headers, keyed by lower-case name. What is not as it should be is as good as not there."""
    baggage = tuple(_members(headers.get(BAGGAGE, ""), BAGGAGE_MEMBERS_MAX))
    match = _TRACEPARENT.fullmatch(headers.get(TRACEPARENT, "").strip())
    if match is None or not _valid(*match.groups()):
        return Upstream(baggage=baggage)
    _, trace_id, parent_id, flags, _ = match.groups()
    clocks: tuple[int, ...] = ()
    others: list[str] = []
    for member in _members(headers.get(TRACESTATE, ""), TRACESTATE_MEMBERS_MAX):
        key, _, value = member.partition("=")
        if key == "mdk":
            clocks = _read_clocks(value)
        else:
            others.append(member)
    return Upstream(trace_id, parent_id, int(flags, 16), clocks, tuple(others), baggage)


@cache
def _blake2b() -> type[blake2b]:
    from hashlib import blake2b  # Slow to import.

    return blake2b


def trace_id_hex(trace_id: str) -> str:
    """A trace id as W3C wants it: the 32 digits of a UUID, or a hash of anything else."""
    if _UUID.fullmatch(trace_id):
        digits = trace_id.replace("-", "").lower()
        if digits.strip("0"):
            return digits
    return _blake2b()(trace_id.encode("utf-8", "replace"), digest_size=16).hexdigest()


def span_id(trace_hex: str, clocks: Sequence[int], kind: bytes) -> str:
    """The same for whoever computes it: a session's span by its clock prefix, an interaction's by its first clock."""
    packed = b"".join((clock & TICK_MAX).to_bytes(4, "big") for clock in clocks)
    return _blake2b()(packed, digest_size=8, key=bytes.fromhex(trace_hex), person=kind).hexdigest()


def write_headers(
    headers: MutableMapping[str, str],
    *,
    trace_id: str,
    clocks: Sequence[int],
    interaction_clock: Sequence[int],
    properties: Mapping[str, Any],
    allowed: Sequence[str],
    upstream: Upstream,
) -> None:
    """Set traceparent, tracestate and, if there is anything to carry, baggage."""
    trace_hex = trace_id_hex(trace_id)
    same = upstream.trace_id == trace_hex
    kind = (interaction_clock, b"interact") if interaction_clock else (clocks[:-1], b"session")
    flags = upstream.flags if same else SAMPLED | RANDOM
    headers[TRACEPARENT] = f"00-{trace_hex}-{span_id(trace_hex, *kind)}-{flags:02x}"
    ours = f"mdk={'.'.join(map(str, clocks))}"
    others = upstream.tracestate[: TRACESTATE_MEMBERS_MAX - 1] if same else ()
    headers[TRACESTATE] = ",".join((ours, *others))
    baggage = _write_baggage(properties, allowed, upstream.baggage)
    if baggage:
        headers[BAGGAGE] = baggage


def _valid(version: str, trace_id: str, parent_id: str, _: str, rest: str | None) -> bool:
    known = version != "ff" and not (version == "00" and rest)
    return known and bool(trace_id.strip("0")) and bool(parent_id.strip("0"))


def _members(text: str, count_max: int) -> list[str]:
    if len(text) > HEADER_CHARS_MAX or not text.isascii() or not text.replace("\t", " ").isprintable():
        return []
    members = [member.strip() for member in text.split(",")]
    return [member for member in members if "=" in member][:count_max]


def _read_clocks(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    if len(parts) > CLOCK_LEVELS_MAX or not all(part.isdecimal() and len(part) <= 10 for part in parts):
        return ()
    clocks = tuple(map(int, parts))
    return clocks if max(clocks) <= TICK_MAX else ()


def _keys(allowed: Sequence[str]) -> dict[str, str]:
    """Property name to baggage key."""
    if not allowed:
        return _TRACE_ONLY
    from urllib.parse import quote  # Slow to import.

    return {**_TRACE_ONLY, **{name: quote(name, safe="") for name in allowed}}


def _properties(baggage: Iterable[str], allowed: Sequence[str]) -> dict[str, Any]:
    names = {key: name for name, key in _keys(allowed).items()}
    found: dict[str, Any] = {}
    for member in baggage:
        key, _, value = member.partition(";")[0].partition("=")
        name = names.get(key.strip())
        if name is not None:
            found[name] = _read_value(value.strip())
    return found


def _read_value(text: str) -> Any:
    import json
    from urllib.parse import unquote  # Slow to import, and few have anything in baggage.

    text = unquote(text)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text  # Set by somebody who knows nothing of JSON.


def _write_value(value: Any) -> str:
    import json
    from urllib.parse import quote  # As above.

    return quote(json.dumps(value, separators=(",", ":")), safe="")


def _write_baggage(properties: Mapping[str, Any], allowed: Sequence[str], others: Iterable[str]) -> str:
    keys = _keys(allowed)
    members = [f"{key}={_write_value(properties[name])}" for name, key in keys.items() if name in properties]
    own = set(keys.values())
    members += [member for member in others if member.partition("=")[0].strip() not in own]
    kept: list[str] = []
    left = HEADER_CHARS_MAX
    for member in members[:BAGGAGE_MEMBERS_MAX]:
        left -= len(member) + 1
        if left < 0:
            break
        kept.append(member)
    return ",".join(kept)
