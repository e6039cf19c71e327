"""What an MDK is, with threads or on the caller's loop: everything but waiting."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping
from threading import RLock
from time import monotonic, time
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET

from mdk_protocol.client import SessionClient
from mdk_protocol.messages import Level, LogFilter, TailBegin
from mdk_runtime import lifecycle
from mdk_runtime.arguments import checked_callable, finite_seconds, is_count, text_of
from mdk_runtime.client_listener import ClientListener
from mdk_runtime.config import Config, read_config
from mdk_runtime.core.client.balancing import POLICIES
from mdk_runtime.core.client.breaker import BreakerSettings
from mdk_runtime.core.client.context import uuid_text
from mdk_runtime.core.client.core import ClientCore
from mdk_runtime.core.client.environments import parse_environment
from mdk_runtime.core.client.picking import NEXT, WAIT, ServiceSettings
from mdk_runtime.core.client.retries import Retries, RetryBudget
from mdk_runtime.core.levels import LEVELS
from mdk_runtime.errors import BadValue, Stopped
from mdk_runtime.intake import Intake
from mdk_runtime.own_version import own_version
from mdk_runtime.sessions import S, Sessions, new_random

if TYPE_CHECKING:
    import asyncio

    from mdk_protocol.messages import Log
    from mdk_runtime.core.client.environments import Environment
    from mdk_runtime.core.client.nodes import Node
    from mdk_runtime.ports import Monotonic, WallClock
    from mdk_runtime.uplink import Uplink

STOP_WITHIN_S = 2.0
"""As long as stop(), or the end of a process without it, takes to say goodbye."""
TAIL_PER_SECOND_MAX = 1000
"""More than anybody reads."""


class Statistics(NamedTuple):
    """What one process knows about itself."""

    connected: bool
    queued: int
    """Log messages and interactions that the server has not acknowledged yet."""
    dropped: int
    """Those that were given up since start(): they came faster than they could be sent."""
    nodes: Mapping[str, int]
    """By service."""
    nodes_out: Mapping[str, int]
    """Those that circuit breakers keep out, by service."""


class BaseMDK(Sessions[S]):
    """One process's part in the system. What stands here may be called by any thread and does not wait."""

    def __init__(
        self, config: Config | None = None, *, monotonic: Monotonic = monotonic, wall: WallClock = time
    ) -> None:
        super().__init__(config if config is not None else read_config(os.environ), wall)
        self._monotonic = monotonic
        self.intake = Intake(wall)
        self.intake.shut = self.config.server_url is None
        self._lock = RLock()
        self._listener = ClientListener(lambda: self._uplink, lambda: self.server_url)
        self.core = ClientCore(
            node_id=_node_id(),
            environment=self.config.environment,
            mdk_version=own_version,
            settings=self.config.breaker,
            listener=self._listener,
            lock=RLock(),
            monotonic=monotonic,
            wall=wall,
            random=self._random.random,
            follows_all=self.config.follows_all,
        )
        self._budgets: dict[str, RetryBudget] = {}
        self.endpoint = SessionClient(self.core, random=self._random.random)
        self._uplink: Uplink | None = None

    # Starting and stopping, as far as nothing waits.

    def _prepare(self) -> None:
        """There will be an uplink."""
        self.core.start_waiting()
        self.core.add_nodes(self.config.static_nodes)
        self.intake.shut = self.config.server_url is None

    def _make_uplink(self, loop: asyncio.AbstractEventLoop) -> Uplink:
        """Raises ConfigurationError if what the configuration names cannot be used."""
        from mdk_runtime.uplink import Uplink  # asyncio and websockets are only needed from here on.

        return Uplink(self.core, self.endpoint, self.intake, self.config, loop)

    def _begin_stop(self) -> None:
        """There will be none. The one that is there begins to end, and whoever waits for it is woken."""
        with self._lock:
            uplink, self._uplink = self._uplink, None
            waiters = self.core.stop_waiting()  # First: what ends with the uplink is told that its time is over.
            if uplink is not None:
                self.intake.shut = True
                lifecycle.unwatch(self)
                uplink.begin_stop(STOP_WITHIN_S)
        for waiter in waiters:
            waiter.ended()

    @abstractmethod
    def begin_farewell(self) -> Callable[[float], None]:
        """The process ends without a stop(). What waits until the goodbye is said, so many seconds at most."""

    @property
    def node_id(self) -> str:
        """How the others know this process."""
        return self.core.node_id

    @property
    def connected(self) -> bool:
        """Whether the server can be talked to at this moment."""
        uplink = self._uplink
        return uplink is not None and uplink.connected

    @property
    def server_url(self) -> str | None:
        """The server that is talked to, or was tried last; None if there is none."""
        uplink = self._uplink
        return (uplink.server_url if uplink is not None else None) or self.config.server_url

    @property
    def connection_failure(self) -> str:
        """Why the last attempt to connect failed; empty if it did not."""
        uplink = self._uplink
        return uplink.failure if uplink is not None else ""

    def statistics(self) -> Statistics:
        """How this process is doing at this moment."""
        uplink = self._uplink
        known = {service: self.core.snapshot(service).values() for service in self._followed()}
        return Statistics(
            connected=self.connected,
            queued=uplink.outgoing.queued if uplink is not None else len(self.intake),
            dropped=uplink.outgoing.dropped if uplink is not None else self.intake.dropped,
            nodes={service: len(nodes) for service, nodes in known.items()},
            nodes_out={service: sum(node.is_out for node in nodes) for service, nodes in known.items()},
        )

    # Discovery.

    def register(self, service: str, version: str, address: str | None = None) -> None:
        """This process offers a service. Before start(), it is said when connecting.

        Without an address, the one that DATAWIRE_ROUTABLE_HOST and DATAWIRE_ROUTABLE_PORT name is taken.
        """
        address = address or self.config.routable_address
        hint = ", or DATAWIRE_ROUTABLE_HOST set for the process"
        said = (text_of("service", service), text_of("version", version), text_of("address", address, hint))
        with self._lock:
            node = self.core.make_own_node(*said)
            if self._uplink is not None:
                self.core.will_remember(node)
            self._input(self.endpoint.register, node)

    def services(self) -> list[str]:
        """The services that have a node, as far as this process knows. Under MDK_FOLLOW=used it follows all from then on."""
        self.core.use(None)
        return self._followed()

    def nodes(self, service: str) -> list[Node]:
        """The nodes of a service in every environment, as far as this process knows."""
        self.core.use(service)
        with self.core.lock:
            return self.core.table.nodes(service)

    def _followed(self) -> list[str]:
        with self.core.lock:
            return self.core.table.services()

    def configure(
        self,
        service: str,
        *,
        policy: str | None = None,
        failures: int | None = None,
        retry_after_s: float | None = None,
        when_all_out: str | None = None,
    ) -> None:
        """Say how this process chooses among a service's nodes. What is not given stays as it is.

        Args:
            service: Its name; it need not be there yet.
            policy: round_robin (the default), least_pending, p2c_ewma (these two count what is resolved inside
                interactions until they end) or consistent_hash (the same node for one session's
                trace; `session.resolve_for` takes any key, under every policy).
            failures: So many in a row take a node out; 3 by default.
            retry_after_s: A node that is out is tried again after so many seconds; 30 by default.
            when_all_out: "wait" (the default): resolve waits, then raises NoNodeAvailable; "next": it hands out the
                node that is to be tried again soonest.
        """
        for name, value, known in (("policy", policy, POLICIES), ("when_all_out", when_all_out, (WAIT, NEXT))):
            if value is not None and value not in known:
                raise BadValue(name, value, f"one of {', '.join(known)}")
        if failures is not None and not is_count(failures):
            raise BadValue("failures", failures, "1 or more")
        if retry_after_s is not None and finite_seconds(retry_after_s) < 0:
            raise BadValue("retry_after_s", retry_after_s, "0 or more")
        before = self.core.settings(service)
        breaker = before.breaker or self.config.breaker
        settings = ServiceSettings(
            policy=policy or before.policy,
            breaker=BreakerSettings(
                failures=failures if failures is not None else breaker.failures,
                retry_after_s=retry_after_s if retry_after_s is not None else breaker.retry_after_s,
                trips=breaker.trips,
            ),
            when_all_out=when_all_out or before.when_all_out,
        )
        self.core.configure(service, settings)

    def retry_budget(self, service: str) -> RetryBudget:
        """What `session.call` may still retry."""
        return self._budgets.setdefault(service, RetryBudget())

    def retries(self, service: str, attempts: int) -> Retries:
        """For one `session.call`."""
        return Retries(self.retry_budget(service), attempts, self._random.random)

    def resolve_error(self, environment: Environment, service: str, version: str | None, waited_s: float) -> Exception:
        """Why a resolve ends without a node."""
        return self.core.resolve_error(
            environment, service, version, waited_s=waited_s, surroundings=self._surroundings()
        )

    def stopped_error(self, environment: Environment, service: str, version: str | None, waited_s: float) -> Exception:
        """Why a resolve ends that stop() has woken."""
        return Stopped(service, version, environment=str(environment), waited_s=waited_s)

    # Logs of others.

    def subscribe(self, handler: Callable[[Log], None]) -> None:
        """Call `handler` with every log message of the tenant, where the I/O is done. What it logs itself is dropped."""
        checked_callable("handler", handler)
        with self._lock:
            self._listener.subscribers.append(handler)
            self._input(self.endpoint.subscribe)

    def tail(
        self,
        handler: Callable[[Log | int], None],
        *,
        level: str | None = None,
        service: str | None = None,
        environment: str | None = None,
        trace: str | None = None,
        text: str | None = None,
        per_second_max: int = TAIL_PER_SECOND_MAX,
    ) -> None:
        """Call `handler` with the tenant's new logs that fit everything that is given, where the I/O is done.

        The server chooses them. What comes faster than `per_second_max` is left out: then the handler gets how many
        logs that were. A second call takes the place of the first. A server of 2016 sends nothing.

        Raises:
            BadValue: There is no such level, or the handler is no function.
        """
        checked_callable("handler", handler)
        if level is not None and level not in LEVELS:
            raise BadValue("level", level, f"one of {', '.join(LEVELS)}")
        wanted = LogFilter(
            level=Level(level) if level else UNSET,
            service=service or UNSET,
            environment=environment or UNSET,
            trace=trace or UNSET,
            text=text or UNSET,
        )
        begin = TailBegin(filter=wanted, per_second_max=per_second_max)
        with self._lock:
            self._listener.tail_handler = handler
            self._input(self.endpoint.tail, begin)

    def _input(self, function: Callable[..., object], *args: object) -> None:
        """Call an input of the endpoint: on the uplink's loop, or here while there is none. With the lock held."""
        if self._uplink is not None:
            self._uplink.call(function, *args)
        else:
            function(*args, now=self._monotonic())

    # Forking.

    def before_fork(self) -> None:
        """Let no other thread be in the middle of a change."""
        self._lock.acquire()
        self.core.lock.__enter__()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self.core.lock.__exit__(None, None, None)
        self._lock.release()

    @abstractmethod
    def after_fork_in_child(self) -> None:
        """Be a process of one's own: another id, another uplink, nothing of the parent's to send."""

    def _become_another(self) -> Uplink | None:
        """The part of it that needs no I/O. The parent's uplink, if it had one."""
        uplink, self._uplink = self._uplink, None
        self._lock = RLock()
        self._random = new_random()
        self.intake.empty()
        self.core.become(_node_id(), RLock())
        self.endpoint = SessionClient(self.core, random=self._random.random)
        if self._listener.subscribers:
            self.endpoint.subscribe(now=self._monotonic())
        if self._listener.tail_handler is not None:
            self.endpoint.tail(self.core.own_tail(), now=self._monotonic())
        return uplink

    def _surroundings(self) -> str:
        uplink = self._uplink
        if uplink is None:
            return "the MDK is not started"
        if self.config.server_url is None:
            return "no server is configured"
        if uplink.connected:
            return f"connected to {self.server_url}"
        reason = f" ({uplink.failure})" if uplink.failure else ""
        return f"not connected to {self.server_url}{reason}"


def _node_id() -> str:
    return uuid_text(int.from_bytes(os.urandom(16), "big"))


def configured(environment: str | None) -> Config:
    """What the environment variables say; an environment that is given counts more."""
    config = read_config(os.environ)
    if environment is None:
        return config
    from msgspec.structs import replace

    try:
        return replace(config, environment=parse_environment(environment))
    except ValueError as error:
        raise BadValue("environment", environment, "NAME, or FALLBACK:NAME") from error
