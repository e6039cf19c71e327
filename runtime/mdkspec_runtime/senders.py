"""The sending and the receiving ends of deliveries, bound to the parts that carry them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, UnsetType

from mdkspec_runtime.machines import Machines
from mdkspec_runtime.outbox import Outbox
from mdkspec_runtime.ranges import NumberRanges, runs_of
from mdkspec_runtime.tables import Batch, Delivery, Role

FLOW_BYTES_MAX = 256 * 1024
"""Written to the output in one go: a long backlog after a reconnect must not stand in memory twice."""

BATCH_BYTES_MAX = 64 * 1024
"""In one frame: beyond, a larger one saves nothing more, and whoever reads it can do nothing else meanwhile."""


class Sender(Struct):
    """The sending end of one delivery."""

    outbox: Outbox
    index: int
    """Of the part."""
    number: str
    size_bytes_max: int
    batch: Batch | None
    is_open: bool = False
    """True while its part is live."""
    frame: tuple[bytes, bytes] | None = None
    """What stands before and behind the messages of a batch; made when the first is written."""


class Receiving(Struct):
    """The receiving end of one delivery."""

    delivery: Delivery
    index: int
    unsafe: NumberRanges | None = None
    """Came on this connection, and is not acknowledged; kept where batches are written. None until something came."""
    highest: int = -1
    """Number that came on this connection."""
    told: int = -1
    """Up to here the peer knows that all is safe."""

    @property
    def safe_upto(self) -> int:
        """Up to here everything that came is acknowledged."""
        first = self.unsafe.first if self.unsafe is not None else None
        return self.highest if first is None else first - 1

    def forget(self) -> None:
        """Another connection begins."""
        self.unsafe = None
        self.highest = self.told = -1


class Senders:
    """All deliveries of a role, by name."""

    __slots__ = ("_codec", "_machines", "_senders", "has_backlog", "receiving")

    def __init__(self, role: Role, index: Mapping[str, int], machines: Machines) -> None:
        self._machines = machines
        mine = [one for one in role.deliveries if one.sender == role.role]
        self._codec = role.codec
        self._senders = {
            one.name: Sender(Outbox(one), index[one.part], one.number, one.size_bytes_max, one.batch) for one in mine
        }
        self.receiving = {
            one.name: Receiving(one, index[one.part]) for one in role.deliveries if one.sender != role.role
        }
        self.has_backlog = False
        """True while something waits for the output to be taken."""
        machines.on_started = self._started
        machines.on_ended = self._ended

    def __getitem__(self, delivery: str) -> Sender:
        return self._senders[delivery]

    def flow(self) -> None:
        """Move what waits to the output, delivery by delivery, as far as it has room."""
        self.has_backlog = False
        self.settle()
        for sender in self._senders.values():
            if sender.is_open:
                self.flow_one(sender)

    def grown(self, sender: Sender) -> None:
        """One more message waits. Where batches are written, it waits until the output is taken for more to come."""
        if sender.is_open:
            if self._is_batched(sender.batch):
                self.has_backlog = True
            else:
                self.flow_one(sender)

    def flow_one(self, sender: Sender) -> None:
        """Move what one delivery has waiting to the output, as far as it has room."""
        output = self._machines.output
        batched = self._is_batched(sender.batch)
        while output.size_bytes < FLOW_BYTES_MAX:
            data = self._next_frame(sender) if batched else sender.outbox.next_waiting()
            if data is None:
                return
            output.add(data)
        self.has_backlog = True

    def came(self, delivery: str, numbers: Sequence[int | UnsetType]) -> None:
        """Messages have come. Where batches are written, they hold back the acknowledgement of all after them."""
        receiving = self.receiving[delivery]
        if not self._is_batched(receiving.delivery.batch):
            return
        unsafe = receiving.unsafe
        if unsafe is None:
            unsafe = receiving.unsafe = NumberRanges()
        for first, last in runs_of([number for number in numbers if not isinstance(number, UnsetType)]):
            receiving.highest = max(receiving.highest, last)
            if not unsafe.meets(first, last):
                unsafe.add_run(first, last)
                continue
            for number in range(first, last + 1):
                if number not in unsafe:
                    unsafe.add(number)

    def acknowledge(self, receiving: Receiving, numbers: Sequence[int]) -> None:
        """Messages are safe. Where batches are written, one acknowledgement of all is sent when the output is taken."""
        delivery = receiving.delivery
        if not self._is_batched(delivery.batch):
            for number in numbers:
                self._machines.send(delivery.make_ack(number))
            return
        if receiving.unsafe is not None:
            for first, last in runs_of(numbers):
                receiving.unsafe.discard_run(first, last)
        if receiving.safe_upto > receiving.told:
            self.has_backlog = True

    def settle(self) -> None:
        """Send the acknowledgements that are owed; after a hang-up it is too late."""
        for receiving in self.receiving.values():
            batch, safe = receiving.delivery.batch, receiving.safe_upto
            if batch is not None and safe > receiving.told:
                receiving.told = safe
                self._machines.send(batch.make_ack(safe))

    def _is_batched(self, batch: Batch | None) -> bool:
        return batch is not None and self._machines.states[0] in batch.states

    def _next_frame(self, sender: Sender) -> bytes | None:
        """A batch of what waits; a single message as itself: it may be as large as a frame can be."""
        batch = sender.batch
        assert batch is not None, "asked for senders that have one"
        if sender.frame is None:
            before, _, behind = self._codec.encode(batch.make([])).rpartition(b"[]")
            sender.frame = (before, behind)
        head, tail = sender.frame
        room = min(BATCH_BYTES_MAX, self._codec.message_bytes_max - len(head) - len(tail) - 2)
        items = sender.outbox.next_batch(batch.count_max, room)
        if len(items) < 2:
            return items[0] if items else None
        return b"%b[%b]%b" % (head, b",".join(items), tail)

    def _started(self, index: int) -> None:
        for sender in self._senders.values():
            if sender.index == index:
                sender.is_open = True
                sender.outbox.connected()
                self.flow_one(sender)

    def _ended(self, index: int) -> None:
        for sender in self._senders.values():
            if sender.index == index:
                sender.is_open = False
        for receiving in self.receiving.values():
            if receiving.index == index:
                receiving.forget()
