"""What an endpoint counts."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct


class Counters(Struct):
    """Counts since the endpoint was made, over all its connections."""

    received: int = 0
    """Messages taken."""
    unknown: int = 0
    illegal: int = 0
    malformed: int = 0
    discarded: int = 0
    """Messages that came after the hang-up, or for a part that had just ended."""
    unsent: int = 0
    """Messages that were to be sent while there was no connection to send them on; close messages that cannot be written."""
    overruns: int = 0
    """Connections ended because the peer did not read."""
    connections: int = 0
    _aliases: Counter[str] | None = None

    @property
    def aliases(self) -> Counter[str]:
        """How often a message came under another name, by that name."""
        if self._aliases is None:
            self._aliases = Counter()
        return self._aliases
