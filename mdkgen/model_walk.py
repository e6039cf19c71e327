"""Walks over the model's expressions, and what they are worth as the spec gives them."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.model import (
    And,
    Arithmetic,
    Compare,
    ConstRef,
    Construct,
    Do,
    Expr,
    Grant,
    HookCall,
    ListValue,
    Machine,
    MapValue,
    Message,
    Not,
    ParamRef,
    Part,
    Record,
    Release,
    Send,
    Spec,
    Tell,
    Transition,
    Value,
)


def structs_of(spec: Spec) -> list[Record | Message]:
    """Everything with fields."""
    return [*spec.records, *spec.messages]


def transitions_of(machine: Machine) -> Iterator[Transition]:
    """All transitions of a machine."""
    yield from machine.always
    for state in machine.states:
        yield from state.transitions


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


def expressions_of(transition: Transition) -> Iterator[Expr]:
    """Every expression that a transition computes: its guard, then what its actions need."""
    if transition.guard is not None:
        yield transition.guard
    for action in transition.actions:
        match action:
            case Send(_, value, each):
                yield value
                if each is not None:
                    yield each[1]
            case Tell(_, args) | Do(_, args):
                yield from args
            case Grant(_, key, ttl_s):
                yield key
                yield ttl_s
            case Release(_, key):
                yield key
            case _:
                pass


def parts_of(expr: Expr) -> Iterator[Expr]:
    """The expressions directly inside one."""
    match expr:
        case HookCall(_, args):
            yield from args
        case Construct(_, fields):
            yield from (value for _, value in fields)
        case ListValue(items) | And(items):
            yield from items
        case MapValue(items):
            yield from (value for _, value in items)
        case Arithmetic(_, left, right) | Compare(_, left, right):
            yield left
            yield right
        case Not(operand):
            yield operand
        case _:
            pass


def hooks_in(expr: Expr) -> Iterator[str]:
    """The hooks that an expression asks."""
    if isinstance(expr, HookCall):
        yield expr.hook
    for part in parts_of(expr):
        yield from hooks_in(part)


class Numbers:
    """Numbers that the spec fixes: literals, constants, and params at their defaults."""

    def __init__(self, spec: Spec) -> None:
        self._consts = {one.name: one.value for one in spec.consts}
        self._params = {
            (part.name, one.name): one.default
            for protocol in spec.protocols
            for part in protocol.parts
            for one in part.params
        }

    def value(self, expr: Expr | None) -> float | None:
        """The number, or None if it depends on what comes."""
        match expr:
            case Value(value):
                return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
            case ConstRef(name):
                return self.value(self._consts.get(name))
            case ParamRef(part, name):
                return self.value(self._params.get((part, name)))
            case Arithmetic(operator, left, right):
                first, second = self.value(left), self.value(right)
                if first is None or second is None or (operator == "/" and second == 0):
                    return None
                return first * second if operator == "*" else first / second
            case _:
                return None
