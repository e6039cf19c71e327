"""What the connections of one tenant do together.

Events come in through the endpoints and through `disconnected`, `stored` and `work`; frames go out through the
endpoints, and what is to be stored through `writes`. Nothing is broadcast from inside an event: changes are
gathered and told by `work`, so a shell may merge them over a while.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from mdk_protocol.messages import (
    NODE_TTL,
    Level,
    Log,
    Node,
    Open,
    ProtocolError,
)
from mdk_runtime.core.server.audience import Audience
from mdk_runtime.core.server.connection import Connection
from mdk_runtime.core.server.expiry import Expiry
from mdk_runtime.core.server.grants import Grant
from mdk_runtime.core.server.history import History, Past
from mdk_runtime.core.server.insight import Insight
from mdk_runtime.core.server.limits import GRACE_S, TOKEN_EXPIRED, TOKEN_REVOKED, Allowance, Limits
from mdk_runtime.core.server.pulse import Pulses
from mdk_runtime.core.server.registry import Registry
from mdk_runtime.core.server.service import Change
from mdk_runtime.core.server.tails import Onlookers
from mdk_runtime.core.server.wholeness import lease_key, missing_in, sender_of
from mdk_runtime.core.server.writes import Outcome, Write, Writes
from mdkspec_runtime.schedule import Schedule

MERGE_S = 0.02
"""The first change is told at once, those that follow within so long together: cost is by message, not by byte."""

REFUSALS_MAX = 100
"""Refusals kept for the log; a client that sends more in one go is not worth more lines."""


class Refusal(NamedTuple):
    """What was refused, for the log."""

    what: str
    reason: str


class Tenant:
    """One tenant: its table and its connections, without I/O.

    A shell makes a `Connection` for every client, drives its endpoint, and calls `work` when `wake` was called
    or `deadline` has come.

    Args:
        own_open: What the server says of itself.
        epoch: Differs from that of every other life of this tenant.
        grace_s: How long nodes outlive the last connection of their sender.
        ttl_s: Sent with each node. Clients of today ignore it.
        merge_s: See MERGE_S.
        warm_until: Until then the server, just started, does not know which nodes live.
        limits: What the tenant may have.
    """

    def __init__(
        self,
        own_open: Open,
        *,
        epoch: str = "",
        grace_s: float = GRACE_S,
        ttl_s: float = NODE_TTL,
        merge_s: float = MERGE_S,
        warm_until: float | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.own_open = own_open
        self.ttl_s = ttl_s
        self.registry = Registry()
        self.expiry = Expiry(self.registry, ttl_s, self._lapsed, self._wake_shell)
        self.audience = Audience(History(epoch), ttl_s, self._wake_shell)
        self.audience.is_complete = warm_until is None
        self.insight = Insight(self._wake_shell)
        """What clients let be seen, and what they ask."""
        self.pulses = Pulses(self, self._wake_shell)
        """For those who look at the console."""
        self.has_ended = False
        """Set by the shell; True: it has let go of this object while it was idle, and has another one where it is needed."""
        self.connections: dict[Connection, None] = {}
        """Those whose client has spoken, in the order in which they did."""
        self.counters: Counter[str] = Counter()
        """Outcomes of writes by kind (`log new`), nodes refused, lapses."""
        self._refusals: list[Refusal] = []
        """Not yet taken by the shell, at most `REFUSALS_MAX`."""
        self.wake: Callable[[], None] | None = None
        """Set by the shell; called when `work` or `writes` has something, or the deadline moved forward."""
        self.onlookers = Onlookers(self.counters)
        """Who is shown logs as they are stored."""
        self.allowance = Allowance(limits or Limits())
        self.writes = Writes(self.registry, self.counters, self._wake_shell)
        self._grace_s = grace_s
        self._merge_s = merge_s
        self._warm_until = warm_until
        self._tell_at = float("-inf")
        """Not before then are changes told."""
        self._ends: Schedule[Connection] = Schedule()
        """Connections whose token runs out."""
        self._touch: dict[str, int] = {}
        """Sender to the number of connections on which it was seen."""

    @property
    def is_idle(self) -> bool:
        """True if nothing would be lost with this object."""
        registry = self.registry
        return not self.connections and self.writes.is_idle and registry.deadline is None and not len(registry)

    @property
    def deadline(self) -> float | None:
        """When `work` has something to do by itself."""
        expiry = self.expiry
        due = [expiry.deadline, self._ends.deadline, self._warm_until, expiry.protection.until, self.pulses.deadline]
        if self.audience.has_questions or self.audience.has_news:
            due.append(self._tell_at)
        return min((at for at in due if at is not None), default=None)

    @property
    def is_warm(self) -> bool:
        """True while the server, just started, does not know which nodes live."""
        return self._warm_until is not None

    def connect(self, grant: Grant | None = None, *, until: float | None = None) -> Connection:
        """A client connects; the shell drives its endpoint and calls `disconnected` at the end, if it came that far.

        Args:
            grant: What its token allows; everything if there is none.
            until: When the token runs out, on the clock of `now`.
        """
        return Connection(self, grant or Grant(""), until)

    def disconnected(self, connection: Connection, *, now: float) -> None:
        """The connection is gone. Senders that it was the last one of have the grace to come back."""
        self.connections.pop(connection, None)
        self.onlookers.left(connection)
        self.audience.remove(connection)
        self._ends.remove(connection)
        self.insight.left(connection)
        self.pulses.end(connection)
        for sender in connection.senders:
            self._touch[sender] -= 1
            if not self._touch[sender]:
                del self._touch[sender]
                self._change(self.registry.suspect(sender, until=now + self._grace_s))
        connection.senders.clear()
        if not self.is_warm:
            self.expiry.lost_touch(now=now)
        self._wake_shell()

    def work(self, *, now: float) -> None:
        """End whose token has run out, remove what has lapsed, then tell everyone what changed."""
        while (due := self._ends.pop_due(now)) is not None:
            due[0].hang_up(TOKEN_EXPIRED, now=now)
        self._change(self.expiry.work(now=now))
        if self._warm_until is not None and now >= self._warm_until:
            self._warm_until = None
            self.audience.complete(now=now)
        self.insight.work(now=now)
        self.pulses.work(now=now)
        self.audience.answer(now=now)
        if now >= self._tell_at and self.audience.has_news:
            self._tell_at = now + self._merge_s
            self.audience.tell(now=now)

    def clear(self) -> None:
        """Forget every node, as an admin asks. Our clients say at once what they still offer, originals in half a ttl."""
        self.expiry.release_all()
        self._change(self.registry.clear())
        for connection in self.connections:
            connection.keys.clear()
        self.audience.wants_clear = True
        self._wake_shell()

    def remove(self, environment: str, service: str, address: str) -> int:
        """Take an address out, as an admin asks: how many senders held it. One that lives registers again by itself."""
        keys = self.registry.keys_at(environment, service, address)
        for key in keys:
            self.expiry.release(key)
            self._change(self.registry.remove(key))
        return len(keys)

    def restore(self, nodes: Iterable[Node], past: Past | None = None, *, now: float) -> None:
        """Take in what was known before a restart. Nodes are expired after one ttl, unless they are renewed."""
        for node in nodes:
            if not missing_in(node):
                self._change(self.registry.register(node, now=now))
                self.expiry.hold(node, now=now)
        if past is not None:
            self.audience.recall(past)

    def set_level(self, kind: str, name: str, level: Level, for_s: float, *, now: float) -> None:
        """Have clients send more, of a `service` or of a `trace`, for a while; 0 seconds end that.

        Raises:
            BadValue: It cannot be a rule.
        """
        self.insight.set_level(self.connections, kind, name, level, for_s, now=now)

    def tell_storing(self, works: bool, *, now: float) -> None:
        """Storage works or fails: our own clients are told when that has changed."""
        self.insight.tell_storing(self.connections, works, now=now)

    def take_refusals(self) -> list[Refusal]:
        """Nodes refused since the last time."""
        refusals, self._refusals = self._refusals, []
        return refusals

    def stored(self, outcomes: Iterable[tuple[Write, Sequence[Outcome]]], *, now: float) -> None:
        """Writes are durable: acknowledge them, and show logs that are new to those who follow."""
        for write, each in outcomes:
            self.writes.settle(write, each, now=now)
            if self.pulses.is_wanted:
                new = (entry for entry, outcome in zip(write.entries, each, strict=True) if outcome is Outcome.NEW)
                self.pulses.news.stored(new, time_ms=self.pulses.facts.time_ms)
            if write.is_log and self.onlookers:
                for (message, origin, _), outcome in zip(write.entries, each, strict=True):
                    if isinstance(message, Log) and outcome is Outcome.NEW:
                        self.onlookers.stored(message, origin.service, now=now)
        self.onlookers.show(now=now)

    def close(self, error: ProtocolError, *, now: float) -> None:
        """Say goodbye to every client."""
        for connection in list(self.connections):
            connection.hang_up(error, now=now)

    def revoke(self, keys: frozenset[str], *, now: float) -> int:
        """End the connections whose token was signed with none of these keys; answers how many."""
        revoked = [one for one in self.connections if one.grant.key and one.grant.key not in keys]
        for connection in revoked:
            connection.hang_up(TOKEN_REVOKED, now=now)
        return len(revoked)

    # --- told by the connections ------------------------------------------------------------------

    def advertised(self, connection: Connection, node: Node) -> None:
        """A node was registered or renewed."""
        sender = sender_of(node)
        assert sender is not None, "only whole nodes come here"
        self.seen(connection, sender)
        key = lease_key(node)
        changes = self.registry.register(node, now=connection.now)
        self._change(changes)
        if key not in connection.keys:
            connection.keys[key] = None
            shown = self.registry.shown(node)
            if not changes and shown is not None:
                # Its sender waits for the echo (wire/README.md, rule 11); for the others nothing has changed.
                self.audience.owe(connection, Change(shown, is_gone=False))

    def taken_back(self, connection: Connection, node: Node) -> None:
        """A node was expired by a client."""
        connection.keys.pop(lease_key(node), None)
        self._change(self.registry.unregister(node))

    def opened(self, connection: Connection) -> None:
        """The client has spoken: from now on it is told what changes."""
        self.connections[connection] = None
        self.audience.add(connection)
        if self.audience.has_news:
            self._wake_shell()
        if connection.until is not None:
            self._ends.set(connection, connection.until)
            self._wake_shell()
        if connection.is_extended:
            self.insight.opened(connection)

    def seen(self, connection: Connection, sender: str) -> None:
        """A connection speaks for a sender."""
        if sender not in connection.senders:
            connection.senders[sender] = None
            self._touch[sender] = self._touch.get(sender, 0) + 1

    def refused(self, what: str, reason: str) -> None:
        """Something is not passed on or not stored."""
        if len(self._refusals) < REFUSALS_MAX:
            self._refusals.append(Refusal(what, reason))
            self._wake_shell()

    # --- inside -----------------------------------------------------------------------------------

    def _change(self, changes: list[Change]) -> None:
        if changes:
            self.counters["change"] += len(changes)
            self.audience.note(changes)

    def _lapsed(self, key: str) -> None:
        self.counters["node lapsed"] += 1
        self._change(self.registry.remove(key))

    def _wake_shell(self) -> None:
        if self.wake is not None:
            self.wake()
