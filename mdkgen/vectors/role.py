"""One role of a protocol, with everything that the interpreter looks up in the spec: worked out once for all who play it."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.model import Batch, Delivery, Lease, Protocol, Request, State, Transition, Trigger
from mdkgen.table_nodes import receives
from mdkgen.vectors.values import Scope, Values

NONE: tuple[Transition, ...] = ()


class Role:
    """What one side goes by. Parts go by their number in the protocol."""

    def __init__(self, values: Values, protocol: Protocol, role: str) -> None:
        self.name = role
        self.protocol = protocol
        self.parts = protocol.parts
        self.machines = [part.machine(role) for part in protocol.parts]
        self.index = {part.name: index for index, part in enumerate(protocol.parts)}
        self.takers = {message: self.index[part] for message, part in receives(protocol, role)}
        """By message the part that takes it."""
        self.starts = [next(state.name for state in machine.states if state.start) for machine in self.machines]
        self.params = {one.name: values.worth(one.default, Scope()) for part in self.parts for one in part.params}
        self.sent = [(index, one) for index, one in self._deliveries() if one.sender == role]
        self.received = [(index, one) for index, one in self._deliveries() if one.sender != role]
        self.requests = [(index, one) for index, part in enumerate(self.parts) for one in part.requests]
        self.asked = [one for _, one in self.requests if one.sender == role]
        self.settled = {name for _, one in self.sent for name in one.acks} | {one.reply for one in self.asked}
        """Messages that the engine takes by itself."""
        self.batches = dict(reversed([*self._batches()]))
        """By the message that this side takes: what it packs, or acknowledges."""
        self.packed = {one.batch.message: one for _, one in reversed(self.received) if one.batch is not None}
        self.carried = {one.message: one for _, one in reversed(self.received)}
        """By the message that this side takes, alone or packed: the delivery."""
        self._states = [{one.name: one for one in machine.states} for machine in self.machines]
        self._leases = [{one.name: one for one in machine.leases} for machine in self.machines]
        self._matching: dict[tuple[int, str | None, str, str], tuple[Transition, ...]] = {}
        self._timers: dict[tuple[int, str], tuple[Transition, ...]] = {}

    def _deliveries(self) -> Iterator[tuple[int, Delivery]]:
        return ((index, one) for index, part in enumerate(self.parts) for one in part.deliveries)

    def _batches(self) -> Iterator[tuple[str, Batch]]:
        for _, one in self._deliveries():
            if one.batch is not None:
                yield one.batch.ack if one.sender == self.name else one.batch.message, one.batch

    def part_of(self, name: str) -> tuple[int, Delivery]:
        """A delivery with the number of its part."""
        return next((index, one) for index, one in (*self.sent, *self.received) if one.name == name)

    def request(self, name: str) -> tuple[int, Request]:
        """A request with the number of its part."""
        return next((index, one) for index, one in self.requests if one.name == name)

    def state(self, index: int, name: str) -> State:
        """A state of a part."""
        return self._states[index][name]

    def lease(self, index: int, name: str) -> Lease:
        """A lease of a part."""
        return self._leases[index][name]

    def ignored(self, index: int, state: str | None) -> tuple[str, ...]:
        """What a state ignores."""
        return () if state is None else self._states[index][state].ignores

    def timers(self, index: int, state: str) -> tuple[Transition, ...]:
        """The transitions that time brings about in a state."""
        key = (index, state)
        if key not in self._timers:
            own = self._states[index][state].transitions
            self._timers[key] = tuple(one for one in own if one.trigger.kind in ("after", "every"))
        return self._timers[key]

    def matching(self, index: int, state: str | None, kind: str, name: str) -> tuple[Transition, ...]:
        """The transitions of an input in a state; those of `always` if it has none and does not ignore it."""
        key = (index, state, kind, name)
        found = self._matching.get(key)
        if found is None:
            own = NONE if state is None else self._states[index][state].transitions
            found = tuple(one for one in own if _is(one.trigger, kind, name))
            if not found and name not in self.ignored(index, state):
                found = tuple(one for one in self.machines[index].always if _is(one.trigger, kind, name))
            self._matching[key] = found
        return found


def _is(trigger: Trigger, kind: str, name: str) -> bool:
    return trigger.kind == kind and trigger.name == name


def role_of(values: Values, protocol: Protocol, name: str) -> Role:
    """A role of one of the spec's protocols; each is looked at once."""
    key = (id(protocol), name)
    if key not in values.known:
        values.known[key] = Role(values, protocol, name)
    role: Role = values.known[key]
    return role
