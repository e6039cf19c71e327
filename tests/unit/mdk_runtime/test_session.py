"""Tests of mdk_runtime.session."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdk_runtime.arguments import PROPERTY_BYTES_MAX
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.errors import BadValue, ResolveTimeout
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


def test_inject_ticks_after() -> None:
    """Each encoding ticks the clock, and so does each log call."""
    session = make_mdk().session()
    assert clocks_of(session.inject()) == [0]
    assert clocks_of(session.externalize()) == [1]
    assert session.info("c", "t").causal_level == [3]
    assert clocks_of(session.inject()) == [3]


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


@pytest.mark.parametrize("seconds", ["5", None, float("nan"), True, float("inf"), -float("inf"), 10**400], ids=range(7))
def test_seconds_are_numbers(seconds: Any) -> None:
    """What is no number is refused, and what JSON cannot say: no log of the session could be sent with it."""
    mdk = make_mdk()
    with pytest.raises(BadValue, match="expected a number"):
        mdk.configure("svc", retry_after_s=seconds or float("inf"))
    with pytest.raises(BadValue, match="expected a number"):
        mdk.set_default_deadline(seconds)
    with pytest.raises(BadValue, match="expected a number"):
        mdk.session().set_deadline(seconds)
    mdk.set_default_deadline(5.0)
    with pytest.raises(BadValue, match="expected a number"):
        mdk.set_deadline(seconds)


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


def test_repr() -> None:
    """A session shows its trace and environment."""
    session = make_mdk().session()
    assert repr(session) == f"<Session {session.trace_id} in sandbox>"
