"""When silence is the server's own fault: then nobody is expired for one ttl.

A server that was suspended, stalled or overloaded has not read the renewals that came meanwhile; and if most
connections break at once, it is the network or the server that failed, not most of the services. To expire
them would empty the table of every client. So expiry pauses, is said to pause, and goes on by itself.
"""

from __future__ import annotations

STALL_S = 1.0
"""So late, the loop did not run: what was due meanwhile may have been renewed in bytes that nobody read."""

BROKEN_MIN = 10
"""With fewer senders out of touch, that they are most of them is no sign of a failure of ours."""


class Protection:
    """Whether nodes may be expired.

    Args:
        ttl_s: How long it lasts: whoever lives renews in that time.
    """

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self.until: float | None = None
        """None while there is none."""
        self.reason = ""
        """Why it began last."""
        self.count = 0
        """How often it began."""

    def begin(self, reason: str, *, now: float) -> bool:
        """Expire nobody for one ttl from now on. True if nodes were expired until now."""
        is_new = self.until is None
        self.until = now + self._ttl_s
        if is_new:
            self.reason = reason
            self.count += 1
        return is_new

    def ended(self, *, now: float) -> bool:
        """True once, when it is over."""
        if self.until is None or now < self.until:
            return False
        self.until = None
        return True


def is_mass(out: int, of: int) -> bool:
    """Whether so many senders out of touch are most of them, and not just a few."""
    return out >= BROKEN_MIN and out * 2 > of
