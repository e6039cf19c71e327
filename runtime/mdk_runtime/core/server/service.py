"""One service of one environment: its senders and their addresses.

Each sender has one address, and each address a set of senders: workers of one gunicorn share one. Clients know an
address by one of its senders, the one that is *shown*. Invariants:

- An address is there exactly as long as it has a sender.
- Who is shown for an address is one of its senders, so ids are unique in a service, as addresses are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from mdk_protocol.messages import Node
from mdk_runtime.core.server.wholeness import NODE_ID_PROPERTY


class Change(NamedTuple):
    """Something that every client of the tenant has to be told."""

    node: Node
    is_gone: bool
    """True: the address of the node is served no more. False: it is served, as the node says."""
    is_suspect: bool = False
    """True: everyone behind the address is out of touch."""
    for_originals: bool = True
    """False: original clients know it from another change, or would not know what to do with it."""


@dataclass(slots=True)
class Service:
    """What its senders say."""

    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    """What each sender said last."""
    holders: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])
    """Address to its senders, in the order in which they came."""
    shown: dict[str, str] = field(default_factory=dict[str, str])
    """Address to the sender by which clients know it."""
    suspects: set[str] = field(default_factory=set[str])
    """Addresses whose senders are all out of touch."""

    def put(self, sender: str, node: Node) -> list[Change]:
        """A sender says what it serves."""
        before = self.nodes.get(sender)
        if before == node:
            return []
        self.nodes[sender] = node
        address = str(node.address)
        changes: list[Change] = []
        if before is not None and before.address != node.address:
            changes = self._leave(sender, before)
            if address not in self.shown:
                # Clients replace what has the same id: they go from the old address to the new one without a gap.
                changes = [change._replace(for_originals=not change.is_gone) for change in changes]
        self.holders.setdefault(address, {})[sender] = None
        shown = self.shown.get(address)
        if shown is None or shown == sender or not _says_the_same(self.nodes[shown], node):
            self.shown[address] = sender
            changes.append(Change(node, is_gone=False))
        return changes

    def take(self, sender: str) -> list[Change]:
        """A sender serves nothing any more."""
        return self._leave(sender, self.nodes.pop(sender))

    def _leave(self, sender: str, node: Node) -> list[Change]:
        address = str(node.address)
        holders = self.holders[address]
        del holders[sender]
        if not holders:
            del self.holders[address], self.shown[address]
            return [Change(node, is_gone=True)]
        if self.shown[address] != sender:
            return []
        successor = self.shown[address] = next(iter(holders))
        return [Change(self.nodes[successor], is_gone=False)]


def _says_the_same(one: Node, other: Node) -> bool:
    """Whether two senders of an address describe it alike, but for who they are."""
    return (
        one.version == other.version and one.environment == other.environment and _described(one) == _described(other)
    )


def _described(node: Node) -> dict[str, object]:
    return {name: value for name, value in node.properties.items() if name != NODE_ID_PROPERTY}
