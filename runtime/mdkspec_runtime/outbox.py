"""Messages of one delivery, kept until they are acknowledged."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from itertools import takewhile

from msgspec import UnsetType

from mdkspec_runtime.ranges import NumberRanges
from mdkspec_runtime.tables import Delivery


class Outbox:
    """Numbered messages, as bytes, bounded in count and size.

    Numbers go on over reconnects. At every moment: put = acknowledged + dropped + kept.
    """

    __slots__ = (
        "_again",
        "_delivery",
        "_fresh",
        "_kept",
        "_written_drops",
        "acknowledged",
        "dropped_ranges",
        "next_number",
        "on_drop",
        "size_bytes",
        "stray_acks",
    )

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._again: deque[int] = deque()
        """Numbers written on an earlier connection and not yet on this one, ascending."""
        self._fresh: deque[int] = deque()
        """Numbers never written, ascending; all are above those that were."""
        self.next_number = delivery.first
        """The number of the next message."""
        self.size_bytes = 0
        """Of the messages kept."""
        self.acknowledged = 0
        self.stray_acks = 0
        """Acknowledgements of what was acknowledged before, or never sent."""
        self.dropped_ranges = NumberRanges()
        """Numbers dropped for want of room. A late acknowledgement takes its number out again."""
        self.on_drop: Callable[[bytes], None] | None = None
        """Set by the application; called with each message that is dropped for want of room."""
        self._written_drops = NumberRanges()
        """Those of them that were written on this connection: an acknowledgement of all up to a number covers them."""

    @property
    def count(self) -> int:
        """Messages kept."""
        return len(self._kept)

    @property
    def dropped(self) -> int:
        """Messages dropped for want of room and not known to have arrived."""
        return self.dropped_ranges.count

    @property
    def waiting(self) -> int:
        """Messages not yet written on this connection; all of them while there is none."""
        return sum(number in self._kept for queue in (self._again, self._fresh) for number in queue)

    def numbers(self) -> Iterator[int]:
        """The numbers of the messages kept, ascending."""
        return iter(self._kept)

    def put(self, data: bytes) -> int:
        """Keep a message; returns its number.

        When there is no room, `drop_oldest` drops the oldest messages that were never written, and only when there
        are none those that were, which the peer may have already; `drop_newest` drops this message, and its number is
        used up all the same. `data` is no larger than the whole room (the caller sees to it).
        """
        delivery, kept = self._delivery, self._kept
        number = self.next_number
        self.next_number = number + 1
        room = delivery.size_bytes_max - len(data)
        if len(kept) >= delivery.count_max or self.size_bytes > room:
            if delivery.overflow == "drop_newest":
                self._note_drop(number, data)
                return number
            while kept and (len(kept) >= delivery.count_max or self.size_bytes > room):
                self._drop_oldest()
        kept[number] = data
        self.size_bytes += len(data)
        self._fresh.append(number)
        return number

    def connected(self) -> None:
        """A connection stands: with `resend` all messages kept wait to be written, else those never written.

        Without `resend`, those written on an earlier connection are dropped: nobody will acknowledge them.
        """
        self._written_drops = NumberRanges()
        first = self._fresh[0] if self._fresh else self.next_number
        written = deque(takewhile(lambda number: number < first, self._kept))
        if self._delivery.resend:
            self._again = written
            return
        for number in written:
            self.size_bytes -= len(self._kept.pop(number))
            self.dropped_ranges.add(number)

    def next_waiting(self) -> bytes | None:
        """The first message not yet written on this connection; it counts as written from now on."""
        for queue in (self._again, self._fresh):
            while queue:
                data = self._kept.get(queue.popleft())
                if data is not None:
                    return data
        return None

    def next_batch(self, count_max: int, size_bytes_max: int) -> list[bytes]:
        """The first messages not yet written on this connection, at least one if there are any; they count as written.

        Args:
            count_max: No more than so many.
            size_bytes_max: After the first, no more than so many bytes together, a byte between two counted.
        """
        batch: list[bytes] = []
        size_bytes = 0
        for queue in (self._again, self._fresh):
            while queue and len(batch) < count_max:
                data = self._kept.get(queue[0])
                if data is not None:
                    size_bytes += len(data) + 1
                    if batch and size_bytes > size_bytes_max:
                        return batch
                    batch.append(data)
                queue.popleft()
        return batch

    def acknowledge(self, number: int | UnsetType, *, upto: bool | None = None) -> int:
        """The peer has the message, or with `upto` all up to it; returns how many are no longer kept.

        What is not kept (acknowledged before, never sent, no number at all) is counted and does no harm.

        Args:
            number: The message's.
            upto: By default as the delivery says.
        """
        if isinstance(number, UnsetType):
            self.stray_acks += 1
            return 0
        if self._delivery.ack_mode == "upto" if upto is None else upto:
            return self._acknowledge_upto(number)
        data = self._kept.pop(number, None)
        if data is not None:
            self.size_bytes -= len(data)
            self.acknowledged += 1
            return 1
        self._stray(number)
        return 0

    def _acknowledge_upto(self, number: int) -> int:
        count = 0
        if number >= self.next_number:
            self.stray_acks += 1
            return 0
        while self._kept and next(iter(self._kept)) <= number:
            self.size_bytes -= len(self._kept.popitem(last=False)[1])
            count += 1
        self.acknowledged += count + self._take_back(number)
        if not count:
            self.stray_acks += 1
        return count

    def _take_back(self, upto: int) -> int:
        """What was written on this connection and then dropped has arrived; returns how many messages that were."""
        count = 0
        for first, last in self._written_drops.spans():
            for number in range(first, min(last, upto) + 1):
                if self._written_drops.discard(number) and self.dropped_ranges.discard(number):
                    count += 1
        return count

    def _stray(self, number: int) -> None:
        if self.dropped_ranges.discard(number):
            self.acknowledged += 1
        else:
            self.stray_acks += 1

    def _drop_oldest(self) -> None:
        while self._fresh:
            number = self._fresh.popleft()
            if number in self._kept:  # It is not, if the peer acknowledged what it cannot know.
                break
        else:
            number = next(iter(self._kept))
            if not self._again or self._again[0] > number:
                self._written_drops.add(number)
            while self._again and self._again[0] <= number:
                self._again.popleft()
        data = self._kept.pop(number)
        self.size_bytes -= len(data)
        self._note_drop(number, data)

    def _note_drop(self, number: int, data: bytes) -> None:
        self.dropped_ranges.add(number)
        if self.on_drop is not None:
            self.on_drop(data)
