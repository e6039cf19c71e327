"""What a peer may do wrong how often before its connection ends."""

from __future__ import annotations

from mdkspec_runtime.counters import Counters
from mdkspec_runtime.errors import IllegalMessage, MalformedMessage, PeerError
from mdkspec_runtime.tables import Policy, Role


class Offences:
    """Counts the peer's offences by kind, and says when the protocol's policy has had enough."""

    __slots__ = ("_counters", "_in_a_row", "_role")

    def __init__(self, role: Role, counters: Counters) -> None:
        self._role = role
        self._counters = counters
        self._in_a_row: dict[str, int] | None = None
        """By kind; None while there are none."""

    def forgive(self) -> None:
        """The peer sent something good, or is another one: what is counted in a row starts anew."""
        self._in_a_row = None

    def commit(self, offence: PeerError) -> str | None:
        """Count an offence; the code to close with, or None to drop the message and go on."""
        policy = self._policy(offence)
        kind = self._kind(offence)
        setattr(self._counters, kind, getattr(self._counters, kind) + 1)
        if self._in_a_row is None:
            self._in_a_row = {}
        in_a_row = self._in_a_row[kind] = self._in_a_row.get(kind, 0) + 1
        if policy.drop_max is None or in_a_row <= policy.drop_max:
            return None
        return policy.code

    def _kind(self, offence: PeerError) -> str:
        if isinstance(offence, MalformedMessage):
            return "malformed"
        return "illegal" if isinstance(offence, IllegalMessage) else "unknown"

    def _policy(self, offence: PeerError) -> Policy:
        policies = {"malformed": self._role.malformed, "illegal": self._role.illegal, "unknown": self._role.unknown}
        return policies[self._kind(offence)]
