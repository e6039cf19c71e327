"""When a tenant's nodes go: by their lease, or when the grace of a sender out of touch is over; never while the fault is ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mdk_protocol.messages import Node
from mdk_protocol.server import SessionServerShared
from mdk_runtime.core.server.protection import STALL_S, Protection, is_mass
from mdk_runtime.core.server.registry import Registry
from mdk_runtime.core.server.service import Change
from mdk_runtime.core.server.wholeness import lease_key

NODES_LEASE: Final = "Discovery.nodes"
"""As spec/discovery.mdkspec calls it."""


class Expiry:
    """Of one tenant.

    Args:
        registry: What goes is taken out of it.
        ttl_s: As long as a node lives without being renewed.
        lapsed: Told of the key of a node that was not renewed in its time.
        wake: Called when `deadline` moved, or there are notices.
    """

    def __init__(
        self, registry: Registry, ttl_s: float, lapsed: Callable[[str], None], wake: Callable[[], None]
    ) -> None:
        self._registry = registry
        self._ttl_s = ttl_s
        self._lapsed = lapsed
        self._wake = wake
        self.leases = SessionServerShared(self)
        self.leases.wake = wake
        self.protection = Protection(ttl_s)
        """Says whether nodes may expire."""
        self._notices: list[str] = []

    @property
    def deadline(self) -> float | None:
        """When the next node is expired, unless it is renewed."""
        due = [at for at in (self.leases.deadline, self._registry.deadline) if at is not None]
        return max(min(due), self.protection.until or min(due)) if due else None

    def until(self, key: str) -> float | None:
        """When a node lapses unless it is renewed; None if it is held no longer."""
        return self.leases.until(NODES_LEASE, key)

    def hold(self, node: Node, *, now: float) -> None:
        """Nobody has renewed the node, and yet it lives for one ttl."""
        self.leases.grant(NODES_LEASE, lease_key(node), now + self._ttl_s)

    def release(self, key: str) -> None:
        """The node goes by other means."""
        self.leases.release(NODES_LEASE, key)

    def release_all(self) -> None:
        """All nodes go by other means."""
        for key in self.leases.keys(NODES_LEASE):
            self.release(key)

    def work(self, *, now: float) -> list[Change]:
        """Take out what nobody came back for; what has lapsed is told one by one."""
        deadline = self.deadline
        if deadline is not None and now - deadline > STALL_S:
            self.stalled(now - deadline, now=now)
        if self.protection.ended(now=now):
            self._notices.append("nodes are expired again")
        if self.protection.until is not None:
            return []
        self.leases.tick(now=now)
        return self._registry.tick(now=now)

    def lapsed(self, key: str) -> None:
        """Told by the leases."""
        self._lapsed(key)

    # --- what is no fault of the nodes ------------------------------------------------------------

    def lost_touch(self, *, now: float) -> None:
        """A sender went out of touch; if most are by now, it is not they that failed."""
        out, of = self._registry.senders_out, self._registry.senders
        if self.protection.until is None and is_mass(out, of):
            # Only if there is none yet: those who are out stay so, and would prolong it for ever.
            self.protect(f"{out} of {of} processes lost their connections at once", now=now)

    def stalled(self, late_s: float, *, now: float) -> None:
        """The loop did not run for so long: what is about to expire may have been renewed without our hearing it."""
        deadline = self.deadline
        if late_s > STALL_S and deadline is not None and deadline <= now + late_s:
            self.protect(f"the server stood still for {late_s:.1f} s", now=now)

    def protect(self, reason: str, *, now: float) -> None:
        """Expire nobody for one ttl: what seems to be gone may well live."""
        if self.protection.begin(reason, now=now):
            self._notices.append(f"no node is expired for {self._ttl_s:g} s: {reason}")
        self._wake()

    def take_notices(self) -> list[str]:
        """What an operator should know, since the last time."""
        notices, self._notices = self._notices, []
        return notices
