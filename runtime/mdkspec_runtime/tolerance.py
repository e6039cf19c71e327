"""What others write, brought into the form that the typed decoder takes.

Peers of other making write null for what is absent, 42.0 for an integer, NaN, and half of a surrogate pair.
A `Normalizer` walks a parsed JSON value along its type and puts that right; what is still wrong afterwards is
the typed decoder's to refuse. The walkers are built from `msgspec.inspect` when first needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias, TypeGuard, cast

import msgspec
from msgspec import inspect

Walker: TypeAlias = Callable[[Any, str], Any]
"""Takes a value and its JSON path, answers the value to use."""


class NotANumberError(ValueError):
    """NaN or an infinity stands where the type wants a number; the text names the JSON path."""


class Normalizer:
    """Walks values along types; keeps what it learnt of each type."""

    def __init__(self) -> None:
        self._structs: dict[type, Walker] = {}

    def struct(self, type_: type[msgspec.Struct]) -> Walker:
        """The walker of a record or message."""
        found = self._structs.get(type_)
        if found is None:
            info = inspect.type_info(type_)
            assert isinstance(info, inspect.StructType)
            found = self._struct(info)
        return found

    def _walker(self, type_: inspect.Type) -> Walker:
        match type_:
            case inspect.StructType(cls=cls):
                return self._structs.get(cls) or self._struct(type_)
            case inspect.ListType(item_type=item):
                return _list_walker(self._walker(item))
            case inspect.DictType(value_type=item):
                return _map_walker(self._walker(item))
            case inspect.UnionType(types=types):
                return _nullable_walker(
                    self._walker(next(one for one in types if not isinstance(one, inspect.NoneType)))
                )
            case inspect.IntType():
                return _integer
            case inspect.FloatType():
                return _number
            case _:
                return _plain

    def _struct(self, info: inspect.StructType) -> Walker:
        fields: dict[str, tuple[Walker, bool]] = {}

        def walk(value: Any, path: str) -> Any:
            if not isinstance(value, dict):
                return value
            given = cast("dict[str, Any]", value)
            result: dict[str, Any] = {}
            for key, item in given.items():
                known = fields.get(key)
                if known is None:
                    if key == info.tag_field:
                        result[key] = item
                elif item is not None or not known[1]:
                    result[key] = known[0](item, f"{path}.{key}")
            return result

        self._structs[info.cls] = walk  # before its fields: a record may hold records of its own kind
        for field in info.fields:
            fields[field.encode_name] = (self._walker(field.type), not field.required and not _takes_null(field.type))
        return walk


def plain_json(value: Any) -> Any:
    """A JSON value without NaN and infinities (they become None) and without lone surrogates (U+FFFD)."""
    kind: object = value.__class__
    if kind is str:
        return value if value.isascii() else mended(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is dict:
        return {mended(key): plain_json(item) for key, item in value.items()}
    if kind is list:
        return [plain_json(item) for item in value]
    return value


def mended(text: str) -> str:
    """The text with U+FFFD for every lone surrogate, so that whatever was read can be written."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _takes_null(type_: inspect.Type) -> bool:
    if isinstance(type_, inspect.UnionType):
        return type_.includes_none
    return isinstance(type_, inspect.AnyType | inspect.NoneType)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _list_walker(item: Walker) -> Walker:
    def walk(value: Any, path: str) -> Any:
        if not _is_list(value):
            return value
        return [item(one, f"{path}[{place}]") for place, one in enumerate(value)]

    return walk


def _map_walker(item: Walker) -> Walker:
    def walk(value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return value
        given = cast("dict[str, Any]", value)
        return {mended(key): item(one, f"{path}.{mended(key)}") for key, one in given.items()}

    return walk


def _nullable_walker(base: Walker) -> Walker:
    def walk(value: Any, path: str) -> Any:
        return None if value is None else base(value, path)

    return walk


def _integer(value: Any, path: str) -> Any:
    if type(value) is float:
        if not math.isfinite(value):
            raise NotANumberError(f"{value!r} is not an integer - at `${path}`")
        if value.is_integer():
            return int(value)
    return value


def _number(value: Any, path: str) -> Any:
    if type(value) is float and not math.isfinite(value):
        raise NotANumberError(f"{value!r} is not a number - at `${path}`")
    return value


def _plain(value: Any, path: str) -> Any:
    return plain_json(value)
