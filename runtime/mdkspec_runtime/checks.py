"""What may not be written, found before it is.

The encoder writes NaN as null, bytes as base64 and a number beyond its bounds without a word. A `Check` looks only
where a type can hold such a thing: types without floats, bounds and `any` values have none, and an empty map costs
one test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import msgspec
from msgspec import inspect

Check: TypeAlias = Callable[[Any], str | None]
"""Answers None, or where and why a value cannot be written: `.node.ttl: nan is not a number in JSON`."""

NESTING_MAX = 200
"""Lists and maps inside one another in an `any`, read and written: what one process can take, every other one can."""

_SCALARS: frozenset[object] = frozenset({str, int, bool, type(None)})
_NESTS: frozenset[object] = frozenset({dict, list, tuple})


class Checks:
    """The checks of all types, made when first needed.

    Args:
        numbers: False for what was read: of its numbers all is seen to, how deep it goes is not.
    """

    def __init__(self, *, numbers: bool = True) -> None:
        self._numbers = numbers
        self._structs: dict[type, Check | None] = {}

    def struct(self, type_: type[msgspec.Struct]) -> Check | None:
        """The check of a record or message; None if nothing can be wrong with it."""
        if type_ not in self._structs:
            info = inspect.type_info(type_)
            assert isinstance(info, inspect.StructType)
            self._structs[type_] = self._struct(info)
        return self._structs[type_]

    def _check(self, type_: inspect.Type) -> Check | None:
        match type_:
            case inspect.AnyType():
                return check_any
            case inspect.FloatType() | inspect.IntType() if not self._numbers:
                return None
            case inspect.FloatType(ge=ge, le=le):
                return _check_float if ge is le is None else _bounds_check(ge, le, _check_float)
            case inspect.IntType(ge=ge, le=le):
                return None if ge is le is None else _bounds_check(ge, le, None)
            case inspect.StructType(cls=cls):
                return self._structs[cls] if cls in self._structs else self._struct(type_)
            case inspect.ListType(item_type=item):
                inner = self._check(item)
                return None if inner is None else _each_check(inner, enumerate, "[{}]".format)
            case inspect.DictType(value_type=inspect.AnyType()):
                return check_any
            case inspect.DictType(value_type=item):
                inner = self._check(item)
                return None if inner is None else _each_check(inner, dict[str, Any].items, ".{}".format)
            case inspect.UnionType(types=types):
                checks = [self._check(one) for one in types]
                return next((one for one in checks if one is not None), None)
            case _:
                return None

    def _struct(self, info: inspect.StructType) -> Check | None:
        fields: list[tuple[str, str, Check]] = []
        never_zero: list[tuple[str, str, Check]] = []
        cls = info.cls

        def check(value: Any) -> str | None:
            if not isinstance(value, cls):
                return f": {value.__class__.__name__} is no {cls.__name__}"
            for name, wire, inner in fields:
                item = getattr(value, name)
                if item:  # neither absent nor null nor empty; 0 is fine too
                    problem = inner(item)
                    if problem is not None:
                        return f".{wire}{problem}"
            for name, wire, inner in never_zero:
                if getattr(value, name) == 0:
                    return f".{wire}{inner(0)}"
            return None

        self._structs[info.cls] = check  # before its fields: a record may hold records of its own kind
        for field in info.fields:
            inner = self._check(field.type)
            if inner is not None:
                fields.append((field.name, field.encode_name, inner))
                if _is_number(field.type) and inner(0):
                    never_zero.append(fields[-1])
        if not fields:
            self._structs[info.cls] = None
        return self._structs[info.cls]


def check_any(value: Any, levels: int = NESTING_MAX) -> str | None:
    """Whether a value is JSON through and through. Tuples count as lists.

    Raises:
        RecursionError: It is nested deeper than so many levels.
    """
    kind: object = value.__class__
    if kind in _SCALARS:
        return None
    if levels == 0 and kind in _NESTS:
        raise RecursionError
    if kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                return f": {key!r} is not a string, as JSON wants for a key"
            if type(item) not in _SCALARS:
                problem = check_any(item, levels - 1)
                if problem is not None:
                    return f".{key}{problem}"
        return None
    if kind is list or kind is tuple:
        return _check_items(value, levels - 1)
    if kind is float:
        return _check_float(value)
    if isinstance(value, str):
        return None
    return f": {value.__class__.__name__} is not a type of JSON"


def _check_items(value: list[Any] | tuple[Any, ...], levels: int) -> str | None:
    for place, item in enumerate(value):
        if type(item) not in _SCALARS:
            problem = check_any(item, levels)
            if problem is not None:
                return f"[{place}]{problem}"
    return None


def _check_float(value: Any) -> str | None:
    return None if math.isfinite(value) else f": {value!r} is not a number in JSON"


def _bounds_check(least: float | None, most: float | None, inner: Check | None) -> Check:
    def check(value: Any) -> str | None:
        if least is not None and value < least:
            return f": expected at least {least!r}"
        if most is not None and value > most:
            return f": expected at most {most!r}"
        return None if inner is None else inner(value)

    return check


def _is_number(type_: inspect.Type) -> bool:
    """Of a field; one that may be null or absent, too."""
    if isinstance(type_, inspect.UnionType):
        return any(_is_number(one) for one in type_.types)
    return isinstance(type_, inspect.IntType | inspect.FloatType)


def _each_check(inner: Check, places: Callable[[Any], Iterable[tuple[Any, Any]]], shown: Callable[[Any], str]) -> Check:
    """Of a list or map: `places` answers where each of its items stands."""

    def check(value: Any) -> str | None:
        for place, item in places(value):
            if item is not None:
                problem = inner(item)
                if problem is not None:
                    return f"{shown(place)}{problem}"
        return None

    return check
