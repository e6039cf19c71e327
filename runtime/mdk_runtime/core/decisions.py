"""What was decided about messages by their numbers, so that one that is sent again is not decided, and counted, anew."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from msgspec import UNSET

from mdk_protocol.messages import InteractionEvent, Log
from mdkspec_runtime.ranges import NumberRanges, runs_of

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

    def run_of(self, messages: Sequence[Log | InteractionEvent]) -> tuple[int, int] | None:
        """First and last number, if all are one sender's and of one kind, without a gap, and new; else None."""
        first = messages[0]
        name, kind = first.node, type(first)
        numbers = [one.sequence for one in messages if one.node == name and type(one) is kind]
        if len(numbers) < len(messages) or UNSET in numbers:
            return None
        runs = runs_of([number for number in numbers if number is not UNSET])
        if len(runs) != 1:
            return None
        known = self._senders.get((name, kind))
        if known is not None and (known.let_in.meets(*runs[0]) or known.rejected.meets(*runs[0])):
            return None
        return runs[0]

    def note(self, message: Log | InteractionEvent, *, is_let_in: bool) -> None:
        """It was decided. `of` said None before."""
        if message.sequence is not UNSET:
            numbers = self._numbers_of(message)
            (numbers.let_in if is_let_in else numbers.rejected).add(message.sequence)

    def let_in(self, message: Log | InteractionEvent, run: tuple[int, int]) -> None:
        """This one and those that follow it are let in. `run_of` said so."""
        self._numbers_of(message).let_in.add_run(*run)

    def _numbers_of(self, message: Log | InteractionEvent) -> _Numbers:
        key = (message.node, type(message))
        numbers = self._senders.get(key)
        if numbers is None:
            numbers = self._senders[key] = _Numbers()
            if len(self._senders) > SENDERS_MAX:
                self._senders.popitem(last=False)
        else:
            self._senders.move_to_end(key)
        return numbers
