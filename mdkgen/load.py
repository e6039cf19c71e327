"""A model read back from its JSON: `load(to_json(spec)) == spec`.

Fields that an older compiler did not write are empty; what a newer one wrote besides is left out.
"""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from mdkgen import model
from mdkgen.ir import FORMAT
from mdkgen.model import Spec


class LoadError(ValueError):
    """The text is not the JSON of a model."""

    def __init__(self, problem: str, place: str = "") -> None:
        self.problem = problem
        self.place = place
        """Where in the JSON, such as `.messages[0].fields`."""
        super().__init__(f"{place.removeprefix('.')}: {problem}" if place else problem)


def load(text: str) -> Spec:
    """The model; LoadError if it is none, or of another format."""
    try:
        plain: Any = json.loads(text)
    except ValueError as error:
        raise LoadError(f"not JSON: {error}") from error
    if _object(plain).get("format") != FORMAT:
        raise LoadError(f"not a model of format {FORMAT}, such as spec.json of a generated package")
    for name in ("namespace", "version", "messages", "protocols"):
        if name not in plain:
            raise LoadError(f"no model: it has no {name}")
    loaded = _value(plain, Spec)
    assert isinstance(loaded, Spec)
    return loaded


@cache
def _fields(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind, dict(vars(model)))
    return {one.name: hints[one.name] for one in dataclasses.fields(kind)}


def _value(plain: Any, wanted: Any) -> Any:
    """A plain value as the wanted type."""
    origin = get_origin(wanted)
    if origin in (Union, UnionType):
        return _one_of(plain, get_args(wanted))
    if origin is tuple:
        return _tuple(plain, get_args(wanted))
    if origin is Literal or not dataclasses.is_dataclass(wanted):
        return plain
    if not isinstance(plain, dict):
        raise LoadError(f"{plain!r} where a {getattr(wanted, '__name__', wanted)} is wanted")
    given = _object(plain)
    made: dict[str, Any] = {}
    for name, kind in _fields(_class(wanted)).items():
        try:
            made[name] = _value(given[name], kind) if name in given else _empty(kind)
        except LoadError as error:
            raise LoadError(error.problem, f".{name}{error.place}") from None
    return _class(wanted)(**made)


def _object(plain: Any) -> dict[str, Any]:
    """A JSON object; anything else has no fields."""
    return cast("dict[str, Any]", plain) if isinstance(plain, dict) else {}


def _class(wanted: Any) -> Any:
    """What is only known to be a dataclass."""
    return wanted


def _one_of(plain: Any, kinds: tuple[Any, ...]) -> Any:
    """Objects say which they are; one whose own `kind` stands in the way is known by its fields."""
    if not isinstance(plain, dict):
        tuples = [kind for kind in kinds if get_origin(kind) is tuple]
        return _tuple(plain, get_args(tuples[0])) if tuples and isinstance(plain, list) else plain
    classes = [kind for kind in kinds if dataclasses.is_dataclass(kind)]
    name = _object(plain).get("kind")
    said = [kind for kind in classes if _class(kind).__name__ == name]
    own = [kind for kind in classes if name in get_args(_fields(_class(kind)).get("kind"))]
    if not said and not own:
        raise LoadError(f"an object of kind {name!r} where none is known")
    return _value(plain, (said or own)[0])


def _tuple(plain: Any, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(plain, list):
        raise LoadError(f"{plain!r} where a list is wanted")
    items: list[Any] = _class(plain)
    if len(kinds) == 2 and kinds[1] is ...:
        return tuple(_item(one, kinds[0], place) for place, one in enumerate(items))
    if len(items) != len(kinds):
        raise LoadError(f"{len(items)} values where {len(kinds)} are wanted")
    return tuple(_value(one, kind) for one, kind in zip(items, kinds, strict=True))


def _item(plain: Any, kind: Any, place: int) -> Any:
    try:
        return _value(plain, kind)
    except LoadError as error:
        raise LoadError(error.problem, f"[{place}]{error.place}") from None


def _empty(kind: Any) -> Any:
    """The value of a field that was not written."""
    if type(None) in get_args(kind):
        return None
    if get_origin(kind) is tuple:
        return ()
    if kind in (bool, str):
        return kind()
    raise LoadError(f"a field of type {kind} is missing")
