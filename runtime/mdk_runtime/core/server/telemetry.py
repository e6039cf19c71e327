"""How a tenant's clients say they are doing, and which of them shall say more: the server's part of Telemetry."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from typing import NamedTuple

from mdk_protocol.messages import BreakerState, BreakerStatus, Level, LevelRule, Statistics
from mdk_runtime.errors import BadValue

RULES_MAX = 100
"""Level rules at a time: each goes to every client, and an operator has a handful."""
RULE_S_MAX = 24 * 3600.0
"""A rule that is forgotten must not fill the disk for ever."""
BREAKERS_MAX = 1000
"""Breakers of one client that are kept: as many as it can have addresses in use."""
JOURNAL_MAX = 1000
"""Changes of breakers that are kept, the newest."""
SERVICE, TRACE = "service", "trace"


class BreakerChange(NamedTuple):
    """A client's breaker has changed."""

    node: str
    """The client's id."""
    breaker: BreakerStatus


class LevelRules:
    """Which messages clients shall send on besides what their sessions say, each rule for a while."""

    def __init__(self) -> None:
        self._rules: dict[tuple[str, str], tuple[Level, float]] = {}

    def set(self, kind: str, name: str, level: Level, for_s: float, *, now: float) -> LevelRule:
        """Begin a rule, or with 0 seconds end it; the message that says so to every client.

        Raises:
            BadValue: It cannot be a rule.
        """
        if kind not in (SERVICE, TRACE):
            raise BadValue("kind", kind, f"{SERVICE} or {TRACE}")
        if not name:
            raise BadValue(kind, name, "a name that is not empty")
        if not 0 <= for_s <= RULE_S_MAX:
            raise BadValue("seconds", for_s, f"0 to {RULE_S_MAX:g}")
        self._forget_old(now)
        self._rules.pop((kind, name), None)
        if for_s:
            if len(self._rules) >= RULES_MAX:
                raise BadValue("rules", len(self._rules) + 1, f"{RULES_MAX} at a time; end one first")
            self._rules[kind, name] = (level, now + for_s)
        return _rule(kind, name, level, for_s)

    def messages(self, *, now: float) -> list[LevelRule]:
        """The rules that hold."""
        self._forget_old(now)
        return [_rule(kind, name, level, until - now) for (kind, name), (level, until) in self._rules.items()]

    def _forget_old(self, now: float) -> None:
        self._rules = {key: rule for key, rule in self._rules.items() if rule[1] > now}


class Telemetry:
    """What the clients of one tenant have said. Clients are known by anything that can be a key."""

    def __init__(self) -> None:
        self.rules = LevelRules()
        self.journal: deque[BreakerChange] = deque(maxlen=JOURNAL_MAX)
        self.noted = 0
        """Changes that were ever noted in the journal."""
        self._breakers: dict[Hashable, dict[tuple[str, str, str], BreakerStatus]] = {}
        """By client, then by environment, service and address: those that are not closed."""
        self._reports: dict[Hashable, Statistics] = {}

    def breaker_changed(self, client: Hashable, node: str, breaker: BreakerStatus) -> bool:
        """A client's breaker stands otherwise than before; False if it does not, or if the client has too many."""
        mine = self._breakers.setdefault(client, {})
        key = (breaker.environment.name, breaker.service, breaker.address)
        before = mine.get(key)
        if breaker.state == BreakerState.CLOSED:
            mine.pop(key, None)
            if before is None:
                return False
        else:
            if (before is None and len(mine) >= BREAKERS_MAX) or before == breaker:
                return False
            mine[key] = breaker
        self.journal.append(BreakerChange(node, breaker))
        self.noted += 1
        return True

    def reported(self, client: Hashable, statistics: Statistics) -> None:
        """A client says how it is doing."""
        self._reports[client] = statistics

    def left(self, client: Hashable) -> None:
        """A client's connection is gone, and with it what it said."""
        self._breakers.pop(client, None)
        self._reports.pop(client, None)

    def report(self, client: Hashable) -> Statistics | None:
        """What a client said last."""
        return self._reports.get(client)

    @property
    def dropped(self) -> int:
        """What the clients that are connected have given up, by their last word."""
        return sum(one.dropped for one in self._reports.values())

    def breakers(self) -> Iterator[tuple[Hashable, BreakerStatus]]:
        """Every breaker that is not closed, with the client whose it is."""
        for client, mine in self._breakers.items():
            for breaker in mine.values():
                yield client, breaker


def _rule(kind: str, name: str, level: Level, left_s: float) -> LevelRule:
    if kind == SERVICE:
        return LevelRule(service=name, level=level, left=left_s)
    return LevelRule(trace=name, level=level, left=left_s)
