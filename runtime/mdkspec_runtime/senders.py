"""The sending and the receiving ends of deliveries, bound to the parts that carry them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mdkspec_runtime.machines import Machines
from mdkspec_runtime.outbox import Outbox
from mdkspec_runtime.tables import Delivery, Request, Role

FLOW_BYTES_MAX = 256 * 1024
"""Written to the output in one go: a long backlog after a reconnect must not stand in memory twice."""


@dataclass(slots=True)
class Sender:
    """The sending end of one delivery."""

    outbox: Outbox
    index: int
    """Of the part."""
    number: str
    size_bytes_max: int
    is_open: bool = False
    """True while its part is live."""


@dataclass(frozen=True, slots=True)
class Receiving:
    """The receiving end of one delivery."""

    delivery: Delivery
    index: int


class Senders:
    """All deliveries and answered requests of a role, by name."""

    def __init__(self, role: Role, index: Mapping[str, int], machines: Machines) -> None:
        self._machines = machines
        mine = [one for one in role.deliveries if one.sender == role.role]
        self._senders = {one.name: Sender(Outbox(one), index[one.part], one.number, one.size_bytes_max) for one in mine}
        self.receiving = {
            one.name: Receiving(one, index[one.part]) for one in role.deliveries if one.sender != role.role
        }
        self.answering: dict[str, Request] = {one.name: one for one in role.requests if one.sender != role.role}
        self.has_backlog = False
        """True while something waits for the output to be taken."""
        machines.on_started = self._started
        machines.on_ended = self._ended

    def __getitem__(self, delivery: str) -> Sender:
        return self._senders[delivery]

    def flow(self) -> None:
        """Move what waits to the output, delivery by delivery, as far as it has room."""
        self.has_backlog = False
        for sender in self._senders.values():
            if sender.is_open:
                self.flow_one(sender)

    def flow_one(self, sender: Sender) -> None:
        """Move what one delivery has waiting to the output, as far as it has room."""
        output = self._machines.output
        while output.size_bytes < FLOW_BYTES_MAX:
            data = sender.outbox.next_waiting()
            if data is None:
                return
            output.add(data)
        self.has_backlog = True

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
