"""Who is shown logs as they are stored: all of them, or chosen, merged and bounded at the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from mdk_protocol.messages import Log, LogFilter, TailBegin, TailLogs
from mdk_runtime.core.levels import LEVELS
from mdkspec_runtime.errors import UnsendableMessage

if TYPE_CHECKING:
    from mdk_runtime.core.server.connection import Connection

LOGS_MAX = 500
"""In one message. What gathers beyond between two flushes is left out: nobody reads so fast."""
PER_SECOND_MAX = 10_000
"""Whatever a client asks for."""
TEXT_CHARS_MAX = 128 * 1024
"""In one message, together: each character may take six bytes, and a message of the protocol has room for 1 MiB."""
LEVEL_RANKS = {name: rank for rank, name in enumerate(LEVELS)}


class Onlookers:
    """Those of one tenant: clients that want every log, and those that look on with a tail.

    Args:
        counters: What cannot be shown is added to it.
    """

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._followers: dict[Connection, None] = {}
        self._tails: dict[Connection, Tail] = {}

    def __bool__(self) -> bool:
        return bool(self._followers or self._tails)

    def follow(self, connection: Connection) -> None:
        """A client wants every log, one by one."""
        self._followers[connection] = None

    def look(self, connection: Connection, begin: TailBegin) -> None:
        """A client looks on, or otherwise than before."""
        self._tails[connection] = Tail(begin)

    def look_away(self, connection: Connection) -> None:
        """It does no more."""
        self._tails.pop(connection, None)

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self._followers.pop(connection, None)
        self._tails.pop(connection, None)

    def stored(self, log: Log, service: str, *, now: float) -> None:
        """A log is durable that was not before. Tails get it with the next `show`."""
        self._relay(log, now)
        for tail in self._tails.values():
            tail.offer(log, service)

    def show(self, *, now: float) -> None:
        """Send to those who look on what has gathered."""
        for connection, tail in self._tails.items():
            message = tail.take(now=now)
            if message is not None and connection.endpoint.is_connected:
                try:
                    connection.endpoint.show(message, now=now)
                except UnsendableMessage:  # Properties are not counted, and may be large.
                    self._counters["log unsendable"] += len(message.logs)

    def _relay(self, log: Log, now: float) -> None:
        for connection in self._followers:
            if connection.endpoint.is_connected:
                try:
                    connection.endpoint.relay(log, now=now)
                except UnsendableMessage:
                    # With its defaults written out it is larger than a message may be: stored, but not shown.
                    self._counters["log unsendable"] += 1
                    return


class Tail:
    """One client's view, as the client wants it."""

    def __init__(self, begin: TailBegin) -> None:
        self._fits = fitting(begin.filter)
        self._per_second = max(1, min(begin.per_second_max, PER_SECOND_MAX))
        self._room = float(self._per_second)
        """Logs that may be shown now: it grows with time, up to those of one second."""
        self._at: float | None = None
        """When it grew last."""
        self._logs: list[Log] = []
        self._skipped = 0
        self._chars = 0
        """Of the texts that have gathered."""

    def offer(self, log: Log, service: str) -> None:
        """A log was stored."""
        if not self._fits(log, service):
            return
        if self._room < 1 or len(self._logs) >= LOGS_MAX or self._chars + len(log.text) > TEXT_CHARS_MAX:
            self._skipped += 1
            return
        self._room -= 1
        self._chars += len(log.text)
        self._logs.append(log)

    def take(self, *, now: float) -> TailLogs | None:
        """What has gathered since the last time; None if nothing has."""
        passed_s = 0.0 if self._at is None else now - self._at
        self._room = min(float(self._per_second), self._room + passed_s * self._per_second)
        self._at = now
        if not (self._logs or self._skipped):
            return None
        message = TailLogs(logs=self._logs, skipped=self._skipped)
        self._logs, self._skipped, self._chars = [], 0, 0
        return message


def fitting(wanted: LogFilter) -> Callable[[Log, str], bool]:
    """A test of a log and the service that it comes from."""
    rank = LEVEL_RANKS.get(wanted.level) if wanted.level else None
    text = wanted.text.casefold() if wanted.text else ""

    def fits(log: Log, service: str) -> bool:
        if rank is not None and LEVEL_RANKS.get(log.level, len(LEVELS)) > rank:
            return False
        if wanted.service and service != wanted.service:
            return False
        if wanted.environment and log.context.environment.name != wanted.environment:
            return False
        if wanted.node and log.node != wanted.node:
            return False
        if wanted.trace and log.context.trace_id != wanted.trace:
            return False
        if wanted.category and log.category != wanted.category:
            return False
        return not text or text in log.text.casefold()

    return fits
