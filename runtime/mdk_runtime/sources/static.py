"""Nodes that are written down: MDK_DISCOVERY_SOURCE=static:nodes=[{...}, ...]."""

from __future__ import annotations

import json
from typing import Any, cast

from mdk_protocol import messages
from mdk_runtime.core.client.environments import Environment, parse_environment

NODE_EXAMPLE = '{"service": "hello", "version": "1.0", "address": "http://127.0.0.1:7000"}'
DEFAULT_VERSION = "1.0"


def read_nodes(text: str, own: Environment) -> tuple[messages.Node, ...]:
    """Nodes from JSON; those that name no environment are in our own. Raises ValueError saying what is wrong."""
    items: object = json.loads(text)
    if not isinstance(items, list):
        raise ValueError("not a list")
    return tuple(_node(item, own) for item in cast("list[object]", items))


def _node(item: object, own: Environment) -> messages.Node:
    values = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
    service, address = values.get("service"), values.get("address")
    properties: object = values.get("properties") or {}
    if not isinstance(service, str) or not service or not isinstance(address, str) or not address:
        raise ValueError(f"no service and address in {json.dumps(item)[:80]}")
    if not isinstance(properties, dict):
        raise ValueError(f"properties are no object in {json.dumps(item)[:80]}")
    return messages.Node(
        id=str(values.get("id") or f"static:{address}"),
        service=service,
        version=str(values.get("version") or DEFAULT_VERSION),
        address=address,
        properties=cast("dict[str, Any]", properties),
        environment=_place(values.get("environment"), own).message,
    )


def _place(place: object, own: Environment) -> Environment:
    if isinstance(place, str):
        return parse_environment(place)
    if isinstance(place, dict):
        values = cast("dict[str, Any]", place)
        return Environment(str(values.get("name") or Environment().name), values.get("fallbackName") or None)
    return own
