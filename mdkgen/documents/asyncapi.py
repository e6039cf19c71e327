"""AsyncAPI 3.1, a document for each role: what it sends and takes, its machines under `x-mdkspec-machines`.

One document of both would say of neither side what it does: AsyncAPI describes one application.
"""

from __future__ import annotations

import json
from typing import Any

from mdkgen.documents.schema import Schemas
from mdkgen.documents.words import actions_text, guard_text, trigger_text
from mdkgen.model import Construct, Machine, Part, Protocol, Request, Send, Spec, Transition
from mdkgen.model_walk import transitions_of
from mdkgen.output import made_from
from mdkgen.table_nodes import receives

Node = dict[str, Any]


def render(spec: Spec) -> dict[str, str]:
    """`ROLE.asyncapi.json` for each role of each protocol."""
    files: dict[str, str] = {}
    for protocol in spec.protocols:
        for role in (protocol.connector, protocol.acceptor):
            name = role if len(spec.protocols) == 1 else f"{protocol.name}.{role}"
            files[f"{name}.asyncapi.json"] = json.dumps(_document(spec, protocol, role), indent=2) + "\n"
    return files


def sends(protocol: Protocol, role: str) -> list[str]:
    """The messages that a role sends."""
    names = [protocol.close.type.name] if isinstance(protocol.close, Construct) else []
    for part in protocol.parts:
        for one in transitions_of(part.machine(role)):
            names += [action.message for action in one.actions if isinstance(action, Send)]
        for delivery in part.deliveries:
            names += delivery.packets if delivery.sender == role else delivery.acks
        names += [one.message if one.sender == role else one.reply for one in part.requests]
    return sorted(set(names))


def _document(spec: Spec, protocol: Protocol, role: str) -> Node:
    outgoing, incoming = sends(protocol, role), sorted({name for name, _ in receives(protocol, role)})
    declared = {one.name: one for one in spec.messages}
    keys = [("send", name) for name in outgoing] + [("receive", name) for name in incoming]
    return {
        "asyncapi": "3.1.0",
        "x-generated": made_from(spec.namespace),
        "info": {
            "title": f"{protocol.name}: {role}",
            "version": spec.version,
            "description": protocol.doc or f"The {role} of {protocol.name}.",
        },
        "defaultContentType": "application/json",
        "channels": {
            protocol.name: {
                "address": protocol.path,
                "description": f"One WebSocket; the {protocol.connector} connects, the {protocol.acceptor} accepts.",
                "messages": {f"{kind}.{name}": {"$ref": f"#/components/messages/{kind}.{name}"} for kind, name in keys},
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
            }
        },
        "operations": {f"{kind}.{name}": _operation(protocol, role, kind, name) for kind, name in keys},
        "components": {
            "messages": {
                f"{kind}.{name}": {
                    "name": declared[name].wire,
                    "title": name,
                    **({"summary": declared[name].doc} if declared[name].doc else {}),
                    "payload": {
                        "allOf": [{"$ref": f"#/components/schemas/{kind}.{name}"}],
                        "required": [protocol.tag],
                    },
                }
                for kind, name in keys
            },
            "schemas": {
                f"{kind}.{name}": schema
                for kind in ("send", "receive")
                for name, schema in Schemas(spec, sending=kind == "send", prefix=f"#/components/schemas/{kind}.")
                .all()
                .items()
            },
        },
        "x-mdkspec-machines": {part.name: _machine(part, part.machine(role)) for part in protocol.parts},
    }


def _operation(protocol: Protocol, role: str, kind: str, name: str) -> Node:
    channel = {"$ref": f"#/channels/{protocol.name}"}
    operation: Node = {
        "action": kind,
        "channel": channel,
        "messages": [{"$ref": f"#/channels/{protocol.name}/messages/{kind}.{name}"}],
    }
    request = _asked_by(protocol, role, kind, name)
    if request is not None:
        back = "receive" if kind == "send" else "send"
        reply = f"#/channels/{protocol.name}/messages/{back}.{request.reply}"
        operation["reply"] = {"channel": channel, "messages": [{"$ref": reply}]}
    return operation


def _asked_by(protocol: Protocol, role: str, kind: str, name: str) -> Request | None:
    """The request whose question the message is."""
    asks = [one for part in protocol.parts for one in part.requests if one.message == name]
    return next((one for one in asks if (one.sender == role) == (kind == "send")), None)


def _machine(part: Part, machine: Machine) -> Node:
    made: Node = {"liveIn": list(part.live_in)} if part.live_in else {}
    if machine.always:
        made["always"] = [_transition(one) for one in machine.always]
    made["start"] = next(state.name for state in machine.states if state.start)
    made["states"] = {
        state.name: {
            "transitions": [_transition(one) for one in state.transitions],
            **({"ignores": list(state.ignores)} if state.ignores else {}),
        }
        for state in machine.states
    }
    return made


def _transition(one: Transition) -> Node:
    guard = {"when": guard_text(one)} if one.guard is not None else {}
    return {"on": trigger_text(one.trigger), **guard, "do": actions_text(one)}
