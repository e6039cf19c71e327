"""Tests of mdk_runtime.client: what an MDK does without a connection."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from threading import Thread
from typing import TYPE_CHECKING, Any, cast

import pytest

import mdk
from mdk_runtime.config import Config
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.errors import BadValue, NotStarted
from mdk_runtime.own_version import own_version
from unit.mdk_runtime.fakes import log_lines, make_mdk, node_message, queued

if TYPE_CHECKING:
    from mdk_runtime.uplink import Uplink


def test_original_names_are_the_same_methods() -> None:
    """Every name of the original is there, next to the one that is documented."""
    for name in ("start", "stop", "register", "session", "join", "derive", "setDefaultDeadline", "setDefaultTimeout"):
        assert callable(getattr(mdk.MDK, name))
    assert mdk.MDK.setDefaultDeadline is mdk.MDK.set_default_deadline is mdk.MDK.setDefaultTimeout
    for old, new in (
        ("externalize", "inject"),
        ("setProperty", "set_property"),
        ("getProperty", "get_property"),
        ("hasProperty", "has_property"),
        ("setDeadline", "set_deadline"),
        ("setTimeout", "set_deadline"),
        ("getRemainingTime", "get_remaining_time"),
        ("getEnvironment", "get_environment"),
    ):
        assert getattr(mdk.Session, old) is getattr(mdk.Session, new)
    assert mdk.Node.getId is mdk.Node.get_id


def test_header_name_is_everywhere() -> None:
    """The header's name is on the module, the class and the instance."""
    assert mdk.CONTEXT_HEADER == mdk.MDK.CONTEXT_HEADER == make_mdk().CONTEXT_HEADER == "X-MDK-Context"


def test_init_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """init() reads the variables and opens nothing; an environment that is given counts more."""
    monkeypatch.setenv("MDK_ENVIRONMENT", "parent:child")
    one, other = mdk.init(), mdk.init("other")
    assert one.core.environment == Environment("child", "parent")
    assert other.core.environment == Environment("other")
    assert one.node_id != other.node_id
    with pytest.raises(BadValue, match="environment is 'a:b:c'; expected NAME, or FALLBACK:NAME"):
        mdk.init("a:b:c")


@pytest.mark.parametrize("arguments", [("", "1.0", "a"), ("s", "", "a"), ("s", "1.0", ""), ("s", "1.0", None)])
def test_register_wants_everything(arguments: tuple[Any, ...]) -> None:
    """A node without service, version or address is refused at the call."""
    with pytest.raises(BadValue, match="expected a text"):
        make_mdk().register(*arguments)


def test_register_before_start_waits() -> None:
    """What is registered before start() is there to be said when connecting; versions may be numbers."""
    one = make_mdk(Config(environment=Environment("e"), routable_address="http://h:1"))
    one.register("s", 1.0, "a")  # type: ignore[arg-type]  # some do
    one.register("t", "2.0")
    nodes = list(one.core.own_nodes())
    assert [(node.service, node.version, node.address) for node in nodes] == [
        ("s", "1.0", "a"),
        ("t", "2.0", "http://h:1"),
    ]
    assert {node.id for node in nodes} == {one.node_id}
    assert {node.environment.name for node in nodes} == {"e"}


def test_stop_before_start_does_nothing() -> None:
    """stop() may be called at any time, and again."""
    one = make_mdk()
    one.stop()
    one.stop()


def test_resolve_async_needs_a_clock() -> None:
    """Without a running MDK nobody could end the wait."""
    with pytest.raises(NotStarted, match=r"resolve_async\(\) needs a running MDK"):
        make_mdk().session().resolve_async("svc", "1.0")


def test_services_and_nodes() -> None:
    """What is known can be listed."""
    one = make_mdk()
    one.core.node_active(node_message("svc", "a"))
    assert one.services() == ["svc"]
    assert [node.address for node in one.nodes("svc")] == ["a"]
    assert one.nodes("other") == []


def test_without_a_server_logging_still_answers() -> None:
    """With no server to send to, log calls answer ids and keep nothing."""
    one = make_mdk(Config(server_url=None))
    session = one.session()
    assert [session.error("c", "t").causal_level for _ in range(3)] == [[1], [2], [3]]
    assert queued(one) == []


def test_a_forked_child_is_another_process() -> None:
    """It has its own id and nothing of its parent's to send, offers the same, and its sessions go on."""
    one = make_mdk()
    one.register("s", "1.0", "a")
    session = one.session()
    session.info("c", "the parent's")
    parent_id = one.node_id
    one.before_fork()
    one.after_fork_in_child()
    assert one.node_id != parent_id
    assert [(node.id, node.address) for node in one.core.own_nodes()] == [(one.node_id, "a")]
    session.info("c", "the child's")
    assert [line[3] for line in log_lines(queued(one))] == ["the child's"]
    one.register("t", "1.0", "b")


def test_what_was_registered_just_before_a_fork() -> None:
    """A child offers it, too, although its parent has not come to say it yet."""
    one = make_mdk()

    class Busy:
        def call(self, *_: object) -> None:
            """It will, later."""

    one._uplink = cast("Uplink", Busy())
    one.register("s", "1.0", "a")
    one.before_fork()
    one.after_fork_in_child()
    assert [(node.id, node.address) for node in one.core.own_nodes()] == [(one.node_id, "a")]


def test_a_forked_parent_goes_on() -> None:
    """Nothing is locked afterwards."""
    one = make_mdk()
    one.before_fork()
    one.after_fork_in_parent()
    one.register("s", "1.0", "a")
    assert one.services() == []


def test_version_is_the_package_s() -> None:
    """The server is told the version of the installed package."""
    assert own_version() == version("mdk")


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda m: m.register(b"svc", "1.0", "a"), "service is b'svc'; expected a text"),
        (lambda m: m.register("svc", "", "a"), "version is ''; expected a text"),
        (lambda m: m.configure("svc", failures="3"), "failures is '3'; expected 1 or more"),
        (lambda m: m.subscribe(3), "handler is 3; expected a function"),
        (lambda m: m.tail("print"), "handler is 'print'; expected a function"),
        (lambda m: m.join({"a": 1}), "context is {'a': 1}; expected what session.inject() gave, as text or as bytes"),
        (lambda m: m.session().set_property(1, 2), "name is 1; expected a text"),
        (lambda m: m.session().resolve_until("svc", "1.0", "5"), "seconds is '5'; expected a number"),
        (lambda m: m.session().resolve_until(None, "1.0", 0), "service is None; expected a text"),
        (lambda m: m.session().resolve_for("key", "", "1.0"), "service is ''; expected a text"),
    ],
)
def test_what_is_wrong_is_said_where_it_is_given(wrong: Callable[[Any], object], text: str) -> None:
    """Which argument, what it was, and what would be right; not later, and not somewhere else."""
    with pytest.raises(BadValue) as caught:
        wrong(make_mdk())
    assert str(caught.value) == text


def test_a_node_that_comes_with_the_end_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A future is answered once: by the thread that has the node already, though its time ends before it says so."""
    m = make_mdk()

    class Clock:
        """Keeps what is to be called when the time is over."""

        def call_later(self, _: float, function: Callable[[], None]) -> None:
            """Keep it."""
            over.append(function)

    over: list[Callable[[], None]] = []
    monkeypatch.setattr(m, "_uplink", Clock())
    future = m.session().resolve_async("svc", "1.0")
    (waiter,) = m.core.table.forget_waiters()  # As a thread does whose call has just closed the only breaker.
    over[0]()
    m.core.node_active(node_message("svc", "a"))
    (node,) = m.core.table.nodes("svc")
    waiter.deliver(node)
    assert future.result(0) is node


def test_a_thread_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """start() says so, and may be called again; stop() has nothing to wait for."""

    def fails(_: Thread) -> None:
        raise RuntimeError("no more threads")

    m = mdk.MDK(Config())
    with monkeypatch.context() as patched:
        patched.setattr(Thread, "start", fails)
        with pytest.raises(RuntimeError, match="no more threads"):
            m.start()
    m.stop()
    m.start()
    assert m._io is not None
    assert m._io.thread.is_alive()
    m.stop()
