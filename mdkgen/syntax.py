"""The syntax tree: what was written, with positions and names not yet resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mdkgen.model import Span


@dataclass(frozen=True, slots=True)
class Name:
    """A word where a name is wanted."""

    text: str
    span: Span


# --- types and expressions ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TypeName:
    """A scalar or a declared type."""

    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class TypeOf:
    """`list<T>`, `map<T>` or, as `null`, `T | null`."""

    kind: str
    inner: Type
    span: Span


Type = TypeName | TypeOf


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal; `kind` is its terminal: STRING, INT, NUMBER, DURATION, SIZE, BOOL, NULL."""

    kind: str
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Reference:
    """`a.b.c`."""

    path: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """`f(a, b)` or `M(a = 1)`; one of `args` and `named` is empty."""

    name: Name
    args: tuple[Expr, ...]
    named: tuple[tuple[Name, Expr], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Object:
    """`{a = 1}`."""

    items: tuple[tuple[Name, Expr], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Array:
    """`[1, 2]`."""

    items: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """`a / b`, or a comparison."""

    operator: str
    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Not:
    """`not a`."""

    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class And:
    """`a and b`."""

    operands: tuple[Expr, ...]
    span: Span


Expr = Literal | Reference | Call | Object | Array | Binary | Not | And


@dataclass(frozen=True, slots=True)
class Annotation:
    """`@name(a, "b")` before something; strings without their quotes."""

    name: Name
    args: tuple[Name, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Allow:
    """An annotation, and what it stands before."""

    written: Annotation
    extent: Span


# --- declarations ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Header:
    """The first lines of a file."""

    edition: int
    namespace: Name
    version: Name
    span: Span


@dataclass(frozen=True, slots=True)
class Const:
    """`const N: T = v`."""

    name: Name
    type: Type
    value: Expr
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Newtype:
    """`type N = T >= v`."""

    name: Name
    base: Type
    bounds: tuple[tuple[str, Expr], ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record or message."""

    name: Name
    wire: str | None
    optional: bool
    type: Type
    default: Expr | None
    fixed: bool
    doc: str
    span: Span
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A record; a message if `wire` is given."""

    name: Name
    wire: str | None
    also: tuple[Name, ...]
    """Texts of strings, with their positions."""
    fields: tuple[Field, ...]
    doc: str
    span: Span
    reserved: tuple[Name, ...] = ()
    """Texts of strings: keys that no field may have."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an enum."""

    name: Name
    value: str | None
    doc: str


@dataclass(frozen=True, slots=True)
class Enum:
    """`open enum N { ... }`."""

    name: Name
    open: bool
    members: tuple[Member, ...]
    doc: str
    span: Span
    reserved: tuple[Name, ...] = ()
    """Texts of strings: values that no member may have."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a protocol, part, delivery or request says, by its keyword.

    `values` are what the builder's method of that keyword puts there.
    """

    kind: str
    values: tuple[Any, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a call or hook."""

    name: Name
    optional: bool
    type: Type


@dataclass(frozen=True, slots=True)
class Hook:
    """`hook f(a: T) -> each T`."""

    name: Name
    parameters: tuple[Parameter, ...]
    each: bool
    result: Type | None
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Scoped:
    """A flag (with where it starts) or a lease (None)."""

    name: Name
    scope: str
    initial: bool | None
    span: Span


@dataclass(frozen=True, slots=True)
class Trigger:
    """`recv M(m)`: kind, name of the message, call or lease, what is bound, the delay."""

    kind: str
    name: Name | None
    binds: tuple[Name, ...]
    parameters: tuple[Parameter, ...]
    delay: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Action:
    """One action, by its keyword; `names` and `exprs` as the keyword needs."""

    kind: str
    names: tuple[Name, ...]
    exprs: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Transition:
    """`trigger when guard -> actions`."""

    trigger: Trigger
    guard: Expr | None
    actions: tuple[Action, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class State:
    """A state, or `always` (without a name)."""

    name: Name | None
    start: bool
    hot: bool
    transitions: tuple[Transition, ...]
    ignores: tuple[Name, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Role:
    """One role's side of a protocol or part."""

    name: Name
    hooks: tuple[Hook, ...]
    flags: tuple[Scoped, ...]
    leases: tuple[Scoped, ...]
    states: tuple[State, ...]
    """`always` blocks included."""
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Part:
    """A part; a protocol if `of` is None."""

    name: Name
    of: Name | None
    live_in: tuple[Name, ...]
    items: tuple[Item, ...]
    roles: tuple[Role, ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Export:
    """`X as Y` of a module."""

    module: str
    name: Name
    alias: Name


@dataclass(frozen=True, slots=True)
class Face:
    """A face: module name (empty for the package), its doc and what it shows."""

    name: Name
    modules: tuple[tuple[str, str, tuple[Export, ...]], ...]
    doc: str
    span: Span


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a scenario: as `model.ScenarioStep`, with names not yet resolved."""

    kind: str
    role: Name | None
    to: Name | None
    name: Name | None
    fields: tuple[tuple[Name, Expr], ...]
    value: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class Scenario:
    """`scenario "..." for P { ... }`; the name is its title."""

    name: Name
    part: Name
    steps: tuple[Step, ...]
    doc: str
    span: Span


Declaration = Const | Newtype | Record | Enum | Part | Face | Scenario


@dataclass(frozen=True, slots=True)
class File:
    """What could be read of a file."""

    name: str
    header: Header
    declarations: tuple[Declaration, ...]
    allows: tuple[Allow, ...] = ()
    missing: frozenset[str] = frozenset()
    """Names that stand in declarations with syntax errors: whether they are declared is not known."""
    broken: bool = False
    """True if there are syntax errors; then the header may be a stand-in."""


def size_bytes(text: str) -> int:
    """A size as it is written, such as `16MiB`, in bytes."""
    return int(text[:-3]) * (1024 if text.endswith("KiB") else 1024 * 1024)
