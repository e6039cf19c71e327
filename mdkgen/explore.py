"""Every order in which two sides and a link that may break can meet, for a protocol and one part.

A configuration is what both sides and both queues hold; data is left out, but for flags. A guard over data is taken
both ways, a timer may fire whenever it is armed, a hook may have an answer for `for` or none, and the
connection may be cut at any moment. Queues hold `bound` messages; a send into a full one is not followed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from mdkgen.model import (
    And,
    Expr,
    Fail,
    FlagRef,
    Hangup,
    Machine,
    Not,
    Part,
    Protocol,
    Send,
    SetFlag,
    Span,
    State,
    Transition,
)

CONFIGURATIONS_MAX = 200_000
"""Past it the exploration ends and says so: a checker must answer while somebody waits."""


class Side(NamedTuple):
    """One side: up or not, the state of the protocol's machine and of the part's, flags, what it owes answers to."""

    up: bool
    root: str | None
    part: str | None
    was_live: bool
    flags: frozenset[str]
    owes: frozenset[str]


class Configuration(NamedTuple):
    """Both sides (connecting, accepting) and the messages on their way (to the accepting, to the connecting side)."""

    sides: tuple[Side, Side]
    queues: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Unspecified:
    """A message that arrived where it is neither taken nor ignored, and the shortest way there."""

    role: str
    part: str
    state: str | None
    message: str
    span: Span
    trace: tuple[str, ...]


@dataclass
class Exploration:
    """What was found."""

    bound: int
    configurations: int = 0
    bound_reached: bool = False
    cut_short: bool = False
    unspecified: dict[tuple[str, str, str | None, str], Unspecified] = field(
        default_factory=dict[tuple[str, str, str | None, str], Unspecified]
    )
    states: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    """(role, part, state) that were entered."""
    fired: set[tuple[str, Span]] = field(default_factory=set[tuple[str, Span]])
    """(role, where) of the transitions that were taken."""


class Explorer:
    """Breadth first, so that the first trace to a problem is a shortest one."""

    def __init__(self, protocol: Protocol, part: Part | None) -> None:
        self.roles = (protocol.connector, protocol.acceptor)
        self.root = protocol.parts[0]
        self.part = part
        self.parts = [self.root, *([part] if part is not None else [])]
        self.close = protocol.close.type.name if protocol.close is not None else None
        self.may_fail = any(one.code for one in (protocol.unknown, protocol.illegal, protocol.malformed))
        """A frame that is no message can come at any time, and be answered by closing."""
        self.owner = {message: one for one in self.parts for message in alphabet(one)}
        self._machine = {(part.name, role): part.machine(role) for part in self.parts for role in self.roles}
        self._by_name = {id(one): {state.name: state for state in one.states} for one in self._machine.values()}
        self._found: dict[tuple[str, str, str | None, str, str], list[Transition]] = {}
        self._timers: dict[tuple[str, str, str], list[tuple[str, Transition]]] = {}
        self.found = Exploration(bound=max(2, 1 + max(self._bursts(), default=1)))

    def _state(self, machine: Machine, name: str) -> State:
        return self._by_name[id(machine)][name]

    def _matching(self, part: Part, role: str, state: str | None, kind: str, name: str) -> list[Transition]:
        """The transitions of an input in a state, else those of `always`; looked up once."""
        key = (part.name, role, state, kind, name)
        found = self._found.get(key)
        if found is None:
            machine = self._machine[part.name, role]
            own = self._state(machine, state).transitions if state is not None else ()
            found = [one for one in own if (one.trigger.kind, one.trigger.name) == (kind, name)]
            found = found or [one for one in machine.always if (one.trigger.kind, one.trigger.name) == (kind, name)]
            self._found[key] = found
        return found

    def run(self) -> Exploration:
        """Explore everything."""
        first = Configuration((self._fresh(0, frozenset()), self._fresh(1, frozenset())), ((), ()))
        parents: dict[Configuration, tuple[Configuration, str] | None] = {first: None}
        todo = deque([first])
        while todo:
            here = todo.popleft()
            for label, there in self._steps(here, parents):
                if there not in parents:
                    parents[there] = (here, label)
                    todo.append(there)
            if len(parents) > CONFIGURATIONS_MAX:
                self.found.cut_short = True
                break
        self.found.configurations = len(parents)
        return self.found

    def _fresh(self, index: int, session_flags: frozenset[str], *, first: bool = True) -> Side:
        flags = {
            f"{part.name}.{flag.name}"
            for part in self.parts
            for flag in part.machine(self.roles[index]).flags
            if flag.initial and (first or flag.scope == "connection")
        }
        return Side(False, None, None, False, session_flags | flags, frozenset())

    def _bursts(self) -> Iterator[int]:
        """How many messages one step can send, the start of the part included."""
        for role in self.roles:
            entering = 0
            if self.part is not None:
                start = next(state for state in self.part.machine(role).states if state.start)
                entering = sum(_sends(one) for one in start.transitions if one.trigger.kind == "enter")
            for part in self.parts:
                for transition in transitions_of(part.machine(role)):
                    yield _sends(transition) + (
                        entering if transition.target or transition.trigger.kind == "enter" else 0
                    )

    # --- steps ------------------------------------------------------------------------------------

    def _steps(
        self, here: Configuration, parents: dict[Configuration, tuple[Configuration, str] | None]
    ) -> Iterator[tuple[str, Configuration]]:
        ups = [side.up for side in here.sides]
        if not any(ups):
            for there in self._connect(here):
                yield "connect", there
        else:
            yield "the connection is lost", self._down(self._down(here, 0), 1)
        for index in (0, 1):
            if ups[index]:
                yield from self._receive(here, index, parents)
                yield from self._timers_and_answers(here, index)
                if not ups[1 - index] and not here.queues[1 - index]:
                    yield f"{self.roles[index]} sees the end", self._down(here, index)
            yield from self._calls(here, index)

    def _connect(self, here: Configuration) -> Iterator[Configuration]:
        sides: list[Side] = []
        for index in (0, 1):
            session = {
                f"{part.name}.{flag.name}"
                for part in self.parts
                for flag in part.machine(self.roles[index]).flags
                if flag.scope == "session"
            }
            side = self._fresh(index, here.sides[index].flags & session, first=False)
            sides.append(side._replace(up=True))
        start = Configuration((sides[0], sides[1]), ((), ()))
        for middle in self._enter(start, 0, self.root, _start(self.root, self.roles[0])):
            yield from self._enter(middle, 1, self.root, _start(self.root, self.roles[1]))

    def _receive(
        self, here: Configuration, index: int, parents: dict[Configuration, tuple[Configuration, str] | None]
    ) -> Iterator[tuple[str, Configuration]]:
        incoming = here.queues[1 - index]
        if not incoming:
            return
        message, role = incoming[0], self.roles[index]
        there = self._with_queue(here, 1 - index, incoming[1:])
        label = f"{role} receives {message}"
        part = self.owner[message]
        side = there.sides[index]
        state = side.root if part is self.root else side.part
        if state is None and side.was_live:
            yield f"{label}, late", there
            return
        handled, outcomes = self._take(there, index, part, state, "recv", self._unpacked(part, side, message))
        if state is not None:
            if message in self._answers(part, role, side):
                handled = True
                outcomes = outcomes or [there]
            owed = self._owed(part, role, message)
            outcomes = [self._with_side(one, index, self._owing(one.sides[index], owed)) for one in outcomes]
        if not handled:
            self._report(role, part, state, message, here, label, parents)
            outcomes = [*outcomes, there]
        for outcome in outcomes:
            yield label, outcome

    def _timers_and_answers(self, here: Configuration, index: int) -> Iterator[tuple[str, Configuration]]:
        role, side = self.roles[index], here.sides[index]
        if self.may_fail and self.close is not None:
            for there in self._send(here, index, self.close):
                yield f"{role} fails", self._down(there, index)
        for part in self.parts:
            state = side.root if part is self.root else side.part
            if state is None:
                continue
            for label, transition in self._timed(part, role, state):
                for there in self._run(here, index, part, transition):
                    yield label, there
            for message in self._unprompted(part, role, side):
                for there in self._send(here, index, message):
                    yield f"{role} sends {message}", there

    def _timed(self, part: Part, role: str, state: str) -> list[tuple[str, Transition]]:
        """What may fire by itself in a state, with how a trace names it; looked up once."""
        key = (part.name, role, state)
        if key not in self._timers:
            transitions = self._state(self._machine[part.name, role], state).transitions
            timed = [one for one in transitions if one.trigger.kind in ("after", "every", "lapse")]
            self._timers[key] = [(f"{role}: {one.trigger.kind} {one.trigger.name}".strip(), one) for one in timed]
        return self._timers[key]

    def _unprompted(self, part: Part, role: str, side: Side) -> Iterator[str]:
        """What a side may send at any time: deliveries and questions, and answers that it owes."""
        for delivery in part.deliveries:
            packs = delivery.batch is not None and side.root in delivery.batch.states
            if delivery.sender == role:
                yield from delivery.packets if packs else (delivery.message,)
            elif delivery.ack in side.owes:
                yield delivery.acks[-1] if packs else delivery.ack
        for request in part.requests:
            if request.sender == role:
                yield request.message
            elif request.reply in side.owes:
                yield request.reply

    def _calls(self, here: Configuration, index: int) -> Iterator[tuple[str, Configuration]]:
        role, side = self.roles[index], here.sides[index]
        for part in self.parts:
            state = side.root if part is self.root else side.part
            for call in self._machine[part.name, role].calls:
                _, outcomes = self._take(here, index, part, state if side.up else None, "call", call.name)
                for there in outcomes:
                    yield f"{role} calls {call.name}", there

    # --- one transition ---------------------------------------------------------------------------

    def _take(
        self, here: Configuration, index: int, part: Part, state: str | None, kind: str, name: str
    ) -> tuple[bool, list[Configuration]]:
        """Whether the input is surely taken or ignored, and what follows if it is."""
        matching = self._matching(part, self.roles[index], state, kind, name)
        outcomes: list[Configuration] = []
        for transition in matching:
            holds = _truth(transition.guard, part, here.sides[index].flags)
            if holds is not False:
                outcomes += self._run(here, index, part, transition)
            if holds is True:
                return True, outcomes
        machine = self._machine[part.name, self.roles[index]]
        ignored = state is not None and name in self._state(machine, state).ignores
        return ignored, [*outcomes, here] if ignored else outcomes

    def _run(self, here: Configuration, index: int, part: Part, transition: Transition) -> list[Configuration]:
        """All ways in which a transition may end; none if a queue is full."""
        role = self.roles[index]
        if _truth(transition.guard, part, here.sides[index].flags) is False:
            return []
        self.found.fired.add((role, transition.span))
        outcomes = [here]
        hangs = False
        for action in transition.actions:
            match action:
                case Send(message, _, each):
                    sent = [there for one in outcomes for there in self._send(one, index, message)]
                    outcomes = [*outcomes, *sent] if each is not None else sent
                case SetFlag(flag, value):
                    outcomes = [self._with_flag(one, index, f"{part.name}.{flag}", value) for one in outcomes]
                case Fail():
                    hangs = True
                    if self.close is not None:
                        outcomes = [there for one in outcomes for there in self._send(one, index, self.close)]
                case Hangup():
                    hangs = True
                case _:
                    pass
        if hangs:
            return [self._down(one, index) for one in outcomes]
        if transition.target is None or not here.sides[index].up:
            return outcomes
        return [there for one in outcomes for there in self._enter(one, index, part, transition.target)]

    def _enter(self, here: Configuration, index: int, part: Part, state: str) -> Iterator[Configuration]:
        """Enter a state; for the protocol's machine, the part begins or ends with it."""
        role, side = self.roles[index], here.sides[index]
        self.found.states.add((role, part.name, state))
        is_root = part is self.root
        side = side._replace(root=state) if is_root else side._replace(part=state)
        outcomes = self._run_enter(self._with_side(here, index, side), index, part, state)
        if not is_root or self.part is None:
            yield from outcomes
            return
        live = state in self.part.live_in
        for one in outcomes:
            now = one.sides[index]
            if live and now.up and now.part is None:
                begun = self._with_side(one, index, now._replace(was_live=True))
                yield from self._enter(begun, index, self.part, _start(self.part, role))
            elif not live and now.part is not None:
                yield self._with_side(one, index, now._replace(part=None))
            else:
                yield one

    def _run_enter(self, here: Configuration, index: int, part: Part, state: str) -> list[Configuration]:
        entering = self._matching(part, self.roles[index], state, "enter", "")
        outcomes: list[Configuration] = []
        for transition in entering:
            holds = _truth(transition.guard, part, here.sides[index].flags)
            if holds is not False:
                outcomes += self._run(here, index, part, transition)
            if holds is True:
                return outcomes
        return [*outcomes, here]

    def _send(self, here: Configuration, index: int, message: str) -> list[Configuration]:
        """The message on its way; nowhere if the peer is gone or this side is; no outcome if the queue is full."""
        if not here.sides[index].up or not here.sides[1 - index].up:
            return [here]
        queue = here.queues[index]
        if len(queue) >= self.found.bound:
            self.found.bound_reached = True
            return []
        return [self._with_queue(here, index, (*queue, message))]

    # --- pieces -----------------------------------------------------------------------------------

    def _unpacked(self, part: Part, side: Side, message: str) -> str:
        """What a machine gets of a message: a batch comes as what it holds, where it may come."""
        for delivery in part.deliveries:
            batch = delivery.batch
            if batch is not None and batch.message == message and side.root in batch.states:
                return delivery.message
        return message

    def _answers(self, part: Part, role: str, side: Side) -> set[str]:
        """What the engine takes by itself: acknowledgements and replies to what the role has sent."""
        mine = [one for one in part.deliveries if one.sender == role]
        acks = {one.ack for one in mine}
        acks |= {one.batch.ack for one in mine if one.batch is not None and side.root in one.batch.states}
        return acks | {one.reply for one in part.requests if one.sender == role}

    def _owed(self, part: Part, role: str, message: str) -> str:
        """What the role may answer from now on, at any time; empty if nothing."""
        acks = {packet: one.ack for one in part.deliveries if one.sender != role for packet in one.packets}
        replies = {one.message: one.reply for one in part.requests if one.sender != role}
        return acks.get(message) or replies.get(message) or ""

    def _owing(self, side: Side, answer: str) -> Side:
        return side._replace(owes=side.owes | {answer}) if answer and side.up else side

    def _down(self, here: Configuration, index: int) -> Configuration:
        """One side has hung up or seen the end: what it sent still arrives, what was sent to it does not."""
        side = here.sides[index]
        gone = Side(False, None, None, False, side.flags, frozenset())
        there = self._with_side(here, index, gone)
        there = self._with_queue(there, 1 - index, ())
        return there if there.sides[1 - index].up else Configuration(there.sides, ((), ()))

    def _with_side(self, here: Configuration, index: int, side: Side) -> Configuration:
        first, second = here.sides
        return Configuration((side, second) if index == 0 else (first, side), here.queues)

    def _with_queue(self, here: Configuration, index: int, queue: tuple[str, ...]) -> Configuration:
        first, second = here.queues
        return Configuration(here.sides, (queue, second) if index == 0 else (first, queue))

    def _with_flag(self, here: Configuration, index: int, flag: str, value: bool) -> Configuration:
        side = here.sides[index]
        flags = side.flags | {flag} if value else side.flags - {flag}
        return self._with_side(here, index, side._replace(flags=flags))

    def _report(
        self,
        role: str,
        part: Part,
        state: str | None,
        message: str,
        here: Configuration,
        label: str,
        parents: dict[Configuration, tuple[Configuration, str] | None],
    ) -> None:
        key = (role, part.name, state, message)
        if key in self.found.unspecified:
            return
        machine = part.machine(role)
        trace = [label]
        step = parents[here]
        while step is not None:
            trace.append(step[1])
            step = parents[step[0]]
        span = machine.span if state is None else self._state(machine, state).span
        self.found.unspecified[key] = Unspecified(role, part.name, state, message, span, tuple(reversed(trace)))


def alphabet(part: Part) -> set[str]:
    """Every message that a part sends or takes."""
    names: set[str] = set()
    for machine in part.machines:
        calls = {call.name for call in machine.calls}
        for transition in transitions_of(machine):
            names |= {action.message for action in transition.actions if isinstance(action, Send)}
            names |= {transition.trigger.name} if transition.trigger.kind == "recv" else set()
        names |= {name for state in machine.states for name in state.ignores if name not in calls}
    for delivery in part.deliveries:
        names |= {*delivery.packets, *delivery.acks}
    for request in part.requests:
        names |= {request.message, request.reply}
    return names


def transitions_of(machine: Machine) -> Iterator[Transition]:
    """All transitions of a machine."""
    yield from machine.always
    for state in machine.states:
        yield from state.transitions


def _start(part: Part, role: str) -> str:
    return next(state.name for state in part.machine(role).states if state.start)


def _sends(transition: Transition) -> int:
    return sum(isinstance(action, Send | Fail) for action in transition.actions)


def _truth(guard: Expr | None, part: Part, flags: frozenset[str]) -> bool | None:
    """What a guard is worth: flags are known, data is not."""
    match guard:
        case None:
            return True
        case FlagRef(name):
            return f"{part.name}.{name}" in flags
        case Not(operand):
            value = _truth(operand, part, flags)
            return None if value is None else not value
        case And(operands):
            values = [_truth(one, part, flags) for one in operands]
            return False if False in values else None if None in values else True
        case _:
            return None
