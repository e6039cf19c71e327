"""`vectors.json`: for each implementation of the spec, whatever language it is in."""

from __future__ import annotations

import json
from typing import Any

from mdkgen.model import Spec
from mdkgen.vectors.conversations import Conversations
from mdkgen.vectors.values import Values
from mdkgen.vectors.wire import WireVectors

FORMAT = 1
"""Counts the changes of this form that a reader would notice."""


def render(spec: Spec) -> dict[str, str]:
    """The one file, an entry a line; nothing for a spec without messages."""
    if not spec.messages:
        return {}
    values = Values(spec)
    wire = WireVectors(values)
    conversations: list[Any] = []
    for protocol in spec.protocols:
        for role in (protocol.connector, protocol.acceptor):
            for one in Conversations(values, protocol, role).all():
                place = {"name": one.name, "protocol": protocol.name, "role": role}
                conversations.append({**place, "hooks": one.hooks, "steps": one.steps})
    parts = {
        "format": str(FORMAT),
        "namespace": json.dumps(spec.namespace),
        "tag": json.dumps(values.tag),
        "good": _lines(wire.good()),
        "bad": _lines(wire.bad()),
        "conversations": _lines(conversations),
    }
    body = ",\n".join(f'"{key}": {text}' for key, text in parts.items())
    return {"vectors.json": f"{{\n{body}\n}}\n"}


def _lines(entries: Any) -> str:
    return "[\n" + ",\n".join(json.dumps(one, allow_nan=False) for one in entries) + "\n]"
