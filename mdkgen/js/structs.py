"""Records and messages as classes, for `messages.js` and its declarations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mdkgen.js.expressions import STEP, Expressions, Types, comment, default_of, literal
from mdkgen.js.names import Names, local
from mdkgen.model import Enum, Field, Message, Record, Spec
from mdkgen.pretty import Group, Labelled, Node, call, layout, list_of


@dataclass(frozen=True, slots=True)
class Struct:
    """A class, with everything that its templates need."""

    name: str
    doc: str
    constructor_doc: str
    wire: str
    """The type name as a literal; null for a record."""
    fields: str
    head: str
    """The constructor's parameters."""
    assignments: tuple[str, ...]
    declarations: tuple[tuple[str, str], ...]
    """(documentation, line)"""
    parameter: str
    """The constructor's parameter, for the declarations."""
    secrets: str
    """An array of the fields that are not shown; empty if there are none."""


def messages_view(spec: Spec, names: Names) -> Mapping[str, Any]:
    """The variables of both templates."""
    types, expressions = Types(spec), Expressions(names)
    structs: list[Record | Message] = [*spec.records, *spec.messages]
    return {
        "namespace": spec.namespace,
        "consts": [
            (one.name, expressions.text(one.value), types.annotation(one.type), comment(one.doc)) for one in spec.consts
        ],
        "newtypes": [
            (one.name, layout(types.newtype(one), step=STEP), types.annotation(one.base), comment(one.doc))
            for one in spec.newtypes
        ],
        "enums": [_enum(one) for one in spec.enums],
        "structs": [_struct(one, names, types, expressions) for one in structs],
        "union": _union([one.name for one in spec.messages]),
    }


def _enum(enum: Enum) -> Mapping[str, Any]:
    values = " | ".join(literal(one.value) for one in enum.members)
    return {
        "name": enum.name,
        "open": enum.open,
        "doc": comment(enum.doc, default="One of a list of strings."),
        "type": f"{values} | (string & {{}})" if enum.open else values,
        "members": [(one.name, literal(one.value), comment(one.doc, indent=2)) for one in enum.members],
    }


def _struct(one: Record | Message, names: Names, types: Types, expressions: Expressions) -> Struct:
    wire = literal(one.wire) if isinstance(one, Message) else "null"
    fields = list_of(*(_field(field, names, types) for field in one.fields))
    parameter = _parameter(one, names, types)
    secrets = [literal(names.member(field.name)) for field in one.fields if field.sensitive]
    given = f'ConstructorParameters<typeof import("./messages.js").{one.name}>[0]'
    return Struct(
        name=one.name,
        doc=comment(one.doc, default=f"A {'message' if isinstance(one, Message) else 'record'} of the specification."),
        constructor_doc=f"/** @param {{{given}}} {'[fields]' if parameter[0] else 'fields'} */" if one.fields else "",
        wire=wire,
        fields=layout(fields, indent=STEP, used=len("  static fields = "), tail=1, step=STEP),
        head=_head(one, names, expressions),
        assignments=tuple(f"this.{names.member(f.name)} = {local(names.member(f.name))};" for f in one.fields),
        declarations=tuple(
            (comment(f.doc, indent=STEP), f"readonly {names.member(f.name)}: {_value(f, types)};") for f in one.fields
        ),
        parameter=f"fields{'?' if parameter[0] else ''}: {parameter[1]}" if one.fields else "",
        secrets=f"[{', '.join(secrets)}]" if secrets else "",
    )


def _field(field: Field, names: Names, types: Types) -> Node:
    name, wire = literal(names.member(field.name)), literal(field.wire)
    return call("$.field", name, wire, types.node(field.type), literal(field.presence))


def _value(field: Field, types: Types) -> str:
    found = types.annotation(field.type)
    return f"{found} | undefined" if field.presence == "optional" else found


def _parameter(one: Record | Message, names: Names, types: Types) -> tuple[bool, str]:
    """Whether the constructor needs no argument, and the type of the one it takes."""
    given = [
        f"{names.member(f.name)}{'' if f.presence == 'required' else '?'}: {types.annotation(f.type)}"
        + ("" if f.presence == "required" else " | undefined")
        for f in one.fields
    ]
    return all(f.presence != "required" for f in one.fields), f"{{ {'; '.join(given)} }}"


def _head(one: Record | Message, names: Names, expressions: Expressions) -> str:
    """The parameters of the constructor, taken apart, with their defaults."""
    if not one.fields:
        return ""
    items: list[Node] = []
    for field in one.fields:
        member = names.member(field.name)
        found = local(member)
        name = member if found == member else f"{member}: {found}"
        default = default_of(field, expressions)
        items.append(name if default is None else Labelled(f"{name} = ", default))
    tail = "" if any(field.presence == "required" for field in one.fields) else " = {}"
    head = "  constructor("
    group = Group("{ ", tuple(items), " }")
    return layout(group, indent=STEP, used=len(head), tail=len(tail) + 3, step=STEP) + tail


def _union(names: list[str]) -> str:
    line = f"export type AnyMessage = {' | '.join(names)};"
    if len(line) <= 120:
        return line if names else ""
    return "export type AnyMessage =\n  | " + "\n  | ".join(names) + ";"
