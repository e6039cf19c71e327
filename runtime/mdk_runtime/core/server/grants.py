"""What a token allows, once it has been verified; without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """What may be done in a tenant. The names stand in tokens."""

    READ = "read"
    """Connect at all, and so be told the table; follow and query logs; GET under /api."""
    REGISTER = "register"
    """Register, renew and take back nodes."""
    WRITE = "write"
    """Have logs and interactions stored."""
    ADMIN = "admin"
    """Clear the table, remove nodes of others, set levels; see /metrics."""


EVERYTHING: Final = frozenset(Scope)
ORDINARY: Final = frozenset({Scope.READ, Scope.REGISTER, Scope.WRITE})
"""Of a token that says nothing of scopes, as those of the original's servers."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may do what in which tenant."""

    tenant: str
    scopes: frozenset[Scope] = EVERYTHING
    who: str = ""
    """The token's subject, for the audit log; empty if it names none."""
    expires_at: float | None = None
    """Seconds since the epoch."""
    key: str = ""
    """The fingerprint of the key that the token was signed with; empty without keys."""

    def allows(self, scope: Scope) -> bool:
        """True if the scope is granted."""
        return scope in self.scopes
