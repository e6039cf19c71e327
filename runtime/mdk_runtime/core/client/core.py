"""What a client knows and says: the behaviour behind the generated SessionClient."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from mdk_protocol import messages
from mdk_runtime.core.client.breaker import Breakers, BreakerSettings, BreakerState
from mdk_runtime.core.client.environments import DEFAULT_NAME, Environment
from mdk_runtime.core.client.following import Following
from mdk_runtime.core.client.nodes import NODE_ID_PROPERTY, Node, node_from_message, own_node
from mdk_runtime.core.client.picking import ServiceSettings
from mdk_runtime.core.client.table import Place, Table, Waiter
from mdk_runtime.core.client.telemetry import ClientTelemetry, ToldLevels
from mdk_runtime.core.client.verdicts import Verdicts, deliver
from mdk_runtime.errors import NoNodeAvailable, ResolveTimeout

if TYPE_CHECKING:
    from msgspec import UnsetType

    from mdk_protocol.messages import Log, Open, ProtocolError
    from mdk_runtime.ports import Listener, Lock, Monotonic, WallClock


class NodeStatus(NamedTuple):
    """A node, and what keeps resolves from it."""

    node: Node
    is_out: bool
    """Its circuit breaker keeps it out, or has one call try it."""
    is_suspect: bool
    """The server has lost touch with it."""


class ClientCore(ClientTelemetry):
    """The handler of a client's connection, and the owner of its routing table.

    The engine calls the methods of SessionClientHandler on one thread; the rest may be called by any.
    """

    def __init__(
        self,
        *,
        node_id: str,
        environment: Environment,
        mdk_version: Callable[[], str],
        settings: BreakerSettings,
        listener: Listener,
        lock: Lock,
        monotonic: Monotonic,
        wall: WallClock,
        random: Callable[[], float],
        follows_all: bool = True,
    ) -> None:
        super().__init__()
        self.node_id = node_id
        self.environment = environment
        self.listener = listener
        self.lock = lock
        self.table = Table(
            Breakers(settings), lambda node: self.verdicts.take_probe(node), monotonic=monotonic, random=random
        )
        self.verdicts = Verdicts(self.table, listener, lock, monotonic, wall)
        self._mdk_version = mdk_version
        self._monotonic = monotonic
        self._own: dict[str, messages.Node] = {}
        """What this process offers, keyed by service."""
        self._coming: dict[str, messages.Node] = {}
        """What the engine will be told that it offers; a fork may come before."""
        self._unconfirmed: set[Place] = set()
        """Nodes from before this connection that the server has not named again."""
        self._elsewhere: set[Place] = set()
        """Nodes that other sources than the server have named."""
        self.following = Following(lambda: self.table.places() - self._elsewhere, self._drop, wants_all=follows_all)
        self.asks_more: Callable[[], object] | None = None
        """Set by the shell; called, without the lock, when there is more to ask the server for: see `more_wanted`."""
        self.levels = ToldLevels(self._own.keys, monotonic)
        self.is_stopped = False
        """Nothing waits: no node will come."""
        self.revision = 0
        """Of the protocol that the server has said on this connection that it speaks; 0 as long as it has not: an original."""

    # What the engine asks and tells: SessionClientHandler.

    def own_open(self) -> Open:
        """What this client says first."""
        return messages.Open(
            mdk_version=self._mdk_version(),
            properties={messages.REVISION_PROPERTY: messages.REVISION},
            node_id=self.node_id,
            environment=self.environment.message,
        )

    def will_remember(self, node: messages.Node) -> None:
        """The engine is about to be told of a node, on its own thread."""
        with self.lock:
            self._coming[node.service] = node

    def remember(self, node: messages.Node) -> None:
        """This process offers a service; registering it again replaces what it said."""
        self._own[node.service] = node
        with self.lock:
            if self._coming.get(node.service) is node:
                del self._coming[node.service]

    def forget(self, node: messages.Node) -> None:
        """This process no longer offers a service."""
        self._own.pop(node.service, None)

    def own_nodes(self) -> Iterable[messages.Node]:
        """What this process offers, in order of first registration."""
        return tuple(self._own.values())

    def opened(self, m: Open) -> None:
        """The server answers; what it does not name on this connection is in doubt."""
        with self.lock:
            self._unconfirmed = self.table.places() - self._elsewhere
        self.revision = 0
        self.levels.forget()
        self.listener.opened(m)

    def extended(self, revision: int) -> None:
        """The server is ours: it says itself what is gone."""
        self.revision = revision
        self._unconfirmed = set()

    def wanted(self) -> Iterable[messages.Follow]:
        """What to ask a server of ours for."""
        with self.lock:
            return self.following.wanted()

    def more_wanted(self) -> messages.Follow | None:
        """What to ask for besides, on a connection to a server of ours."""
        with self.lock:
            return self.following.more()

    def use(self, service: str | None) -> None:
        """From now on this process follows a service; None: every service."""
        following = self.following
        if following.wants_all:
            return
        with self.lock:
            has_more = following.want_all() if service is None else following.want(service)
        if has_more and self.asks_more is not None:
            self.asks_more()

    def knows_all(self) -> bool:
        """True once the server has named every node of every service; an original server never says so."""
        with self.lock:
            return self.following.knows_all

    def table_begins(self, m: messages.TableBegin) -> None:
        """All nodes of some services follow."""
        with self.lock:
            self.following.begins(m)

    def changed(self, m: messages.Changes) -> None:
        """What has changed in the table. New addresses come before old ones go, so that a service that moves has no gap."""
        answered: list[tuple[Waiter, Node]] = []
        with self.lock:
            for message in (*m.active, *m.suspect):
                node = node_from_message(message, self.verdicts)
                if node is not None:
                    self.following.named((node.service, node.environment.name, node.address))
                    answered += self.table.active(node)
            for message in m.suspect:
                self.table.suspect(
                    message.service, message.environment.name, message.id or None, message.address or None
                )
            for place in m.gone:
                self.table.expired(place.service, place.environment, None, place.address)
            self.following.takes(m)
        deliver(answered)

    def table_ends(self, m: messages.TableEnd) -> None:
        """An answer of the server is complete."""
        with self.lock:
            self.following.ends(m)

    def table_complete(self) -> None:
        """The server knows all nodes by now."""
        with self.lock:
            self.following.complete()

    def node_active(self, node: messages.Node) -> None:
        """A node is there."""
        known = node_from_message(node, self.verdicts)
        if known is None:
            return
        self._unconfirmed.discard((known.service, known.environment.name, known.address))
        with self.lock:
            self.following.lose()
            answered = self.table.active(known)
        deliver(answered)

    def node_expired(self, node: messages.Node) -> None:
        """A node is gone."""
        sender = node.id or node.properties.get(NODE_ID_PROPERTY)
        with self.lock:
            self.table.expired(node.service, node.environment.name or DEFAULT_NAME, sender, node.address or None)

    def cleared(self) -> None:
        """Every node is gone."""
        with self.lock:
            self.table.clear()

    def closed(self, error: ProtocolError | UnsetType) -> None:
        """The server closes."""
        self.listener.closed(error or None)

    def log_received(self, m: Log) -> None:
        """Somebody in the tenant has logged."""
        self.listener.log_received(m)

    # The table.

    def sweep(self) -> int:
        """Drop what the server has not named since it opened: it went while we were away. How many."""
        with self.lock:
            gone = self._unconfirmed & self.table.places()
            self._unconfirmed = set()
            self._drop(gone)
        return len(gone)

    def _drop(self, places: Iterable[Place]) -> None:
        for service, environment_name, address in places:
            self.table.expired(service, environment_name, None, address)

    def add_nodes(self, nodes: Iterable[messages.Node]) -> None:
        """Nodes of another source."""
        for message in nodes:
            node = node_from_message(message, self.verdicts)
            if node is not None:
                self._elsewhere.add((node.service, node.environment.name, node.address))
                with self.lock:
                    answered = self.table.active(node)
                deliver(answered)

    def replace_nodes(self, service: str, nodes: Iterable[messages.Node]) -> None:
        """All nodes of a service in our own environment, from another source."""
        known = [node for message in nodes if (node := node_from_message(message, self.verdicts)) is not None]
        name = self.environment.name
        self._elsewhere = {place for place in self._elsewhere if place[:2] != (service, name)}
        self._elsewhere.update((service, name, node.address) for node in known)
        with self.lock:
            answered = self.table.replace(service, name, known)
        deliver(answered)

    def resolve_now(
        self, environment: Environment, service: str, version: str | None, trace_id: str = ""
    ) -> Node | None:
        """The next node, or None if a resolve has to wait. The trace decides where a service is hashed.

        For what is not in `table.pickers.ready`, as it is the first since a change.
        """
        self.use(service)
        with self.lock:
            return self.table.pick(environment, service, version, trace_id)

    def resolve_for(self, environment: Environment, service: str, version: str | None, key: str) -> Node | None:
        """The node that has a key, or None if a resolve has to wait."""
        pick = self.table.pickers.hashing.get((environment.key, service, version))
        node = pick(key) if pick is not None else None
        if node is not None:
            return node
        self.use(service)
        with self.lock:
            return self.table.pick_for(environment, service, version, key)

    def configure(self, service: str, settings: ServiceSettings) -> None:
        """Choose a service's nodes in another way from now on."""
        with self.lock:
            self.table.configure(service, settings)

    def settings(self, service: str) -> ServiceSettings:
        """How a service's nodes are chosen."""
        with self.lock:
            return self.table.settings(service)

    def snapshot(self, service: str) -> dict[tuple[str, str], NodeStatus]:
        """Every node of a service by environment and address, and what keeps resolves from it."""
        self.use(service)
        with self.lock:
            state = self.table.breakers.state
            return {
                (entry.node.environment.name, entry.node.address): NodeStatus(
                    entry.node, state(entry.node.address) is not BreakerState.CLOSED, entry.suspect
                )
                for entry in self.table.entries(service)
            }

    def resolve_later(
        self,
        environment: Environment,
        service: str,
        version: str | None,
        deliver: Callable[[Node], None],
        ended: Callable[[], None],
    ) -> Waiter | None:
        """Deliver a node as soon as there is one, or call `ended` if none will come: now, or later, and then once.

        None if it was now.
        """
        self.use(service)
        waiter = Waiter(environment, service, version, deliver, ended)
        with self.lock:
            node = self.table.pick(environment, service, version)
            is_stopped = self.is_stopped
            if node is None and not is_stopped:
                self.table.wait(waiter)
                return waiter
        if node is not None:
            deliver(node)
        else:
            ended()
        return None

    def start_waiting(self) -> None:
        """Resolves and watches may wait."""
        with self.lock:
            self.is_stopped = False

    def stop_waiting(self) -> list[Waiter]:
        """No node will come any more: watches end, and so do these resolves, for the caller to tell without a lock."""
        with self.lock:
            self.is_stopped = True
            self.table.wake_watchers()
            return self.table.forget_waiters()

    def cancel(self, waiter: Waiter) -> bool:
        """The resolve waits no longer. False if it did not: it was answered, or is about to be."""
        with self.lock:
            return self.table.cancel(waiter)

    def resolve_error(
        self, environment: Environment, service: str, version: str | None, *, waited_s: float, surroundings: str
    ) -> ResolveTimeout:
        """Why there is no node."""
        with self.lock:
            out = self.table.out(environment, service, version, now=self._monotonic())
            known = self.table.known(service)
        where = str(environment)
        if out:
            return NoNodeAvailable(
                service, version, environment=where, waited_s=waited_s, out=out, known=known, surroundings=surroundings
            )
        return ResolveTimeout(
            service, version, environment=where, waited_s=waited_s, known=known, surroundings=surroundings
        )

    def breakers_not_closed(self) -> list[messages.BreakerStatus]:
        """Those that the server is told of when a connection begins."""
        return self.verdicts.not_closed()

    # This process's own nodes.

    def make_own_node(self, service: str, version: str, address: str) -> messages.Node:
        """A node of this process, to be registered."""
        return own_node(service, version, address, node_id=self.node_id, environment=self.environment)

    def become(self, node_id: str, lock: Lock) -> None:
        """Be another process, with the same offers: after a fork."""
        self.node_id = node_id
        self.lock = self.verdicts.lock = lock
        self.table.forget_waiters()
        self._own |= self._coming
        self._coming = {}
        for service, node in self._own.items():
            assert node.version, "own nodes are whole"
            assert node.address, "own nodes are whole"
            self._own[service] = self.make_own_node(service, node.version, node.address)
