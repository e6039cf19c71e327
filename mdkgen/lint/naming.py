"""How names are written, in the spec and on the wire."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mdkgen import syntax
from mdkgen.diagnostics import Diagnostic
from mdkgen.lint.finding import finding
from mdkgen.model import Spec
from mdkgen.model_walk import structs_of

PASCAL = re.compile(r"[A-Z][A-Za-z0-9]*")
UPPER = re.compile(r"[A-Z][A-Z0-9_]*")
SNAKE = re.compile(r"[a-z][a-z0-9_]*")
WIRE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
CAMEL_KEY = re.compile(r"[a-z0-9]+([A-Z][a-z0-9]*)+")
SNAKE_KEY = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
CAMEL_WORD = re.compile(r"[A-Z]*[a-z0-9]+|[A-Z]+")
SECRET = re.compile(r"_(token|secret|password|passwd|passphrase|credentials?|(api|private|secret|access)_key)s?_")
"""Words of a name that a secret has."""


def check(spec: Spec, files: Sequence[syntax.File]) -> Iterator[Diagnostic]:
    """Names of the syntax trees, because they know where each stands."""
    for file in files:
        for one in file.declarations:
            yield from _declaration(one)
    yield from _keys(spec)


def _may_hold_text(written: syntax.Type) -> bool:
    """Whether a secret may be in it: a number or flag that is called so counts them, or says that there is one."""
    while isinstance(written, syntax.TypeOf):
        written = written.inner
    return written.name.text not in ("bool", "int", "float", "seconds")


def _style(code: str, what: str, name: syntax.Name, style: re.Pattern[str], expected: str) -> Iterator[Diagnostic]:
    if not style.fullmatch(name.text):
        yield finding(code, f"{what} {name.text} is not written in {expected}", name.span, expected=expected)


def _declaration(one: syntax.Declaration) -> Iterator[Diagnostic]:
    match one:
        case syntax.Const(name):
            yield from _style("MDK5102", "the constant", name, UPPER, "UPPER_CASE")
        case syntax.Newtype(name):
            yield from _style("MDK5101", "the type", name, PASCAL, "PascalCase")
        case syntax.Enum(name, _, members):
            yield from _style("MDK5101", "the enum", name, PASCAL, "PascalCase")
            for member in members:
                yield from _style("MDK5102", "the member", member.name, UPPER, "UPPER_CASE")
        case syntax.Record():
            yield from _record(one)
        case syntax.Part():
            yield from _part(one)
        case syntax.Face() | syntax.Scenario():
            pass  # names of other packages, and a title


def _record(one: syntax.Record) -> Iterator[Diagnostic]:
    what = "the record" if one.wire is None else "the message"
    yield from _style("MDK5101", what, one.name, PASCAL, "PascalCase")
    for field in one.fields:
        yield from _style("MDK5103", "the field", field.name, SNAKE, "snake_case")
        words = "_".join(CAMEL_WORD.findall(field.name.text)).lower()
        if SECRET.search(f"_{words}_") and not field.sensitive and _may_hold_text(field.type):
            message = f"{one.name.text}.{field.name.text} seems to be a secret"
            expected = "@sensitive before it, or @allow with the reason"
            yield finding("MDK5114", message, field.name.span, expected=expected)
    if one.wire is not None and not WIRE_NAME.fullmatch(one.wire):
        message = f"the type name {one.wire!r} of {one.name.text} has capitals or blanks"
        yield finding("MDK5105", message, one.name.span, expected="lower case: letters, digits, `.`, `_`, `-`")


def _part(one: syntax.Part) -> Iterator[Diagnostic]:
    what = "the protocol" if one.of is None else "the part"
    yield from _style("MDK5101", what, one.name, PASCAL, "PascalCase")
    for item in one.items:
        if item.kind in ("param", "delivery", "request"):
            yield from _style("MDK5103", f"the {item.kind}", item.values[0], SNAKE, "snake_case")
    for role in one.roles:
        yield from _style("MDK5103", "the role", role.name, SNAKE, "snake_case")
        for hook in role.hooks:
            yield from _style("MDK5103", "the hook", hook.name, SNAKE, "snake_case")
        for scoped in (*role.flags, *role.leases):
            kind = "lease" if scoped.initial is None else "flag"
            yield from _style("MDK5103", f"the {kind}", scoped.name, SNAKE, "snake_case")
        for state in role.states:
            if state.name is not None:
                yield from _style("MDK5101", "the state", state.name, PASCAL, "PascalCase")
            yield from _calls(state)


def _calls(state: syntax.State) -> Iterator[Diagnostic]:
    for transition in state.transitions:
        if transition.trigger.kind == "call" and transition.trigger.name is not None:
            yield from _style("MDK5103", "the call", transition.trigger.name, SNAKE, "snake_case")
        for action in transition.actions:
            if action.kind == "tell":
                yield from _style("MDK5103", "what is told,", action.names[0], SNAKE, "snake_case")


def _keys(spec: Spec) -> Iterator[Diagnostic]:
    """Keys of the less frequent of two styles."""
    fields = [field for one in structs_of(spec) for field in one.fields]
    camel = [field for field in fields if CAMEL_KEY.fullmatch(field.wire)]
    snake = [field for field in fields if SNAKE_KEY.fullmatch(field.wire)]
    if camel and snake:
        odd, style = (camel, "snake_case") if len(camel) < len(snake) else (snake, "lowerCamelCase")
        for field in odd:
            message = f"the key {field.wire!r} is written otherwise than most keys"
            yield finding("MDK5104", message, field.span, expected=f'{style}: {field.name} as "..."')
