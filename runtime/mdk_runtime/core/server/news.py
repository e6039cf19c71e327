"""What was stored since the last pulse: the newest calls, and the minutes whose sums have changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from mdk_protocol.messages import CallSeen, InteractionEvent, Log, Pulse, Rates
from mdk_runtime.core.server.origin import Entry, Message, Origin

MINUTE_MS: Final = 60_000
MINUTES_MAX: Final = 60
"""The hour that charts show."""
CALLS_MAX: Final = 200
"""In one pulse, the newest: who looks judges by the last thousand."""
SUMS_MAX: Final = 1000
"""In one pulse, of each kind."""


class Fresh(NamedTuple):
    """For one pulse."""

    calls: list[CallSeen]
    sums: Rates | UnsetType

    def added_to(self, pulse: Pulse) -> Pulse:
        """The pulse with it."""
        if self.sums is UNSET:
            return replace(pulse, calls=self.calls) if self.calls else pulse
        logs, calls = self.sums.logs[-SUMS_MAX:], self.sums.calls[-SUMS_MAX:]
        return replace(pulse, calls=self.calls, log_rates=logs, call_rates=calls)


class News:
    """Of one tenant."""

    def __init__(self) -> None:
        self._calls: deque[CallSeen] = deque(maxlen=CALLS_MAX)
        self._touched: set[int] = set()
        """Minutes since the Unix epoch to which something was added, of the last hour."""
        self._told: Rates | UnsetType = UNSET

    def stored(self, entries: Iterable[Entry], *, time_ms: int) -> None:
        """Messages are durable that were not before. `time_ms` is the time since the Unix epoch."""
        oldest = time_ms // MINUTE_MS - MINUTES_MAX
        for message, origin, _ in entries:
            minute = _time_ms(message) // MINUTE_MS
            if oldest < minute <= oldest + MINUTES_MAX + 1:  # A clock that is wrong makes no work.
                self._touched.add(minute)
            if not isinstance(message, Log):
                self._calls.append(_seen(message, origin))

    @property
    def minutes(self) -> frozenset[int]:
        """Minutes of which the sums have changed since `sums_asked`."""
        return frozenset(self._touched)

    def sums_asked(self) -> None:
        """The sums of all of them will be told."""
        self._touched.clear()

    def has_told(self, sums: Rates | UnsetType) -> bool:
        """True if they were in a pulse: others, in their place, would keep them from being told."""
        return self._told is sums

    def take(self, sums: Rates | UnsetType) -> Fresh:
        """What the next pulse says, once.

        Args:
            sums: Of minutes that have changed; the same object as before is told already.
        """
        fresh = Fresh(list(self._calls), UNSET if sums is self._told else sums)
        self._calls.clear()
        self._told = sums
        return fresh


def _time_ms(message: Message) -> int:
    return message.timestamp if isinstance(message, Log) else message.end_timestamp


def _seen(event: InteractionEvent, origin: Origin) -> CallSeen:
    return CallSeen(
        uuid=event.uuid,
        trace_id=event.session,
        start=event.start_timestamp,
        end=event.end_timestamp,
        environment=event.environment.name,
        service=origin.service,
        results=event.results,
        callees=dict(origin.callees),
    )
