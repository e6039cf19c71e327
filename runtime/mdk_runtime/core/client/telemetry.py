"""What a client says of itself, and what the server tells it to say more of: the client's part of Telemetry and Tail."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from mdk_protocol import messages
from mdk_runtime.core.levels import LEVELS

if TYPE_CHECKING:
    from mdk_runtime.ports import Listener, Monotonic

RULES_MAX = 1000
"""Level rules that are kept; a server of ours sends far fewer."""

WARN_EVERY_S = 600.0
"""That the server cannot store is said again so much later, if it still cannot."""


class ToldLevels:
    """Levels that the server has set, for services and traces. True if there are any.

    They count for sessions that are made or joined while they hold.
    """

    __slots__ = ("_monotonic", "_own_services", "rules")

    def __init__(self, own_services: Callable[[], Collection[str]], monotonic: Monotonic) -> None:
        self._own_services = own_services
        self._monotonic = monotonic
        self.rules: dict[tuple[bool, str], tuple[int, float]] = {}
        """By whether it is of a trace, and the name: the rank, and until when. Every new session looks whether it is empty."""

    def __bool__(self) -> bool:
        return bool(self.rules)

    def take(self, rule: messages.LevelRule) -> None:
        """The server sets a level, or ends a rule. One of a level that nobody knows is no rule."""
        key = (True, rule.trace) if rule.trace else (False, rule.service or "")
        self.rules.pop(key, None)
        if rule.left > 0 and rule.level in LEVELS and len(self.rules) < RULES_MAX:
            self.rules[key] = (LEVELS.index(rule.level), self._monotonic() + rule.left)

    def rank(self, trace_id: str) -> int:
        """The rank down to which a session of a trace sends at least; -1 if nothing is set."""
        now = self._monotonic()
        if any(until <= now for _, until in self.rules.values()):
            self.rules = {key: rule for key, rule in self.rules.items() if rule[1] > now}
        keys = [(True, trace_id), *((False, service) for service in self._own_services())]
        return max((self.rules[key][0] for key in keys if key in self.rules), default=-1)

    def forget(self) -> None:
        """Another connection begins, on which the server names all rules that hold."""
        self.rules = {}


class ClientTelemetry:
    """The handler of these parts, for a client core to be."""

    listener: Listener
    levels: ToldLevels
    _monotonic: Monotonic

    def __init__(self) -> None:
        self._tail = messages.TailBegin()
        """What was asked for last."""
        self._warned_until: float | None = None
        """The application was warned that the server cannot store, and is not again before that time."""

    def own_statistics(self) -> messages.Statistics:
        """How this client is doing."""
        return self.listener.own_statistics()

    def level_ruled(self, m: messages.LevelRule) -> None:
        """The server wants to hear more, or no longer."""
        self.levels.take(m)

    def storing_changed(self, works: bool) -> None:
        """The server cannot store, or can again. Told once, also where the connection is lost meanwhile, or for long."""
        now = self._monotonic()
        if works and self._warned_until is not None:
            self._warned_until = None
            self.listener.storing_changed(works)
        elif not works and (self._warned_until is None or now >= self._warned_until):
            self._warned_until = now + WARN_EVERY_S
            self.listener.storing_changed(works)

    def keep_tail(self, begin: messages.TailBegin) -> None:
        """What is to be asked for on every connection."""
        self._tail = begin

    def own_tail(self) -> messages.TailBegin:
        """What is asked for on a new connection."""
        return self._tail

    def tail_received(self, m: messages.TailLogs) -> None:
        """Logs that were asked for."""
        self.listener.tail_received(m)

    def keep_watch(self, watch: messages.Watch) -> None:
        """Only the console asks for pulses."""

    def own_watch(self) -> messages.Watch:
        """As `keep_watch`."""
        return messages.Watch()

    def pulse(self, m: messages.Pulse) -> None:
        """As `keep_watch`."""
