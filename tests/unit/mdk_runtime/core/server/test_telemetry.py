"""What clients say of themselves, as the server keeps it; levels that it sets for a while."""

from __future__ import annotations

import pytest

from mdk_protocol.messages import BreakerState, BreakerStatus, Level, LevelRule, Statistics
from mdk_runtime.core.server.telemetry import BREAKERS_MAX, JOURNAL_MAX, RULE_S_MAX, RULES_MAX, LevelRules, Telemetry
from mdk_runtime.errors import BadValue


def status(address: str = "a1", state: BreakerState = BreakerState.OPEN, failures: int = 3) -> BreakerStatus:
    """Of a service's address."""
    return BreakerStatus(service="shop", address=address, state=state, failures=failures)


def test_a_rule_holds_for_a_while() -> None:
    """Whoever connects meanwhile is told how long is left."""
    rules = LevelRules()
    assert rules.set("service", "shop", Level.DEBUG, 60.0, now=100.0) == LevelRule(
        service="shop", level=Level.DEBUG, left=60.0
    )
    rules.set("trace", "t1", Level.DEBUG, 10.0, now=100.0)
    assert rules.messages(now=105.0) == [
        LevelRule(service="shop", level=Level.DEBUG, left=55.0),
        LevelRule(trace="t1", level=Level.DEBUG, left=5.0),
    ]
    assert [rule.service for rule in rules.messages(now=110.0)] == ["shop"]
    assert rules.messages(now=160.0) == []


def test_a_rule_is_ended_and_replaced() -> None:
    """0 seconds end it; the same name again takes its place."""
    rules = LevelRules()
    rules.set("service", "shop", Level.DEBUG, 60.0, now=0.0)
    rules.set("service", "shop", Level.WARN, 30.0, now=0.0)
    assert rules.messages(now=0.0) == [LevelRule(service="shop", level=Level.WARN, left=30.0)]
    assert rules.set("service", "shop", Level.WARN, 0.0, now=1.0).left == 0
    assert rules.messages(now=1.0) == []


@pytest.mark.parametrize(
    ("kind", "name", "seconds", "text"),
    [
        ("node", "n1", 1.0, "kind is 'node'; expected service or trace"),
        ("service", "", 1.0, "service is ''; expected a name that is not empty"),
        ("trace", "t", -1.0, "seconds is -1.0; expected 0 to 86400"),
        ("trace", "t", RULE_S_MAX * 2, "seconds is 172800.0; expected 0 to 86400"),
        ("trace", "t", float("nan"), "seconds is nan; expected 0 to 86400"),
    ],
)
def test_what_cannot_be_a_rule_is_said(kind: str, name: str, seconds: float, text: str) -> None:
    """With what would have been right."""
    with pytest.raises(BadValue) as caught:
        LevelRules().set(kind, name, Level.DEBUG, seconds, now=0.0)
    assert str(caught.value) == text


def test_rules_are_bounded() -> None:
    """One more is refused, until one has run out."""
    rules = LevelRules()
    for number in range(RULES_MAX):
        rules.set("service", f"s{number}", Level.DEBUG, 10.0, now=0.0)
    with pytest.raises(BadValue, match="end one first"):
        rules.set("service", "another", Level.DEBUG, 10.0, now=0.0)
    rules.set("service", "s0", Level.INFO, 10.0, now=0.0)
    rules.set("service", "another", Level.DEBUG, 10.0, now=10.0)


def test_breakers_are_kept_while_they_are_not_closed() -> None:
    """By client; a change that is none is not noted."""
    telemetry = Telemetry()
    assert telemetry.breaker_changed("c1", "n1", status())
    assert not telemetry.breaker_changed("c1", "n1", status())
    assert telemetry.breaker_changed("c2", "n2", status())
    assert list(telemetry.breakers()) == [("c1", status()), ("c2", status())]
    closed = status(state=BreakerState.CLOSED, failures=0)
    assert telemetry.breaker_changed("c1", "n1", closed)
    assert not telemetry.breaker_changed("c1", "n1", closed)
    assert list(telemetry.breakers()) == [("c2", status())]
    telemetry.left("c2")
    assert list(telemetry.breakers()) == []
    assert [(change.node, change.breaker.state) for change in telemetry.journal] == [
        ("n1", "OPEN"),
        ("n2", "OPEN"),
        ("n1", "CLOSED"),
    ]


def test_breakers_and_their_journal_are_bounded() -> None:
    """A client that invents addresses fills nothing."""
    telemetry = Telemetry()
    for number in range(max(BREAKERS_MAX, JOURNAL_MAX) + 5):
        telemetry.breaker_changed("c1", "n1", status(f"a{number}"))
    assert len(list(telemetry.breakers())) == BREAKERS_MAX
    assert len(telemetry.journal) <= JOURNAL_MAX


def test_a_report_is_the_last_one() -> None:
    """Until its client is gone."""
    telemetry = Telemetry()
    telemetry.reported("c1", Statistics(emitted=1))
    telemetry.reported("c1", Statistics(emitted=2))
    assert telemetry.report("c1") == Statistics(emitted=2)
    telemetry.left("c1")
    assert telemetry.report("c1") is None
