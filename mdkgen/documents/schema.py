"""JSON Schema 2020-12 of what is written and of what is read: the two differ, as a reader forgives what a writer must not do."""

from __future__ import annotations

import json
from typing import Any

from mdkgen.documents.facts import Examples
from mdkgen.model import Enum, Field, ListOf, MapOf, Message, Named, Newtype, Nullable, Record, Scalar, Spec, Type
from mdkgen.output import made_from
from mdkgen.vectors.values import Values

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCALARS = {"bool": "boolean", "string": "string", "int": "integer", "float": "number", "seconds": "number"}

Schema = dict[str, Any]


class Schemas:
    """Schemas of one direction.

    Args:
        spec: Whose types.
        sending: What is written, else what is read.
        prefix: Of references: `#/$defs/` and the like.
    """

    def __init__(self, spec: Spec, *, sending: bool, prefix: str = "#/$defs/") -> None:
        self.spec = spec
        self.sending = sending
        self._prefix = prefix
        self.tag = spec.protocols[0].tag if spec.protocols else "type"
        self._values = Values(spec)
        self._examples = Examples(spec)

    def all(self) -> dict[str, Schema]:
        """A schema of every declared type, by name."""
        made = {one.name: self._newtype(one) for one in self.spec.newtypes}
        made |= {one.name: self._enum(one) for one in self.spec.enums}
        return (
            made
            | {one.name: self.struct(one) for one in self.spec.records}
            | {one.name: self.struct(one) for one in self.spec.messages}
        )

    def struct(self, one: Record | Message) -> Schema:
        """An object. A writer writes every field that has a default, and no others; a reader takes less, and more."""
        properties: dict[str, Schema] = {}
        required: list[str] = []
        if isinstance(one, Message):
            names = [one.wire] if self.sending else [one.wire, *one.also]
            properties[self.tag] = {"const": names[0]} if len(names) == 1 else {"enum": names}
            required += [self.tag] if self.sending else []  # inside another a message needs none when it is read
        for field in one.fields:
            properties[field.wire] = self._field(field)
            if field.presence == "required" or (self.sending and field.presence == "default"):
                required.append(field.wire)
        schema: Schema = {"type": "object", **_described(one.doc), "properties": properties, "required": required}
        if self.sending:
            schema["additionalProperties"] = False
        return schema | ({"examples": [self._examples.schema_example(one)]} if isinstance(one, Message) else {})

    def reference(self, name: str) -> Schema:
        """To a declared type."""
        return {"$ref": f"{self._prefix}{name}"}

    def _field(self, field: Field) -> Schema:
        schema = self._type(field.type)  # of a fixed one, too: who relays it writes what came
        if not self.sending and field.presence != "required" and not isinstance(field.type, Nullable) and schema:
            schema = {"anyOf": [schema, {"type": "null"}]}
        if field.default is not None and not self.sending:
            schema = {**schema, "default": self._values.wire(self._values.default(field))}
        secret = {"x-sensitive": True} if field.sensitive else {}
        return {**schema, **_described(field.doc), **secret}

    def _type(self, type_: Type) -> Schema:
        match type_:
            case Scalar(name):
                return {"type": SCALARS[name]} if name in SCALARS else {}
            case Named(name):
                return self.reference(name)
            case ListOf(item):
                return {"type": "array", "items": self._type(item)}
            case MapOf(value):
                return {"type": "object", "additionalProperties": self._type(value)}
            case Nullable(base):
                return {"anyOf": [self._type(base), {"type": "null"}]}

    def _newtype(self, one: Newtype) -> Schema:
        bounds = {
            key: value for key, value in (("minimum", one.minimum), ("maximum", one.maximum)) if value is not None
        }
        return {**self._type(one.base), **bounds, **_described(one.doc)}

    def _enum(self, one: Enum) -> Schema:
        values = [member.value for member in one.members]
        return ({"type": "string", "examples": values} if one.open else {"enum": values}) | _described(one.doc)


def _described(doc: str) -> Schema:
    return {"description": doc} if doc else {}


def render(spec: Spec) -> dict[str, str]:
    """`send.schema.json` and `receive.schema.json`: any message of the spec, written or read."""
    files: dict[str, str] = {}
    for sending in (True, False):
        schemas = Schemas(spec, sending=sending)
        kind = "send" if sending else "receive"
        whole = {
            "$schema": DIALECT,
            "$comment": made_from(spec.namespace),
            "title": f"{spec.namespace} {spec.version}: what is {'written' if sending else 'read'}",
            "anyOf": [{**schemas.reference(one.name), "required": [schemas.tag]} for one in spec.messages],
            "$defs": schemas.all(),
        }
        files[f"{kind}.schema.json"] = json.dumps(whole, indent=2) + "\n"
    return files
