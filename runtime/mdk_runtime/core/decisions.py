"""What was decided about messages by their numbers, so that one that is sent again is not decided, and counted, anew."""

from __future__ import annotations

from collections import OrderedDict

from msgspec import UNSET

from mdk_protocol.messages import InteractionEvent, Log
from mdkspec_runtime.ranges import NumberRanges

SENDERS_MAX = 1000
"""Senders that are remembered, the ones heard last: a message is sent again soon, or not at all."""

RANGES_MAX = 256
"""Ranges of numbers of a sender. Beyond, the lowest grow together: what is sent again are the highest numbers."""


class _Numbers:
    __slots__ = ("let_in", "rejected")

    def __init__(self) -> None:
        self.let_in = NumberRanges(RANGES_MAX)
        self.rejected = NumberRanges(RANGES_MAX)


class Decisions:
    """Which messages were let in to be stored, and which were rejected."""

    def __init__(self) -> None:
        self._senders: OrderedDict[tuple[str, type], _Numbers] = OrderedDict()

    def of(self, message: Log | InteractionEvent) -> bool | None:
        """True if it was let in, False if it was rejected, None if it is new or has no number."""
        numbers = self._senders.get((message.node, type(message)))
        if numbers is None or message.sequence is UNSET:
            return None
        if message.sequence in numbers.let_in:
            return True
        return False if message.sequence in numbers.rejected else None

    def note(self, message: Log | InteractionEvent, *, is_let_in: bool) -> None:
        """It was decided. `of` said None before."""
        if message.sequence is UNSET:
            return
        key = (message.node, type(message))
        numbers = self._senders.get(key)
        if numbers is None:
            numbers = self._senders[key] = _Numbers()
            if len(self._senders) > SENDERS_MAX:
                self._senders.popitem(last=False)
        else:
            self._senders.move_to_end(key)
        (numbers.let_in if is_let_in else numbers.rejected).add(message.sequence)
