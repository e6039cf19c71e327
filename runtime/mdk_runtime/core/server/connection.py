"""One client's connection to a tenant: what it is told, and the handler of its endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from mdk_protocol.codec import CODEC
from mdk_protocol.messages import (
    REVISION_PROPERTY,
    Active,
    BreakerStatus,
    Changes,
    Expire,
    Follow,
    InteractionEvent,
    Log,
    Node,
    Open,
    Position,
    ProtocolError,
    Question,
    Statistics,
    TableBegin,
    TableEnd,
    TailBegin,
    Watch,
)
from mdk_protocol.server import SessionServer
from mdk_runtime.core.server.grants import Grant, Scope
from mdk_runtime.core.server.limits import MADE_ROOM, MAY_NOT_WRITE
from mdk_runtime.core.server.origin import Entry, Message
from mdk_runtime.core.server.registry import size_of
from mdk_runtime.core.server.wholeness import completed, lease_key, missing_in
from mdkspec_runtime.errors import UnsendableMessage

if TYPE_CHECKING:
    from mdk_runtime.core.server.tenant import Tenant

LARGEST_POSITION = Position(epoch="-" * 36, sequence=2**53)
"""No longer one is ever sent."""

TABLE_BYTES_MAX = 12 * 1024 * 1024
"""Of all nodes of a tenant as JSON: whoever connects is sent all of them, and no more is kept for one that reads slowly."""

TABLE_IS_FULL = ProtocolError(code="table_bytes_max", title=f"the tenant's nodes have {TABLE_BYTES_MAX} bytes already")

LOGS, INTERACTIONS = "logs", "interactions"
"""The deliveries, as the spec calls them."""

TOGETHER = {"log_received": "received", "interaction_received": "received"}
"""What the spec tells of one by one, and `Connection` takes a batch at once."""

News = Active | Expire
"""A change as an original client is told of it."""

Services = frozenset[str]


class Connection:
    """What one client's connection is told; the handler of its endpoint."""

    __slots__ = (
        "_skip",
        "client",
        "endpoint",
        "follows",
        "grant",
        "is_extended",
        "keys",
        "now",
        "owed",
        "senders",
        "tenant",
        "until",
    )

    def __init__(self, tenant: Tenant, grant: Grant, until: float | None) -> None:
        self.tenant = tenant
        self.grant = grant
        """What its token allows."""
        self.until = until
        """When its token runs out."""
        self.now = 0.0
        """When the frame came that is being handled."""
        self.senders: dict[str, None] = {}
        """Who was seen on it: the client itself, and who sends the nodes that came on it. An empty set is larger."""
        self.keys: dict[str, None] = {}
        """Of the nodes that came on it."""
        self.owed: list[News] | None = None
        """What only this client has to be told."""
        self.client: Open | None = None
        """What the client said of itself."""
        self.is_extended = False
        """True: it follows the table. False: an original, told of everything."""
        self.follows: Services | None = frozenset()
        """The services that a client of ours follows; None: all."""
        self._skip = 0
        self.endpoint = ClientEndpoint(self)

    @property
    def node_id(self) -> str:
        """As the client says; empty if it does not."""
        return (self.client.node_id or "") if self.client is not None else ""

    def tell(self, news: Sequence[News], *, now: float) -> None:
        """Tell an original what changed since it read the table, and what only it waits for."""
        skip, self._skip = self._skip, 0
        owed, self.owed = self.owed or (), None
        endpoint = self.endpoint
        for one in (*news[skip:], *owed):
            if not endpoint.is_connected:
                return  # From the start, or since a message that was one too many for it.
            if isinstance(one, Active):
                endpoint.announce(one, now=now)
            else:
                endpoint.withdraw(one, now=now)

    def owe(self, news: News) -> None:
        """Tell only this client, an original, when the others are told."""
        if self.owed is None:
            self.owed = []
        self.owed.append(news)

    def tell_changes(self, changes: Sequence[Changes], *, now: float) -> None:
        """Tell a client of ours what changed."""
        for one in changes:
            if self.endpoint.is_connected:
                self.endpoint.tell_changes(one, now=now)

    def tell_table(self, begin: TableBegin | None, changes: Sequence[Changes], end: TableEnd, *, now: float) -> None:
        """Answer a client of ours that follows."""
        if begin is not None:
            self.endpoint.begin_table(begin, now=now)
        self.tell_changes(changes, now=now)
        if self.endpoint.is_connected:
            self.endpoint.end_table(end, now=now)

    def acknowledge(self, entries: Sequence[Entry], *, now: float) -> None:
        """The client need not send them again. All are logs, or all are interactions."""
        numbers = [number for message, *_ in entries if (number := message.sequence) is not UNSET]
        if numbers:
            delivery = LOGS if isinstance(entries[0].message, Log) else INTERACTIONS
            self.endpoint.acknowledge_all(delivery, numbers, now=now)

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
        return (
            not missing_in(node)
            and self._forbids(node) is None
            and (self.tenant.registry.holds(node) or _unsendable(node) is None)
        )

    def lease_key(self, node: Node) -> str:
        """Environment, service and sender."""
        return lease_key(node)

    def known_nodes(self) -> Iterable[Node]:
        """The table for an original; what is gathered but not told yet is in it. One of ours asks for what it wants."""
        if self.is_extended:
            return []
        self._skip = self.tenant.audience.reads(self)
        return list(self.tenant.registry.nodes())

    # --- told by the endpoint ---------------------------------------------------------------------

    def opened(self, m: Open) -> None:
        """The client has spoken."""
        self.client = m
        self.is_extended = self.is_ours(m)
        self.tenant.opened(self)
        if m.node_id:
            self.tenant.seen(self, m.node_id)

    def closed(self, error: ProtocolError | UnsetType) -> None:
        """The client says goodbye. What it has not expired has the grace, as after any end."""

    def registered(self, node: Node, ttl: float) -> None:
        """The lease of `ttl` seconds is granted already."""
        self.tenant.advertised(self, node)

    def refused(self, node: Node) -> None:
        """The node lacks what others need, or may not be registered."""
        missing = missing_in(node)
        forbidden = self._forbids(node)
        self.tenant.counters["node refused"] += 1
        if missing:
            self.tenant.refused(_named(node), f"it has no {' and no '.join(missing)}")
        elif forbidden is not None:
            self.tell_once(forbidden, _named(node), now=self.now)
        else:
            self.tenant.refused(_named(node), f"{_unsendable(node)}")

    def expired(self, node: Node) -> None:
        """The lease is released already."""
        self.tenant.taken_back(self, node)

    def followed(self, m: Follow) -> None:
        """The client wants services."""
        self.tenant.audience.ask(self, m)

    def breaker_changed(self, breaker: BreakerStatus) -> None:
        """The client's circuit breaker."""
        if self.grant.allows(Scope.WRITE):
            self.tenant.insight.breaker_changed(self, breaker)

    def reported(self, m: Statistics) -> None:
        """How the client is doing."""
        if self.grant.allows(Scope.WRITE):
            self.tenant.insight.reported(self, m)

    def tail_begins(self, m: TailBegin) -> None:
        """The client looks on."""
        self.tenant.onlookers.look(self, m)

    def tail_ends(self) -> None:
        """The client looks on no more."""
        self.tenant.onlookers.look_away(self)

    def watch_begins(self, m: Watch) -> None:
        """The client wants pulses."""
        self.tenant.pulses.begin(self, m, now=self.now)

    def watch_ends(self) -> None:
        """It wants no more."""
        self.tenant.pulses.end(self)

    def asked(self, m: Question) -> None:
        """The client asks what is stored."""
        self.tenant.insight.asked(self, m)

    def subscribed(self) -> None:
        """The client wants every log from now on."""
        self.tenant.onlookers.follow(self)

    def log_received(self, m: Log) -> None:
        """Acknowledged when it is stored."""
        self.received([m])

    def interaction_received(self, m: InteractionEvent) -> None:
        """Acknowledged when it is stored."""
        self.received([m])

    def received(self, messages: Sequence[Message]) -> None:
        """Messages of one kind, each acknowledged when it is stored, or when it is known that it never will be.

        Storage decides on what is above the rate, by what it has seen: a log that is stored and comes again is not
        rejected, and one that was rejected is not counted again. A client without the scope has no part in storage.
        """
        tenant = self.tenant
        if not self.grant.allows(Scope.WRITE):
            tenant.writes.reject(self, messages)
            self.tell_once(MAY_NOT_WRITE, f"messages of {messages[0].node!r}", now=self.now)
            return
        within = len(messages)
        if isinstance(messages[0], Log):
            within = tenant.allowance.logs_within(within, now=self.now)
        if within:
            tenant.writes.add(self, messages[:within])
        if within < len(messages):
            tenant.writes.add(self, messages[within:], forbidden=tenant.allowance.too_many_logs)

    # --- what it may do ---------------------------------------------------------------------------

    def hang_up(self, error: ProtocolError, *, now: float) -> None:
        """Say why, and end."""
        if self.endpoint.is_connected:
            self.endpoint.close(error, now=now)

    def tell_once(self, error: ProtocolError, what: str, *, now: float) -> None:
        """Say why to the client, by hanging up: an original understands nothing else. But not for ever."""
        sender = self.client.node_id if self.client is not None else UNSET
        if self.endpoint.is_connected and self.tenant.allowance.told.is_news(f"{error.code} {sender}", now=now):
            self.tenant.refused(what, str(error.title))
            self.hang_up(error, now=now)

    def _forbids(self, node: Node) -> ProtocolError | None:
        registry, allowance = self.tenant.registry, self.tenant.allowance
        forbidden = allowance.forbids_node(self.grant, others=registry.leases)
        if forbidden is not None and self.grant.allows(Scope.REGISTER) and registry.knows(node):
            forbidden = None  # A renewal takes no room.
        if forbidden is None and not registry.holds(node) and registry.size_bytes + size_of(node) > TABLE_BYTES_MAX:
            return TABLE_IS_FULL
        return forbidden


class ClientEndpoint(SessionServer):
    """The endpoint of a connection, which knows it."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        tenant = connection.tenant
        super().__init__(connection, shared=tenant.expiry.leases, ttl=tenant.ttl_s)
        self.connection = connection
        self.told_together = TOGETHER

    @property
    def peer_shown(self) -> str:
        """By its own name, and its tenant's."""
        connection = self.connection
        return f"client {connection.node_id!r} of {connection.grant.tenant}"

    def receive(self, frame: str | bytes, *, now: float, binary: bool = False) -> None:
        """A frame came. Before the first is answered it is seen whether there is room for one more client, and still a tenant."""
        connection = self.connection
        connection.now = now
        if connection.client is None:
            tenant = connection.tenant
            full = (
                MADE_ROOM if tenant.has_ended else tenant.allowance.forbids_connection(others=len(tenant.connections))
            )
            if full is not None and self.is_connected:
                tenant.counters["connection refused"] += 1
                self.close(full, now=now)
                return
        super().receive(frame, now=now, binary=binary)


def _named(node: Node) -> str:
    return f"a node of service {node.service!r}"


def _unsendable(node: Node) -> str | None:
    """Why the node cannot be told to everybody: with its defaults written out it may be too large."""
    try:
        CODEC.encode(Changes(active=[completed(node)], position=LARGEST_POSITION))
    except UnsendableMessage as error:
        return f"it cannot be passed on: {error.problem}"
    return None
