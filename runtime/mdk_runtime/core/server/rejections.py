"""Numbers of messages that were rejected without a look at storage, so that one that comes again is counted once."""

from __future__ import annotations

from collections import OrderedDict

from msgspec import UnsetType

from mdk_runtime.core.server.origin import Message
from mdkspec_runtime.ranges import NumberRanges

SENDERS_MAX = 1000
"""Senders that are remembered, the ones heard last: a message is sent again soon, or not at all."""

RANGES_MAX = 256
"""Ranges of numbers of a sender. Beyond, the lowest grow together: what is sent again are the highest numbers."""


class Rejections:
    """In memory only: a token that may not write writes nothing, not even numbers."""

    def __init__(self) -> None:
        self._senders: OrderedDict[tuple[str, type], NumberRanges] = OrderedDict()

    def is_new(self, message: Message) -> bool:
        """True if it was not rejected before, or has no number; then it counts as rejected."""
        number = message.sequence
        if isinstance(number, UnsetType):
            return True
        numbers = self._numbers_of(message)
        if number in numbers:
            return False
        numbers.add(number)
        return True

    def _numbers_of(self, message: Message) -> NumberRanges:
        key = (message.node, type(message))
        numbers = self._senders.get(key)
        if numbers is None:
            numbers = self._senders[key] = NumberRanges(RANGES_MAX)
            if len(self._senders) > SENDERS_MAX:
                self._senders.popitem(last=False)
        else:
            self._senders.move_to_end(key)
        return numbers
