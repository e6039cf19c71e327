"""Names in the log what a client sent and the server does not take, so that somebody can put it right; but not for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from mdk_runtime.core.server.origin import Entry
from mdk_runtime.core.server.tenant import Refusal
from mdk_runtime.storage.batch import Stored

NAMED_MAX = 100
"""Messages and nodes named in the log for being refused, in an hour; the rest is only counted."""
HOUR_S = 3600.0

logger = logging.getLogger("mdk.server")


class RefusalLog:
    """Of one server.

    Args:
        now: Seconds on any clock that does not go back.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._until = float("-inf")
        """The end of the hour that is counted."""
        self._named = 0
        self._unnamed = 0

    def refused(self, tenant: str, refusals: Iterable[Refusal]) -> None:
        """Nodes and messages that may not be, or are not whole."""
        for refusal in refusals:
            self._name("refused %s of %s: %s", refusal.what, tenant, refusal.reason)

    def rejected(self, tenant: str, entries: Sequence[Entry], results: Sequence[Stored]) -> None:
        """Of what was to be stored, what cannot be."""
        for (message, *_), result in zip(entries, results, strict=True):
            if result.reason:
                kind = type(message).__name__
                self._name("cannot store a %s of %s from %r: %s", kind, tenant, message.node, result.reason)

    def _name(self, text: str, *values: object) -> None:
        now = self._now()
        if now >= self._until:
            if self._unnamed:
                logger.warning("%d more were refused, and not named", self._unnamed)
            self._until, self._named, self._unnamed = now + HOUR_S, 0, 0
        if self._named >= NAMED_MAX:
            self._unnamed += 1
            return
        self._named += 1
        logger.warning(text, *values)
        if self._named == NAMED_MAX:
            logger.warning("no more of these are named for an hour")
