"""Wire vectors: frames and the messages that they are, in every form that must be read, and frames that are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mdkgen.model import Field, ListOf, MapOf, Message, Named, Newtype, Nullable, Scalar, Type
from mdkgen.vectors.values import Struct, Values


class WireVectors:
    """Vectors for every message of a spec."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.tag = values.tag
        self._enums = {one.name: one for one in values.spec.enums}
        self._newtypes = {one.name: one for one in values.spec.newtypes}

    def good(self) -> Iterator[dict[str, Any]]:
        """`frame` is read as a message of the type `message`, which is written as `value`."""
        for message in self.values.spec.messages:
            full = self.values.struct(message.name)
            for variant, name in ((0, "with everything"), (1, "with what it must have"), (2, "with other values")):
                value = self.values.wire(self.values.struct(message.name, variant))
                yield self._vector(message, name, value, value)
            plain = self.values.wire(full)
            for alias in message.also:
                yield {**self._vector(message, f"as {alias}", {**plain, self.tag: alias}, plain), "alias": alias}
            yield self._vector(message, "with a key that nobody knows", {**plain, "$class": "x", "": [{}]}, plain)
            yield self._vector(
                message, "with its type last", {**_without(plain, self.tag), self.tag: message.wire}, plain
            )
            for field in message.fields:
                yield from self._forms(message, field, full, plain)

    def bad(self) -> Iterator[dict[str, Any]]:
        """`frame` is no message, for the reason `offence`."""
        for name, frame in (
            ("nothing", ""), ("half an object", '{"'), ("two values", "{} {}"), ("a list", "[]"), ("a string", '"x"'),
            ("a number", "1"), ("null", "null"), ("an object without a type", "{}"), ("deep", "[" * 100_000),
            ("a type that is no string", f'{{"{self.tag}":1}}'), ("a type that is null", f'{{"{self.tag}":null}}'),
        ):  # fmt: skip
            yield {
                "name": name,
                "frame": frame if len(frame) < 1000 else {"repeat": "[", "times": len(frame)},
                "offence": "malformed",
            }
        for name, of in (("a type that nobody knows", "no such message"), ("a type with another case", "NO SUCH")):
            yield {"name": name, "frame": f'{{"{self.tag}":"{of}"}}', "offence": "unknown"}
        for message in self.values.spec.messages:
            plain = self.values.wire(self.values.struct(message.name))
            for field in message.fields:
                yield from self._wrong(message, field, plain)

    def _vector(self, message: Message, name: str, frame: Any, value: Any) -> dict[str, Any]:
        text = frame if isinstance(frame, str) else json.dumps(frame, ensure_ascii=False)
        return {"name": f"{message.name} {name}", "frame": text, "message": message.name, "value": value}

    def _forms(self, message: Message, field: Field, full: Struct, plain: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """What a peer of other making writes for one field."""
        rest = {name: value for name, value in full.fields.items() if name != field.name}
        without: Any = (
            self.values.wire(self.values.completed(message.name, rest)) if field.presence != "required" else {}
        )
        if field.presence != "required":
            yield self._vector(message, f"without {field.wire}", _without(plain, field.wire), without)
            if not self._takes_null(field.type):
                yield self._vector(message, f"with null for {field.wire}", {**plain, field.wire: None}, without)
        base = self._base(field.type)
        if base == Scalar("int"):
            text = json.dumps({**plain, field.wire: 42.0}, ensure_ascii=False)
            yield self._vector(message, f"with 42.0 for {field.wire}", text, {**plain, field.wire: 42})
        if base in (Scalar("float"), Scalar("seconds")):
            yield self._vector(
                message, f"with 42 for {field.wire}", {**plain, field.wire: 42}, {**plain, field.wire: 42}
            )
        if base == Scalar("string"):
            text = json.dumps({**plain, field.wire: "half \ud83d"})
            yield self._vector(
                message, f"with half a character in {field.wire}", text, {**plain, field.wire: "half \ufffd"}
            )
        if isinstance(base, Named) and base.kind == "enum" and self._enums[base.name].open:
            yield self._vector(
                message,
                f"with a new value for {field.wire}",
                {**plain, field.wire: "NEW"},
                {**plain, field.wire: "NEW"},
            )
        if isinstance(base, ListOf) and isinstance(base.item, Named) and base.item.kind == "message":
            items = [_without(one, self.tag) for one in plain[field.wire]]
            yield self._vector(message, f"with no types in {field.wire}", {**plain, field.wire: items}, plain)
        if base in (Scalar("any"), MapOf(Scalar("any"))):
            odd = {"nan": float("nan"), "much": float("inf"), "__proto__": {"x": [-0.0]}}
            value = {"nan": None, "much": None, "__proto__": {"x": [0]}}
            yield self._vector(
                message, f"with NaN in {field.wire}", {**plain, field.wire: odd}, {**plain, field.wire: value}
            )

    def _wrong(self, message: Message, field: Field, plain: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """One field that does not fit."""
        if field.presence == "required":
            yield self._bad(message, f"without {field.wire}", _without(plain, field.wire))
            if not self._takes_null(field.type):
                yield self._bad(message, f"with null for {field.wire}", {**plain, field.wire: None})
        for wrong in self._misfits(field.type):
            shown = json.dumps(wrong)
            yield self._bad(message, f"with {shown} for {field.wire}", {**plain, field.wire: wrong})

    def _bad(self, message: Message, name: str, frame: Any) -> dict[str, Any]:
        return {"name": f"{message.name} {name}", "frame": json.dumps(frame), "offence": "malformed"}

    def _misfits(self, type_: Type) -> list[Any]:
        match type_:
            case Scalar(name):
                misfits: dict[str, list[Any]] = {
                    "bool": [1, "true"], "string": [1, [], True], "int": ["1", 1.5, True, float("nan")],
                    "float": ["1", True, float("nan")], "seconds": ["1", True, float("inf")], "any": [],
                }  # fmt: skip
                return misfits[name]
            case Named(name, "enum"):
                return [1] if self._enums[name].open else [1, "no such value"]
            case Named(name, "newtype"):
                return [*self._misfits(self._newtypes[name].base), *_outside(self._newtypes[name])]
            case Named(name, "message"):
                return ["x", [], {**self.values.wire(self.values.struct(name)), self.tag: "another"}]
            case Named():
                return ["x", [], 1]
            case ListOf(item):
                return [{}, "x", *([one] for one in self._misfits(item))]
            case MapOf(value):
                return [[], "x", *({"k": one} for one in self._misfits(value))]
            case Nullable(base):
                return self._misfits(base)

    def _base(self, type_: Type) -> Type:
        if isinstance(type_, Named) and type_.kind == "newtype":
            newtype = self._newtypes[type_.name]
            return newtype.base if newtype.maximum is None else type_
        return type_

    def _takes_null(self, type_: Type) -> bool:
        return isinstance(type_, Nullable) or type_ == Scalar("any")


def _outside(newtype: Newtype) -> list[Any]:
    below = [] if newtype.minimum is None else [newtype.minimum - 1]
    return below if newtype.maximum is None else [*below, newtype.maximum + 1]


def _without(value: dict[str, Any], key: str) -> dict[str, Any]:
    return {one: item for one, item in value.items() if one != key}
