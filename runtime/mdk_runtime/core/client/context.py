"""The distributed context: how it ticks, travels, is joined and derived from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mdk_protocol import messages
from mdk_protocol.codec import CODEC
from mdk_runtime.core.client.environments import Environment, from_message
from mdkspec_runtime.errors import ProtocolRuntimeError

CONTEXT_HEADER = "X-MDK-Context"
"""The HTTP header that carries an encoded context."""
CONTEXT_CHARS_MAX = 256 * 1024
"""Longer ones are not read. HTTP servers stop at 8 to 64 KiB; contexts travel in queues, too."""
CLOCK_LEVELS_MAX = 64
"""A clock grows by one level a hop; a longer one is somebody's joke."""
TICK_MAX = 2**32 - 1
"""Storage holds no higher level: whoever sent one would have all logs of its request rejected."""
TIMEOUT_PROPERTY = "timeout"
"""Absolute, in seconds since the Unix epoch."""
TRACE_PROPERTY = "trace"
"""The lowest level sent on."""
ROUTES_PROPERTY = "routes"


class BrokenContext(ValueError):  # caught where it is made
    """An encoded context that says nothing."""


class Context(NamedTuple):
    """A session's state at one moment: what travels."""

    trace_id: str
    prefix: tuple[int, ...]
    """All levels of the clock but the last."""
    tick: int
    """The last level of the clock."""
    properties: Mapping[str, Any]
    environment: Environment

    @property
    def clocks(self) -> list[int]:
        """The whole clock."""
        return [*self.prefix, self.tick]


def uuid_text(bits: int) -> str:
    """A version 4 UUID from 128 random bits."""
    octets = bits.to_bytes(16)
    text = octets.hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[octets[8] & 3]}{text[17:20]}-{text[20:]}"


def shared_context(
    trace_id: str, clocks: list[int], properties: Mapping[str, Any], environment: Environment
) -> messages.SharedContext:
    """A context as messages and headers carry it."""
    return messages.SharedContext(
        trace_id=trace_id,
        clock=messages.LamportClock(clocks=clocks),
        properties=dict(properties),
        environment=environment.message,
    )


def encode_context(trace_id: str, clocks: list[int], properties: Mapping[str, Any], environment: Environment) -> str:
    """A context as text that is legal in an HTTP header: ASCII only."""
    encoded = CODEC.encode_record(shared_context(trace_id, clocks, properties, environment))
    text = encoded.decode()
    return text if text.isascii() else _escape(text)


def decode_context(encoded: str | bytes) -> Context:
    """A context as it was sent. Raises BrokenContext with the reason."""
    if len(encoded) > CONTEXT_CHARS_MAX:
        raise BrokenContext(f"{len(encoded)} characters, more than {CONTEXT_CHARS_MAX}")
    try:
        shared = CODEC.decode_record(messages.SharedContext, encoded)
    except (ProtocolRuntimeError, RecursionError, UnicodeError) as error:
        raise BrokenContext(str(error)) from error
    clocks = shared.clock.clocks or [0]
    if len(clocks) > CLOCK_LEVELS_MAX or min(clocks) < 0 or max(clocks[-1] + 1, *clocks) > TICK_MAX:
        raise BrokenContext(f"a clock of {len(clocks)} levels up to {max(clocks)}, or below 0")
    environment = from_message(shared.environment)
    return Context(shared.trace_id, tuple(clocks[:-1]), clocks[-1], shared.properties, environment)


def joined(context: Context, *, new_id: Callable[[], str]) -> Context:
    """The receiver's side: the sender's last level ticked, and a level of one's own.

    `new_id` is for contexts that name no trace.
    """
    trace_id, prefix, tick, properties, environment = context
    return Context(trace_id or new_id(), (*prefix, tick + 1), 0, properties, environment)


def derived(context: Context, *, trace_id: str, environment: Environment) -> Context:
    """A new trace that has everything of another but its deadline."""
    properties = {name: value for name, value in context.properties.items() if name != TIMEOUT_PROPERTY}
    return Context(trace_id, (), 0, properties, environment)


def derivation_text(context: Context) -> str:
    """What a derived session logs first."""
    return f"This session is derived from trace {context.trace_id} {[*context.prefix, context.tick + 1]}"


def deadline_of(properties: Mapping[str, Any]) -> float | None:
    """The deadline that a context carries; what is no number of seconds is none."""
    value = properties.get(TIMEOUT_PROPERTY)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:  # JSON has numbers of any length.
        return None


def _escape(text: str) -> str:
    """Write what is not ASCII as JSON does; it can only stand inside strings there."""
    units = text.encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[i : i + 2], "big") for i in range(0, len(units), 2))
    return "".join(chr(code) if code < 0x80 else f"\\u{code:04x}" for code in codes)
