"""What the connections of one tenant do together: who is told what, and what has to be stored.

Events come in through the endpoints and through `disconnected`, `stored` and `work`; frames go out through the
endpoints, and what is to be stored through `take_writes`. Nothing is broadcast from inside an event: changes are
gathered and told by `work`, so a shell may merge them over a while.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from mdk_protocol.codec import CODEC
from mdk_protocol.messages import (
    NODE_TTL,
    REVISION_PROPERTY,
    Active,
    InteractionEvent,
    Log,
    Node,
    Open,
    ProtocolError,
)
from mdk_protocol.server import SessionServer, SessionServerShared
from mdk_runtime.core.limits import GRACE_S
from mdk_runtime.core.origin import UNKNOWN, Origin
from mdk_runtime.core.registry import Change, Registry
from mdk_runtime.core.wholeness import completed, lease_key, missing_in, sender_of
from mdkspec_runtime.errors import UnsendableMessage

REFUSALS_MAX = 100
"""Refusals kept for the log; a client that sends more in one go is not worth more lines."""


class Outcome(Enum):
    """What became of a message that was to be stored. All three are acknowledged."""

    NEW = auto()
    KNOWN = auto()
    """It was stored before."""
    REJECTED = auto()
    """It cannot be stored, now or ever."""


class Write(NamedTuple):
    """A message to be stored, and the connection that it came on."""

    connection: Connection
    message: Log | InteractionEvent
    origin: Origin = UNKNOWN


class Refusal(NamedTuple):
    """A node that was refused, for the log."""

    node: Node
    reason: str


class Tenant:
    """One tenant: its table and its connections, without I/O.

    A shell makes a `Connection` for every client, drives its endpoint, and calls `work` when `wake` was called
    or `deadline` has come.

    Args:
        own_open: What the server says of itself.
        grace_s: How long nodes outlive the last connection of their sender.
        ttl_s: Sent with each node. Clients of today ignore it.
    """

    def __init__(self, own_open: Open, *, grace_s: float = GRACE_S, ttl_s: float = NODE_TTL) -> None:
        self.own_open = own_open
        self.ttl_s = ttl_s
        self.registry = Registry()
        self.leases = SessionServerShared(self)
        self.leases.wake = self._wake_shell
        self.connections: dict[Connection, None] = {}
        """Those whose client has spoken, in the order in which they did."""
        self.followers: dict[Connection, None] = {}
        """Those whose client wants every log."""
        self.counters: Counter[str] = Counter()
        """Outcomes of writes by kind (`log new`), nodes refused, lapses."""
        self._refusals: list[Refusal] = []
        """Not yet taken by the shell, at most `REFUSALS_MAX`."""
        self.wake: Callable[[], None] | None = None
        """Set by the shell; called when `work` or `take_writes` has something, or the deadline moved forward."""
        self._grace_s = grace_s
        self._changes: list[Change] = []
        self._writes: list[Write] = []
        self._pending = 0
        """Writes taken by the shell and not stored yet."""
        self._touch: dict[str, int] = {}
        """Sender to the number of connections on which it was seen."""

    @property
    def is_idle(self) -> bool:
        """True if nothing would be lost with this object."""
        return not (self.connections or self._writes or self._pending or self.registry.deadline or len(self.registry))

    @property
    def deadline(self) -> float | None:
        """When `work` has something to do by itself."""
        due = [at for at in (self.leases.deadline, self.registry.deadline) if at is not None]
        return min(due, default=None)

    def connect(self) -> Connection:
        """A client connects; the shell drives its endpoint and calls `disconnected` at the end, if it came that far."""
        return Connection(self)

    def disconnected(self, connection: Connection, *, now: float) -> None:
        """The connection is gone. Senders that it was the last one of have the grace to come back."""
        self.connections.pop(connection, None)
        self.followers.pop(connection, None)
        for sender in connection.senders:
            self._touch[sender] -= 1
            if not self._touch[sender]:
                del self._touch[sender]
                self.registry.suspect(sender, until=now + self._grace_s)
        connection.senders.clear()
        self._wake_shell()

    def work(self, *, now: float) -> None:
        """Remove what has lapsed, then tell everyone what changed."""
        self.leases.tick(now=now)
        self._changes += self.registry.tick(now=now)
        changes, self._changes = self._changes, []
        for connection in list(self.connections):
            connection.tell(changes, now=now)

    def take_writes(self) -> list[Write]:
        """What has to be stored, in order of arrival; `stored` or `left` must follow for each."""
        writes, self._writes = self._writes, []
        self._pending += len(writes)
        return writes

    def left(self, writes: list[Write]) -> None:
        """Writes that will not be stored now: without an acknowledgement their senders keep them."""
        self._pending -= len(writes)
        self.counters["left to the sender"] += len(writes)

    def take_refusals(self) -> list[Refusal]:
        """Nodes refused since the last time."""
        refusals, self._refusals = self._refusals, []
        return refusals

    def stored(self, outcomes: Iterable[tuple[Write, Outcome]], *, now: float) -> None:
        """Writes are durable: acknowledge them, and show logs that are new to those who follow."""
        for write, outcome in outcomes:
            message = write.message
            self._pending -= 1
            is_log = isinstance(message, Log)
            self.counters[f"{'log' if is_log else 'interaction'} {outcome.name.lower()}"] += 1
            if message.sequence is not UNSET:
                endpoint = write.connection.endpoint
                acknowledge = endpoint.acknowledge_logs if is_log else endpoint.acknowledge_interactions
                acknowledge(message.sequence, now=now)
            if isinstance(message, Log) and outcome is Outcome.NEW:
                self._relay(message, now)

    def close(self, error: ProtocolError, *, now: float) -> None:
        """Say goodbye to every client."""
        for connection in list(self.connections):
            if connection.endpoint.is_connected:
                connection.endpoint.close(error, now=now)

    # --- told by the leases -----------------------------------------------------------------------

    def lapsed(self, key: str) -> None:
        """A node was not renewed in its time."""
        self.counters["node lapsed"] += 1
        self._change(self.registry.remove(key))

    # --- told by the connections ------------------------------------------------------------------

    def advertised(self, connection: Connection, node: Node) -> None:
        """A node was registered or renewed."""
        sender = sender_of(node)
        assert sender is not None, "only whole nodes come here"
        self.seen(connection, sender)
        key = lease_key(node)
        changes = self.registry.register(node)
        self._change(changes)
        if key not in connection.keys:
            connection.keys.add(key)
            shown = self.registry.shown(node)
            if not changes and shown is not None:
                # Its sender waits for the echo (wire/README.md, rule 11); for the others nothing has changed.
                connection.owed.append(Change(shown, is_gone=False))
                self._wake_shell()

    def taken_back(self, connection: Connection, node: Node) -> None:
        """A node was expired by a client."""
        connection.keys.discard(lease_key(node))
        self._change(self.registry.unregister(node))

    def opened(self, connection: Connection) -> None:
        """The client has spoken: from now on it is told what changes."""
        self.connections[connection] = None

    def seen(self, connection: Connection, sender: str) -> None:
        """A connection speaks for a sender."""
        if sender not in connection.senders:
            connection.senders.add(sender)
            self._touch[sender] = self._touch.get(sender, 0) + 1

    def refused(self, node: Node, reason: str) -> None:
        """A node is not passed on."""
        self.counters["node refused"] += 1
        if len(self._refusals) < REFUSALS_MAX:
            self._refusals.append(Refusal(node, reason))
            self._wake_shell()

    def write(self, connection: Connection, message: Log | InteractionEvent) -> None:
        """A message has to be stored."""
        self._writes.append(Write(connection, message, self._origin(connection, message)))
        if len(self._writes) == 1:
            self._wake_shell()

    def told(self) -> int:
        """How many gathered changes a client that reads the table now knows already."""
        return len(self._changes)

    # --- inside -----------------------------------------------------------------------------------

    def _origin(self, connection: Connection, message: Log | InteractionEvent) -> Origin:
        callees: dict[str, str] = {}
        if isinstance(message, InteractionEvent):
            callees = {one: node.service for one in message.results if (node := self.registry.first_of(one))}
        node = self.registry.first_of(message.node)
        if node is not None:
            return Origin(node.service, str(node.version), callees)
        client = connection.client
        if client is not None and client.node_id == message.node:
            named = [client.properties.get(name) for name in ("service", "version")]
            service, version = (one if isinstance(one, str) else "" for one in named)
            return Origin(service, version if service else "", callees)
        return Origin(callees=callees)

    def _change(self, changes: list[Change]) -> None:
        if changes:
            self._changes += changes
            self._wake_shell()

    def _relay(self, log: Log, now: float) -> None:
        for connection in self.followers:
            if connection.endpoint.is_connected:
                try:
                    connection.endpoint.relay(log, now=now)
                except UnsendableMessage:
                    # With its defaults written out it is larger than a message may be: stored, but not shown.
                    self.counters["log unsendable"] += 1
                    return

    def _wake_shell(self) -> None:
        if self.wake is not None:
            self.wake()


class Connection:
    """What one client's connection is told; the handler of its endpoint."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.senders: set[str] = set()
        """Who was seen on it: the client itself, and who sends the nodes that came on it."""
        self.keys: set[str] = set()
        """Of the nodes that came on it."""
        self.owed: list[Change] = []
        """What only this client has to be told."""
        self.client: Open | None = None
        """What the client said of itself."""
        self._skip = 0
        self.endpoint = ClientEndpoint(self)

    def tell(self, changes: list[Change], *, now: float) -> None:
        """Tell the client what changed since it read the table, and what only it waits for."""
        skip, self._skip = self._skip, 0
        owed, self.owed = self.owed, []
        if not self.endpoint.is_connected:
            return
        for change in (*changes[skip:], *owed):
            if change.is_gone:
                self.endpoint.withdraw(change.node, now=now)
            else:
                self.endpoint.announce(change.node, now=now)

    # --- asked by the endpoint --------------------------------------------------------------------

    def own_open(self) -> Open:
        """The server's answer to the client's `open`."""
        return self.tenant.own_open

    def is_ours(self, m: Open) -> bool:
        """True if the client knows more than the original protocol."""
        revision = m.properties.get(REVISION_PROPERTY)
        return isinstance(revision, int) and revision >= 1

    def is_whole(self, node: Node) -> bool:
        """True if every client can take the node."""
        return not missing_in(node) and (self.tenant.registry.holds(node) or _unsendable(node) is None)

    def lease_key(self, node: Node) -> str:
        """Environment, service and sender."""
        return lease_key(node)

    def known_nodes(self) -> Iterable[Node]:
        """The table; what is gathered but not told yet is in it."""
        self._skip = self.tenant.told()
        return list(self.tenant.registry.nodes())

    # --- told by the endpoint ---------------------------------------------------------------------

    def opened(self, m: Open) -> None:
        """The client has spoken."""
        self.client = m
        self.tenant.opened(self)
        if m.node_id:
            self.tenant.seen(self, m.node_id)

    def closed(self, error: ProtocolError | UnsetType) -> None:
        """The client says goodbye. What it has not expired has the grace, as after any end."""

    def registered(self, node: Node, ttl: float) -> None:
        """The lease of `ttl` seconds is granted already."""
        self.tenant.advertised(self, node)

    def refused(self, node: Node) -> None:
        """The node lacks what others need."""
        missing = missing_in(node)
        self.tenant.refused(node, f"it has no {' and no '.join(missing)}" if missing else str(_unsendable(node)))

    def expired(self, node: Node) -> None:
        """The lease is released already."""
        self.tenant.taken_back(self, node)

    def subscribed(self) -> None:
        """The client wants every log from now on."""
        self.tenant.followers[self] = None

    def log_received(self, m: Log) -> None:
        """Acknowledged when it is stored."""
        self.tenant.write(self, m)

    def interaction_received(self, m: InteractionEvent) -> None:
        """Acknowledged when it is stored."""
        self.tenant.write(self, m)


class ClientEndpoint(SessionServer):
    """The endpoint of a connection, which knows it."""

    def __init__(self, connection: Connection) -> None:
        tenant = connection.tenant
        super().__init__(connection, shared=tenant.leases, ttl=tenant.ttl_s)
        self.connection = connection


def _unsendable(node: Node) -> UnsendableMessage | None:
    """Why the node could not be sent to anybody: with its defaults written out it may be too large."""
    try:
        CODEC.encode(Active(node=completed(node)))
    except UnsendableMessage as error:
        return error
    return None
