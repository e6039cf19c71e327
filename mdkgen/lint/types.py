"""Types that cost somebody later."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mdkgen.diagnostics import Diagnostic
from mdkgen.lint.finding import finding
from mdkgen.model import (
    Field,
    ListOf,
    MapOf,
    Message,
    Named,
    Nullable,
    Part,
    Record,
    Scalar,
    Send,
    Spec,
    Type,
    Value,
)
from mdkgen.model_walk import structs_of, transitions_of

EXACT_MAX = 2**53
"""JavaScript and many JSON readers hold whole numbers exactly up to here."""
DURATION = re.compile(r"(^|_)(ttl|timeout|duration|delay|interval|seconds|period|age|grace)($|_)|_s$")


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Fields, constants, and what parts do with messages."""
    for struct in structs_of(spec):
        for field in struct.fields:
            yield from _field(spec, struct, field)
    for const in spec.consts:
        if _is_inexact(const.value):
            yield _inexact(f"the constant {const.name}", const)
    for newtype in spec.newtypes:
        bounds = [newtype.minimum, newtype.maximum]
        if newtype.base.name == "int" and any(one is not None and abs(one) > EXACT_MAX for one in bounds):
            yield _inexact(f"a bound of {newtype.name}", newtype)
    yield from _relayed(spec)
    for protocol in spec.protocols:
        for part in protocol.parts:
            yield from _fan_out(part)


def _field(spec: Spec, struct: Record | Message, field: Field) -> Iterator[Diagnostic]:
    where = f"{struct.name}.{field.name}"
    if isinstance(field.default, Value) and _is_inexact(field.default):
        yield _inexact(where, field)
    if field.type in (Scalar("float"), Scalar("int")) and DURATION.search(field.name):
        message = f"{where} is a duration by its name, but a {getattr(field.type, 'name', '')} by its type"
        yield finding("MDK5107", message, field.span, expected=f"{field.name}: seconds")
    if field.presence == "optional" and isinstance(field.type, Nullable):
        message = f"{where} may be absent, null, or a value: three states"
        yield finding("MDK5109", message, field.span, expected="`?` or `| null`, not both")
    closed = {one.name for one in spec.enums if not one.open}
    for name in _names(field.type):
        if name in closed:
            message = f"{where} is a closed enum: a newer peer's value makes the whole message unreadable"
            yield finding("MDK5108", message, field.span, expected=f"open enum {name}")
    if _has_any(field.type):
        yield finding("MDK5301", f"{where} may hold anything", field.span, expected="a type")


def _is_inexact(value: Value) -> bool:
    return isinstance(value.value, int) and not isinstance(value.value, bool) and abs(value.value) > EXACT_MAX


def _inexact(what: str, at: object) -> Diagnostic:
    span = getattr(at, "span")  # noqa: B009  # constants, newtypes and fields all have one
    return finding("MDK5106", f"{what} is beyond 2^53: JavaScript would read another number", span, expected="a string")


def _names(type_: Type) -> Iterator[str]:
    match type_:
        case Named(name, "enum"):
            yield name
        case ListOf(inner) | MapOf(inner) | Nullable(inner):
            yield from _names(inner)
        case _:
            pass


def _has_any(type_: Type) -> bool:
    match type_:
        case Scalar("any"):
            return True
        case ListOf(inner) | MapOf(inner) | Nullable(inner):
            return _has_any(inner)
        case _:
            return False


def _relayed(spec: Spec) -> Iterator[Diagnostic]:
    """Required fields of what one role takes and sends on: a relay of an older version would lose newer ones."""
    for protocol in spec.protocols:
        for part in protocol.parts:
            for machine in part.machines:
                transitions = list(transitions_of(machine))
                sent = {action.message for one in transitions for action in one.actions if isinstance(action, Send)}
                taken = {one.trigger.name for one in transitions if one.trigger.kind == "recv"}
                for message in spec.messages:
                    required = [one for one in message.fields if one.presence == "required"]
                    if message.name in sent & taken and required:
                        names = ", ".join(one.name for one in required)
                        text = f"the {machine.role} relays {message.name}, which needs {names}"
                        yield finding("MDK5302", text, message.span, expected="`?` or a default")


def _fan_out(part: Part) -> Iterator[Diagnostic]:
    for machine in part.machines:
        for one in transitions_of(machine):
            if one.trigger.kind != "recv":
                continue
            for action in one.actions:
                if isinstance(action, Send) and action.each is not None:
                    text = f"one {one.trigger.name} makes the {machine.role} send as many {action.message} as a hook answers"
                    yield finding("MDK5305", text, one.span, expected="a bound in the hook, and @allow that names it")
