"""Tables of a client, with nodes of one service."""

from __future__ import annotations

from mdk_runtime.core.client.breaker import Breakers, BreakerSettings
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.core.client.nodes import Node
from mdk_runtime.core.client.table import Table
from unit.mdk_runtime.fakes import Reporter

SANDBOX = Environment()
CHILD = Environment("child", "parent")
PARENT = Environment("parent")


def node(
    address: str,
    *,
    service: str = "svc",
    version: str | None = "1.0",
    sender: str | None = None,
    environment: Environment = SANDBOX,
    properties: dict[str, object] | None = None,
) -> Node:
    """A node; its sender is named for its address unless given."""
    return Node(
        service,
        version,
        address,
        id=sender or f"id-{address}",
        environment=environment,
        properties=properties,
        reporter=Reporter(),
    )


def make_table() -> Table:
    """An empty table whose probes are taken at time 0."""
    breakers = Breakers(BreakerSettings())

    def take(probe: Node) -> bool:
        taken = breakers.take(probe.address, now=0.0)
        table.may_not_be_used(probe.address)
        return taken

    table = Table(breakers, take)
    return table


def filled(*addresses: str) -> Table:
    """A table with these nodes of one service."""
    table = make_table()
    for address in addresses:
        table.active(node(address))
    return table


def picks(
    table: Table, count: int, environment: Environment = SANDBOX, version: str | None = "1.0", service: str = "svc"
) -> list[str | None]:
    """The addresses of so many resolves."""
    found = (table.pick(environment, service, version) for _ in range(count))
    return [one.address if one else None for one in found]


def trip(table: Table, address: str) -> None:
    """Let an address fail until it is out."""
    for _ in range(3):
        if table.breakers.failure(address, now=0.0):
            table.may_not_be_used(address)
