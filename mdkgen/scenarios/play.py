"""A scenario played on both sides as the spec means them (`mdkgen.vectors.interpreter`), and what came of it.

Messages of the scenario's part arrive when it says so, in the order in which they were sent in their direction, and
each must be written. Those of the other parts, and the handshake before it, arrive by themselves.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mdkgen.diagnostics import error
from mdkgen.model import Hook, ListOf, Part, Protocol, Request, Scalar, Scenario, ScenarioStep, Span, Spec, Type
from mdkgen.model_walk import alphabet
from mdkgen.scenarios.played import Drawn, Played
from mdkgen.scenarios.values import completed, fields_shown, fits, seconds, shown, value_shown, whole
from mdkgen.vectors.conversations import Came, give, typed
from mdkgen.vectors.interpreter import Interpreter
from mdkgen.vectors.values import Scope, Struct, Values

FOREIGN_MAX = 1000
"""Messages of other parts that arrive by themselves after one step; a spec that sends more talks without end."""
TIMERS_MAX = 10_000
"""Timers that fire while one `pass` lasts."""


class _MismatchError(Exception):
    """The machines do not go as the scenario says."""

    def __init__(self, span: Span, message: str, expected: str = "") -> None:
        super().__init__(message)
        self.finding = error("MDK4012", message, span, expected=expected)


@dataclass(slots=True)
class _Side:
    interpreter: Interpreter
    came: list[Came] = field(default_factory=list[Came])
    """All that it has done."""
    out: deque[Struct] = field(default_factory=deque[Struct])
    """Sent, and not yet arrived."""
    told: deque[tuple[str, list[Any]]] = field(default_factory=deque[tuple[str, list[Any]]])
    arrived: list[Struct] = field(default_factory=list[Struct])
    unsafe: dict[str, deque[int]] = field(default_factory=dict[str, "deque[int]"])
    """Numbers of a delivery that came and are not acknowledged."""


def play(spec: Spec, scenario: Scenario, values: Values | None = None) -> Played:
    """Play one scenario to its end, or to the first step that does not go as it says."""
    protocol = next(one for one in spec.protocols if one.name == scenario.protocol)
    stage = _Stage(values or Values(spec), protocol, scenario)
    try:
        stage.play()
    except _MismatchError as mismatch:
        stage.played.found.append(mismatch.finding)
    stage.finish()
    return stage.played


class _Stage:
    def __init__(self, values: Values, protocol: Protocol, scenario: Scenario) -> None:
        self.values = values
        self.protocol = protocol
        self.scenario = scenario
        self.part: Part = next(one for one in protocol.parts if one.name == scenario.part)
        self.own = alphabet(self.part)
        self.roles = (protocol.connector, protocol.acceptor)
        self.played = Played(scenario, self.roles)
        self.sides = {role: _Side(Interpreter(values, protocol, role, self._answers(role))) for role in self.roles}
        self.up = False

    def play(self) -> None:
        """Every step."""
        self._give(self.protocol.connector, {"do": "start"})
        kinds = [one.kind for one in self.scenario.steps if one.kind in ("made", "lost")]
        steps = iter(self.scenario.steps)
        begun = kinds[:1] == ["made"]
        for step in steps:
            if not begun and step.kind != "given":
                self._connect(step.span, draw=False)
                begun = True
            self._step(step)
            self._settle(step.span)
        self._nothing_left(_end_of(self.scenario.span), "the scenario ends")

    def finish(self) -> None:
        """Collect what came of it."""
        for role, side in self.sides.items():
            self.played.came[role] = side.interpreter, side.came
            self.played.fired |= side.interpreter.fired

    # --- steps ----------------------------------------------------------------------------------------

    def _step(self, step: ScenarioStep) -> None:
        match step.kind:
            case "given":
                self._given(step)
            case "made":
                self._connect(step.span)
            case "lost":
                self._lose(step.span)
            case "pass":
                self._pass(step)
            case "arrive":
                self._arrive(step)
            case "told":
                self._told(step)
            case "in":
                self._within(step)
            case _:
                self._act(step)

    def _given(self, step: ScenarioStep) -> None:
        hook = next(one for one in self._hooks(step.role) if one.name == step.name)
        assert step.value is not None, "the checker has seen to it"
        answer = whole(self.values, step.value, self._scope(step.role))
        self._give(step.role, {"do": "given", "hook": step.name, "_": (_type_of(hook), answer)})

    def _act(self, step: ScenarioStep) -> None:
        made = {name: whole(self.values, one, self._scope(step.role)) for name, one in step.fields}
        here = self.sides[step.role].interpreter
        said = f"({fields_shown(step.fields)})"
        if step.kind == "call":
            call = next(one for one in self.part.machine(step.role).calls if one.name == step.name)
            args = [
                made.get(one.name, None if one.optional else self.values.example(one.type, 1)) for one in call.arguments
            ]
            types = [one.type for one in call.arguments]
            given: Mapping[str, Any] = {"do": "call", "part": self.part.name, "call": step.name, "_": (args, types)}
            if self._give(step.role, given).error:
                state = here.states[here.parts.index(self.part)]
                where = f"in state {state}" if state else "while the part is not live"
                raise _MismatchError(
                    step.span, f"the {step.role} does not take {step.name} {where}", f"a state that takes {step.name}"
                )
            self._draw("call", step.role, "", step.name + said)
        elif step.kind == "deliver":
            delivery = next(one for one in self.part.deliveries if one.name == step.name)
            given = {"do": "deliver", "delivery": step.name, "_": completed(self.values, delivery.message, made)}
            self._give(step.role, given)
            self._draw("call", step.role, "", f"deliver {step.name}{said}")
        elif step.kind == "acknowledge":
            waiting = self.sides[step.role].unsafe.get(step.name)
            if not waiting:
                raise _MismatchError(
                    step.span,
                    f"nothing of {step.name} has come that is not acknowledged",
                    "its message, arriving before it",
                )
            self._give(step.role, {"do": "acknowledge", "delivery": step.name, "number": waiting.popleft()})
            self._draw("call", step.role, "", f"acknowledge {step.name}")
        else:
            self._ask_or_answer(step, made, said)

    def _ask_or_answer(self, step: ScenarioStep, made: dict[str, Any], said: str) -> None:
        request: Request = next(one for one in self.part.requests if one.name == step.name)
        if step.kind == "ask":
            question = completed(self.values, request.message, made)
            self._give(step.role, {"do": "ask", "request": step.name, "_": question})
            self._draw("call", step.role, "", f"ask {step.name}{said}")
            return
        asked = [one for one in self.sides[step.role].arrived if one.type == request.message]
        if not asked:
            raise _MismatchError(
                step.span, f"no {request.message} has come that could be answered", "the question, arriving before it"
            )
        reply = completed(self.values, request.reply, made)
        self._give(step.role, {"do": "reply", "request": step.name, "_": (asked[-1], reply)})
        self._draw("call", step.role, "", f"answer {step.name}{said}")

    def _arrive(self, step: ScenarioStep) -> None:
        if not self.up:
            self._connect(step.span)
        sender, to = self.sides[step.role], self._other(step.role)
        if not sender.out:
            raise _MismatchError(
                step.span, f"nothing is on its way from the {step.role} to the {to}", self._on_the_way()
            )
        message = sender.out[0]

        def actual() -> str:
            return f"{message.type}{value_shown(self.values, message)}"

        if message.type != step.name:
            raise _MismatchError(step.span, f"{step.name} is not what comes next from the {step.role}", actual())
        for name, wanted in step.fields:
            if name not in message.fields or not fits(
                self.values, wanted, message.fields[name], self._scope(step.role)
            ):
                found = value_shown(self.values, message.fields[name]) if name in message.fields else "absent"
                raise _MismatchError(step.span, f"{step.name}.{name} is {found}, not {shown(wanted)}", actual())
        self._draw("arrive", step.role, to, step.name, fields_shown(step.fields))
        self._deliver(step.role, step.span)

    def _told(self, step: ScenarioStep) -> None:
        told = self.sides[step.role].told
        machine = self.part.machine(step.role)
        known = {one.name: one.arguments for one in machine.events} | {one.name: one.arguments for one in machine.hooks}
        places = {one.name: place for place, one in enumerate(known[step.name])}
        passed: list[tuple[str, list[Any]]] = []
        while told:
            name, args = told.popleft()
            passed.append((name, args))
            if name == step.name and all(
                fits(self.values, one, args[places[key]], self._scope(step.role)) for key, one in step.fields
            ):
                self._draw("told", step.role, "", f"{step.name}({fields_shown(step.fields)})")
                return
        shown_events = [f"{name}({', '.join(value_shown(self.values, one) for one in args)})" for name, args in passed]
        raise _MismatchError(
            step.span,
            f"the {step.role} is not told {step.name}({fields_shown(step.fields)})",
            "what the application is told then: " + (", ".join(shown_events) or "nothing"),
        )

    def _within(self, step: ScenarioStep) -> None:
        here = self.sides[step.role].interpreter
        state = here.states[here.parts.index(self.part)]
        if state != step.name:
            where = f"in {state}" if state else f"where {self.part.name} is not live"
            raise _MismatchError(step.span, f"the {step.role} is not in {step.name}", f"it is {where}")
        self._draw("state", step.role, "", step.name)

    # --- the link and time ----------------------------------------------------------------------------

    def _connect(self, span: Span, *, draw: bool = True) -> None:
        if self.up:
            raise _MismatchError(span, "there is a connection already", "connection lost, before it")
        connecting = self.sides[self.protocol.connector].interpreter
        if connecting.connect_at is not None and connecting.connect_at > connecting.now:
            self._advance(connecting.connect_at)
        if draw:
            self._draw("link", "", "", "the connection is made")
        self.up = True
        for role in reversed(self.roles):
            self._give(role, {"do": "connected"})
        self._settle(span)

    def _lose(self, span: Span) -> None:
        if not self.up:
            raise _MismatchError(span, "there is no connection that could be lost", "connection made, before it")
        self._draw("link", "", "", "the connection is lost")
        self._gone()

    def _gone(self) -> None:
        self.up = False
        for role in self.roles:
            self.sides[role].out.clear()
            self.sides[role].unsafe.clear()
            self._give(role, {"do": "lost"})

    def _pass(self, step: ScenarioStep) -> None:
        self._nothing_left(step.span, "time passes")
        assert step.value is not None, "the checker has seen to it"
        duration = float(self.values.worth(step.value, self._scope(self.protocol.connector)))
        self._draw("time", "", "", f"{seconds(duration)} pass")
        end = self.sides[self.protocol.connector].interpreter.now + duration
        for _ in range(TIMERS_MAX):
            due = [one for side in self.sides.values() if (one := side.interpreter.deadline) is not None and one <= end]
            if not due:
                break
            self._advance(min(due))
            self._settle(step.span)
        self._advance(end)

    def _advance(self, to: float) -> None:
        for role in self.roles:
            self._give(role, {"do": "advance", "to": to})

    def _settle(self, span: Span) -> None:
        """What arrives by itself, and the end of a connection on which a side has hung up."""
        for _ in range(FOREIGN_MAX):
            waiting = [
                role for role in self.roles if self.sides[role].out and self.sides[role].out[0].type not in self.own
            ]
            if not waiting:
                break
            self._deliver(waiting[0], span)
        for role in self.roles:
            hanging = self.sides[role].interpreter.hanging_up
            if self.up and hanging and not self.sides[role].out:
                self._draw("link", "", "", f"the {role} hangs up")
                self._gone()

    def _deliver(self, sender: str, span: Span) -> None:
        to = self._other(sender)
        side = self.sides[to]
        message = self.sides[sender].out.popleft()
        before = side.interpreter.in_a_row["illegal"]
        self._give(to, {"do": "receive", "_": message})
        if side.interpreter.in_a_row["illegal"] > before:
            raise _MismatchError(span, f"the {to} does not take {message.type} here", "a state that takes it")
        side.arrived.append(message)
        for part in self.protocol.parts:
            for one in part.deliveries:
                batch = one.batch
                items = (
                    message.fields[batch.field] if batch is not None and message.type == batch.message else [message]
                )
                for item in items if one.sender == sender else ():
                    if item.type == one.message and item.fields.get(one.number) is not None:
                        side.unsafe.setdefault(one.name, deque()).append(item.fields[one.number])

    def _nothing_left(self, span: Span, what: str) -> None:
        for role in self.roles:
            out = self.sides[role].out
            if out:
                left = f"{role} -> {self._other(role)}: {out[0].type}{value_shown(self.values, out[0])}"
                raise _MismatchError(span, f"{what} while {out[0].type} is on its way to the {self._other(role)}", left)

    # --- pieces ---------------------------------------------------------------------------------------

    def _give(self, role: str, step: Mapping[str, Any]) -> Came:
        side = self.sides[role]
        came = give(side.interpreter, step)
        side.came.append(came)
        if self.up and not self.sides[self._other(role)].interpreter.hanging_up:
            side.out.extend(came.frames)
        side.told.extend(came.events)
        return came

    def _draw(self, kind: str, role: str, to: str, text: str, detail: str = "") -> None:
        self.played.drawn.append(Drawn(kind, role, to, text, detail))

    def _other(self, role: str) -> str:
        return self.roles[1 - self.roles.index(role)]

    def _on_the_way(self) -> str:
        known = [f"{role} -> {self._other(role)}: {one.type}" for role in self.roles for one in self.sides[role].out]
        return "on its way: " + (", ".join(known) or "nothing")

    def _scope(self, role: str) -> Scope:
        return self.sides[role].interpreter.scope

    def _hooks(self, role: str) -> list[Hook]:
        return [one for part in self.protocol.parts for one in part.machine(role).hooks]

    def _answers(self, role: str) -> dict[str, Any]:
        """Until the scenario says otherwise: yes, the plainest value, and of many none."""
        key = ("answers", id(self.protocol), role)
        if key not in self.values.known:
            hooks = [one for one in self._hooks(role) if one.result is not None]
            plain = {one.name: _answer(self.values, one) for one in hooks}
            said = {one.name: typed(self.values, _type_of(one), plain[one.name]) for one in hooks}
            self.values.known[key] = plain, said
        answers: dict[str, Any]
        answers, self.played.hooks[role] = self.values.known[key]
        return answers


def _answer(values: Values, hook: Hook) -> Any:
    assert hook.result is not None, "asked for hooks that answer"
    if hook.each:
        return []
    return True if hook.result == Scalar("bool") else values.example(hook.result, 1)


def _type_of(hook: Hook) -> Type:
    assert hook.result is not None, "asked for hooks that answer"
    return ListOf(hook.result) if hook.each else hook.result


def _end_of(span: Span) -> Span:
    """The closing brace."""
    return Span(span.file, span.end_line, max(1, span.end_column - 1), span.end_line, span.end_column)
