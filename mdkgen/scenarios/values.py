"""What a scenario writes as values: made whole to be given, compared as far as they go, and shown."""

from __future__ import annotations

import json
from typing import Any

from mdkgen.model import Arithmetic, ConstRef, Construct, Expr, ListValue, MapValue, ParamRef, Scalar, Value
from mdkgen.vectors.values import Scope, Struct, Values, is_list


def whole(values: Values, expr: Expr, scope: Scope) -> Any:
    """A value to be given: what a record requires and the scenario leaves out is made up."""
    match expr:
        case Construct(type_, fields):
            return completed(values, type_.name, {name: whole(values, one, scope) for name, one in fields})
        case ListValue(items):
            return [whole(values, one, scope) for one in items]
        case MapValue(items):
            return {key: whole(values, one, scope) for key, one in items}
        case _:
            return values.worth(expr, scope)


def completed(values: Values, name: str, given: dict[str, Any]) -> Struct:
    """A record or message of which only some fields are given."""
    required = [one for one in values.structs[name].fields if one.presence == "required" and one.name not in given]
    made_up = {one.name: values.example(one.type, 1) for one in required}
    return values.completed(name, {**made_up, **given})


def fits(values: Values, expr: Expr, value: Any, scope: Scope) -> bool:
    """Whether a value is what the scenario says: a record's other fields may be anything."""
    match expr:
        case Construct(_, fields):
            given = value.fields if isinstance(value, Struct) else value
            return isinstance(given, dict) and all(
                name in given and fits(values, one, given[name], scope) for name, one in fields
            )
        case ListValue(items):
            return (
                is_list(value)
                and len(value) == len(items)
                and all(fits(values, one, item, scope) for one, item in zip(items, value, strict=True))
            )
        case MapValue(items):
            return isinstance(value, dict) and all(
                key in value and fits(values, one, value[key], scope) for key, one in items
            )
        case _:
            return bool(values.worth(expr, scope) == value)


_json = json.JSONEncoder(ensure_ascii=False).encode


def shown(expr: Expr) -> str:
    """An expression as a spec writes it."""
    match expr:
        case Value(value, Scalar("seconds")) if isinstance(value, int | float):
            return seconds(value)
        case Value(value):
            return _json(value)
        case Construct(_, fields) | MapValue(fields):
            return "{" + fields_shown(fields) + "}"
        case ListValue(items):
            return "[" + ", ".join(shown(one) for one in items) + "]"
        case ConstRef(name) | ParamRef(_, name):
            return name
        case Arithmetic(operator, left, right):
            return f"{shown(left)} {operator} {shown(right)}"
        case _:
            raise AssertionError(expr)


def fields_shown(fields: tuple[tuple[str, Expr], ...]) -> str:
    """`a = 1, b = "x"`."""
    return ", ".join(f"{name} = {shown(one)}" for name, one in fields)


def seconds(value: float) -> str:
    """`500ms`, `10s`."""
    return f"{value:g}s" if value >= 1 else f"{value * 1000:g}ms"


def value_shown(values: Values, value: Any) -> str:
    """A value that came, shortly: of a record what is not its default."""
    if isinstance(value, Struct):
        declared = {one.name: one for one in values.structs[value.type].fields}
        said = {
            name: one
            for name, one in value.fields.items()
            if declared[name].default is None or values.default(declared[name]) != one
        }
        return "{" + ", ".join(f"{name} = {value_shown(values, one)}" for name, one in said.items()) + "}"
    if is_list(value):
        return "[" + ", ".join(value_shown(values, one) for one in value) + "]"
    return _json(value)
