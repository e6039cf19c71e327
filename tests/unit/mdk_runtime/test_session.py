"""Tests of mdk_runtime.session."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdk_protocol import messages
from mdk_runtime.arguments import PROPERTY_BYTES_MAX
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.core.environments import Environment
from mdk_runtime.errors import BadValue, NoInteraction, ResolveTimeout
from mdk_runtime.session import Session, current_session
from unit.mdk_runtime.fakes import Clock, log_lines, make_mdk, node_message, queued


def clocks_of(encoded: str) -> list[int]:
    """The clock in an encoded session."""
    found: list[int] = json.loads(encoded)["clock"]["clocks"]
    return found


def with_nodes(*addresses: str) -> MDK:
    """An MDK that knows nodes of `svc`."""
    mdk = make_mdk()
    for address in addresses:
        mdk.core.node_active(node_message("svc", address))
    return mdk


def test_new_session() -> None:
    """A new session has clock [0], no properties, the process's environment, a trace of its own."""
    mdk = make_mdk(Config(environment=Environment("child", "parent")))
    one, other = mdk.session(), mdk.session()
    assert json.loads(one.inject()) == {
        "traceId": one.trace_id,
        "clock": {"clocks": [0]},
        "properties": {},
        "environment": {"name": "child", "fallbackName": "parent"},
    }
    assert one.trace_id != other.trace_id
    assert (one.getEnvironment().name, one.getEnvironment().fallbackName) == ("child", "parent")


def test_inject_ticks_after() -> None:
    """Each encoding ticks the clock, and so does each log call."""
    session = make_mdk().session()
    assert clocks_of(session.inject()) == [0]
    assert clocks_of(session.externalize()) == [1]
    assert session.info("c", "t").causal_level == [3]
    assert clocks_of(session.inject()) == [3]


def test_join() -> None:
    """A joined session has the trace, properties and environment of the other, one level deeper; joining twice is equal."""
    session = make_mdk(Config(environment=Environment("theirs"))).session()
    session.set_property("k", [1, True, None])
    encoded = session.inject()
    mdk = make_mdk(Config(environment=Environment("ours")))
    joined = mdk.join(encoded)
    assert joined.trace_id == session.trace_id
    assert joined.get_property("k") == [1, True, None]
    assert joined.environment == Environment("theirs")
    assert clocks_of(joined.inject()) == [1, 0]
    assert clocks_of(mdk.join(encoded).inject()) == [1, 0]
    assert clocks_of(mdk.join(joined.inject()).inject()) == [1, 2, 0]
    assert clocks_of(mdk.join(encoded.encode()).inject()) == [1, 0]


@pytest.mark.parametrize("nothing", [None, "", b""])
def test_join_of_nothing(nothing: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """Where there is no session a new one begins, without a word."""
    assert clocks_of(make_mdk().join(nothing).inject()) == [0]
    assert caplog.records == []


NESTED = "[" * 5000 + "]" * 5000
HOSTILE = [
    "junk",
    "[]",
    "null",
    "5",
    '"text"',
    b"\xff\xfe",
    "[" * 10_000,
    "[" * (1 << 20),
    json.dumps({"traceId": "x" * (1 << 20)}),
    '{"traceId": 5}',
    '{"traceId": "t", "clock": 5}',
    '{"traceId": "t", "clock": {"clocks": ["x"]}}',
    '{"traceId": "t", "clock": {"clocks": [-1]}}',
    '{"traceId": "t", "clock": {"clocks": [9007199254740993]}}',
    '{"traceId": "t", "clock": {"clocks": [%s]}}' % ("9" * 4000),
    '{"traceId": "t", "clock": {"clocks": [%s0]}}' % ("0," * 64),
    '{"traceId": "t", "properties": [1]}',
    '{"traceId": "t", "properties": {"a": ' + NESTED + "}}",
    '{"traceId": "t", "environment": 7}',
]


@pytest.mark.parametrize("broken", HOSTILE, ids=range(len(HOSTILE)))
def test_join_of_something_broken(broken: str | bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A context that cannot be read starts a new session and says so once."""
    mdk = make_mdk(Config(environment=Environment("ours")))
    session = mdk.join(broken)
    assert clocks_of(session.inject()) == [0]
    assert session.environment == Environment("ours")
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("mdk", logging.WARNING)
    assert record.message.startswith("a session context cannot be read, a new session begins: ")
    assert clocks_of(mdk.derive(broken).inject()) == [0]
    if isinstance(broken, str):
        caplog.clear()
        assert clocks_of(mdk.join_headers({"X-MDK-Context": broken}).inject()) == [0]
        assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "properties",
    [
        '{"timeout": "abc", "trace": 7, "routes": 5}',
        '{"timeout": 1e400, "trace": null, "routes": {"svc": 5}}',
        '{"timeout": NaN, "routes": {"svc": [5, {"version": 1}]}}',
        '{"timeout": true, "a": %s}' % ("[" * 150 + "]" * 150),
    ],
)
def test_joined_properties_of_the_wrong_kind(properties: str, caplog: pytest.LogCaptureFixture) -> None:
    """What a caller says wrongly is as good as not said; the session lives, resolves, logs and travels."""
    mdk = make_mdk(Config(experimental=True))
    mdk.core.node_active(node_message("svc", "a"))
    session = mdk.join('{"traceId": "t", "properties": ' + properties + "}")
    assert session.trace_id == "t"
    assert session.resolve("svc").address == "a"
    session.critical("c", "t")
    session.set_deadline(5)
    remaining = session.get_remaining_time()
    assert remaining is not None
    assert remaining <= 5
    assert clocks_of(session.inject()) == [1, 1]
    assert caplog.records == []


def test_join_headers() -> None:
    """The header is found in any case."""
    mdk = make_mdk()
    encoded = mdk.session().inject()
    for name in ("X-MDK-Context", "x-mdk-context", "X-Mdk-Context"):
        assert clocks_of(mdk.join_headers({"other": "", name: encoded}).inject()) == [1, 0]
    assert clocks_of(mdk.join_headers({}).inject()) == [0]


def test_derive() -> None:
    """A derived session is a new trace, has no deadline, and logs where it comes from."""
    mdk = make_mdk()
    session = mdk.session()
    session.set_property("k", 1)
    session.set_deadline(5.0)
    session.info("c", "t")
    queued(mdk)
    child = mdk.derive(session.inject())
    assert child.trace_id != session.trace_id
    assert child.get_property("k") == 1
    assert child.get_remaining_time() is None
    assert clocks_of(child.inject()) == [1]
    text = f"This session is derived from trace {session.trace_id} [2]"
    assert log_lines(queued(mdk)) == [(1, "INFO", "mdk", text)]


LEVELS = ("CRITICAL", "ERROR", "WARN", "INFO", "DEBUG")


@pytest.mark.parametrize("level", LEVELS)
def test_levels(level: str) -> None:
    """What is less important than the session's level is not sent, but ticks and is answered all the same."""
    mdk = make_mdk()
    session = mdk.session()
    session.trace(level)
    ids = [getattr(session, name.lower())("cat", name) for name in LEVELS]
    assert [one.causal_level for one in ids] == [[1], [2], [3], [4], [5]]
    assert [line[1] for line in log_lines(queued(mdk))] == list(LEVELS[: LEVELS.index(level) + 1])
    assert [session.log(name, "cat", "t").causal_level for name in LEVELS] == [[6], [7], [8], [9], [10]]
    assert [line[1] for line in log_lines(queued(mdk))] == list(LEVELS[: LEVELS.index(level) + 1])


def test_trace_travels() -> None:
    """The level goes where the session goes; INFO where nothing is said."""
    mdk = make_mdk()
    session = mdk.session()
    session.debug("c", "not sent")
    session.trace("debug")
    assert session.get_property("trace") == "DEBUG"
    mdk.join(session.inject()).debug("c", "sent")
    assert [line[3] for line in log_lines(queued(mdk))] == ["sent"]


def test_unknown_level(caplog: pytest.LogCaptureFixture) -> None:
    """A level that nobody knows lets only CRITICAL through, as it always did, and says so; `log` refuses it."""
    mdk = make_mdk()
    session = mdk.session()
    session.trace("nonsense")
    session.critical("c", "sent")
    session.error("c", "not sent")
    assert [line[3] for line in log_lines(queued(mdk))] == ["sent"]
    assert caplog.messages == [
        "trace('nonsense'): expected one of CRITICAL, ERROR, WARN, INFO, DEBUG; only CRITICAL messages are sent now"
    ]
    with pytest.raises(BadValue, match="level is 'nonsense'; expected one of CRITICAL, ERROR"):
        session.log("nonsense", "c", "t")


def test_logged_message_id() -> None:
    """It says where the message stands, under its new names and the original's."""
    mdk = make_mdk(Config(environment=Environment("child", "fallback")))
    session = mdk.join(mdk.session().inject())
    logged = session.warn("c", "t")
    assert logged.trace_id == logged.traceId == session.trace_id
    assert logged.causal_level == logged.causalLevel == [1, 1]
    assert (logged.environment, logged.environment_fallback, logged.environmentFallback) == (
        "child",
        "fallback",
        "fallback",
    )
    assert logged == logged
    assert logged != session.warn("c", "t")
    assert hash(logged) == hash(logged)
    assert repr(logged) == f"LoggedMessageId(trace_id='{session.trace_id}', causal_level=[1, 1])"


def test_log_entries_keep_their_moment() -> None:
    """A property that is set later is not in an earlier message."""
    clock = Clock(5.0)
    mdk = make_mdk(clock=clock)
    session = mdk.session()
    session.info("c", "before")
    clock.move(1.0)
    session.set_property("k", 1)
    session.info("c", "after")
    entries = [item for item in queued(mdk) if isinstance(item, tuple)]
    assert [(entry[1], entry[3]) for entry in entries] == [({}, 5.0), ({"k": 1}, 6.0)]


def test_clock_under_threads() -> None:
    """Threads that log in one session get clock values of their own, none twice, none left out."""
    session = make_mdk().session()
    ticks: list[int] = []

    def work() -> None:
        ticks.extend([session.info("c", "t").causal_level[0] for _ in range(500)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ticks) == list(range(1, 2001))


def test_properties() -> None:
    """Any JSON value is kept as it will be read, and a copy: later changes of the original do not come along."""
    session = make_mdk().session()
    value: dict[str, Any] = {"a": [1, (2, 3)], "b": True}
    session.setProperty("k", value)
    value["a"].append(4)
    assert session.getProperty("k") == {"a": [1, [2, 3]], "b": True}
    assert session.getProperty("k")["b"] is True
    assert session.getProperty("missing") is None
    assert session.hasProperty("k")
    assert not session.hasProperty("missing")
    session.set_property("n\u00f6n", "h\u2603\U0001f600")
    assert session.inject().isascii()


@pytest.mark.parametrize(
    "value", [object(), b"bytes", float("nan"), {1, 2}, "\ud800", {"\udfff": 1}, "x" * (PROPERTY_BYTES_MAX + 1)]
)
def test_what_is_no_property(value: object) -> None:
    """What JSON cannot carry, or is too big for a header, is refused at once."""
    session = make_mdk().session()
    with pytest.raises(BadValue, match="property 'k' is"):
        session.set_property("k", value)
    assert not session.has_property("k")


def test_deadline_only_falls() -> None:
    """A deadline is what was set, falls with time, can be brought forward and never put off, and may be negative."""
    clock = Clock()
    session = make_mdk(clock=clock).session()
    assert session.getRemainingTime() is None
    session.setDeadline(10.0)
    assert session.getRemainingTime() == 10.0
    clock.move(1.0)
    session.set_deadline(20.0)
    assert session.get_remaining_time() == 9.0
    session.setTimeout(5.0)
    assert session.get_remaining_time() == 5.0
    clock.move(6.0)
    assert session.get_remaining_time() == -1.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1))
def test_lowest_deadline_holds(seconds: list[float]) -> None:
    """Of all deadlines that were set, the lowest counts."""
    session = make_mdk(clock=Clock(0.0)).session()
    for one in seconds:
        session.set_deadline(one)
    assert session.get_remaining_time() == min(seconds)


def test_default_deadline() -> None:
    """It holds for new and joined sessions, the lower of two wins, and derived ones have none."""
    clock = Clock()
    mdk = make_mdk(clock=clock)
    plain = mdk.session().inject()
    mdk.setDefaultDeadline(7.0)
    assert mdk.session().get_remaining_time() == 7.0
    assert mdk.join(plain).get_remaining_time() == 7.0
    assert mdk.derive(plain).get_remaining_time() is None
    sooner = mdk.session()
    sooner.set_deadline(5.0)
    assert mdk.join(sooner.inject()).get_remaining_time() == 5.0
    mdk.setDefaultTimeout(3.0)
    assert mdk.session().get_remaining_time() == 3.0


def test_guide_sets_deadline_on_the_mdk() -> None:
    """`mdk.setDeadline` lowers the current session's deadline; outside of one, that of the sessions to come."""
    mdk = make_mdk()
    with mdk.session() as session:
        mdk.setDeadline(5.0)
        assert session.get_remaining_time() == 5.0
    assert mdk.session().get_remaining_time() is None
    mdk.setDeadline(8.0)
    mdk.setDeadline(9.0)
    assert mdk.session().get_remaining_time() == 8.0


@pytest.mark.parametrize("seconds", ["5", None, float("nan"), True])
def test_seconds_are_numbers(seconds: Any) -> None:
    """What is no number is refused."""
    mdk = make_mdk()
    with pytest.raises(BadValue, match="expected a number"):
        mdk.set_default_deadline(seconds)
    with pytest.raises(BadValue, match="expected a number"):
        mdk.session().set_deadline(seconds)


def test_resolve() -> None:
    """A known service is resolved round robin; a version may be left out, or be a number."""
    mdk = with_nodes("a", "b")
    session = mdk.session()
    assert [session.resolve("svc", "1.0").address for _ in range(4)] == ["a", "b", "a", "b"]
    assert session.resolve("svc").address == "a"
    assert session.resolve_until("svc", 1.0, 0).address == "a"  # type: ignore[arg-type]  # some do
    node = session.resolve("svc", "1.0")
    assert (node.id, node.service, node.version, node.properties) == ("id-b", "svc", "1.0", {})
    assert node.environment == Environment()


def test_resolve_past_the_deadline() -> None:
    """A session whose deadline has passed does not wait; what is known it still gets."""
    clock = Clock()
    mdk = make_mdk(clock=clock)
    mdk.core.node_active(node_message("svc", "a"))
    session = mdk.session()
    session.set_deadline(1.0)
    clock.move(2.0)
    assert session.resolve("svc", "1.0").address == "a"
    with pytest.raises(ResolveTimeout) as caught:
        session.resolve("nobody", "1.0")
    assert str(caught.value) == (
        "no node of nobody 1.0 in environment sandbox after 0.0 s; nodes of nobody: none; the MDK is not started"
    )


def test_resolve_is_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A waiting resolve returns when its node comes."""
    mdk = make_mdk()
    found: list[str] = []
    waiting = threading.Event()
    resolve_later = mdk.core.resolve_later

    def noticed(*args: Any) -> Any:
        answer = resolve_later(*args)
        waiting.set()
        return answer

    monkeypatch.setattr(mdk.core, "resolve_later", noticed)
    thread = threading.Thread(target=lambda: found.append(mdk.session().resolve("svc", "1.0").address))
    thread.start()
    assert waiting.wait(10.0)
    mdk.core.node_active(node_message("svc", "late"))
    thread.join(10.0)
    assert found == ["late"]


def test_joined_session_resolves_in_its_own_environment() -> None:
    """The environment travels with the session."""
    theirs = make_mdk(Config(environment=Environment("child", "parent"))).session().inject()
    mdk = with_nodes("ours")
    mdk.core.node_active(node_message("svc", "parents", environment=Environment("parent")))
    assert mdk.join(theirs).resolve("svc", "1.0").address == "parents"
    assert mdk.session().resolve("svc", "1.0").address == "ours"


@pytest.mark.parametrize(("experimental", "address"), [(True, "b"), (False, "a")])
def test_routes(experimental: bool, address: str) -> None:
    """A route is always written; it acts, here and downstream, only where MDK_EXPERIMENTAL is set."""
    mdk = make_mdk(Config(experimental=experimental))
    mdk.core.node_active(node_message("svc", "a"))
    mdk.core.node_active(node_message("svc2", "b", version="2.0"))
    session = mdk.session()
    session.resolve("svc", "1.0")
    session.route("svc", "1.0", "svc2", "2.0")
    assert session.get_property("routes") == {"svc": [{"version": "1.0", "target": "svc2", "targetVersion": "2.0"}]}
    assert session.resolve("svc", "1.0").address == address
    assert mdk.join(session.inject()).resolve("svc", "1.0").address == address


def outcomes(mdk: MDK) -> list[messages.InteractionEvent]:
    """The interactions reported since."""
    return [item for item in queued(mdk) if isinstance(item, messages.InteractionEvent)]


def test_interaction() -> None:
    """A finished interaction is reported with its nodes, its times and the clocks of its two log messages."""
    clock = Clock(100.0)
    mdk = make_mdk(clock=clock)
    mdk.core.node_active(node_message("svc", "a"))
    session = mdk.session()
    session.info("c", "before")
    session.start_interaction()
    session.resolve("svc", "1.0").failure()
    clock.move(0.25)
    session.finish_interaction()
    items = queued(mdk)
    assert log_lines(items) == [
        (1, "INFO", "c", "before"),
        (2, "INFO", "MDK", "Starting interaction."),
        (3, "INFO", "MDK", "Finished interaction."),
    ]
    event = items[-1]
    assert isinstance(event, messages.InteractionEvent)
    assert (event.results, event.start_clock, event.end_clock) == ({"id-a": 1}, [2], [3])
    assert (event.start_timestamp, event.end_timestamp) == (100_000, 100_250)
    assert (event.session, event.node, event.environment.name) == (session.trace_id, mdk.node_id, "sandbox")
    assert mdk.core.breaker("a").failures_in_row == 0


def test_failed_interaction() -> None:
    """What was resolved before the failure failed, what came after it worked; the failure is logged with its nodes."""
    mdk = with_nodes("a", "b")
    session = mdk.session()
    session.start_interaction()
    session.resolve("svc", "1.0")
    session.fail_interaction("OHNO")
    session.resolve("svc", "1.0")
    session.finish_interaction()
    items = queued(mdk)
    assert log_lines(items)[1] == (
        2,
        "ERROR",
        "interaction failure",
        "involved: Node(id:id-a svc: a, 1.0) {}\n\nOHNO",
    )
    assert [item.results for item in items if isinstance(item, messages.InteractionEvent)] == [{"id-a": 0, "id-b": 1}]
    assert (mdk.core.breaker("a").failures, mdk.core.breaker("b").successes) == (1, 1)


def test_three_failed_interactions_take_a_node_out() -> None:
    """The interaction is where the breaker hears of failures."""
    mdk = with_nodes("a", "b")
    session = mdk.session()
    while mdk.core.is_available("a"):
        session.start_interaction()
        if session.resolve("svc", "1.0").address == "a":
            session.fail_interaction("no")
        session.finish_interaction()
    assert {session.resolve("svc", "1.0").address for _ in range(4)} == {"b"}


def test_nested_interactions() -> None:
    """Each has its own nodes; the inner is reported first."""
    mdk = with_nodes("a", "b", "c")
    session = mdk.session()
    session.start_interaction()
    session.resolve("svc", "1.0")
    session.start_interaction()
    session.resolve("svc", "1.0")
    session.fail_interaction("inner")
    session.finish_interaction()
    session.resolve("svc", "1.0")
    session.finish_interaction()
    assert [event.results for event in outcomes(mdk)] == [{"id-b": 0}, {"id-a": 1, "id-c": 1}]


@given(st.recursive(st.sampled_from("rf"), lambda inner: st.lists(inner, max_size=4), max_leaves=20))
def test_any_nesting_reports_each_once(program: Any) -> None:
    """Any nesting of interactions, resolves (r) and failures (f): one report each, with a node failed iff it was."""
    mdk = make_mdk(Config())
    mdk.core.node_active(node_message("svc", "a"))
    session = mdk.session()
    expected: list[dict[str, int]] = []

    def run(steps: Any) -> None:
        session.start_interaction()
        results: dict[str, int] = {}
        pending = False
        for step in steps if isinstance(steps, list) else [steps]:
            if isinstance(step, list):
                run(step)
            elif step == "r":
                mdk.core.succeeded("a")
                session.resolve("svc", "1.0")
                pending = True
            else:
                session.fail_interaction("")
                results.update({"id-a": 0} if pending else {})
                pending = False
        session.finish_interaction()
        results.update({"id-a": 1} if pending else {})
        expected.append(results)

    run(program)
    assert [event.results for event in outcomes(mdk)] == expected


def test_finish_without_start() -> None:
    """The level that is there from the start cannot be finished; everything goes on as before."""
    mdk = with_nodes("a")
    session = mdk.session()
    with pytest.raises(NoInteraction):
        session.finish_interaction()
    assert session.resolve("svc", "1.0").address == "a"
    session.fail_interaction("outside of any")
    assert mdk.core.breaker("a").failures == 1


def test_interact() -> None:
    """`interact` hands the session in and its result out; if the work raises, the interaction failed and is over."""
    mdk = with_nodes("a")
    session = mdk.session()
    assert session.interact(lambda own: own.resolve("svc", "1.0").address) == "a"

    def failing(own: Session) -> None:
        own.resolve("svc", "1.0")
        raise ZeroDivisionError("by 0")

    with pytest.raises(ZeroDivisionError):
        session.interact(failing)
    items = queued(mdk)
    assert [item.results for item in items if isinstance(item, messages.InteractionEvent)] == [{"id-a": 1}, {"id-a": 0}]
    assert any(line[3].endswith("ZeroDivisionError: by 0") for line in log_lines(items))
    assert session.interaction_depth == 0


def test_interaction_block_closes_what_was_left_open() -> None:
    """A block ends its own interaction also if somebody inside forgot to finish another."""
    mdk = with_nodes("a")
    session = mdk.session()
    with session.interaction() as interaction:
        session.start_interaction()
        session.resolve("svc", "1.0")
        interaction.fail("by hand")
    assert session.interaction_depth == 0
    assert [event.results for event in outcomes(mdk)] == [{"id-a": 0}, {}]


def test_abandoned_interaction() -> None:
    """What was used before says nothing about its nodes, what comes after it does; both are one interaction."""
    mdk = make_mdk(Config())
    for address in ("a", "b"):
        mdk.core.node_active(node_message("svc", address))
    session = mdk.session()
    with session.interaction() as interaction:
        abandoned = session.resolve("svc", "1.0")
        interaction.abandon()
        used = session.resolve("svc", "1.0")
    assert [event.results for event in outcomes(mdk)] == [{f"id-{used.address}": 1}]
    assert (abandoned.breaker.successes, abandoned.breaker.failures) == (0, 0)


def test_a_session_is_entered_in_several_tasks() -> None:
    """Tasks that enter the same session, and leave it in any order, neither disturb each other nor raise."""
    session = make_mdk().session()

    async def work(may_enter: asyncio.Event, entered: asyncio.Event, may_leave: asyncio.Event) -> None:
        await may_enter.wait()
        with session:
            entered.set()
            await may_leave.wait()
            assert current_session() is session
        assert current_session() is None

    async def both() -> None:
        now, first_in, second_in, first_out = (asyncio.Event() for _ in range(4))
        now.set()
        first = asyncio.create_task(work(now, first_in, second_in))
        second = asyncio.create_task(work(first_in, second_in, first_out))
        await first
        first_out.set()
        await second

    asyncio.run(both())


def test_a_session_that_is_left_elsewhere() -> None:
    """Leaving in a context that it was not entered in changes nothing there."""
    one = make_mdk()
    outer, inner = one.session(), one.session()
    with outer:
        contextvars.copy_context().run(inner.__enter__)
        inner.__exit__()
        assert current_session() is outer
    assert current_session() is None


def test_current_session() -> None:
    """The current session is that of the innermost block, in its own context only."""
    mdk = make_mdk()
    assert current_session() is None
    with mdk.session() as outer:
        assert current_session() is outer
        with mdk.session() as inner:
            assert current_session() is inner
            with outer:
                assert current_session() is outer
        assert current_session() is outer
        assert contextvars.Context().run(current_session) is None
    assert current_session() is None


def test_repr() -> None:
    """A session shows its trace and environment."""
    session = make_mdk().session()
    assert repr(session) == f"<Session {session.trace_id} in sandbox>"
