"""What a client says of its breakers, and how it takes levels that the server sets."""

from __future__ import annotations

from mdk_protocol.messages import BreakerStatus, Level, LevelRule, Statistics, TailBegin, TailLogs, Watch
from mdk_runtime.core.client.telemetry import RULES_MAX, WARN_EVERY_S, ToldLevels
from mdk_runtime.core.levels import DEBUG, WARN
from unit.mdk_runtime.fakes import Clock, Listener, make_core, make_mdk, node_message


def told(statuses: list[BreakerStatus]) -> list[tuple[str, str, int]]:
    """Service, state and failures."""
    return [(one.service, str(one.state), one.failures) for one in statuses]


def test_every_change_of_a_breaker_is_told() -> None:
    """Open, half open when its time has come, open again, closed; for each service that has the address."""
    clock, listener = Clock(), Listener()
    core = make_core(clock, listener)
    core.node_active(node_message("shop", "a1"))
    core.node_active(node_message("cart", "a1"))
    for _ in range(2):
        core.verdicts.failed("a1")
    assert listener.breakers == []
    core.verdicts.failed("a1")
    assert sorted(told(listener.breakers)) == [("cart", "OPEN", 3), ("shop", "OPEN", 3)]
    assert {one.retry_after for one in listener.breakers} == {30.0}
    assert sorted(told(core.breakers_not_closed())) == [("cart", "OPEN", 3), ("shop", "OPEN", 3)]
    listener.breakers.clear()
    clock.move(30.0)
    core.verdicts.tick()
    assert {state for _, state, _ in told(listener.breakers)} == {"HALF_OPEN"}
    listener.breakers.clear()
    core.verdicts.succeeded("a1")
    assert sorted(told(listener.breakers)) == [("cart", "CLOSED", 0), ("shop", "CLOSED", 0)]
    assert core.breakers_not_closed() == []


def test_it_is_told_since_when() -> None:
    """By the wall clock, in ms; also on a later connection."""
    clock = Clock()
    core = make_core(clock)
    core.node_active(node_message("shop", "a1"))
    clock.move(5.0)
    start = clock()
    for _ in range(3):
        core.verdicts.failed("a1")
    clock.move(7.0)
    (status,) = core.breakers_not_closed()
    assert (status.since, status.retry_after) == (int(start * 1000), 23.0)


def test_a_level_for_a_service_concerns_its_own_processes() -> None:
    """And only while it holds."""
    clock = Clock()
    levels = ToldLevels(lambda: ["shop"], clock)
    assert not levels
    levels.take(LevelRule(service="shop", level=Level.DEBUG, left=10.0))
    levels.take(LevelRule(service="cart", level=Level.DEBUG, left=10.0))
    assert levels
    assert levels.rank("t1") == DEBUG
    clock.move(10.0)
    assert levels.rank("t1") == -1
    assert not levels


def test_a_level_for_a_trace_concerns_everybody_in_it() -> None:
    """The lowest level of those that hold counts; a rule that is ended holds no more."""
    levels = ToldLevels(list, Clock())
    levels.take(LevelRule(trace="t1", level=Level.WARN, left=10.0))
    assert (levels.rank("t1"), levels.rank("t2")) == (WARN, -1)
    levels.take(LevelRule(trace="t1", level=Level.DEBUG, left=0.0))
    assert levels.rank("t1") == -1


def test_levels_that_are_told_are_bounded_and_known() -> None:
    """A server that says nonsense does no harm."""
    levels = ToldLevels(list, Clock())
    levels.take(LevelRule(trace="t", level=Level("LOUD"), left=10.0))
    assert not levels
    for number in range(RULES_MAX + 1):
        levels.take(LevelRule(trace=f"t{number}", level=Level.DEBUG, left=10.0))
    assert levels.rank(f"t{RULES_MAX - 1}") == DEBUG
    assert levels.rank(f"t{RULES_MAX}") == -1


def test_sessions_that_begin_while_a_level_is_set_send_more() -> None:
    """Those that began before stay as they are; a new connection begins without rules."""
    clock = Clock()
    mdk = make_mdk(clock=clock)
    mdk.intake.shut = False
    before = mdk.session()
    mdk.core.remember(mdk.core.make_own_node("shop", "1.0", "a1"))
    mdk.core.level_ruled(LevelRule(service="shop", level=Level.DEBUG, left=10.0))
    before.debug("c", "not sent")
    during = mdk.session()
    during.set_property("other", 1)
    during.debug("c", "sent")
    assert len(mdk.intake) == 1
    mdk.core.levels.forget()
    mdk.session().debug("c", "not sent")
    assert len(mdk.intake) == 1


def test_a_level_never_makes_a_session_say_less() -> None:
    """It is a lower bound."""
    mdk = make_mdk()
    mdk.intake.shut = False
    mdk.core.remember(mdk.core.make_own_node("shop", "1.0", "a1"))
    mdk.core.level_ruled(LevelRule(service="shop", level=Level.ERROR, left=10.0))
    mdk.session().info("c", "sent")
    session = mdk.session()
    session.trace("debug")
    session.debug("c", "sent")
    assert len(mdk.intake) == 2


def test_a_tail_is_asked_for_again_on_every_connection() -> None:
    """What was asked for last; what comes is handed on."""
    listener = Listener()
    core = make_core(Clock(), listener)
    core.keep_tail(TailBegin(per_second_max=5))
    core.keep_tail(TailBegin(per_second_max=7))
    assert core.own_tail().per_second_max == 7
    core.tail_received(TailLogs(skipped=3))
    assert [message.skipped for message in listener.tailed] == [3]


def test_a_breaker_of_no_service_is_not_told() -> None:
    """An address that is in the table no more has nobody to tell of."""
    listener = Listener()
    core = make_core(Clock(), listener)
    for _ in range(3):
        core.verdicts.failed("gone")
    assert listener.breakers == []


def test_what_the_engine_asks() -> None:
    """The statistics are the listener's; a client asks for no pulses."""
    core = make_core(Clock())
    assert core.own_statistics() == Statistics()
    assert core.own_watch() == Watch()


def test_that_the_server_cannot_store_is_said_once() -> None:
    """Not for every connection on which it says so; again when it can, and when it cannot for long."""
    clock, listener = Clock(), Listener()
    core = make_core(clock, listener)
    core.storing_changed(True)
    assert listener.storing == []
    core.storing_changed(False)
    clock.move(WARN_EVERY_S - 1.0)
    core.storing_changed(False)
    assert listener.storing == [False]
    core.storing_changed(True)
    core.storing_changed(True)
    core.storing_changed(False)
    clock.move(WARN_EVERY_S)
    core.storing_changed(False)
    assert listener.storing == [False, True, False, False]
