"""Values of a spec: examples of every type, defaults, and what expressions are worth."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

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
    Message,
    Named,
    Not,
    Nullable,
    ParamRef,
    Record,
    Scalar,
    Spec,
    Type,
    Value,
)

_PLAIN: Mapping[str, type | tuple[type, ...]] = {
    "bool": bool,
    "string": str,
    "int": int,
    "float": (int, float),
    "seconds": (int, float),
}
"""What JSON's values are in Python."""
DEPTH_MAX = 4
"""Records inside one another in an example; a record may hold itself."""

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
    "*": operator.mul, "/": lambda a, b: a / b,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Struct:
    """A record or message; what is absent is not among its fields. Keys are the spec's names."""

    type: str
    fields: Mapping[str, Any]

    def with_field(self, name: str, value: Any) -> Struct:
        """A copy with one field given."""
        return Struct(self.type, {**self.fields, name: value})


@dataclass(slots=True)
class Scope:
    """What expressions read."""

    hooks: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What each hook answers."""
    params: Mapping[str, float] = field(default_factory=dict[str, float])
    flags: Mapping[str, bool] = field(default_factory=dict[str, bool])


class Values:
    """Values of one spec."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.tag = spec.protocols[0].tag if spec.protocols else "type"
        structs: list[Record | Message] = [*spec.records, *spec.messages]
        self.structs = {one.name: one for one in structs}
        self.messages = {one.name: one for one in spec.messages}
        self._enums = {one.name: one for one in spec.enums}
        self._newtypes = {one.name: one for one in spec.newtypes}
        self._consts = {one.name: one for one in spec.consts}
        self._defaults: dict[tuple[str, str], Any] = {}
        self.known: dict[object, Any] = {}
        """What others work out once for the spec, each under a key of its own."""

    def example(self, type_: Type, variant: int = 0, depth: int = 0) -> Any:
        """A value of a type: variant 0 has everything, 1 nothing that may be left out, more differ in content."""
        match type_:
            case Scalar(name):
                return self._scalar(name, variant)
            case Named(name, "enum"):
                members = self._enums[name].members
                return members[variant % len(members)].value
            case Named(name, "newtype"):
                newtype = self._newtypes[name]
                plain = self._scalar(newtype.base.name, variant)
                if newtype.minimum is not None:
                    plain = max(plain, newtype.minimum)
                return plain if newtype.maximum is None else min(plain, newtype.maximum)
            case Named(name):
                return self.struct(name, variant, depth)
            case ListOf(item):
                return [] if variant == 1 or depth > DEPTH_MAX else [self.example(item, n, depth + 1) for n in (0, 2)]
            case MapOf(value):
                return {} if variant == 1 or depth > DEPTH_MAX else {"a key": self.example(value, variant, depth + 1)}
            case Nullable(base):
                return None if variant == 1 or depth > DEPTH_MAX else self.example(base, variant, depth)

    def struct(self, name: str, variant: int = 0, depth: int = 0) -> Struct:
        """A record or message; without what may be left out in variant 1."""
        fields: dict[str, Any] = {}
        for one in self.structs[name].fields:
            if one.presence == "required" or (variant != 1 and depth <= DEPTH_MAX):
                fields[one.name] = self.example(one.type, variant, depth + 1)
        return self.completed(name, fields)

    def completed(self, name: str, given: Mapping[str, Any]) -> Struct:
        """A struct with the defaults of what is not given."""
        fields: dict[str, Any] = {}
        for one in self.structs[name].fields:
            if one.name in given:
                fields[one.name] = given[one.name]
            elif one.default is not None:
                key = (name, one.name)
                if key not in self._defaults:
                    self._defaults[key] = self.default(one)
                fields[one.name] = self._defaults[key]
        return Struct(name, fields)

    def default(self, one: Field) -> Any:
        """The default of a field."""
        assert one.default is not None, "asked for fields that have one"
        value = self.worth(one.default, Scope())
        return self.typed(one.type, value)

    def typed(self, type_: Type, value: Any) -> Any:
        """A plain object given for a record becomes one."""
        if isinstance(type_, Named) and type_.kind in ("record", "message") and _is_object(value):
            return self.completed(type_.name, value)
        return value

    def wire(self, value: Any) -> Any:
        """A value as JSON: the keys of the wire, and the type's name in messages."""
        if isinstance(value, Struct):
            declared = self.structs[value.type]
            head = {self.tag: declared.wire} if isinstance(declared, Message) else {}
            return head | {f.wire: self.wire(value.fields[f.name]) for f in declared.fields if f.name in value.fields}
        if is_list(value):
            return [self.wire(one) for one in value]
        if _is_object(value):
            return {key: self.wire(one) for key, one in value.items()}
        return value

    def read(self, type_: Type, plain: Any) -> Any:
        """What JSON is as a value of a type; ValueError if it is none."""
        match type_:
            case Nullable(base):
                return None if plain is None else self.read(base, plain)
            case ListOf(item) if is_list(plain):
                return [self.read(item, one) for one in plain]
            case MapOf(item) if _is_object(plain):
                return {key: self.read(item, one) for key, one in plain.items()}
            case Named(name, "record" | "message") if _is_object(plain):
                return self.given(name, plain)
            case Named(name, "newtype"):
                return self.read(self._newtypes[name].base, plain)
            case Named(_, "enum") if isinstance(plain, str):
                return plain
            case Scalar(name) if name == "any" or (
                isinstance(plain, _PLAIN[name]) and isinstance(plain, bool) == (name == "bool")
            ):
                return plain
            case _:
                raise ValueError(f"{plain!r} is not of its type")

    def given(self, name: str, plain: Mapping[str, Any]) -> Struct:
        """A struct from JSON with some of its keys; ValueError if one is none, or has a value that is not of its type."""
        keys = {one.wire: one for one in self.structs[name].fields}
        fields: dict[str, Any] = {}
        for key, value in plain.items():
            if key not in keys:
                raise ValueError(f"{name} has no key {key!r}; it has: {', '.join(keys)}")
            try:
                fields[keys[key].name] = self.read(keys[key].type, value)
            except ValueError as error:
                raise ValueError(f"{name}.{key}: {error}") from None
        made = self.struct(name)
        return Struct(name, {**made.fields, **fields})

    def worth(self, expr: Expr, scope: Scope, part: str = "", names: Mapping[str, Any] | None = None) -> Any:
        """What an expression is worth."""

        def of(one: Expr) -> Any:
            return self.worth(one, scope, part, names)

        match expr:
            case Value(value):
                return value
            case ConstRef(name):
                return self._consts[name].value.value
            case ParamRef(_, name):
                return scope.params[name]
            case ArgRef(name, path):
                found = (names or {}).get(name)
                for step in path:
                    found = found.fields.get(step) if isinstance(found, Struct) else None
                return found
            case FlagRef(name):
                return scope.flags[f"{part}.{name}"]
            case HookCall(hook, args):
                _ = [of(one) for one in args]
                return scope.hooks[hook]
            case Construct(type_, fields):
                return self._construct(type_.name, {name: of(value) for name, value in fields}, fields)
            case ListValue(items):
                return [of(one) for one in items]
            case MapValue(items):
                return {key: of(one) for key, one in items}
            case Arithmetic(symbol, left, right) | Compare(symbol, left, right):
                return _OPERATORS[symbol](of(left), of(right))
            case Not(operand):
                return not of(operand)
            case And(operands):
                return all(of(one) for one in operands)

    def _construct(self, name: str, worth: Mapping[str, Any], fields: tuple[tuple[str, Expr], ...]) -> Struct:
        """Optional fields that are given what is absent stay absent."""
        absent = {one for one, expr in fields if isinstance(expr, ArgRef) and expr.optional and worth[one] is None}
        return self.completed(name, {one: value for one, value in worth.items() if one not in absent})

    def _scalar(self, name: str, variant: int) -> Any:
        match name:
            case "bool":
                return variant != 1
            case "string":
                return ("text", "", 'ž"\\\n🐎')[variant % 3]
            case "int":
                return (1, 0, 2**53 - 1)[variant % 3]
            case "float" | "seconds":
                return (1.5, 0.0, 30.0)[variant % 3]
            case _:
                return ({"a": [1, None, "x"]}, None, 0.25)[variant % 3]


def is_list(value: object) -> TypeGuard[list[Any]]:
    """A list, of whatever."""
    return isinstance(value, list)


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
