"""Conversations: sequences of inputs to one side, with all that must come of them.

Found by breadth first search over what the side can be in: from every situation every input is tried, the legal and
the illegal ones, with each way in which the application can answer a yes or no.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mdkgen.model import Hook, ListOf, Named, Nullable, Part, Protocol, Scalar, Span, Type
from mdkgen.model_walk import alphabet
from mdkgen.vectors.interpreter import IllegalCallError, Interpreter
from mdkgen.vectors.values import Struct, Values

SITUATIONS_MAX = 200
"""For each way to answer. A spec with more is covered as far as this goes."""
LENGTH_MAX = 40
"""Inputs in one conversation."""
ANSWERS_MAX = 3
"""Hooks that answer yes or no and are tried both ways; what is more answers yes."""

FLEETING = ("frames", "events", "error")
"""What a step brings forth; the rest of what is expected stands until it changes."""
FIRST: Mapping[str, Any] = {
    "frames": [], "events": [], "error": None, "hanging_up": False, "deadline": None, "connect_at": None,
}  # fmt: skip
"""What is so before the first step, and is not written where it is."""

Step = Mapping[str, Any]
"""An input as it stands in the file, with the values that it needs under `_`."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A name, what the hooks answer, and the steps with their outcomes."""

    name: str
    hooks: dict[str, Any]
    steps: tuple[dict[str, Any], ...]


class Conversations:
    """Those of one role."""

    def __init__(self, values: Values, protocol: Protocol, role: str) -> None:
        self.values = values
        self.protocol = protocol
        self.role = role
        self.hooks = [hook for part in protocol.parts for hook in part.machine(role).hooks]
        self.fired: set[Span] = set()
        """Where the transitions stand that the conversations so far take."""
        self._seen: set[int] = set()

    def all(self) -> Iterator[Conversation]:
        """Every conversation: the protocol with one part at a time, and for every way to answer."""
        yes_no = self.yes_no()
        for part in self.protocol.parts[1:] or (self.protocol.parts[0],):
            for answers in itertools.product((True, False), repeat=len(yes_no)):
                given = {hook.name: answer for hook, answer in zip(yes_no, answers, strict=True)}
                yield from self._explore(part, given)

        yield from self._offences()

    def yes_no(self) -> list[Hook]:
        """The hooks whose answers are tried both ways."""
        return [hook for hook in self.hooks if hook.result == Scalar("bool") and not hook.each][:ANSWERS_MAX]

    def _offences(self) -> Iterator[Conversation]:
        """Frames that are no messages, as many in a row as are forgiven and one more."""
        hooks = {hook.name: self._answer(hook, {}) for hook in self.hooks if hook.result is not None}
        first: tuple[Step, ...] = ({"do": "connected"},)
        if self.role == self.protocol.connector:
            first = ({"do": "start"}, *first)
        for kind, policy in (("malformed", self.protocol.malformed), ("unknown", self.protocol.unknown)):
            if policy.drop_max:
                frame: Step = {"do": "receive", "frame": self._rubbish(kind), "offence": kind}
                yield self._conversation((*first, *[frame] * (policy.drop_max + 1)), hooks, {})

    def _rubbish(self, kind: str) -> str:
        return "{" if kind == "malformed" else f'{{"{self.values.tag}":"no such message"}}'

    def _explore(self, part: Part, given: dict[str, bool]) -> Iterator[Conversation]:
        hooks = {hook.name: self._answer(hook, given) for hook in self.hooks if hook.result is not None}
        start, _ = self._run((), hooks)
        todo: deque[tuple[tuple[Step, ...], Interpreter]] = deque([((), start)])
        situations = {self._situation(start, part)}
        while todo:
            path, here = todo.popleft()
            chain = path
            for step in self._inputs(here, part):
                there, outcomes = self._run((*path, step), hooks)
                is_new = self._is_new(outcomes)
                same = self._situation(there, part) == self._situation(here, part)
                if same and len(chain) < LENGTH_MAX:
                    chain = (*chain, step) if is_new else chain
                    continue
                if is_new:
                    yield self._conversation((*path, step), hooks, given)
                if self._situation(there, part) not in situations and len(situations) < SITUATIONS_MAX:
                    situations.add(self._situation(there, part))
                    todo.append(((*path, step), there))
            if len(chain) > len(path):
                yield self._conversation(chain, hooks, given)

    def _is_new(self, outcomes: tuple[dict[str, Any], ...]) -> bool:
        """Whether the last input came to this after just these others; where an answer changes nothing, once is enough."""
        known = hash(repr(outcomes))
        if known in self._seen:
            return False
        self._seen.add(known)
        return True

    def _conversation(self, steps: tuple[Step, ...], hooks: dict[str, Any], given: dict[str, bool]) -> Conversation:
        interpreter, outcomes = self._run(steps, hooks)
        self.fired |= interpreter.fired
        answers = ", ".join(f"{name} {'yes' if answer else 'no'}" for name, answer in given.items())
        words = ", ".join(_label(step) for step in steps)
        return Conversation(f"{words} ({answers})" if answers else words, self._written(hooks), outcomes)

    def _run(self, steps: tuple[Step, ...], hooks: dict[str, Any]) -> tuple[Interpreter, tuple[dict[str, Any], ...]]:
        interpreter = Interpreter(self.values, self.protocol, self.role, hooks)
        outcomes: list[dict[str, Any]] = []
        before: dict[str, Any] = {}
        for step in steps:
            written, now = outcome(interpreter, step)
            changed, before = changes(before, now)
            outcomes.append({**written, **({"expect": changed} if changed else {})})
        return interpreter, tuple(outcomes)

    # --- inputs ---------------------------------------------------------------------------------------

    def _inputs(self, here: Interpreter, focus: Part) -> Iterator[Step]:
        """Everything that can happen next, in a fixed order: what changes nothing first."""
        if here.linked:
            yield from self._received(here, focus)
            yield {"do": "lost"}
        elif self.role != self.protocol.connector or here.wanted:
            yield {"do": "connected"}
        if self.role == self.protocol.connector:
            yield {"do": "stop"} if here.wanted else {"do": "start"}
        for part in dict.fromkeys((self.protocol.parts[0], focus)):
            for call in part.machine(self.role).calls:
                args = [None if one.optional else self.values.example(one.type) for one in call.arguments]
                types = [one.type for one in call.arguments]
                yield {"do": "call", "part": part.name, "call": call.name, "_": (args, types)}
            yield from self._delivered(here, part.name)
        if here.deadline is not None:
            yield {"do": "advance", "to": here.deadline}

    def _received(self, here: Interpreter, focus: Part) -> Iterator[Step]:
        others = {name for part in self.protocol.parts[1:] if part is not focus for name in alphabet(part)}
        for message in self.values.spec.messages:
            if message.name in others:
                continue
            value = self._addressed(here, self._example(message.name))
            yield {"do": "receive", "message": message.name, "_": value}
        for kind in ("unknown", "malformed"):
            yield {"do": "receive", "frame": self._rubbish(kind), "offence": kind}

    def _example(self, message: str) -> Struct:
        """What the other side sends."""
        return self.values.struct(message)

    def _addressed(self, here: Interpreter, message: Struct) -> Struct:
        """An answer to what was asked, an acknowledgement of what was sent."""
        for part in self.protocol.parts:
            for request in part.requests:
                waiting = here.pending(request)
                if request.sender == self.role and message.type == request.reply and waiting:
                    return message.with_field(request.reply_number, waiting[0])
            for one in part.deliveries:
                kept = here.sending[one.name].kept if one.sender == self.role else {}
                number = one.ack_number if message.type == one.ack else one.batch.ack_number if one.batch else ""
                if kept and message.type in one.acks:
                    return message.with_field(number, min(kept))
        return message

    def _delivered(self, here: Interpreter, name: str) -> Iterator[Step]:
        part = next(one for one in self.protocol.parts if one.name == name)
        for one in part.deliveries:
            if one.sender == self.role and len(here.sending[one.name].kept) < 2:
                yield {"do": "deliver", "delivery": one.name, "_": self.values.struct(one.message)}
            elif one.sender != self.role:
                yield {"do": "acknowledge", "delivery": one.name, "number": 1}
        for request in part.requests:
            if request.sender != self.role:
                question = self.values.struct(request.message).with_field(request.number, 1)
                yield {"do": "reply", "request": request.name, "_": (question, self.values.struct(request.reply))}
            elif not here.pending(request):
                yield {"do": "ask", "request": request.name, "_": self.values.struct(request.message)}

    def _situation(self, here: Interpreter, focus: Part) -> tuple[object, ...]:
        """What tells one point of a conversation from another: what the side is in, not how it came there."""
        deliveries = [one.name for one in focus.deliveries]
        kept = tuple(min(2, len(here.sending[name].kept)) for name in deliveries if name in here.sending)
        owed = tuple(bool(here.receiving[name].unsafe) for name in deliveries if name in here.receiving)
        waiting = tuple(sorted(key[1] for key in here.due if key[0] == "request"))
        flags = tuple((name, value) for name, value in here.flags.items() if name.startswith(f"{focus.name}."))
        if focus is self.protocol.parts[-1]:  # how the connection comes back is the same for every part
            flags = (*flags, ("backed off", here.wait_s > self.protocol.reconnect.first_s))
        sent = tuple(
            here.sending[name].next_number > one.first for one in focus.deliveries if (name := one.name) in here.sending
        )
        return (*here.states, here.linked, here.up, here.wanted, flags, kept, sent, owed, waiting)

    # --- hooks ----------------------------------------------------------------------------------------

    def _answer(self, hook: Hook, given: Mapping[str, bool]) -> Any:
        assert hook.result is not None, "asked for hooks that answer"
        if hook.name in given:
            return given[hook.name]
        if hook.each:
            return [self.values.example(hook.result, variant) for variant in (0, 2)]
        return self.values.example(hook.result)

    def _written(self, hooks: Mapping[str, Any]) -> dict[str, Any]:
        written: dict[str, Any] = {}
        for hook in self.hooks:
            if hook.result is not None:
                type_ = ListOf(hook.result) if hook.each else hook.result
                written[hook.name] = typed(self.values, type_, hooks[hook.name])
        return written


class Came(NamedTuple):
    """An input, and what came of it."""

    step: Step
    at: float
    """What the clock says."""
    frames: list[Struct]
    events: list[tuple[str, list[Any]]]
    states: tuple[str | None, ...]
    hanging_up: bool
    deadline: float | None
    connect_at: float | None
    error: str | None


def give(here: Interpreter, step: Step) -> Came:
    """Give an input."""
    given: Any = step.get("_")
    error = None
    match step["do"]:
        case "start" | "stop" | "lost":
            getattr(here, step["do"])()
        case "connected":
            here.now = max(here.now, here.connect_at or 0.0)
            here.connected()
        case "given":
            here.answers[step["hook"]] = given[1]
        case "advance":
            here.advance(step["to"])
        case "receive" if given is None:
            here.offend(step["offence"])
        case "receive":
            here.receive(given)
        case "call":
            try:
                here.call(step["part"], step["call"], given[0])
            except IllegalCallError:
                error = "illegal call"
        case "deliver":
            here.deliver(step["delivery"], given)
        case "acknowledge":
            here.acknowledge(step["delivery"], step["number"])
        case "ask":
            here.ask(step["request"], given)
        case _:
            here.reply(step["request"], *given)
    frames, events = here.take()
    states = tuple(here.states)
    return Came(step, here.now, frames, events, states, here.hanging_up, here.deadline, here.connect_at, error)


def outcome(here: Interpreter, step: Step) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give an input; the step as it stands in the file, and what came of it."""
    came = give(here, step)
    return written(here.values, came), expected(here, came)


def written(values: Values, came: Came) -> dict[str, Any]:
    """A step as it stands in the file."""
    step = came.step
    said = {key: value for key, value in step.items() if key not in ("_", "message", "offence")}
    given: Any = step.get("_")
    match step["do"]:
        case "connected":
            said["at"] = came.at
        case "given":
            said["answer"] = typed(values, *given)
        case "receive" if "_" in step:
            said["frame"] = values.wire(given)
        case "call":
            said["args"] = [typed(values, type_, value) for value, type_ in zip(*given, strict=True)]
        case "deliver" | "ask":
            said["value"] = typed(values, None, given)
        case "reply":
            said["question"], said["reply"] = (typed(values, None, one) for one in given)
        case _:
            pass
    return said


def expected(here: Interpreter, came: Came) -> dict[str, Any]:
    """What came of a step, as JSON."""
    wire = here.values.wire
    return {
        "frames": [wire(one) for one in came.frames],
        "events": [[name, *map(wire, args)] for name, args in came.events],
        "states": {part.name: state for part, state in zip(here.parts, came.states, strict=True)},
        "hanging_up": came.hanging_up,
        "deadline": came.deadline,
        "connect_at": came.connect_at,
        "error": came.error,
    }


def typed(values: Values, type_: Type | None, value: Any) -> dict[str, Any]:
    """A value with the name of its type, where the other side has to make a record of it."""
    if isinstance(value, Struct):
        return {"type": value.type, "value": values.wire(value)}
    match type_:
        case ListOf(Named(name, "record" | "message")):
            return {"list": name, "value": values.wire(value)}
        case _:
            return {"value": value} if value is not None or isinstance(type_, Nullable) else {"absent": True}


def changes(before: dict[str, Any], now: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a file says of an outcome, and what stands from here on."""
    changed = {key: value for key, value in now.items() if before.get(key, FIRST.get(key)) != value}
    return changed, {**before, **{key: value for key, value in now.items() if key not in FLEETING}}


def _label(step: Step) -> str:
    what = [step[key] for key in ("message", "offence", "call", "delivery", "request") if key in step]
    return " ".join([str(step["do"]), *what])
