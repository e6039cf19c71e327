"""Types and expressions of the model as JavaScript and TypeScript."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from mdkgen.js.names import Names
from mdkgen.model import (
    And,
    ArgRef,
    Arithmetic,
    Compare,
    ConstRef,
    Construct,
    Expr,
    Field,
    FlagRef,
    HookCall,
    ListOf,
    ListValue,
    MapOf,
    MapValue,
    Named,
    Newtype,
    Not,
    Nullable,
    ParamRef,
    Scalar,
    Spec,
    Type,
    Value,
)
from mdkgen.pretty import Group, Labelled, Node, call, flat, list_of

STEP = 2
"""Columns by which JavaScript is indented."""

SCALARS = {
    "bool": ("boolean", "$.boolean"),
    "string": ("string", "$.text"),
    "int": ("number", "$.integer"),
    "float": ("number", "$.number"),
    "seconds": ("number", "$.number"),
    "any": ("unknown", "$.any"),
}
"""The annotation, and the engine's type."""


class Types:
    """Types of fields: for the compiler of TypeScript, and for the codec."""

    def __init__(self, spec: Spec) -> None:
        self._open = {one.name for one in spec.enums if one.open}
        self._tag = spec.protocols[0].tag if spec.protocols else "type"

    def annotation(self, type_: Type, module: str = "") -> str:
        """The type in TypeScript; names of the spec are looked up in a module, if one is given."""
        match type_:
            case Scalar(name):
                return SCALARS[name][0]
            case Named(name):
                return f"{module}{name}"
            case ListOf(item):
                return f"ReadonlyArray<{self.annotation(item, module)}>"
            case MapOf(value):
                return f"{{ readonly [key: string]: {self.annotation(value, module)} }}"
            case Nullable(base):
                return f"{self.annotation(base, module)} | null"

    def node(self, type_: Type) -> Node:
        """The type as the codec reads it."""
        match type_:
            case Scalar(name):
                return SCALARS[name][1]
            case Named(name, "enum"):
                return "$.text" if name in self._open else f"$type_{name}"
            case Named(name, "newtype"):
                return f"$type_{name}"
            case Named(name, "message"):
                return f"$.message(() => {name}, {literal(self._tag)})"
            case Named(name):
                return f"$.struct(() => {name})"
            case ListOf(item):
                return call("$.list", self.node(item))
            case MapOf(value):
                return call("$.map", self.node(value))
            case Nullable(base):
                return call("$.nullable", self.node(base))

    def newtype(self, newtype: Newtype) -> Node:
        """A scalar with bounds, as the codec reads it."""
        base = self.node(newtype.base)
        if newtype.minimum is None and newtype.maximum is None:
            return base
        return call("$.bounded", base, literal(newtype.minimum), literal(newtype.maximum))


class Expressions:
    """Writes the expressions of one part, and remembers which declared names they used."""

    def __init__(self, names: Names, part: str = "") -> None:
        self.names = names
        self.part = part
        self.used: set[str] = set()

    def node(self, expr: Expr) -> Node:
        """The expression as a tree; `x` is the scope that every function of a table gets."""
        member = self.names.member
        match expr:
            case Value():
                return self._value(expr)
            case ConstRef(name):
                self.used.add(name)
                return name
            case ParamRef(_, name):
                return f"x.params[{literal(member(name))}]"
            case ArgRef(name, path):
                return ".".join((self.names.variable(name), *map(member, path)))
            case FlagRef(name):
                return f"x.flags[{literal(f'{self.part}.{name}')}]"
            case HookCall(hook, args):
                return call(f"x.hooks.{member(hook)}", *map(self.node, args))
            case Construct(type_, fields):
                self.used.add(type_.name)
                given = [(member(name), self.node(value)) for name, value in fields]
                return call(f"new {type_.name}", *([object_of(*given)] if given else []))
            case ListValue(items):
                return list_of(*map(self.node, items))
            case MapValue(items):
                return object_of(*((key, self.node(value)) for key, value in items))
            case Arithmetic(operator, left, right):
                return f"{self._operand(left)} {operator} {self._operand(right)}"
            case Compare(operator, left, right):
                exact = {"==": "===", "!=": "!=="}.get(operator, operator)
                return f"{self._operand(left)} {exact} {self._operand(right)}"
            case Not(operand):
                return f"!{self._operand(operand)}"
            case And(operands):
                return " && ".join(self._operand(operand) for operand in operands)

    def function(self, binds: Iterable[str], body: Node, *, scope: bool = True) -> Node:
        """An arrow function over the scope and what came with the input."""
        names = (["x"] if scope else []) + [self.names.variable(bind) for bind in binds]
        if isinstance(body, Group) and body.opening.startswith("{"):
            body = Group(f"({body.opening}", body.items, f"{body.closing})")  # else it would be a block
        return Labelled(f"({', '.join(names)}) => ", body)

    def text(self, expr: Expr) -> str:
        """The expression on one line."""
        return flat(self.node(expr))

    def _value(self, value: Value) -> str:
        if value.name is not None and isinstance(value.type, Named):
            self.used.add(value.type.name)
            return f"{value.type.name}.{value.name}"
        return literal(value.value)

    def _operand(self, expr: Expr) -> str:
        text = self.text(expr)
        return f"({text})" if isinstance(expr, Arithmetic | Compare | And | Not) else text


def literal(value: object) -> str:
    """A string, number, boolean or null."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def object_of(*items: tuple[str, Node]) -> Group:
    """`{ key: value }`, open with a key a line where it does not fit."""
    return Group("{ ", tuple(_item(key, node) for key, node in items), " }") if items else Group("{", (), "}")


def _item(key: str, node: Node) -> Node:
    if key == node:
        return key
    if key == "__proto__":  # written plainly it would set the prototype
        return Labelled('["__proto__"]: ', node)
    return Labelled(f"{key if re.fullmatch(r'[A-Za-z_$][A-Za-z0-9_$]*', key) else literal(key)}: ", node)


def default_of(field: Field, expressions: Expressions) -> Node | None:
    """The default of a field in its constructor."""
    return None if field.default is None else expressions.node(field.default)


def comment(text: str, *, indent: int = 0, default: str = "", tags: Iterable[str] = ()) -> str:
    """A documentation comment with its indentation; empty if there is nothing to say."""
    margin = " " * indent
    words = " ".join((text or default).split()).replace("*/", "* /")
    lines = [line for line in (words, *tags) if line]
    if not lines:
        return ""
    if len(lines) == 1 and not tags:
        return f"{margin}/** {lines[0]} */"
    if words and tags:
        lines.insert(1, "")
    body = "".join(f"{margin} * {line}".rstrip() + "\n" for line in lines)
    return f"{margin}/**\n{body}{margin} */"
