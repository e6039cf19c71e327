"""Bounds of one tenant, without I/O: how much it may have, and how often it is told that it has too much."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from mdk_protocol.messages import ProtocolError
from mdk_runtime.core.server.grants import Grant, Scope

GRACE_S = 2.0
"""How long the nodes of a sender stay whose last connection broke: time to come back."""
CONNECTIONS_MAX = 20_000
"""16 kB each: what one process is measured with, and twice."""
NODES_MAX = 20_000
"""Every client is told every node: a table that is larger is an accident, such as an address made anew each second."""
LOGS_PER_S_MAX = 100_000
"""More than one server stores: a bound for a tenant that runs wild; backpressure answers the rest."""
BURST_S = 2.0
"""A rate may be exceeded for so long: clients that come back send again what they have kept."""

TOKEN_EXPIRED: Final = ProtocolError(code="token_expired", title="the token has expired; connect with a new one")
TOKEN_REVOKED: Final = ProtocolError(code="token_revoked", title="the token's key is no longer used; get a new token")
MAY_NOT_REGISTER: Final = ProtocolError(code="scope_register", title="the token lacks the scope 'register'")
MAY_NOT_WRITE: Final = ProtocolError(code="scope_write", title="the token lacks the scope 'write'")
MADE_ROOM: Final = ProtocolError(code="tenants", title="the tenant was idle, and made room for another; connect again")

TOLD_MAX = 10_000
"""Senders of a tenant that are remembered for having been told."""
TELL_EVERY_S = 600.0
"""A sender that goes on is told again so much later."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one tenant may have."""

    connections_max: int = CONNECTIONS_MAX
    nodes_max: int = NODES_MAX
    logs_per_s_max: int = LOGS_PER_S_MAX
    """0 for no limit."""


class Bucket:
    """Lets through so many a second, with a burst.

    Args:
        rate: A second; 0 lets everything through.
        burst: At once, after a pause.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at: float | None = None

    def take(self, count: int = 1, *, now: float) -> int:
        """How many of so many may pass."""
        if not self._rate:
            return count
        if self._at is not None and now > self._at:
            self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        passing = min(count, int(self._level))
        self._level -= passing
        return passing


class Told:
    """Whom something was said to already.

    A client that is refused by `close` comes back and asks for the same again. So it is told once, and from then on
    what it may not do is left undone without a word, or both sides would do nothing else.
    """

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()

    def is_news(self, whom: str, *, now: float) -> bool:
        """True if it has to be said now; then it counts as said."""
        until = self._until.get(whom)
        if until is not None and now < until:
            return False
        self._until.pop(whom, None)
        if len(self._until) >= TOLD_MAX:
            self._until.popitem(last=False)
        self._until[whom] = now + TELL_EVERY_S
        return True


class Allowance:
    """What a tenant's clients may do, by their tokens and by what is used already."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.told = Told()
        self._logs = Bucket(limits.logs_per_s_max, limits.logs_per_s_max * BURST_S)

    def forbids_connection(self, *, others: int) -> ProtocolError | None:
        """Why there may not be one more connection."""
        most = self.limits.connections_max
        if others < most:
            return None
        return ProtocolError(code="connections_max", title=f"the tenant has {most} connections already")

    def forbids_node(self, grant: Grant, *, others: int) -> ProtocolError | None:
        """Why a node may not be registered."""
        most = self.limits.nodes_max
        if not grant.allows(Scope.REGISTER):
            return MAY_NOT_REGISTER
        if others < most:
            return None
        return ProtocolError(code="nodes_max", title=f"the tenant has {most} nodes already")

    def logs_within(self, count: int, *, now: float) -> int:
        """How many of so many logs may be stored, the first ones; `too_many_logs` says why the others may not."""
        return self._logs.take(count, now=now)

    @property
    def too_many_logs(self) -> ProtocolError:
        """Why logs are not stored."""
        most = self.limits.logs_per_s_max
        return ProtocolError(code="logs_per_second_max", title=f"the tenant logs more than {most} messages a second")
