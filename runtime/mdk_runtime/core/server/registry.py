"""A tenant's table: which node serves what, who says so, and what others have to be told when that changes.

How senders share the addresses of a service: `service.py`. Invariants:

- A client that applies the changes in order, replacing what has the same id or the same address, has the table.
- An address is suspect exactly as long as all its senders are out of touch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mdk_protocol.codec import CODEC
from mdk_protocol.messages import Node
from mdk_runtime.core.server.service import Change, Service
from mdk_runtime.core.server.wholeness import completed, lease_key
from mdkspec_runtime.schedule import Schedule


class Age(NamedTuple):
    """When a node was advertised first, and last."""

    since: float
    renewed: float


class Entry(NamedTuple):
    """An address of the table."""

    node: Node
    """As it is shown to clients."""
    senders: int
    is_suspect: bool
    """True: all its senders are out of touch."""


class Registry:
    """The nodes of one tenant, without I/O.

    Times are seconds on any monotonic clock; the caller passes `now` in, reads `deadline` and calls `tick`.
    Leases of nodes are kept elsewhere (`SharedLeases`); the registry is told of the lapse by its key.
    """

    def __init__(self) -> None:
        self._services: dict[tuple[str, str], Service] = {}
        """Keys are environment and service."""
        self._places: dict[str, _Place] = {}
        """Where a lease's key leads."""
        self._keys: dict[str, dict[str, None]] = {}
        """Sender to the keys that it holds."""
        self._suspects: Schedule[str] = Schedule()
        """Keys whose sender is out of touch, and until when it may come back."""
        self._out: set[str] = set()
        """Senders that are out of touch."""
        self._sizes: dict[str, int] = {}
        self.size_bytes = 0
        """Of all nodes, as JSON."""
        self.version = 0
        """Another number whenever a sender says something new, or goes."""

    def __len__(self) -> int:
        return sum(len(service.shown) for service in self._services.values())

    @property
    def leases(self) -> int:
        """How many nodes are held, those that share an address each counted."""
        return len(self._places)

    def knows(self, node: Node) -> bool:
        """True if its sender holds it already, at whatever address."""
        return lease_key(node) in self._places

    def nodes(self) -> Iterator[Node]:
        """Every address once, as it is shown, in the order in which services and addresses came."""
        for service in self._services.values():
            for sender in service.shown.values():
                yield service.nodes[sender]

    def entries(self) -> Iterator[Entry]:
        """Every address once, with what is known of it."""
        for service in self._services.values():
            for address, sender in service.shown.items():
                yield Entry(service.nodes[sender], len(service.holders[address]), address in service.suspects)

    def keys_at(self, environment: str, service: str, address: str) -> list[str]:
        """The leases that hold an address."""
        found = self._services.get((environment, service))
        if found is None:
            return []
        return [lease_key(found.nodes[sender]) for sender in found.holders.get(address, {})]

    def records(self) -> list[Node]:
        """What every sender said last."""
        return [node for service in self._services.values() for node in service.nodes.values()]

    @property
    def senders(self) -> int:
        """How many there are."""
        return len(self._keys)

    @property
    def senders_out(self) -> int:
        """How many of them are out of touch."""
        return len(self._out)

    def shown(self, node: Node) -> Node | None:
        """How clients know the node's address; None if they don't."""
        service = self._services.get((node.environment.name, node.service))
        sender = service.shown.get(node.address or "") if service is not None else None
        return service.nodes[sender] if service is not None and sender is not None else None

    def first_of(self, sender: str) -> Node | None:
        """Of the nodes that a sender has, the one that it registered first."""
        keys = self._keys.get(sender)
        return None if keys is None else self._places[next(iter(keys))].service.nodes[sender]

    def services_of(self, sender: str) -> list[str]:
        """The services that a sender offers, in the order in which it registered them."""
        places = (self._places[key].service.nodes[sender] for key in self._keys.get(sender, ()))
        return list(dict.fromkeys(node.service for node in places))

    def age(self, key: str) -> Age:
        """When a sender advertised a node that it has, first and last."""
        place = self._places[key]
        return Age(place.since, place.renewed)

    def is_suspect(self, key: str) -> bool:
        """True if the sender of a node is out of touch."""
        return key in self._suspects

    def holds(self, node: Node) -> bool:
        """True if its sender has said exactly this before."""
        place = self._places.get(lease_key(node))
        return place is not None and place.service.nodes[place.sender] == completed(node)

    def register(self, node: Node, *, now: float = 0.0) -> list[Change]:
        """A sender advertises a node, or renews it. The node must lack nothing. `now` is only kept, for `age`."""
        node = completed(node)
        key = lease_key(node)
        came_back = self._suspects.remove(key)
        place = self._places.get(key)
        if place is None:
            service = self._services.setdefault((node.environment.name, node.service), Service())
            place = self._places[key] = _Place(service, str(node.id), now, now)
            self._keys.setdefault(place.sender, {})[key] = None
        place.renewed = now
        service, sender = place.service, place.sender
        self._out.discard(sender)
        before = service.nodes.get(sender)
        if before == node and not came_back:
            return []
        if before != node:
            self.version += 1
            size = size_of(node)
            self.size_bytes += size - self._sizes.get(key, 0)
            self._sizes[key] = size
        changes = service.put(sender, node)
        left = {str(before.address)} if before is not None else set[str]()
        return changes + self._doubts(service, changes, {str(node.address), *left})

    def unregister(self, node: Node) -> list[Change]:
        """A sender takes its node back. Whatever address it names, it has only one."""
        return self.remove(lease_key(node))

    def remove(self, key: str) -> list[Change]:
        """The lease of this key has ended; nothing happens if the node is gone already."""
        self._suspects.remove(key)
        place = self._places.pop(key, None)
        if place is None:
            return []
        service, sender = place.service, place.sender
        keys = self._keys[sender]
        del keys[key]
        if not keys:
            del self._keys[sender]
            self._out.discard(sender)
        self.version += 1
        self.size_bytes -= self._sizes.pop(key)
        removed = service.nodes[sender]
        changes = service.take(sender)
        if not service.nodes:
            del self._services[removed.environment.name, removed.service]
        return changes + self._doubts(service, changes, {str(removed.address)})

    def suspect(self, sender: str, *, until: float) -> list[Change]:
        """A sender is out of touch: its nodes go at that time, unless it renews them before."""
        changes: list[Change] = []
        for key in self._keys.get(sender, ()):
            self._out.add(sender)
            self._suspects.set(key, until)
            service = self._places[key].service
            changes += self._doubts(service, [], {str(service.nodes[sender].address)})
        return changes

    def clear(self) -> list[Change]:
        """Forget every node."""
        return [change for key in list(self._places) for change in self.remove(key)]

    @property
    def deadline(self) -> float | None:
        """When the first suspect goes."""
        return self._suspects.deadline

    def tick(self, *, now: float) -> list[Change]:
        """Remove the nodes that nobody came back for."""
        changes: list[Change] = []
        while (due := self._suspects.pop_due(now)) is not None:
            changes += self.remove(due[0])
        return changes

    def _doubts(self, service: Service, changes: list[Change], addresses: set[str]) -> list[Change]:
        """What changed besides: addresses that are suspect from now on, or no more, or still."""
        doubts: list[Change] = []
        for address in addresses:
            holders = service.holders.get(address)
            if holders is None:
                service.suspects.discard(address)
                continue
            shown = service.nodes[service.shown[address]]
            was_suspect = address in service.suspects
            is_suspect = all(lease_key(service.nodes[sender]) in self._suspects for sender in holders)
            (service.suspects.add if is_suspect else service.suspects.discard)(address)
            if is_suspect != was_suspect or (is_suspect and any(one.node.address == address for one in changes)):
                doubts.append(Change(shown, is_gone=False, is_suspect=is_suspect, for_originals=False))
        return doubts


def size_of(node: Node) -> int:
    """How long a node is as JSON; raises UnsendableMessage if it cannot be."""
    return len(CODEC.encode_record(node))


@dataclass(slots=True)
class _Place:
    service: Service
    sender: str
    since: float
    renewed: float
