"""What the console is told each second: how nodes age, what breakers do, how clients and the server fare."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec import UNSET, UnsetType

from mdk_protocol.messages import (
    BreakerSeen,
    BreakerStatus,
    ClientState,
    NodeLife,
    Pulse,
    Rates,
    ServerMinute,
    ServerState,
    StorageState,
    TenantLimits,
    Viewer,
    Watch,
)
from mdk_runtime.core.server.news import MINUTES_MAX, News
from mdk_runtime.core.server.wholeness import lease_key
from mdkspec_runtime.errors import UnsendableMessage

if TYPE_CHECKING:
    from mdk_runtime.core.server.connection import Connection
    from mdk_runtime.core.server.grants import Grant
    from mdk_runtime.core.server.tenant import Tenant

PULSE_S: Final = 1.0
NODES_MAX = 2000
"""In one pulse; the rest comes in the next ones."""
CLIENTS_MAX = 500
"""In one pulse: nobody reads more."""
BREAKERS_MAX = 1000
"""In one pulse."""


class Retention(NamedTuple):
    """How much is stored, and for how long; 0 where nobody said."""

    bytes_max: int = 0
    age_s_max: float = 0.0
    kept_bytes_max: int = 0
    kept_age_s_max: float = 0.0


class Facts(NamedTuple):
    """What only the shell knows."""

    time_ms: int = 0
    """Since the Unix epoch."""
    uptime_s: float = 0.0
    waiting: int = 0
    """Messages that wait to be stored, of all tenants."""
    is_failing: bool = False
    """Storage does not work."""
    storage: StorageState | UnsetType = UNSET
    """Of the tenant."""
    sums: Rates | UnsetType = UNSET
    """Of minutes to which something was added (`News.minutes`); each answer is another object."""
    retention: Retention = Retention()


def viewer_of(grant: Grant) -> Viewer:
    """What a client is told of its own token."""
    return Viewer(
        tenant=grant.tenant,
        scopes=sorted(grant.scopes),
        subject=grant.who,
        signed=bool(grant.key),
        expires=UNSET if grant.expires_at is None else int(grant.expires_at * 1000),
    )


class Looker:
    """One client that wants pulses."""

    def __init__(self, watch: Watch, journal: int) -> None:
        self.watch = watch
        self.known: dict[str, float] = {}
        """Nodes by the key of their lease, and the renewal that it knows of."""
        self.is_new = True
        self.journal = journal
        """So many changes of breakers it need not be told."""


class Pulses:
    """Of one tenant. They go out in `work`, for which the first of a looker wakes the shell."""

    def __init__(self, tenant: Tenant, wake: Callable[[], None]) -> None:
        self._tenant = tenant
        self._wake = wake
        self.facts = Facts()
        """Set by the shell, as long as pulses are wanted."""
        self.news = News()
        """Told of what is stored, as long as pulses are wanted."""
        self._lookers: dict[Connection, Looker] = {}
        self._at: float | None = None
        self._minutes: deque[ServerMinute] = deque(maxlen=MINUTES_MAX)
        """Kept for who looks first."""

    def keep_minute(self, facts: Facts) -> None:
        """A minute has passed, whether anybody looks or not."""
        tenant, counters = self._tenant, self._tenant.counters
        minute = ServerMinute(
            time=facts.time_ms,
            connections=len(tenant.connections),
            nodes=len(tenant.registry),
            waiting=facts.waiting,
            bytes=facts.storage.bytes if isinstance(facts.storage, StorageState) else 0,
            lost=counters["log rejected"] + counters["interaction rejected"] + tenant.insight.telemetry.dropped,
        )
        self._minutes.append(minute)

    @property
    def deadline(self) -> float | None:
        """When the next pulse is due; None if nobody wants one."""
        return self._at

    @property
    def is_wanted(self) -> bool:
        """True if somebody looks."""
        return bool(self._lookers)

    def begin(self, connection: Connection, watch: Watch, *, now: float) -> None:
        """A client wants pulses, the first at once."""
        self._lookers[connection] = Looker(watch, self._tenant.insight.telemetry.noted)
        self._at = now
        self._wake()

    def end(self, connection: Connection) -> None:
        """A client wants none any more."""
        self._lookers.pop(connection, None)
        if not self._lookers:
            self._at = None

    def work(self, *, now: float) -> None:
        """Send the pulses that are due."""
        if self._at is None or now < self._at:
            return
        self._at = max(self._at + PULSE_S, now)
        lives = list(self._lives(now))
        breakers = list(self._seen(self._tenant.insight.telemetry.breakers()))[:BREAKERS_MAX]
        clients = list(self._clients()) if any(one.watch.clients for one in self._lookers.values()) else []
        server = self._server()
        fresh = self.news.take(self.facts.sums)
        for connection, looker in list(self._lookers.items()):
            if connection.endpoint.is_connected:
                pulse = self._pulse(connection.grant, looker, lives, breakers, clients, server)
                try:
                    connection.endpoint.beat(fresh.added_to(pulse), now=now)
                except UnsendableMessage:  # What senders name is not bounded one by one.
                    self._beat(connection, pulse, now)

    def _beat(self, connection: Connection, pulse: Pulse, now: float) -> None:
        try:
            connection.endpoint.beat(pulse, now=now)
        except UnsendableMessage:
            self._tenant.counters["pulse unsendable"] += 1

    def _pulse(
        self,
        grant: Grant,
        looker: Looker,
        lives: list[tuple[str, float, NodeLife]],
        breakers: list[BreakerSeen],
        clients: list[ClientState],
        server: ServerState,
    ) -> Pulse:
        news = [one for one in lives if looker.known.get(one[0]) != one[1]]
        is_first, looker.is_new = looker.is_new, False
        told = {key for key, _, _ in news[:NODES_MAX]}
        looker.known = {key: at for key, at, _ in lives if key in told or looker.known.get(key) == at}
        telemetry = self._tenant.insight.telemetry
        fresh, looker.journal = telemetry.noted - looker.journal, telemetry.noted
        changes = list(telemetry.journal)[-fresh:] if fresh else []
        return Pulse(
            whole=is_first and len(news) <= NODES_MAX,
            nodes=[life for _, _, life in news[:NODES_MAX]],
            breakers=breakers,
            changes=[BreakerSeen(client=one.node, breaker=one.breaker) for one in changes[-BREAKERS_MAX:]],
            clients=clients if looker.watch.clients else UNSET,
            server=server,
            viewer=viewer_of(grant) if is_first else UNSET,
            limits=self._limits() if is_first else UNSET,
            minutes=list(self._minutes) if is_first else [],
        )

    def _lives(self, now: float) -> Iterator[tuple[str, float, NodeLife]]:
        tenant = self._tenant
        for node in tenant.registry.records():
            key = lease_key(node)
            age = tenant.registry.age(key)
            until = tenant.expiry.until(key)
            suspect = tenant.registry.is_suspect(key)
            life = NodeLife(
                environment=node.environment.name,
                service=node.service,
                version=str(node.version),
                address=str(node.address),
                node=str(node.id),
                since=now - age.since,
                renewed=now - age.renewed,
                left=max(0.0, until - now) if until is not None else 0.0,
                suspect=suspect,
            )
            yield key, -age.renewed if suspect else age.renewed, life

    def _server(self) -> ServerState:
        tenant, facts = self._tenant, self.facts
        protection = tenant.expiry.protection
        return ServerState(
            time=facts.time_ms,
            uptime=facts.uptime_s,
            mdk_version=tenant.own_open.mdk_version,
            connections=len(tenant.connections),
            nodes=len(tenant.registry),
            counters=dict(tenant.counters),
            waiting=facts.waiting,
            failing=facts.is_failing,
            warm=tenant.is_warm,
            protected=protection.reason if protection.until is not None else UNSET,
            storage=facts.storage,
        )

    def _limits(self) -> TenantLimits:
        limits = self._tenant.allowance.limits
        retention = self.facts.retention
        return TenantLimits(
            connections=limits.connections_max,
            nodes=limits.nodes_max,
            logs_per_second=limits.logs_per_s_max,
            bytes=retention.bytes_max,
            age=retention.age_s_max,
            kept_bytes=retention.kept_bytes_max,
            kept_age=retention.kept_age_s_max,
        )

    def _clients(self) -> Iterator[ClientState]:
        tenant = self._tenant
        for connection in list(tenant.connections)[:CLIENTS_MAX]:
            client = connection.client
            assert client is not None, "only those whose client has spoken are here"
            said = tenant.insight.telemetry.report(connection)
            yield ClientState(
                node=connection.node_id,
                services=tenant.registry.services_of(connection.node_id),
                environment=client.environment,
                mdk_version=client.mdk_version,
                original=not connection.is_extended,
                emitted=said.emitted if said is not None else 0,
                queued=said.queued if said is not None else 0,
                dropped=said.dropped if said is not None else 0,
            )

    def _seen(self, breakers: Iterable[tuple[object, BreakerStatus]]) -> Iterator[BreakerSeen]:
        for owner, breaker in breakers:
            node = getattr(owner, "node_id", "")
            yield BreakerSeen(client=node, services=self._tenant.registry.services_of(node), breaker=breaker)
