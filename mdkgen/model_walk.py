"""Walks over the model's expressions."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.model import (
    And,
    Arithmetic,
    Compare,
    Construct,
    Do,
    Expr,
    Grant,
    HookCall,
    ListValue,
    MapValue,
    Not,
    Release,
    Send,
    Tell,
    Transition,
)


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
