"""Scenarios: their names resolved and their values typed. Whether the machines go that way is seen by playing them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mdkgen import syntax
from mdkgen.check.expressions import SECONDS, Expressions, Scope
from mdkgen.check.names import Names
from mdkgen.model import (
    Argument,
    Expr,
    ListOf,
    Machine,
    Param,
    ParamRef,
    Part,
    Protocol,
    Scenario,
    ScenarioStep,
    Type,
)
from mdkgen.model_walk import alphabet


def check_scenarios(names: Names, protocols: Sequence[Protocol]) -> tuple[Scenario, ...]:
    """All scenarios, in order; of a protocol that has errors itself none."""
    parts = {part.name: (protocol, part) for protocol in protocols for part in protocol.parts}
    checkers: dict[str, _ScenarioChecker] = {}
    made: list[Scenario] = []
    for written in names.scenarios.values():
        if written.part.text in parts:
            protocol, part = parts[written.part.text]
            if part.name not in checkers:
                checkers[part.name] = _ScenarioChecker(names, protocol, part)
            steps = checkers[part.name].steps(written)
            made.append(Scenario(written.name.text, protocol.name, part.name, steps, written.doc, written.span))
        elif written.part.text not in {**names.protocols, **names.parts}:
            names.unknown("part", written.part, [*names.protocols, *names.parts])
    return tuple(made)


class _ScenarioChecker:
    def __init__(self, names: Names, protocol: Protocol, part: Part) -> None:
        self.names = names
        self.protocol = protocol
        self.part = part
        params = {one.name: _reference(owner, one) for owner in (protocol.parts[0], part) for one in owner.params}
        self.expressions = Expressions(names, Scope(params=params), partial=True)
        self.messages = {one: one for one in sorted(alphabet(part))}
        self._types: dict[str, dict[str, Type | None]] = {}
        """Of the fields of a message; None where a name in it is unknown."""

    def steps(self, written: syntax.Scenario) -> tuple[ScenarioStep, ...]:
        made = [self._step(one) for one in written.steps]
        return tuple(one for one in made if one is not None)

    def _step(self, step: syntax.Step) -> ScenarioStep | None:
        if step.role is None:
            value = None if step.value is None else self.expressions.duration(step.value, SECONDS)
            return ScenarioStep(_kind(step), "", "", (), value, step.span)
        roles = (self.protocol.connector, self.protocol.acceptor)
        for role in (step.role, step.to):
            if role is not None and role.text not in roles:
                self.names.unknown("role", role, roles)
                return None
        if step.to is not None and step.to.text == step.role.text:
            other = roles[1 - roles.index(step.role.text)]
            self.names.report("MDK3015", f"the {step.role.text} sends to itself", step.to.span, expected=other)
            return None
        assert step.name is not None, "who acts does something"
        fields, value = self._said(step, step.role.text, step.name)
        return (
            None
            if fields is None
            else ScenarioStep(_kind(step), step.role.text, step.name.text, fields, value, step.span)
        )

    def _said(
        self, step: syntax.Step, role: str, name: syntax.Name
    ) -> tuple[tuple[tuple[str, Expr], ...] | None, Expr | None]:
        """The fields and the value of a step; no fields if anything is wrong with it."""
        machine = self.part.machine(role)
        match step.kind:
            case "given":
                return self._given(step, machine, name)
            case "call":
                return self._arguments(step, name, "call", {one.name: one.arguments for one in machine.calls}), None
            case "told":
                known = {one.name: one.arguments for one in machine.events}
                known |= {one.name: one.arguments for one in machine.hooks if one.result is None}
                return self._arguments(step, name, "event", known), None
            case "arrive":
                return self._message(step, name, f"message of {self.part.name}", self.messages), None
            case "in":
                states = [one.name for one in machine.states]
                if name.text not in states:
                    self.names.unknown(f"state of the {role}", name, states)
                return (), None
            case "deliver" | "acknowledge":
                mine = {
                    one.name: one.message
                    for one in self.part.deliveries
                    if (one.sender == role) == (step.kind == "deliver")
                }
                what = f"delivery {'from' if step.kind == 'deliver' else 'to'} the {role}"
                return self._message(step, name, what, mine), None
            case _:
                asking = step.kind == "ask"
                requests = [one for one in self.part.requests if (one.sender == role) == asking]
                mine = {one.name: one.message if asking else one.reply for one in requests}
                return self._message(step, name, f"request {'from' if asking else 'to'} the {role}", mine), None

    def _given(
        self, step: syntax.Step, machine: Machine, name: syntax.Name
    ) -> tuple[tuple[tuple[str, Expr], ...] | None, Expr | None]:
        owners = (self.protocol.parts[0].machine(machine.role), machine)
        hooks = {one.name: one for owner in owners for one in owner.hooks if one.result is not None}
        hook = hooks.get(name.text)
        if hook is None or hook.result is None or step.value is None:
            self.names.unknown(f"hook of the {machine.role} that answers", name, hooks)
            return None, None
        value = self.expressions.resolve(step.value, ListOf(hook.result) if hook.each else hook.result)
        return (None if value is None else ()), value

    def _arguments(
        self, step: syntax.Step, name: syntax.Name, what: str, known: Mapping[str, tuple[Argument, ...]]
    ) -> tuple[tuple[str, Expr], ...] | None:
        if name.text not in known:
            self.names.unknown(f"{what} of the {step.role.text if step.role else ''}", name, known)
            return None
        return self._fields(step, name, {one.name: one.type for one in known[name.text]})

    def _message(
        self, step: syntax.Step, name: syntax.Name, what: str, known: Mapping[str, str]
    ) -> tuple[tuple[str, Expr], ...] | None:
        if name.text not in known:
            self.names.unknown(what, name, known)
            return None
        message = known[name.text]
        if message not in self._types:
            declared = self.names.messages[message].fields
            self._types[message] = {one.name.text: self.names.resolved(one.type) for one in declared}
        return self._fields(step, name, self._types[message])

    def _fields(
        self, step: syntax.Step, name: syntax.Name, types: Mapping[str, Type | None]
    ) -> tuple[tuple[str, Expr], ...] | None:
        self.names.unique("the field", (one for one, _ in step.fields))
        made: list[tuple[str, Expr]] = []
        for one, written in step.fields:
            if one.text not in types:
                self.names.unknown(f"field of {name.text}", one, types)
                return None
            type_ = types[one.text]
            value = None if type_ is None else self.expressions.resolve(written, type_)
            if value is None:
                return None
            made.append((one.text, value))
        return tuple(made)


def _reference(part: Part, param: Param) -> ParamRef:
    return ParamRef(part.name, param.name, param.type)


def _kind(step: syntax.Step) -> Any:
    return step.kind
