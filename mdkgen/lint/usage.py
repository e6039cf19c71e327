"""What is declared and never used."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.diagnostics import Diagnostic
from mdkgen.lint.finding import finding
from mdkgen.model import (
    ArgRef,
    Call,
    Construct,
    Do,
    Enum,
    Event,
    Expr,
    FlagRef,
    Grant,
    Hook,
    ListOf,
    Machine,
    MapOf,
    Named,
    Newtype,
    Nullable,
    ParamRef,
    Part,
    Protocol,
    Record,
    Spec,
    Type,
)
from mdkgen.model_walk import alphabet, expressions_of, hooks_in, parts_of, structs_of, transitions_of


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Messages, types, constants, params, hooks, flags, leases and fields."""
    expressions = [inner for one in _expressions(spec) for inner in _all(one)]
    yield from _messages(spec)
    yield from _types(spec, expressions)
    for protocol in spec.protocols:
        for part in protocol.parts:
            for machine in part.machines:
                yield from _machine(machine)
                yield from _shadows(part, machine)
            yield from _unread(spec, protocol, part)


def _all(expr: Expr) -> Iterator[Expr]:
    yield expr
    for one in parts_of(expr):
        yield from _all(one)


def _expressions(spec: Spec) -> Iterator[Expr]:
    for struct in structs_of(spec):
        yield from (field.default for field in struct.fields if field.default is not None)
    for protocol in spec.protocols:
        if protocol.close is not None:
            yield protocol.close
        for part in protocol.parts:
            yield from (param.default for param in part.params)
            yield from (request.timeout_s for request in part.requests)
            for machine in part.machines:
                for transition in transitions_of(machine):
                    yield from expressions_of(transition)
                    if transition.trigger.delay_s is not None:
                        yield transition.trigger.delay_s


def _named(type_: Type) -> Iterator[str]:
    match type_:
        case Named(name):
            yield name
        case ListOf(inner) | MapOf(inner) | Nullable(inner):
            yield from _named(inner)
        case _:
            pass


def _type_names(spec: Spec) -> Iterator[str]:
    for struct in structs_of(spec):
        for field in struct.fields:
            yield from _named(field.type)
    for const in spec.consts:
        yield from _named(const.type)
    for protocol in spec.protocols:
        for part in protocol.parts:
            for param in part.params:
                yield from _named(param.type)
            for machine in part.machines:
                for hook in machine.hooks:
                    yield from _named(hook.result) if hook.result is not None else ()
                askable: list[Hook | Call | Event] = [*machine.hooks, *machine.calls, *machine.events]
                for one in askable:
                    for argument in one.arguments:
                        yield from _named(argument.type)


def _messages(spec: Spec) -> Iterator[Diagnostic]:
    used = {name for protocol in spec.protocols for part in protocol.parts for name in alphabet(part)}
    used |= {one.close.type.name for one in spec.protocols if one.close is not None} | set(_type_names(spec))
    for message in spec.messages:
        if message.name not in used:
            yield finding(
                "MDK5003",
                f"no part sends or takes the message {message.name}",
                message.span,
                expected="a `send` and a `recv`, or no such message",
            )


def _types(spec: Spec, expressions: list[Expr]) -> Iterator[Diagnostic]:
    built = {one.type.name for one in expressions if isinstance(one, Construct)}
    used = set(_type_names(spec)) | built
    declared: list[Record | Enum | Newtype] = [*spec.records, *spec.enums, *spec.newtypes]
    for one in declared:
        if one.name not in used:
            yield finding("MDK5004", f"nothing uses the type {one.name}", one.span, expected="a use, or no such type")
    params = {one.name for one in expressions if isinstance(one, ParamRef)}
    for protocol in spec.protocols:
        for part in protocol.parts:
            for param in part.params:
                if param.name not in params:
                    message = f"nothing uses the param {param.name} of {part.name}"
                    yield finding("MDK5004", message, param.span or part.span, expected="a use, or no such param")


def _machine(machine: Machine) -> Iterator[Diagnostic]:
    transitions = list(transitions_of(machine))
    expressions = [inner for one in transitions for expr in expressions_of(one) for inner in _all(expr)]
    delays = [one.trigger.delay_s for one in transitions if one.trigger.delay_s is not None]
    asked = {name for expr in (*expressions, *delays) for name in hooks_in(expr)}
    asked |= {action.hook for one in transitions for action in one.actions if isinstance(action, Do)}
    for hook in machine.hooks:
        if hook.name not in asked:
            message = f"the {machine.role} never asks the hook {hook.name}"
            yield finding("MDK5005", message, hook.span, expected="a use, or no such hook")
    read = {one.name for one in expressions if isinstance(one, FlagRef)}
    for flag in machine.flags:
        if flag.name not in read:
            message = f"no `when` of the {machine.role} reads the flag {flag.name}"
            yield finding("MDK5005", message, flag.span or machine.span, expected=f"when {flag.name}, or no such flag")
    granted = {action.lease for one in transitions for action in one.actions if isinstance(action, Grant)}
    lapses = {one.trigger.name for one in transitions if one.trigger.kind == "lapse"}
    for lease in machine.leases:
        if lease.name not in granted & lapses:
            lacks = "is never granted" if lease.name not in granted else "may lapse, but nothing says what happens then"
            message = f"the lease {lease.name} of the {machine.role} {lacks}"
            expected = f"lease {lease.name}[...] and lapse {lease.name}(key)"
            yield finding("MDK5005", message, lease.span or machine.span, expected=expected)


def _shadows(part: Part, machine: Machine) -> Iterator[Diagnostic]:
    general = {(one.trigger.kind, one.trigger.name) for one in machine.always}
    for state in machine.states:
        for one in state.transitions:
            if (one.trigger.kind, one.trigger.name) in general:
                shown = f"{one.trigger.kind} {one.trigger.name}"
                message = f"`{shown}` in state {state.name} of {part.name} takes the place of the one in `always`"
                yield finding("MDK5303", message, one.span, expected="one of both, or @allow with the reason")


def _unread(spec: Spec, protocol: Protocol, part: Part) -> Iterator[Diagnostic]:
    """Fields of a received message that neither a guard nor an action of the receiver looks at."""
    carried = {one.message for one in part.deliveries} | {one.message for one in part.requests}
    engine = {one.ack for one in part.deliveries} | {one.reply for one in part.requests}
    for message in spec.messages:
        read: set[str] = set()
        taken = False
        for machine in part.machines:
            for one in transitions_of(machine):
                if one.trigger.kind != "recv" or one.trigger.name != message.name:
                    continue
                taken = True
                for expr in expressions_of(one):
                    for inner in _all(expr):
                        if isinstance(inner, ArgRef) and inner.name in one.trigger.binds:
                            read |= {inner.path[0]} if inner.path else {field.name for field in message.fields}
        if not taken or message.name in carried | engine:
            continue
        for field in message.fields:
            if field.name not in read and not field.fixed:
                text = f"nobody who receives {message.name} reads its {field.name}"
                yield finding(
                    "MDK5304", text, field.span, expected=f"`recv {message.name}(m) -> tell ...(m.{field.name})`"
                )
