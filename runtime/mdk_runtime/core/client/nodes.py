"""A node as a resolve hands it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from mdk_protocol import messages
from mdk_runtime.core.client.environments import Environment, from_message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mdk_runtime.core.client.breaker import Breaker

NODE_ID_PROPERTY = "datawire_nodeId"
"""Holds the sender's id in the nodes of old clients, and in ours for their sake."""


class Reporter(Protocol):
    """Takes what calls to an address came to."""

    def succeeded(self, address: str) -> None:
        """A call worked."""
        ...

    def failed(self, address: str) -> None:
        """A call failed."""
        ...

    def released(self, address: str) -> None:
        """A call ended without a verdict."""
        ...

    def is_available(self, address: str) -> bool:
        """Whether a resolve at this moment may take it."""
        ...

    def breaker(self, address: str) -> Breaker:
        """The record of the address."""
        ...


class Node:
    """One instance of a service: where it is, and how calls to it went. What it says never changes."""

    __slots__ = ("_reporter", "address", "environment", "id", "properties", "service", "version")

    def __init__(
        self,
        service: str,
        version: str | None,
        address: str,
        *,
        id: str | None = None,  # noqa: A002  # the wire's name
        properties: Mapping[str, Any] | None = None,
        environment: Environment,
        reporter: Reporter,
    ) -> None:
        self.service = service
        self.version = version
        self.address = address
        self.id = id
        self.properties: Mapping[str, Any] = properties if properties is not None else {}
        self.environment = environment
        self._reporter = reporter

    def success(self) -> None:
        """A call to this node worked: its circuit breaker closes."""
        self._reporter.succeeded(self.address)

    def failure(self) -> None:
        """A call to this node failed; three in a row take it out for 30 s."""
        self._reporter.failed(self.address)

    def release(self) -> None:
        """A call to this node was given up, through no fault of the node: it counts as neither."""
        self._reporter.released(self.address)

    def available(self) -> bool:
        """False while the circuit breaker keeps this node out."""
        return self._reporter.is_available(self.address)

    @property
    def breaker(self) -> Breaker:
        """The record of this node's address: `successes`, `failures`, `state`."""
        return self._reporter.breaker(self.address)

    @property
    def node_id(self) -> str | None:
        """The nodeId of the process behind it."""
        return self.id or self.properties.get(NODE_ID_PROPERTY)

    def get_id(self) -> str | None:
        """The nodeId of the process behind it."""
        return self.node_id

    getId = get_id

    def to_string(self) -> str:
        """As interaction failures name it."""
        return str(self)

    toString = to_string

    def says_the_same(self, other: Node) -> bool:
        """Whether a user could not tell the two apart."""
        return (
            self.service == other.service
            and self.version == other.version
            and self.address == other.address
            and self.properties == other.properties
            and self.environment == other.environment
        )

    def __repr__(self) -> str:
        import json  # A millisecond, and rarely needed.

        return f"Node(id:{self.node_id} {self.service}: {self.address}, {self.version}) {json.dumps(self.properties)}"

    __str__ = __repr__


def node_from_message(message: messages.Node, reporter: Reporter) -> Node | None:
    """A node as it came; None if it lacks its service or its address."""
    if not message.service or not message.address:
        return None
    return Node(
        message.service,
        message.version or None,
        message.address,
        id=message.id or None,
        properties=message.properties,
        environment=from_message(message.environment),
        reporter=reporter,
    )


def own_node(service: str, version: str, address: str, *, node_id: str, environment: Environment) -> messages.Node:
    """A node of this process, whole enough for original clients."""
    return messages.Node(
        id=node_id,
        service=service,
        version=version,
        address=address,
        properties={NODE_ID_PROPERTY: node_id},
        environment=environment.message,
    )
