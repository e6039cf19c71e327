"""Constants, named scalars, enums, records and messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from mdkgen import syntax
from mdkgen.check.expressions import Expressions
from mdkgen.check.names import ANNOTATIONS, ANOTHER_FIELD, ANOTHER_MEMBER, STRINGS, Names
from mdkgen.model import (
    Const,
    ConstRef,
    Enum,
    Field,
    ListOf,
    MapOf,
    Member,
    Message,
    Named,
    Newtype,
    Nullable,
    Record,
    Scalar,
    Span,
    Type,
    Value,
)

RESERVED_FOR_FIELDS = ANNOTATIONS | {"self"}
NUMBERS = ("int", "float", "seconds")


def check_consts(names: Names) -> tuple[Const, ...]:
    """Constants: a literal of their type."""
    consts: list[Const] = []
    for one in names.consts.values():
        type_ = names.resolved(one.type)
        value = Expressions(names).resolve(one.value, type_) if type_ is not None else None
        if type_ is None or value is None:
            continue
        if not isinstance(value, Value):
            names.report(
                "MDK2003", f"the constant {one.name.text} is not a literal", one.value.span, expected="a literal"
            )
            continue
        consts.append(Const(one.name.text, type_, value, one.doc, one.span))
    return tuple(consts)


def check_newtypes(names: Names) -> tuple[Newtype, ...]:
    """Named scalars with bounds."""
    newtypes: list[Newtype] = []
    for one in names.newtypes.values():
        base = names.resolved(one.base)
        if base is None:
            continue
        if not isinstance(base, Scalar) or base.name == "any":
            names.report(
                "MDK2003",
                f"{one.name.text} names no scalar",
                one.base.span,
                expected="bool, string, int, float or seconds",
            )
            continue
        bounds: dict[str, float | int | None] = {">=": None, "<=": None}
        for operator, written in one.bounds:
            value = Expressions(names).resolve(written, base) if base.name in NUMBERS else None
            if base.name not in NUMBERS or (value is not None and not isinstance(value, Value)):
                names.report(
                    "MDK2003",
                    f"a bound of {one.name.text} is not a number",
                    written.span,
                    expected="a number, of a number's type",
                )
            elif bounds[operator] is not None:
                message = f"{one.name.text} has two bounds {operator}"
                names.report("MDK2003", message, written.span, expected="one >= and one <= at most")
            elif isinstance(value, Value) and isinstance(value.value, int | float):
                bounds[operator] = value.value
        low, high = bounds[">="], bounds["<="]
        if low is not None and high is not None and low > high:
            message = f"no number is of the type {one.name.text}: at least {low:g} and at most {high:g}"
            names.report("MDK2003", message, one.bounds[-1][1].span, expected=f"a bound <= of {low:g} or more")
        newtypes.append(Newtype(one.name.text, base, bounds[">="], bounds["<="], one.doc, one.span))
    return tuple(newtypes)


def check_enums(names: Names) -> tuple[Enum, ...]:
    """Enums: members and values differ."""
    enums: list[Enum] = []
    for one in names.enums.values():
        names.unique("the member", (member.name for member in one.members))
        for member in one.members:
            names.python(
                "the member", member.name, {"known", "name", "value", "mro", *STRINGS}, expected=ANOTHER_MEMBER
            )
        values = [syntax.Name(member.value or member.name.text, member.name.span) for member in one.members]
        if len({member.name.text for member in one.members}) == len(one.members):
            names.unique("the value", values)
        if not one.members:
            names.report(
                "MDK3001", f"the enum {one.name.text} has no member", one.name.span, expected="at least one member"
            )
        members = tuple(Member(m.name.text, m.value or m.name.text, m.doc) for m in one.members)
        taken = [(value.text, value.span) for value in values]
        reserved = check_reserved(names, one.reserved, taken, f"the value {{}} of {one.name.text}")
        enums.append(Enum(one.name.text, one.open, members, one.doc, one.span, reserved))
    return tuple(enums)


def check_structs(names: Names) -> tuple[tuple[Record, ...], tuple[Message, ...]]:
    """Records, those that others need first, and messages."""
    _check_wire_names(names)
    fields = {name: _fields(names, one) for name, one in names.structs.items()}
    needing_themselves = _needing_themselves(names)
    for name, one in names.records.items():
        if name in needing_themselves:
            message = f"a {name} cannot be made: it needs another {name}"
            names.report(
                "MDK2008", message, one.name.span, expected="an optional field (`?`), a list or a map on the way"
            )
    reserved = {name: _reserved_keys(names, one) for name, one in names.structs.items()}
    records = {
        name: Record(name, fields[name], one.doc, one.span, reserved[name]) for name, one in names.records.items()
    }
    messages = tuple(
        Message(
            name,
            one.wire or "",
            tuple(alias.text for alias in one.also),
            fields[name],
            one.doc,
            one.span,
            reserved[name],
        )
        for name, one in names.messages.items()
    )
    return tuple(records[name] for name in _in_order({name: _needed(one) for name, one in records.items()})), messages


def _reserved_keys(names: Names, one: syntax.Record) -> tuple[str, ...]:
    taken = [(field.wire or field.name.text, field.name.span) for field in one.fields]
    return check_reserved(names, one.reserved, taken, f"the key {{}} of {one.name.text}")


def check_reserved(
    names: Names, reserved: Sequence[syntax.Name], taken: Iterable[tuple[str, Span]], what: str
) -> tuple[str, ...]:
    """The reserved names; what is taken although it is reserved, or reserved twice, is reported."""
    names.unique("the reserved name", reserved)
    texts = tuple(dict.fromkeys(one.text for one in reserved))
    for text, span in taken:
        if text in texts:
            message = f"{what.format(repr(text))} is reserved"
            names.report(
                "MDK2010", message, span, expected="another one: what it meant in older versions is still sent"
            )
    return texts


def _check_wire_names(names: Names) -> None:
    seen: dict[str, str] = {}
    for name, one in names.messages.items():
        for wire, span in [(one.wire or "", one.name.span), *((alias.text, alias.span) for alias in one.also)]:
            if wire in seen:
                message = f"{wire!r} is already the type name of {seen[wire]}"
                names.report(
                    "MDK2004", message, span, expected="a type name that no other message has, also not in `also`"
                )
            seen.setdefault(wire, name)


def _fields(names: Names, one: syntax.Record) -> tuple[Field, ...]:
    names.unique("the field", (field.name for field in one.fields))
    seen: dict[str, str] = {}
    fields: list[Field] = []
    for field in one.fields:
        names.member("the field", field.name, RESERVED_FOR_FIELDS, expected=ANOTHER_FIELD)
        wire = field.wire or field.name.text
        if wire in seen and seen[wire] != field.name.text:
            names.report(
                "MDK2005", f"{wire!r} is already the key of {seen[wire]}", field.name.span, expected="another key"
            )
        seen.setdefault(wire, field.name.text)
        made = _field(names, field, wire)
        if made is not None:
            fields.append(made)
    return tuple(fields)


def _field(names: Names, field: syntax.Field, wire: str) -> Field | None:
    type_ = names.resolved(field.type)
    if type_ is None:
        return None
    if field.optional and field.default is not None:
        message = f"{field.name.text} may be absent and has a default"
        names.report("MDK3014", message, field.span, expected="`?` or a default, not both")
    if field.fixed and field.default is None:
        names.report("MDK3014", f"{field.name.text} is fixed to nothing", field.span, expected="= VALUE fixed")
    default = None
    if field.default is not None:
        default = Expressions(names).resolve(field.default, type_)
        if default is None:
            return None
        if not isinstance(default, Value | ConstRef) and not _is_plain(field.default):
            names.report("MDK2003", "a default is computed", field.default.span, expected="literals and constants")
    presence: Literal["required", "default", "optional"]
    presence = "optional" if field.optional else "required" if field.default is None else "default"
    return Field(field.name.text, wire, type_, presence, default, field.fixed, field.doc, field.span, field.sensitive)


def _is_plain(expr: syntax.Expr) -> bool:
    return isinstance(expr, syntax.Object | syntax.Array | syntax.Literal)


def _needing_themselves(names: Names) -> set[str]:
    """Records that cannot be made without one of the same kind: through required fields, or defaults of records."""
    needs = {name: list(dict.fromkeys(_to_be_made(names, one))) for name, one in names.records.items()}
    needed_by: dict[str, list[str]] = {name: [] for name in needs}
    for name, inner in ((name, inner) for name, inners in needs.items() for inner in inners):
        needed_by[inner].append(name)
    found: set[str] = set()
    left = set(needs)
    for first in reversed(
        list(_in_order(needs))
    ):  # Kosaraju: what is left behind it, backwards, is one circle with it.
        circle: list[str] = []
        ahead = [first]
        while ahead:
            name = ahead.pop()
            if name in left:
                left.remove(name)
                circle.append(name)
                ahead += needed_by[name]
        if len(circle) > 1 or first in needs[first]:
            found.update(circle)
    return found


def _to_be_made(names: Names, record: syntax.Record) -> Iterator[str]:
    for field in record.fields:
        if not field.optional and isinstance(field.type, syntax.TypeName) and field.type.name.text in names.records:
            yield field.type.name.text


def _in_order(needs: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Each after those that it needs, as far as there is no circle; else as declared."""
    entered: set[str] = set()
    for first in needs:
        if first in entered:
            continue
        entered.add(first)
        path = [(first, iter(needs[first]))]  # A stack of its own: a chain may be longer than Python's.
        while path:
            name, needed = path[-1]
            inner = next((one for one in needed if one in needs and one not in entered), None)
            if inner is None:
                path.pop()
                yield name
            else:
                entered.add(inner)
                path.append((inner, iter(needs[inner])))


def _needed(record: Record) -> Iterator[str]:
    return (name for field in record.fields for name in _names(field.type))


def _names(type_: Type) -> Iterator[str]:
    match type_:
        case Named(name):
            yield name
        case ListOf(inner) | MapOf(inner) | Nullable(inner):
            yield from _names(inner)
        case Scalar():
            pass
