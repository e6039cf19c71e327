"""What a tenant's clients let be seen, and what they ask: telemetry and questions of all connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from mdk_protocol.messages import BreakerStatus, Level, Question, Statistics, Storing
from mdk_runtime.core.server.telemetry import Telemetry

if TYPE_CHECKING:
    from mdk_runtime.core.server.connection import Connection


class Asked(NamedTuple):
    """A question, and who waits for the answer."""

    connection: Connection
    question: Question


class Insight:
    """Of one tenant. What it has to say goes out in `work`, for which it wakes the shell."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self.telemetry = Telemetry()
        self._unruled: list[Connection] = []
        """They have not been told the level rules yet."""
        self._questions: list[Asked] = []
        self._is_storing = True

    def opened(self, connection: Connection) -> None:
        """A client of ours is there."""
        self._unruled.append(connection)
        self._wake()

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self.telemetry.left(connection)

    def work(self, *, now: float) -> None:
        """Tell new clients the level rules, and that storage fails if it does."""
        unruled, self._unruled = self._unruled, []
        rules = self.telemetry.rules.messages(now=now) if unruled else []
        for connection in unruled:
            for rule in rules:
                if connection.endpoint.is_connected:
                    connection.endpoint.rule_level(rule, now=now)
        if not self._is_storing:
            _tell_storing(unruled, works=False, now=now)

    def tell_storing(self, connections: Iterable[Connection], works: bool, *, now: float) -> None:
        """Storage works or fails; clients are told when that has changed."""
        if works != self._is_storing:
            self._is_storing = works
            _tell_storing(connections, works=works, now=now)

    def set_level(
        self, connections: Iterable[Connection], kind: str, name: str, level: Level, for_s: float, *, now: float
    ) -> None:
        """Have clients send more, of a service or of a trace, for a while; 0 seconds end that.

        Raises:
            BadValue: It cannot be a rule.
        """
        rule = self.telemetry.rules.set(kind, name, level, for_s, now=now)
        for connection in connections:
            if connection.is_extended and connection.endpoint.is_connected:
                connection.endpoint.rule_level(rule, now=now)

    def breaker_changed(self, connection: Connection, breaker: BreakerStatus) -> None:
        """A client's circuit breaker."""
        self.telemetry.breaker_changed(connection, connection.node_id, breaker)

    def reported(self, connection: Connection, statistics: Statistics) -> None:
        """How a client is doing."""
        self.telemetry.reported(connection, statistics)

    def asked(self, connection: Connection, question: Question) -> None:
        """A client wants to know something of what is stored. Bounded by `take_questions` after every input."""
        self._questions.append(Asked(connection, question))
        self._wake()

    def take_questions(self) -> list[Asked]:
        """What was asked since the last time."""
        questions, self._questions = self._questions, []
        return questions


def _tell_storing(connections: Iterable[Connection], *, works: bool, now: float) -> None:
    for connection in connections:
        if connection.is_extended and connection.endpoint.is_connected:
            connection.endpoint.tell_storing(Storing(works=works), now=now)
