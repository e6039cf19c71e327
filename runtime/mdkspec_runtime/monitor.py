"""An observer of one conversation: which messages were legal, judged by the tables alone.

It sees frames and their direction, but not the calls and timers behind them. So for every part of both sides it
keeps all the states in which the side may be: a message that a side sends leaves those states that can send it, and
adds those that it may have gone to; what happens unseen (calls, timers, lapses) is taken to be possible at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

from mdkspec_runtime.errors import PeerError
from mdkspec_runtime.tables import Fail, Machine, Role, Send, Transition

UNSEEN = ("call", "after", "every", "lapse")
"""Inputs that leave no trace of their own on the wire."""


class Monitor:
    """Watches one connection, from its first frame.

    Args:
        connector: The tables of the role that connects.
        acceptor: The tables of the role that accepts.
    """

    def __init__(self, connector: Role, acceptor: Role) -> None:
        self._sides = {connector.role: _Side(connector), acceptor.role: _Side(acceptor)}
        self._peers = {connector.role: acceptor.role, acceptor.role: connector.role}
        self._codec = connector.codec
        self._ended = False
        """True once a side has sent the message after which it hangs up."""

    def observe(self, sender: str, frame: str | bytes) -> str | None:
        """Judge a frame of the role `sender`; what is wrong with it, or None.

        A frame that is found wrong does not move any state.
        """
        try:
            message = self._codec.decode(frame)
        except PeerError as error:
            return str(error)
        name = type(message).__name__
        if self._ended:
            return None  # In flight when one side hung up: nobody reads it.
        sending, receiving = self._sides[sender], self._sides[self._peers[sender]]
        problem = sending.may_send(name) or receiving.may_take(name)
        if problem is None:
            self._ended = sending.sent(name)
            receiving.took(name)
        return problem

    def copy(self) -> Monitor:
        """The same as far as it has come, to go on otherwise."""
        made = copy(self)
        made._sides = {role: side.copy() for role, side in self._sides.items()}
        return made

    @property
    def key(self) -> tuple[object, ...]:
        """The same for all that judge alike from here on."""
        sides = (side.states.values() for side in self._sides.values())
        return self._ended, *(frozenset(states) for parts in sides for states in parts)

    def states(self, role: str, part: str) -> frozenset[str]:
        """The states in which a side may be; empty while the part is not live."""
        return frozenset(self._sides[role].states[part])


class _Side:
    """All states in which one side may be, part by part."""

    def __init__(self, role: Role) -> None:
        self._role = role
        self._machines = {machine.part: machine for machine in role.machines}
        self._root = role.machines[0].part
        self.states: dict[str, set[str]] = {machine.part: set() for machine in role.machines}
        self._go(self._root, {role.machines[0].start})

    def copy(self) -> _Side:
        """With states of its own."""
        made = copy(self)
        made.states = {part: {*states} for part, states in self.states.items()}
        return made

    def may_send(self, message: str) -> str | None:
        if self._is_known(message) and any(self._senders(part, message) for part in self.states):
            return None
        return f"{self._role.role} may not send {message} in {self._where()}"

    def may_take(self, message: str) -> str | None:
        part = self._role.receives.get(message)
        if part is None:
            return f"{self._role.role} takes no {message} anywhere"
        if self._is_known(message) and any(self._takes(part, state, message) for state in self.states[part]):
            return None
        return f"{self._role.role} does not take {message} in {self._where()}"

    def sent(self, message: str) -> bool:
        """The side has sent it: keep the states that can, go where they may have gone. True if it hangs up."""
        for part in self.states:
            senders = self._senders(part, message)
            if not senders:
                continue
            transitions = [one for state in senders for one in self._all(part, state) if _sends(one, message)]
            staying = any(one.target is None for one in transitions) or self._unprompted(part, message)
            targets = {one.target for one in transitions if one.target is not None}
            self._go(part, (senders if staying or not targets else set[str]()) | targets)
            if transitions and all(_hangs_up(one) for one in transitions):
                return True
        return False

    def took(self, message: str) -> None:
        """The side has taken it, from any of the states that do."""
        part = self._role.receives[message]
        after: set[str] = set()
        batches = {one.batch.message: one.message for one in self._role.deliveries if one.batch is not None}
        for state in self.states[part]:
            matching = self._matching(part, state, f"recv {batches.get(message, message)}")
            after |= {one.target or state for one in matching} if matching else {state}
        self._go(part, after)

    def _go(self, part: str, states: set[str]) -> None:
        """Be in one of these states, or in what they lead to unseen; for the protocol's own, start and end parts."""
        machine = self._machines[part]
        todo = list(states)
        while todo:
            here = todo.pop()
            for input_, transitions in machine.states[here].items():
                if input_.partition(" ")[0] in UNSEEN:
                    reached = {one.target for one in transitions if one.target is not None and not _talks(one)}
                    todo += reached - states
                    states |= reached
        self.states[part] = states
        if part != self._root:
            return
        for other, inner in self._machines.items():
            if other != self._root and states & inner.live_in and not self.states[other]:
                self._go(other, {inner.start})
            elif other != self._root and not states & inner.live_in:
                self.states[other] = set()

    def _senders(self, part: str, message: str) -> set[str]:
        sends = self._machines[part].sends
        able = {state for state in self.states[part] if message in sends.get(state, ())}
        # What a message makes a side answer is sent in the state before it, or already in the one after it.
        return able or {
            state for state in self.states[part] for one in self._arrivals(part, state) if _sends(one, message)
        }

    def _arrivals(self, part: str, state: str) -> Iterator[Transition]:
        for inputs in self._machines[part].states.values():
            for transitions in inputs.values():
                yield from (one for one in transitions if one.target == state)

    def _unprompted(self, part: str, message: str) -> bool:
        """Whether the engine sends it by itself: deliveries, acknowledgements, questions, answers."""
        mine = [one for one in self._role.deliveries if one.part == part]
        deliveries = [name for one in mine for name in (one.message, one.ack)]
        deliveries += [name for one in mine if one.batch is not None for name in (one.batch.message, one.batch.ack)]
        requests = [name for one in self._role.requests if one.part == part for name in (one.message, one.reply)]
        return message in (*deliveries, *requests)

    def _takes(self, part: str, state: str, message: str) -> bool:
        if self._matching(part, state, f"recv {message}"):
            return True
        batches = [one.batch for one in self._role.deliveries if one.part == part and one.batch is not None]
        if message in [name for batch in batches for name in (batch.message, batch.ack)]:
            return True
        acks = [one.ack for one in self._role.deliveries if one.part == part and one.sender == self._role.role]
        replies = [one.reply for one in self._role.requests if one.part == part and one.sender == self._role.role]
        return message in (*acks, *replies)

    def _matching(self, part: str, state: str, input_: str) -> tuple[Transition, ...]:
        machine = self._machines[part]
        return machine.states[state].get(input_) or machine.always.get(input_, ())

    def _all(self, part: str, state: str) -> Iterator[Transition]:
        machine: Machine = self._machines[part]
        for transitions in (*machine.states[state].values(), *machine.always.values()):
            yield from transitions

    def _is_known(self, message: str) -> bool:
        """Batches, and what acknowledges them, are for some states of the protocol's own machine."""
        for delivery in self._role.deliveries:
            batch = delivery.batch
            if batch is not None and message in (batch.message, batch.ack):
                return bool(self.states[self._root] & batch.states)
        return True

    def _where(self) -> str:
        live = [f"{part} {'/'.join(sorted(states))}" for part, states in self.states.items() if states]
        return ", ".join(live)


def _sends(transition: Transition, message: str) -> bool:
    return any(isinstance(action, Send) and action.message == message for action in transition.actions)


def _talks(transition: Transition) -> bool:
    return any(isinstance(action, Send | Fail) for action in transition.actions)


def _hangs_up(transition: Transition) -> bool:
    return any(type(action).__name__ in ("Hangup", "Fail") for action in transition.actions)
