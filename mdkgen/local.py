"""One side of an exploration: what each input, timer and call does to it, whatever the other side does meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.configuration import Exploration, Outcome, Side, Step, View
from mdkgen.model import (
    And,
    Delivery,
    Do,
    Expr,
    Fail,
    FlagRef,
    Hangup,
    Not,
    Part,
    Send,
    SetFlag,
    Span,
    State,
    Tell,
    Transition,
)
from mdkgen.model_walk import alphabet, transitions_of

Outcomes = list[Outcome]
Taken = tuple[bool, Outcomes, bool]
"""Whether the input is surely taken or ignored, what follows if it is, and whether no data decides what."""


_AFTER = " after "
"""In the name of a flag that is none of the spec: a timer that fires once has fired, and its state goes on."""


class LocalSide:
    """One side with its view of the protocol. What is entered, taken and answered is noted in `found`."""

    def __init__(self, index: int, view: View, found: Exploration) -> None:
        protocol = view.protocol
        self.index = index
        self.view = view
        self.found = found
        self.role = (protocol.connector, protocol.acceptor)[index]
        self.parts = view.parts
        self.machines = {part.name: part.machine(self.role) for part in self.parts}
        self.close = protocol.close.type.name if protocol.close is not None else None
        self.may_fail = any(one.code for one in (protocol.unknown, protocol.illegal, protocol.malformed))
        """A frame that is no message can come at any time, and be answered by closing."""
        self.owner = {name: part for part in self.parts for name in alphabet(part)}
        self._states = {name: {one.name: one for one in machine.states} for name, machine in self.machines.items()}
        self._matching: dict[tuple[str, str | None, str, str], list[Transition]] = {}
        self.hot = {(name, one) for name, states in self._states.items() for one, state in states.items() if state.hot}

    # --- looked up --------------------------------------------------------------------------------

    def state(self, part: Part, name: str) -> State:
        """A state of this side's machine."""
        return self._states[part.name][name]

    def state_in(self, side: Side, part: Part) -> str | None:
        """The state in which a part is."""
        return side.root if part is self.view.root else side.part

    def matching(self, part: Part, state: str | None, kind: str, name: str) -> list[Transition]:
        """The transitions of an input in a state, else those of `always`."""
        key = (part.name, state, kind, name)
        found = self._matching.get(key)
        if found is None:
            own = self.state(part, state).transitions if state is not None else ()
            found = [one for one in own if (one.trigger.kind, one.trigger.name) == (kind, name)]
            always = self.machines[part.name].always
            found = found or [one for one in always if (one.trigger.kind, one.trigger.name) == (kind, name)]
            self._matching[key] = found
        return found

    def burst(self) -> int:
        """How many messages one step can send, the start of the part included."""
        sub = self.view.part
        beginning = 0 if sub is None else self._entering(sub, self._start(sub))
        bursts = [self._entering(self.view.root, self._start(self.view.root)) + beginning]
        for part in self.parts:
            for one in transitions_of(self.machines[part.name]):
                entered = 0 if one.target is None else self._entering(part, one.target)
                begun = beginning if one.target is not None and part is self.view.root else 0
                bursts.append(_sends(one) + entered + begun)
        return max(bursts)

    def _entering(self, part: Part, state: str) -> int:
        return max(
            (_sends(one) for one in self.state(part, state).transitions if one.trigger.kind == "enter"), default=0
        )

    def _start(self, part: Part) -> str:
        return next(name for name, state in self._states[part.name].items() if state.start)

    def hot_states(self, side: Side) -> list[tuple[Part, str]]:
        """The hot states in which the side is."""
        states = [(part, self.state_in(side, part)) for part in self.parts]
        return [(part, state) for part, state in states if state is not None and (part.name, state) in self.hot]

    def waits(self, side: Side) -> bool:
        """Whether it is where a message of the peer, other than its last, leads on."""
        for part in self.parts:
            state = self.state_in(side, part)
            if state is not None:
                triggers = [one.trigger for one in self.state(part, state).transitions]
                if any(one.kind == "recv" and one.name != self.close for one in triggers):
                    return True
        return False

    # --- a connection begins and ends -------------------------------------------------------------

    def fresh(self, session_flags: frozenset[str] = frozenset(), *, first: bool = True) -> Side:
        """Not connected."""
        flags = {
            f"{part.name}.{flag.name}"
            for part in self.parts
            for flag in self.machines[part.name].flags
            if flag.initial and (first or flag.scope == "connection")
        }
        return Side(False, None, None, False, session_flags | flags, frozenset())

    def gone(self, side: Side) -> Side:
        """The connection has ended."""
        return Side(False, None, None, False, _armed(side.flags, ""), frozenset())

    def begin(self, side: Side) -> Outcomes:
        """A new connection."""
        kept = {
            f"{part.name}.{flag.name}"
            for part in self.parts
            for flag in self.machines[part.name].flags
            if flag.scope == "session"
        }
        up = self.fresh(side.flags & kept, first=False)._replace(up=True)
        return self._enter(Outcome(up), self.view.root, self._start(self.view.root))

    # --- what happens by itself -------------------------------------------------------------------

    def unprompted(self, side: Side) -> Iterator[tuple[Step, Outcome]]:
        """Failures, timers, deliveries and questions, answers that are owed; of a side that is down what still lapses."""
        if side.up and self.may_fail and self.close is not None:
            yield Step("fail", self.index, f"{self.role} fails"), Outcome(side, (self.close,), gone=True)
        for part in self.parts:
            yield from self._lapses(part, side)
            state = self.state_in(side, part)
            if state is None:
                continue
            for number, one in enumerate(self.state(part, state).transitions):
                once = f"{part.name}{_AFTER}{number}" if one.trigger.kind == "after" else ""
                if one.trigger.kind in ("after", "every") and once not in side.flags:
                    step = Step("timer", self.index, f"{self.role}: {one.trigger.kind}", "", part.name)
                    for outcome in self._run(Outcome(side), part, one):
                        stays = once and one.target is None and not outcome.gone
                        yield step, _flagged(outcome, once, value=True) if stays else outcome
            for message in self._own_messages(part, side):
                yield (
                    Step("send", self.index, f"{self.role} sends {message}", message, part.name),
                    Outcome(side, (message,)),
                )

    def _lapses(self, part: Part, side: Side) -> Iterator[tuple[Step, Outcome]]:
        """Leases that may lapse, in the state or in `always`. Those of all connections together only tell."""
        for lease in self.machines[part.name].leases:
            if lease.scope == "session" or (lease.scope == "connection" and side.up):
                step = Step("timer", self.index, f"{self.role}: lapse {lease.name}", lease.name, part.name)
                for outcome in self._take(side, part, self.state_in(side, part), "lapse", lease.name)[1]:
                    yield step, outcome if side.up else outcome._replace(gone=False, orderly=False)

    def _own_messages(self, part: Part, side: Side) -> Iterator[str]:
        for delivery in part.deliveries:
            packs = delivery.batch is not None and side.root in delivery.batch.states
            if delivery.sender == self.role:
                yield from delivery.packets if packs else (delivery.message,)
            elif delivery.ack in side.owes:
                yield delivery.acks[-1] if packs else delivery.ack
        for request in part.requests:
            if request.sender == self.role:
                yield request.message
            elif request.reply in side.owes:
                yield request.reply

    def calls(self, side: Side) -> Iterator[tuple[Step, Outcome]]:
        """What the application may ask for."""
        for part in self.parts:
            state = self.state_in(side, part) if side.up else None
            for call in self.machines[part.name].calls:
                step = Step("call", self.index, f"{self.role} calls {call.name}", call.name, part.name)
                for outcome in self._take(side, part, state, "call", call.name)[1]:
                    yield step, outcome

    # --- messages ---------------------------------------------------------------------------------

    def receive(self, side: Side, part: Part, message: str) -> Taken:
        """A message that this side knows; its part is live, or has not been yet."""
        state = self.state_in(side, part)
        taken = self._take(side, part, state, "recv", self.unpacked(part, side, message))
        if state is None:
            return taken
        handled, outcomes, sure = taken
        if message in self._answers(part, side):
            self.found.answered.add((self.role, message))
            handled, outcomes = True, outcomes or [Outcome(side)]
        owed = self._owed(part, state, message)
        if owed:
            outcomes = [
                one if one.gone else one._replace(side=one.side._replace(owes=one.side.owes | {owed}))
                for one in outcomes
            ]
        return handled, outcomes, sure

    def unpacked(self, part: Part, side: Side, message: str) -> str:
        """What a machine gets of a message: a batch comes as what it holds, where it may come."""
        for delivery in part.deliveries:
            batch = delivery.batch
            if batch is not None and batch.message == message and side.root in batch.states:
                return delivery.message
        return message

    def _answers(self, part: Part, side: Side) -> set[str]:
        """What the engine takes by itself: acknowledgements and replies to what this side has sent."""
        mine = [one for one in part.deliveries if one.sender == self.role]
        acks = {one.ack for one in mine}
        acks |= {one.batch.ack for one in mine if one.batch is not None and side.root in one.batch.states}
        return acks | {one.reply for one in part.requests if one.sender == self.role}

    def _owed(self, part: Part, state: str, message: str) -> str:
        """What may be answered from now on, at any time: only if the application learns of the message."""
        for delivery in part.deliveries:
            if delivery.sender != self.role and message in delivery.packets:
                return delivery.ack if self._is_told(part, state, delivery) else ""
        for request in part.requests:
            if request.sender != self.role and request.message == message:
                return request.reply if self._tells(part, state, message) else ""
        return ""

    def _is_told(self, part: Part, state: str, delivery: Delivery) -> bool:
        return self._tells(part, state, delivery.message)

    def _tells(self, part: Part, state: str, message: str) -> bool:
        taking = self.matching(part, state, "recv", message)
        return any(isinstance(action, Tell | Do) for one in taking for action in one.actions)

    # --- one transition ---------------------------------------------------------------------------

    def _take(self, side: Side, part: Part, state: str | None, kind: str, name: str) -> Taken:
        outcomes: Outcomes = []
        sure = True
        for transition in self.matching(part, state, kind, name):
            holds = truth(transition.guard, part, side.flags)
            if holds is not False:
                outcomes += self._run(Outcome(side), part, transition)
                sure = sure and holds is True
            if holds is True:
                return True, outcomes, sure
        ignored = state is not None and name in self.state(part, state).ignores
        return ignored, [*outcomes, Outcome(side)] if ignored else outcomes, ignored and sure

    def _run(self, begun: Outcome, part: Part, transition: Transition) -> Outcomes:
        """All ways in which a transition may end."""
        if truth(transition.guard, part, begun.side.flags) is False:
            return []
        self.found.fired.add((self.role, transition.span))
        outcomes = [begun]
        for action in transition.actions:
            match action:
                case Send(message, _, each):
                    sent = [_sending(one, message) for one in outcomes]
                    outcomes = [*outcomes, *sent] if each is not None else sent
                case SetFlag(flag, value):
                    outcomes = [_flagged(one, f"{part.name}.{flag}", value=value) for one in outcomes]
                case Fail():
                    closes = [one if self.close is None else _sending(one, self.close) for one in outcomes]
                    return [one._replace(gone=True) for one in closes]
                case Hangup():
                    return [one._replace(gone=True, orderly=True) for one in outcomes]
                case _:
                    pass
        if transition.target is None or not begun.side.up:
            return outcomes
        return [there for one in outcomes for there in self._enter(one, part, transition.target)]

    def _enter(self, begun: Outcome, part: Part, state: str) -> Outcomes:
        """Enter a state; with the protocol's machine, the part begins or ends."""
        self.found.states.add((self.role, part.name, state))
        is_root = part is self.view.root
        side = begun.side._replace(flags=_armed(begun.side.flags, part.name))
        side = side._replace(root=state) if is_root else side._replace(part=state)
        outcomes = self._run_enter(begun._replace(side=side), part, state)
        sub = self.view.part
        if not is_root or sub is None:
            return outcomes
        result: Outcomes = []
        for one in outcomes:
            live = state in sub.live_in and not one.gone and one.side.root == state
            if live and one.side.part is None:
                begins = one._replace(side=one.side._replace(was_live=True))
                result += self._enter(begins, sub, self._start(sub))
            elif state not in sub.live_in and one.side.part is not None and one.side.root == state:
                flags = _armed(one.side.flags, sub.name)
                result.append(one._replace(side=one.side._replace(part=None, flags=flags)))
            else:
                result.append(one)
        return result

    def _run_enter(self, begun: Outcome, part: Part, state: str) -> Outcomes:
        outcomes: Outcomes = []
        for transition in self.matching(part, state, "enter", ""):
            holds = truth(transition.guard, part, begun.side.flags)
            if holds is not False:
                outcomes += self._run(begun, part, transition)
            if holds is True:
                return outcomes
        return [*outcomes, begun]

    # --- what stands in the spec ------------------------------------------------------------------

    def where(self, side: Side, step: Step, after: tuple[Side, tuple[str, ...] | None] | None) -> Span | None:
        """The transition that a step takes; `after` it this is the side, with what it has sent then (None: to nobody)."""
        part = next((one for one in self.parts if one.name == step.part), None)
        if part is None:
            return None
        taking = [one for one in self._may_take(side, part, step) if truth(one.guard, part, side.flags) is not False]
        so = (one for one in taking if any(_is_so(end, after) for end in self._run(Outcome(side), part, one)))
        return next((one.span for one in (*so, *taking)), None)

    def _may_take(self, side: Side, part: Part, step: Step) -> list[Transition]:
        state = self.state_in(side, part) if side.up else None
        if step.kind == "timer" and not step.name:
            timers = () if state is None else self.state(part, state).transitions
            return [one for one in timers if step.text == f"{self.role}: {one.trigger.kind}"]
        kind = {"receive": "recv", "call": "call", "timer": "lapse"}.get(step.kind)
        return self.matching(part, state, kind, step.name) if kind is not None else []


def _is_so(end: Outcome, after: tuple[Side, tuple[str, ...] | None] | None) -> bool:
    """Whether a transition that ends so led there; if it is not known where, it is the one that hangs up in order."""
    if after is None:
        return end.orderly
    side, sent = after
    if end.gone or not side.up:
        return end.gone and not side.up
    return end.side._replace(owes=side.owes) == side and sent in (None, end.sent)


def _sending(one: Outcome, message: str) -> Outcome:
    return one._replace(sent=(*one.sent, message)) if one.side.up else one


def _flagged(one: Outcome, flag: str, *, value: bool) -> Outcome:
    flags = one.side.flags | {flag} if value else one.side.flags - {flag}
    return one._replace(side=one.side._replace(flags=flags))


def _armed(flags: frozenset[str], part: str) -> frozenset[str]:
    """Without what notes that an `after` of a part, or of all, has fired."""
    spent = {one for one in flags if _AFTER in one and (not part or one.startswith(part + _AFTER))}
    return flags - spent if spent else flags


def _sends(transition: Transition) -> int:
    return sum(isinstance(action, Send | Fail) for action in transition.actions)


def truth(guard: Expr | None, part: Part, flags: frozenset[str]) -> bool | None:
    """What a guard is worth: flags are known, data is not."""
    match guard:
        case None:
            return True
        case FlagRef(name):
            return f"{part.name}.{name}" in flags
        case Not(operand):
            value = truth(operand, part, flags)
            return None if value is None else not value
        case And(operands):
            values = [truth(one, part, flags) for one in operands]
            return False if False in values else None if None in values else True
        case _:
            return None
