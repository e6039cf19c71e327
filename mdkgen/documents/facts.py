"""What the documentation says of each message and machine, gathered from the model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mdkgen.documents.words import brief
from mdkgen.model import (
    Construct,
    Fail,
    Field,
    Hangup,
    ListOf,
    ListValue,
    Machine,
    MapOf,
    MapValue,
    Message,
    Named,
    Nullable,
    Part,
    Protocol,
    Record,
    Spec,
    Transition,
    Type,
)
from mdkgen.model_walk import alphabet
from mdkgen.vectors.values import Scope, Values

END = ""
"""The name of the end of the connection, where a diagram shows it as a state."""
DEPTH_MAX = 4
"""Records inside one another in an example."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Transitions from one state to another."""

    source: str
    target: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagram:
    """A machine as a graph. What stays in its state stands inside it."""

    states: tuple[tuple[str, tuple[str, ...]], ...]
    """Name, and what happens inside; the start first."""
    start: str
    edges: tuple[Edge, ...]


def diagram_of(machine: Machine) -> Diagram:
    """The graph of a machine."""
    inside = {state.name: [brief(one) for one in state.transitions if not _leads_on(one)] for state in machine.states}
    edges: dict[tuple[str, str], list[str]] = {}
    for state in machine.states:
        for one in state.transitions:
            if _leads_on(one):
                edges.setdefault((state.name, _target(one)), []).append(brief(one))
    start = next(state.name for state in machine.states if state.start)
    states = sorted(inside.items(), key=lambda item: item[0] != start)
    made = tuple(Edge(source, target, tuple(dict.fromkeys(labels))) for (source, target), labels in edges.items())
    return Diagram(tuple((name, tuple(dict.fromkeys(lines))) for name, lines in states), start, made)


def _leads_on(one: Transition) -> bool:
    return one.target is not None or _ends(one)


def _ends(one: Transition) -> bool:
    return any(isinstance(action, Hangup | Fail) for action in one.actions)


def _target(one: Transition) -> str:
    return END if _ends(one) or one.target is None else one.target


@dataclass(frozen=True, slots=True)
class Legal:
    """Where a side takes a message."""

    role: str
    takes: tuple[str, ...]
    ignores: tuple[str, ...]
    by_engine: str
    """The delivery or request that takes it, whatever the state."""


def part_of(protocol: Protocol, message: str) -> Part | None:
    """The part whose message it is."""
    return next((part for part in protocol.parts if message in alphabet(part)), None)


def legal_states(protocol: Protocol, message: str) -> list[Legal]:
    """For each side that may get it, the states in which it may."""
    part = part_of(protocol, message)
    return (
        []
        if part is None
        else [one for machine in part.machines if (one := _legal(part, machine, message)) is not None]
    )


def _legal(part: Part, machine: Machine, message: str) -> Legal | None:
    takes = tuple(
        state.name
        for state in machine.states
        if any(
            (one.trigger.kind, one.trigger.name) == ("recv", message) for one in (*state.transitions, *machine.always)
        )
    )
    calls = {one.name for one in machine.calls}
    ignores = tuple(state.name for state in machine.states if message in state.ignores and message not in calls)
    engine = [
        f"delivery {one.name}"
        for one in part.deliveries
        if message in (one.acks if one.sender == machine.role else one.packets)
    ]
    engine += [
        f"request {one.name}"
        for one in part.requests
        if message == (one.reply if one.sender == machine.role else one.message)
    ]
    return Legal(machine.role, takes, ignores, ", ".join(engine)) if takes or ignores or engine else None


class Examples:
    """Plain examples as JSON: with every field, and values that say what they are."""

    def __init__(self, spec: Spec) -> None:
        self._values = Values(spec)
        self._newtypes = {one.name: one for one in spec.newtypes}

    def text(self, message: Message | Record) -> str:
        """An example of a message, indented."""
        head = {self._values.tag: message.wire} if isinstance(message, Message) else {}
        return json.dumps({**head, **self._fields(message, 0)}, indent=2, ensure_ascii=False)

    def schema_example(self, message: Message | Record) -> dict[str, Any]:
        """The same as an object."""
        plain: dict[str, Any] = json.loads(self.text(message))
        return plain

    def _fields(self, struct: Message | Record, depth: int) -> dict[str, Any]:
        return {
            one.wire: self._field(one, depth)
            for one in struct.fields
            if one.presence == "required"
            or (depth < DEPTH_MAX and (depth == 0 or one.presence == "default" or depth < 2))
        }

    def _field(self, one: Field, depth: int) -> Any:
        if one.default is not None:
            default = one.default
            empty = isinstance(default, Construct) or (isinstance(default, ListValue | MapValue) and not default.items)
            worth = None if empty else self._values.worth(default, Scope())
            if not empty and worth not in ("", None):
                return self._values.wire(self._values.default(one))
        return self._value(one.type, one.name.replace("_", "-"), depth)

    def _value(self, type_: Type, name: str, depth: int) -> Any:
        match type_:
            case Named(known, "record" | "message"):
                struct = self._values.structs[known]
                head = {self._values.tag: struct.wire} if isinstance(struct, Message) else {}
                return {**head, **self._fields(struct, depth + 1)} if depth < DEPTH_MAX else {}
            case ListOf(item):
                return [self._value(item, name, depth + 1)] if depth < DEPTH_MAX - 1 else []
            case MapOf(value):
                return {"key": self._value(value, name, depth + 1)}
            case Nullable(base):
                return self._value(base, name, depth)
            case Named(known, "newtype") if self._newtypes[known].base.name == "string":
                return name
            case _:
                plain = self._values.example(type_)
                return name if plain == "text" else {"any": "JSON"} if isinstance(plain, dict) else plain


def legal_lines(protocol: Protocol, message: str) -> Iterator[str]:
    """`the server: in Up; ignored in Closing; delivery logs`."""
    for one in legal_states(protocol, message):
        said = [f"in {', '.join(one.takes)}"] if one.takes else []
        said += [f"ignored in {', '.join(one.ignores)}"] if one.ignores else []
        said += [f"by the {one.by_engine}"] if one.by_engine else []
        yield f"{one.role}: {'; '.join(said)}"
