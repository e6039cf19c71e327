"""What a node needs before anybody is told of it.

An original client that gets an `active` or `expire` without a node id, or with a version that is no string, locks
up for good (tests/conformance/wire/README.md, rule 7). So a node is completed or refused here, never passed on
as it is. What is completed is the id, from the property where old clients keep it. What is refused is all else:
a version made up by the server would answer resolves that the service never promised to answer.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from mdk_protocol.messages import Node

NODE_ID_PROPERTY: Final = "datawire_nodeId"
"""Where old clients keep the id of the process that sends a node."""


def sender_of(node: Node) -> str | None:
    """The id of the process that sends a node; None if it does not say."""
    if node.id:
        return node.id
    named = node.properties.get(NODE_ID_PROPERTY)
    return named if isinstance(named, str) and named else None


def missing_in(node: Node) -> list[str]:
    """What the node lacks, by the names of the wire; empty if it is whole or can be completed."""
    present = {
        "service": node.service,
        "id": sender_of(node),
        "version": node.version,
        "address": node.address,
    }
    return [name for name, value in present.items() if not value]


def completed(node: Node) -> Node:
    """The node with its id where all clients look for it. It must lack nothing (`missing_in`)."""
    if node.id:
        return node
    sender = sender_of(node)
    assert sender is not None, "a node that lacks its id is refused before"
    return replace(node, id=sender)


def lease_key(node: Node) -> str:
    """Names the lease of a node: its environment, service and sender. Lengths keep odd names apart."""
    environment = node.environment.name
    return f"{len(environment)}:{environment}{len(node.service)}:{node.service}{sender_of(node) or ''}"
