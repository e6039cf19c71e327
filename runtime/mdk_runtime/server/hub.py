"""Where the server's parts meet: connections, their tenants, the loop's timers, and the thread that writes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TypeVarTuple
from uuid import uuid4

from mdk_protocol.messages import NODE_TTL, Level, Open, ProtocolError
from mdk_runtime.core.server.connection import ClientEndpoint, Connection
from mdk_runtime.core.server.grants import Grant, Scope
from mdk_runtime.core.server.limits import Limits
from mdk_runtime.core.server.protection import Protection
from mdk_runtime.core.server.registry import Registry
from mdk_runtime.core.server.tenant import Tenant
from mdk_runtime.core.server.writes import Outcome, Write, by_write
from mdk_runtime.server.answering import Answering
from mdk_runtime.server.auth import Gate
from mdk_runtime.server.figures import Figures
from mdk_runtime.server.handshake import refusal_of, token_of
from mdk_runtime.server.last_known import forget
from mdk_runtime.server.measures import Measures
from mdk_runtime.server.options import reason_of
from mdk_runtime.server.proxies import TrustedProxies
from mdk_runtime.server.refusals import RefusalLog
from mdk_runtime.server.served import Served, phase_of
from mdk_runtime.server.settings import TENANTS_MAX
from mdk_runtime.storage.backlog import Job
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.storage import Storage
from mdk_runtime.storage.writer import Done
from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.links.accepting import Handshake, Refusal

Ts = TypeVarTuple("Ts")

WATCH_EVERY_S = 0.25
"""How often it is looked at whether the loop still runs in time and still reads."""

MINUTE_S = 60.0
"""How often the console's charts are kept a point for."""

LEEWAY_S = 10.0
"""A connection outlives its token by as much as a token is let in late (tokens.py)."""

SHUTDOWN = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "shutdown", "the server ends")

logger = logging.getLogger("mdk.server")


class Hub:
    """Every tenant of one server. All methods are called on the loop's thread.

    Args:
        data: The folder that holds the tenants' folders.
        own_open: What the server says of itself.
        grace_s: How long nodes outlive the last connection of their sender.
        gate: Who is let in; everybody if there is none.
        tenant_limits: What each tenant may have.
        limits: Of storage.
        tenants_max: Tenants in memory at once; idle ones make room for new ones.
        proxies: Who may say for whom it asks.
    """

    def __init__(
        self,
        data: Path,
        own_open: Open,
        *,
        grace_s: float,
        gate: Gate | None = None,
        tenant_limits: Limits | None = None,
        limits: StorageLimits | None = None,
        tenants_max: int = TENANTS_MAX,
        proxies: TrustedProxies | None = None,
    ) -> None:
        self.gate = gate or Gate()
        self.proxies = proxies or TrustedProxies()
        self._tenant_limits = tenant_limits or Limits()
        self._tenants_max = tenants_max
        self._data = data
        self._own_open = own_open
        self._grace_s = grace_s
        self._loop = asyncio.get_running_loop()
        self._tenants: dict[str, Served] = {}
        self._waiting = 0
        """Messages submitted and not acknowledged yet."""
        self._settled = asyncio.Event()
        """Set while there are none."""
        self._settled.set()
        self._refusals = RefusalLog(self._loop.time)
        self._owing: set[Connection] = set()
        """Connections whose messages were left to them while storage failed."""
        self.is_ending = False
        self.may_read = asyncio.Event()
        """Cleared while too much waits to be stored."""
        self.may_read.set()
        self.storage = Storage(
            data,
            lambda done: self._call(self._stored, done),
            limits,
            turned=lambda folder, works: self._call(self._storing_turned, folder.name, works),
            emptied=lambda folder: self._call(self._emptied, folder),
        )
        self.writer = self.storage.writer
        self._answering = Answering(self.storage)
        self.measures = Measures()
        self._started_at = self._loop.time()
        self._warm_until = self._started_at + NODE_TTL
        self._watch_at = self._loop.time() + WATCH_EVERY_S
        self._loop.call_at(self._watch_at, self._watch)

    @property
    def protected(self) -> dict[str, Protection]:
        """Tenants whose nodes are not expired at this moment, because the fault seems to be ours."""
        return {
            name: served.tenant.expiry.protection
            for name, served in self._tenants.items()
            if served.tenant.expiry.protection.until is not None
        }

    def clear(self, tenant: str) -> int:
        """Forget every node of a tenant, as an admin asks: how many there were. Those that live come back by themselves.

        Our own clients register again at once, originals with their next renewal.
        """
        served = self._tenant(tenant)
        if served is None:
            return 0
        count = len(served.tenant.registry)
        served.tenant.clear()
        logger.warning("tenant %s is cleared: %d nodes are forgotten", tenant, count)
        return count

    def set_level(self, tenant: str, kind: str, name: str, level: str, for_s: float) -> None:
        """Have a tenant's clients send more, of a `service` or of a `trace`, for a while; 0 seconds end that.

        Raises:
            BadValue: It cannot be a rule.
        """
        served = self._tenant(tenant)
        if served is not None:
            served.tenant.set_level(kind, name, Level(level), for_s, now=self._loop.time())

    def remove(self, tenant: str, environment: str, service: str, address: str) -> int:
        """Take an address out of a tenant's table, as an admin asks: how many senders held it."""
        served = self._tenant(tenant)
        return served.tenant.remove(environment, service, address) if served is not None else 0

    def registry(self, tenant: str) -> Registry | None:
        """A tenant's table; None where there is no room for one more tenant."""
        served = self._tenant(tenant)
        return served.tenant.registry if served is not None else None

    def tenants(self) -> list[Tenant]:
        """Those in memory."""
        return [served.tenant for served in self._tenants.values()]

    def accept(self, handshake: Handshake) -> Endpoint | Refusal:
        """The endpoint of a client's connection, or why there is none."""
        refusal = refusal_of(handshake)
        if refusal is not None:
            return refusal
        if self.is_ending:
            return SHUTDOWN
        address = self.proxies.address(handshake.peer[0], handshake.headers.get_all("X-Forwarded-For"))
        grant = self.gate.admit(token_of(handshake.query, handshake.headers), address)
        return grant if isinstance(grant, Refusal) else self.connect(grant)

    def connect(self, grant: Grant) -> ClientEndpoint | Refusal:
        """The endpoint of a connection that is let in, or why there is none."""
        if not grant.allows(Scope.READ):
            return Refusal(HTTPStatus.FORBIDDEN, "scope_read", "the token lacks the scope 'read'")
        if self.is_ending:
            return SHUTDOWN
        served = self._tenant(grant.tenant)
        if served is None:
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "tenants", f"{self._tenants_max} tenants are connected")
        until = None
        if grant.expires_at is not None:
            until = self._loop.time() + grant.expires_at + LEEWAY_S - time.time()
        return served.tenant.connect(grant, until=until).endpoint

    def reload(self) -> None:
        """Read the keys again; end the connections whose key is gone."""
        if not self.gate.has_keys or not self.gate.reload():
            return
        keys = frozenset(key.fingerprint for key in self.gate.keys)
        ended = sum(served.tenant.revoke(keys, now=self._loop.time()) for served in self._tenants.values())
        if ended:
            logger.warning("%d connections end: their tokens' keys are gone", ended)

    def ended(self, endpoint: Endpoint) -> None:
        """A connection is gone."""
        assert isinstance(endpoint, ClientEndpoint), "`accept` makes no other"
        connection = endpoint.connection
        self._owing.discard(connection)
        connection.tenant.disconnected(connection, now=self._loop.time())

    async def flush(self, *, timeout_s: float) -> None:
        """Accept and read no more, and wait until everything received is stored and acknowledged, at most that long."""
        self.is_ending = True
        self.may_read.clear()
        for served in self._tenants.values():
            served.is_ending = True
            served.tenant.expiry.protection.begin("the server ends", now=self._loop.time())
        keeping = asyncio.gather(*(served.keeper.close() for served in self._tenants.values()))
        try:
            async with asyncio.timeout(timeout_s):
                while self._work_all() or self._waiting:
                    await self._settled.wait()
                await keeping
        except TimeoutError:
            if self._waiting:
                logger.warning("%d messages are not stored after %g s", self._waiting, timeout_s)
            unsaved = sum(not served.keeper.is_settled for served in self._tenants.values())
            if unsaved:
                text = "the nodes of %d tenants are not saved after %g s: who starts next knows them as of some time before"
                logger.warning(text, unsaved, timeout_s)

    def close(self, error: ProtocolError) -> None:
        """Say goodbye to every client."""
        for served in self._tenants.values():
            served.tenant.close(error, now=self._loop.time())
        self.may_read.set()  # So that readers see the end.

    # --- inside -----------------------------------------------------------------------------------

    def _tenant(self, name: str) -> Served | None:
        served = self._tenants.get(name)
        if served is None:
            if len(self._tenants) >= self._tenants_max:
                self._forget_idle()
            if len(self._tenants) >= self._tenants_max:
                return None
            now = self._loop.time()
            warm_until = self._warm_until if now < self._warm_until else None
            tenant = Tenant(
                self._own_open,
                epoch=uuid4().hex,
                grace_s=self._grace_s,
                warm_until=warm_until,
                limits=self._tenant_limits,
            )
            figures = Figures(name, tenant.pulses.news, self.storage, started_at=self._started_at)
            served = self._tenants[name] = Served(name, tenant, self._data / name, figures, self._work)
            served.minute_at = now + MINUTE_S * phase_of(name)
            tenant.tell_storing(not self.storage.fails(name), now=now)
            known = served.keeper.restore(now=now)
            if known:
                logger.info("tenant %s: %d nodes are known from before", name, known)
        return served

    def _forget_idle(self) -> None:
        for served in list(self._tenants.values()):
            self._forget_if_idle(served)

    def _forget_if_idle(self, served: Served) -> bool:
        if not served.end_if_idle():
            return False
        self.measures.counters.update(served.tenant.counters)
        self.measures.protections += served.tenant.expiry.protection.count
        del self._tenants[served.name]
        return True

    def _emptied(self, folder: Path) -> None:
        """Nothing is stored of a tenant any more: where it has no nodes and no clients either, its folder goes."""
        served = self._tenants.get(folder.name)
        if self.is_ending or (served is not None and not self._forget_if_idle(served)):
            return
        try:
            forget(folder)
        except OSError as error:
            logger.warning("%s cannot be removed: %s", folder, reason_of(error))
        else:
            self.storage.remove(folder)

    def _work(self, served: Served) -> int:
        """Let a tenant do what is due, and pass on what it wants stored; answers how much that is."""
        if served.tenant.pulses.is_wanted:
            served.tenant.pulses.facts = served.figures.facts()
        try:
            served.tenant.work(now=self._loop.time())
        except Exception:
            logger.exception("tenant %s failed on an event; it goes on", served.name)
        self._refusals.refused(served.name, served.tenant.take_refusals())
        for notice in served.tenant.expiry.take_notices():
            logger.warning("tenant %s: %s", served.name, notice)
        for asked in served.tenant.insight.take_questions():
            self._answering.answer(served.name, asked)
        writes = served.tenant.writes.take()
        if writes:
            self._submit(served, writes)
        served.look()
        return len(writes)

    def _watch(self) -> None:
        """What a loop did not do for a while, or does not read, is nobody else's silence."""
        now = self._loop.time()
        late_s = now - self._watch_at
        self._watch_at = now + WATCH_EVERY_S
        self._loop.call_at(self._watch_at, self._watch)  # First: whatever fails below, it is looked at again.
        self.measures.loop_lag_s.observe(max(0.0, late_s))
        for served in self._tenants.values():
            served.tenant.expiry.stalled(late_s, now=now)
            expires_at = served.tenant.expiry.deadline
            if not self.may_read.is_set() and expires_at is not None and expires_at < now + WATCH_EVERY_S * 2:
                served.tenant.expiry.protect("the server does not read while storage is behind", now=now)
            if now >= served.minute_at:
                served.minute_at = now + MINUTE_S
                served.tenant.pulses.keep_minute(served.figures.facts())

    def _work_all(self) -> int:
        return sum(self._work(served) for served in self._tenants.values())

    def _submit(self, served: Served, writes: list[Write]) -> None:
        if self.writer.is_full_for(served.folder):
            # Not acknowledged, so their senders have them still; reading goes on, or live nodes would lapse unheard.
            self._owing.update(write.connection for write in writes)
            served.tenant.writes.left(writes)
            return
        entries = [entry for write in writes for entry in write.entries]
        self._waiting += len(entries)
        self._settled.clear()
        self.writer.submit(Job(served.folder, entries, (served, writes, self._loop.time())))
        if self.writer.is_full:
            self.may_read.clear()

    def _stored(self, done: list[Done]) -> None:
        now = self._loop.time()
        for job, results in done:
            served, writes, submitted_at = job.token
            self.measures.ack_s.observe(now - submitted_at, count=len(results))
            self._waiting -= len(results)
            outcomes = [result.outcome for result in results]
            try:
                served.tenant.stored(by_write(writes, outcomes), now=now)
            except Exception:
                logger.exception("tenant %s failed on what is stored; it goes on", served.name)
            if Outcome.REJECTED in outcomes:
                self._refusals.rejected(served.name, job.entries, results)
        if not self._waiting:
            self._settled.set()
        if self._read_on():
            self._recall(now)

    def _read_on(self) -> bool:
        """Read again, if there is room for it."""
        if self.writer.is_full or self.is_ending:
            return False
        self.may_read.set()
        return True

    def _storing_turned(self, tenant: str, works: bool) -> None:
        """What a tenant has to store cannot be stored, or can again: its clients are told, once for each turn."""
        served = self._tenants.get(tenant)
        if served is not None:
            served.tenant.tell_storing(works, now=self._loop.time())
        self._read_on()  # What waits for it now waits apart, and is in nobody's way.

    def _recall(self, now: float) -> None:
        """Storage works again: who reconnects sends again what was not acknowledged."""
        owing = [connection for connection in self._owing if not self.storage.fails(connection.grant.tenant)]
        self._owing.difference_update(owing)
        for connection in owing:
            if connection.endpoint.is_connected:
                error = ProtocolError(code="resend", title="storage works again; send what is not acknowledged")
                connection.endpoint.close(error, now=now)

    def _call(self, function: Callable[[*Ts], None], *values: *Ts) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *values)
        except RuntimeError:  # The loop has ended; what is stored is stored, and is known when it is sent again.
            logger.debug("the writer has something to say when nobody listens any more")
