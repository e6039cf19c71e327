"""Hypothesis strategies for every record and message."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mdkgen.model import (
    Argument,
    Enum,
    Field,
    ListOf,
    MapOf,
    Message,
    Named,
    Newtype,
    Nullable,
    Record,
    Scalar,
    Spec,
    Type,
)
from mdkgen.model_walk import structs_of
from mdkgen.pretty import Labelled, Node, call, layout, list_of
from mdkgen.python import import_from, import_groups, own_imports

SCALARS = {
    "bool": "st.booleans()",
    "string": "texts()",
    "int": "integers()",
    "float": "numbers()",
    "seconds": "numbers()",
    "any": "json_values()",
}
"""Strategies of mdkspec_runtime.testing.strategies: JSON's values, within what every reader can hold."""


def strategy_functions(writer: StrategyWriter) -> list[tuple[str, str, str]]:
    """A function for each record and message: name, type and body."""
    spec = writer.spec
    structs: tuple[Record | Message, ...] = (*spec.records, *spec.messages)
    functions = [writer.function(one) for one in structs]
    if spec.messages:
        functions.append(writer.any_message())
    return functions


class StrategyWriter:
    """Writes strategies, and notes what they import."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.newtypes = {one.name: one for one in spec.newtypes}
        self.enums = {one.name: one for one in spec.enums}
        self._inside = _inside(spec)
        self._writing = ""
        self.used: set[str] = set()
        self.helpers: set[str] = set()
        """Of mdkspec_runtime.testing.strategies."""

    def function(self, one: Record | Message) -> tuple[str, str, str]:
        """Name, type and body."""
        self.used.add(one.name)
        self._writing = one.name
        body = call("st.builds", one.name, *(Labelled(f"{field.name}=", self._field(field)) for field in one.fields))
        self._writing = ""
        return _name(one.name), one.name, layout(body, indent=4, used=11)

    def any_message(self) -> tuple[str, str, str]:
        """The union of all."""
        self.used.add("AnyMessage")
        body = call("st.one_of", *(f"{_name(one.name)}()" for one in self.spec.messages))
        return "any_message", "AnyMessage", layout(body, indent=4, used=11)

    def imports(self, *others: str, class_variables: bool) -> str:
        """Of all that was written, and others of the package and the runtime."""
        unset = "from msgspec import UNSET" if "UNSET" in self.used else ""
        helpers = import_from("mdkspec_runtime.testing.strategies", self.helpers)
        scenarios = "from mdkspec_runtime.testing import scenarios as replays" if self.spec.scenarios else ""
        messages = import_from(f"{self.spec.namespace}.messages", self.used - {"UNSET"})
        ours = own_imports([scenarios, helpers, messages, *others])
        standard = ["from typing import ClassVar"] if class_variables else []
        return import_groups([standard, ["from hypothesis import strategies as st", unset], [ours]])

    def function_name(self, type_name: str) -> str:
        """Of a record or message."""
        return _name(type_name)

    def argument(self, argument: Argument) -> Node:
        """What a call is given."""
        return self._maybe(argument.type, optional=argument.optional)

    def _field(self, field: Field) -> Node:
        return self._maybe(field.type, optional=field.presence == "optional")

    def _maybe(self, type_: Type, *, optional: bool) -> Node:
        node = self.type(type_)
        if not optional:
            return node
        self.used.add("UNSET")
        return call("st.one_of", "st.just(UNSET)", node)

    def type(self, type_: Type) -> Node:
        """Any value of a type."""
        match type_:
            case Scalar(name):
                return self._helper(SCALARS[name])
            case ListOf(item):
                return call("st.lists", self.type(item), "max_size=3")
            case MapOf(value):
                return call("st.dictionaries", self._helper("texts()"), self.type(value), "max_size=3")
            case Nullable(base):
                return call("st.one_of", "st.none()", self.type(base))
            case Named(name, "enum"):
                return self._enum(self.enums[name])
            case Named(name, "newtype"):
                return self._newtype(self.newtypes[name])
            case Named(name) if self._writing in self._inside.get(name, ()):
                return f"st.deferred({_name(name)})"  # it may hold what is being written: asked for when it is drawn
            case Named(name):
                return f"{_name(name)}()"

    def _enum(self, enum: Enum) -> Node:
        self.used.add(enum.name)
        return call("st.sampled_from", list_of(*(f"{enum.name}.{member.name}" for member in enum.members)))

    def _newtype(self, newtype: Newtype) -> Node:
        plain = SCALARS[newtype.base.name]
        bounds = [
            f"{k}={v!r}" for k, v in (("at_least", newtype.minimum), ("at_most", newtype.maximum)) if v is not None
        ]
        return self._helper(plain.removesuffix(")") + ", ".join(bounds) + ")")

    def _helper(self, text: str) -> str:
        if not text.startswith("st."):
            self.helpers.add(text.partition("(")[0])
        return text


def _inside(spec: Spec) -> dict[str, set[str]]:
    """By record or message, all that it may hold, at any depth."""
    held = {one.name: {name for field in one.fields for name in _named(field.type)} for one in structs_of(spec)}
    for name in held:
        todo = [*held[name]]
        while todo:
            new = held.get(todo.pop(), set[str]()) - held[name]
            held[name] |= new
            todo += new
    return held


def _named(type_: Type) -> Iterator[str]:
    match type_:
        case ListOf(inner) | MapOf(inner) | Nullable(inner):
            yield from _named(inner)
        case Named(name):
            yield name
        case Scalar():
            pass


def _name(type_name: str) -> str:
    return "any_" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type_name).lower()
