"""What the peer of a role can bring about from outside: the cases of `mdkgen conform`.

Found as the conversations are, but with inputs that a peer has: it connects, sends, cuts, and waits for a timer. What
only the application starts is waited for: a delivery, a question, and of what came the acknowledgement or the answer.
"""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from mdkgen.model import Delivery, Part, Protocol, Send, SetFlag, Spec, Transition
from mdkgen.table_nodes import source_of
from mdkgen.vectors.conversations import LENGTH_MAX, SITUATIONS_MAX, Conversations, Step, outcome
from mdkgen.vectors.interpreter import Interpreter
from mdkgen.vectors.values import Struct, Values

Steps = tuple[Step, ...]


def plan(
    spec: Spec, protocol: Protocol, role: str, said: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """The cases of a role, and its transitions; JSON. In some messages, by name, certain keys are said to have certain values.

    Raises:
        ValueError: A message has no such key, or none of such a value.
    """
    driven = Driven(Values(spec), protocol, role)
    driven.said = {name: driven.values.given(name, given) for name, given in (said or {}).items()}
    return {"protocol": protocol.name, "role": role, **driven.plan()}


class Driven(Conversations):
    """The cases of one role."""

    said: Mapping[str, Struct] = {}
    """Messages to send as they are given."""

    def _example(self, message: str) -> Struct:
        return self.said.get(message) or super()._example(message)

    def plan(self) -> dict[str, Any]:
        """Each case with an outcome for every way in which the application may answer."""
        yes_no = self.yes_no()
        ways: list[dict[str, Any]] = []
        for answers in itertools.product((True, False), repeat=len(yes_no)):
            given = {hook.name: answer for hook, answer in zip(yes_no, answers, strict=True)}
            ways.append({hook.name: self._answer(hook, given) for hook in self.hooks if hook.result is not None})
        cases: dict[str, dict[str, Any]] = {}
        for part in self.protocol.parts[1:] or (self.protocol.parts[0],):
            for hooks in ways:
                for steps in self._paths(part, hooks):
                    self._note(cases, steps, hooks, ways)
        for steps in self._rubbish_in_a_row():
            self._note(cases, steps, ways[0], ways)
        return {"cases": list(cases.values()), "transitions": list(self._transitions())}

    # --- paths ----------------------------------------------------------------------------------------

    def _first(self) -> Steps:
        start: Steps = ({"do": "start"},) if self.role == self.protocol.connector else ()
        return (*start, {"do": "connected"})

    def _paths(self, part: Part, hooks: dict[str, Any]) -> Iterator[Steps]:
        first = self._first()
        start, _ = self._run(first, hooks)
        todo: deque[tuple[Steps, Interpreter]] = deque([(first, start)])
        situations = {self._situation(start, part)}
        known: set[tuple[object, ...]] = set()
        yield first
        while todo:
            path, here = todo.popleft()
            chain = path
            machines = (*here.states, here.up, *here.flags.items())
            turns = [turn for turn in self._turns(here, part, path) if machines not in known or self._settles(turn)]
            known.add(machines)
            for turn in turns:
                there, outcomes = self._run((*path, *turn), hooks)
                is_new = self._is_new(outcomes)
                situation = self._situation(there, part)
                stays = situation == self._situation(here, part) and turn[0]["do"] != "advance"
                if stays and len(chain) < LENGTH_MAX:
                    chain = (*chain, *turn) if is_new else chain
                    continue
                if is_new:
                    yield (*path, *turn)
                if situation not in situations and len(situations) < SITUATIONS_MAX:
                    situations.add(situation)
                    todo.append(((*path, *turn), there))
            if len(chain) > len(path):
                yield chain

    def _settles(self, turn: Steps) -> bool:
        """Whether it has to do with what was delivered or asked: all else depends on the machines alone."""
        if turn[0]["do"] != "receive":
            return turn[0]["do"] in ("lost", "deliver", "ask")
        name = turn[0].get("message")
        return any(
            name in one.acks for part in self.protocol.parts for one in part.deliveries if one.sender == self.role
        ) or any(name == one.reply for part in self.protocol.parts for one in part.requests if one.sender == self.role)

    def _turns(self, here: Interpreter, focus: Part, path: Steps) -> Iterator[Steps]:
        """What a peer can do next, each with what the application owes for it."""
        if not here.up:
            return
        for step in self._received(here, focus):
            yield from self._answered(here, step)
        for part in dict.fromkeys((self.protocol.parts[0], focus)):
            if here.states[self.protocol.parts.index(part)] is not None:
                yield from self._started(here, part)
        kept = [name for name, sending in here.sending.items() if sending.kept]
        if self.role == self.protocol.connector and kept and {"do": "lost"} not in path:
            *again, last = [step for step in path if step["do"] in ("connected", "receive")]
            yield ({"do": "lost"}, *again, {**last, "kept": kept})  # to where it sends again what was kept
        timers = [at for key, at in here.due.items() if key[0] == "timer"]
        if timers:
            yield ({"do": "advance", "to": min(timers)},)

    def _answered(self, here: Interpreter, step: Step) -> Iterator[Steps]:
        """A frame, and what acknowledges or answers it."""
        name = step.get("message")
        for index, part in enumerate(self.protocol.parts):
            if here.states[index] is None:
                continue
            for one in part.deliveries:
                if one.sender != self.role and name == one.message:
                    yield (self._numbered(step, one, 1), _acknowledged(one, 1))
                    return
                batch = one.batch if one.sender != self.role else None
                if batch is not None and name == batch.message and here.states[0] in batch.states:
                    first = {**_acknowledged(one, 1), "unseen": True}  # the second one may acknowledge both
                    yield (self._packed(step, one), first, _acknowledged(one, 2))
                    return
            for request in part.requests:
                if request.sender != self.role and name == request.message:
                    question = step["_"].with_field(request.number, 1)
                    reply = self.values.struct(request.reply)
                    yield (
                        {**step, "_": question},
                        {"do": "reply", "request": request.name, "_": (question, reply)},
                    )
                    return
        yield (step,)

    def _numbered(self, step: Step, delivery: Delivery, number: int) -> Step:
        return {**step, "_": step["_"].with_field(delivery.number, number)}

    def _packed(self, step: Step, delivery: Delivery) -> Step:
        assert delivery.batch is not None, "asked for those that have one"
        items = [self.values.struct(delivery.message).with_field(delivery.number, number) for number in (1, 2)]
        return {**step, "_": Struct(delivery.batch.message, {delivery.batch.field: items})}

    def _started(self, here: Interpreter, part: Part) -> Iterator[Steps]:
        """What the application begins: one message of each delivery, one question of each kind."""
        for one in part.deliveries:
            if one.sender == self.role and not here.sending[one.name].kept:
                yield ({"do": "deliver", "delivery": one.name, "_": self.values.struct(one.message)},)
        for request in part.requests:
            if request.sender == self.role and not here.pending(request):
                yield ({"do": "ask", "request": request.name, "_": self.values.struct(request.message)},)
        yield from self._called(here, part)

    def _called(self, here: Interpreter, part: Part) -> Iterator[Steps]:
        """Calls that lead to another state, and are seen by what they send: only they send it there."""
        machine = part.machine(self.role)
        state = next(one for one in machine.states if one.name == here.states[self.protocol.parts.index(part)])
        unseen = [one for one in (*state.transitions, *machine.always) if one.trigger.kind not in ("recv", "enter")]
        for call in machine.calls:
            own = [one for one in unseen if (one.trigger.kind, one.trigger.name) == ("call", call.name)]
            sent = (
                next((one.message for one in own[0].actions if isinstance(one, Send) and not one.each), "")
                if own
                else ""
            )
            others = [one for one in unseen if one not in own]
            if sent and own[0].target is not None and not any(_sends(one, sent) for one in others):
                args = [None if one.optional else self.values.example(one.type) for one in call.arguments]
                types = [one.type for one in call.arguments]
                yield ({"do": "call", "part": part.name, "call": call.name, "_": (args, types), "sends": sent},)

    def _rubbish_in_a_row(self) -> Iterator[Steps]:
        for kind, policy in (("malformed", self.protocol.malformed), ("unknown", self.protocol.unknown)):
            if policy.drop_max:
                frame: Step = {"do": "receive", "frame": self._rubbish(kind), "offence": kind}
                yield (*self._first(), *[frame] * (policy.drop_max + 1))

    # --- cases ----------------------------------------------------------------------------------------

    def _note(self, cases: dict[str, Any], steps: Steps, hooks: dict[str, Any], ways: list[dict[str, Any]]) -> None:
        seen = zip(steps, self._times(steps, hooks), strict=True)
        written = [self._written_step(step, now) for step, now in seen if _is_seen(step)]
        key = json.dumps(written)
        if key not in cases:
            outcomes: list[Any] = []
            for way in ways:
                one = self._outcome(steps, way)
                if one not in outcomes:
                    outcomes.append(one)
            cases[key] = {"steps": written, "outcomes": outcomes}

    def _times(self, steps: Steps, hooks: dict[str, Any]) -> Iterator[float]:
        """When each step begins."""
        here = Interpreter(self.values, self.protocol, self.role, hooks)
        for step in steps:
            yield here.now
            outcome(here, step)

    def _outcome(self, steps: Steps, hooks: dict[str, Any]) -> list[dict[str, Any]]:
        """For each step what must be sent, whether more may be, whether it hangs up, and which transitions are taken."""
        here = Interpreter(self.values, self.protocol, self.role, hooks)
        optional = self._optional()
        found: list[dict[str, Any]] = []
        for step in steps:
            here.fired = set()
            _, now = outcome(here, step)
            types = [frame[self.values.tag] for frame in now["frames"]]
            required = [one for one in types if one not in optional and one not in self._awaited(step)]
            if _is_seen(step):
                found.append({
                    "required": required,
                    "more": any(one in optional for one in types),
                    "hangs": now["hanging_up"],
                    "takes": sorted(source_of(span) for span in here.fired),
                })  # fmt: skip
        return found

    def _optional(self) -> set[str]:
        """Types of messages that are sent for each of what a hook answers, which may be nothing."""
        return {
            self.values.messages[action.message].wire
            for _, _, transition in self._all()
            for action in transition.actions
            if isinstance(action, Send) and action.each is not None
        }

    def _written_step(self, step: Step, now: float) -> dict[str, Any]:
        match step["do"]:
            case "connected":
                return {"do": "connect", **self._again(step)}
            case "lost":
                return {"do": "cut"}
            case "advance":
                return {"do": "wait", "s": round(step["to"] - now, 6)}
            case "receive":
                return {**self._sent(step), **self._again(step)}
            case _:
                return self._await(step)

    def _again(self, step: Step) -> dict[str, Any]:
        """What must come again, of what was kept."""
        names = step.get("kept", ())
        kept = [one for part in self.protocol.parts for one in part.deliveries if one.name in names and one.resend]
        return {"again": {one.name: self._of_delivery(one, is_mine=True) for one in kept}} if kept else {}

    def _sent(self, step: Step) -> dict[str, Any]:
        """A frame; the number in it, if it is that of something that came."""
        if "message" not in step:
            return {"do": "send", "name": step["offence"], "frame": step["frame"]}
        written = {"do": "send", "name": step["message"], "frame": self.values.wire(step["_"])}
        for part in self.protocol.parts:
            for one in part.deliveries:
                if one.sender == self.role and step["message"] in one.acks:
                    batch = one.batch
                    field = one.ack_number if step["message"] == one.ack or batch is None else batch.ack_number
                    written |= {"place": self._key(step["message"], field), "of": one.name}
            for request in part.requests:
                if request.sender == self.role and step["message"] == request.reply:
                    written |= {"place": self._key(request.reply, request.reply_number), "of": request.name}
        return written

    def _await(self, step: Step) -> dict[str, Any]:
        name = step.get("delivery", step.get("request", step.get("call", "")))
        kinds = {
            "acknowledge": "acknowledgement",
            "reply": "answer",
            "deliver": "delivery",
            "ask": "question",
            "call": "call",
        }
        written: dict[str, Any] = {"do": "await", "what": kinds[step["do"]], "of": name, "fields": self._awaited(step)}
        if step["do"] in ("acknowledge", "reply"):
            written["number"] = step.get("number", 1)
            written["upto"] = step.get("number", 1) > 1
        return written

    def _awaited(self, step: Step) -> dict[str, list[str]]:
        """Types that a step waits for, and where their number stands; in a batch, that of its first message."""
        if "sends" in step:
            return {self._wire(step["sends"]): []}
        for part in self.protocol.parts:
            for one in part.deliveries:
                if step.get("delivery") == one.name:
                    return self._of_delivery(one, is_mine=step["do"] == "deliver")
            for request in part.requests:
                if step.get("request") == request.name:
                    if step["do"] == "ask":
                        return self._place(request.message, request.number)
                    return self._place(request.reply, request.reply_number)
        return {}

    def _of_delivery(self, one: Delivery, *, is_mine: bool) -> dict[str, list[str]]:
        batch = one.batch
        if not is_mine:
            more = {} if batch is None else self._place(batch.ack, batch.ack_number)
            return self._place(one.ack, one.ack_number) | more
        places = self._place(one.message, one.number)
        if batch is not None:
            places[self._wire(batch.message)] = [
                self._key(batch.message, batch.field),
                *places[self._wire(one.message)],
            ]
        return places

    def _place(self, message: str, field: str) -> dict[str, list[str]]:
        return {self._wire(message): [self._key(message, field)]}

    def _wire(self, message: str) -> str:
        return self.values.messages[message].wire

    def _key(self, message: str, field: str) -> str:
        return next(one.wire for one in self.values.structs[message].fields if one.name == field)

    # --- transitions ----------------------------------------------------------------------------------

    def _all(self) -> Iterator[tuple[Part, str, Transition]]:
        for part in self.protocol.parts:
            machine = part.machine(self.role)
            for transition in machine.always:
                yield part, "", transition
            for state in machine.states:
                for transition in state.transitions:
                    yield part, state.name, transition

    def _transitions(self) -> Iterator[dict[str, Any]]:
        scope = Interpreter(self.values, self.protocol, self.role, {}).scope
        guarded: set[tuple[str, str, str, str]] = set()
        for part, state, transition in self._all():
            trigger = transition.trigger
            delay = trigger.delay_s
            way = part.name, state, trigger.kind, trigger.name
            if transition.guard is not None:
                guarded.add(way)  # and those behind it: they come when it does not hold
            yield {
                "source": source_of(transition.span),
                "part": part.name,
                "state": state,
                "kind": trigger.kind,
                "name": trigger.name,
                "delay_s": None if delay is None else self.values.worth(delay, scope, part.name),
                "guarded": way in guarded,
                "goes": transition.target is not None or any(isinstance(one, SetFlag) for one in transition.actions),
                "sends": [self._wire(one.message) for one in transition.actions if isinstance(one, Send)],
            }


def _acknowledged(delivery: Delivery, number: int) -> Step:
    return {"do": "acknowledge", "delivery": delivery.name, "number": number}


def _sends(transition: Transition, message: str) -> bool:
    return any(isinstance(action, Send) and action.message == message for action in transition.actions)


def _is_seen(step: Step) -> bool:
    """Whether a peer has anything to do with it."""
    return step["do"] != "start" and "unseen" not in step
