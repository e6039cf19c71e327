"""TypeScript types of a protocol's messages: how they look as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from mdkgen.model import ListOf, MapOf, Message, Named, Nullable, Record, Scalar, Type
from mdkgen.plugins import Emitter, Job

SCALARS = {
    "bool": "boolean",
    "string": "string",
    "int": "number",
    "float": "number",
    "seconds": "number",
    "any": "unknown",
}


def emit(job: Job) -> dict[str, str]:
    """One file with everything that goes over the wire."""
    spec = job.spec
    readonly = "readonly " if job.options.get("readonly") else ""
    tag = spec.protocols[0].tag if spec.protocols else "type"
    declared: list[Record | Message] = [*spec.records, *spec.messages]
    structs = [(one.name, one.doc, _lines(one, tag, readonly)) for one in declared]
    enums = [(one.name, one.doc, _union(one.open, [member.value for member in one.members])) for one in spec.enums]
    newtypes = [(one.name, one.doc, _type(one.base)) for one in spec.newtypes]
    text = job.render(
        "typescript/messages.ts.j2", namespace=spec.namespace, aliases=[*newtypes, *enums], structs=structs
    )
    return {"typescript/messages.ts": text}


def _lines(one: Record | Message, tag: str, readonly: str) -> list[str]:
    head = [f"{readonly}{tag}: {json.dumps(one.wire)};"] if isinstance(one, Message) else []
    return head + [
        f"{readonly}{json.dumps(field.wire)}{'?' if field.presence == 'optional' else ''}: {_type(field.type)};"
        for field in one.fields
    ]


def _union(is_open: bool, values: list[str]) -> str:
    return " | ".join([*map(json.dumps, values), *(["(string & {})"] if is_open else [])])


def _type(type_: Type) -> str:
    match type_:
        case Scalar(name):
            return SCALARS[name]
        case Named(name):
            return name
        case ListOf(item):
            return f"Array<{_type(item)}>"
        case MapOf(value):
            return f"Record<string, {_type(value)}>"
        case Nullable(base):
            return f"{_type(base)} | null"


EMITTER = Emitter(emit, templates=Path(__file__).parent / "templates")
