"""How sessions begin."""

from __future__ import annotations

import json
import logging

import pytest

from mdk_runtime.config import Config
from mdk_runtime.core.client.environments import Environment
from unit.mdk_runtime.fakes import log_lines, make_mdk, node_message, queued

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


def clocks_of(encoded: str) -> list[int]:
    """The clock in an encoded session."""
    found: list[int] = json.loads(encoded)["clock"]["clocks"]
    return found


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
