"""Interactions of a session with threads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdk_protocol import messages
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.errors import NoInteraction
from mdk_runtime.session import Session
from unit.mdk_runtime.fakes import Clock, log_lines, make_mdk, node_message, queued


def with_nodes(*addresses: str) -> MDK:
    """An MDK that knows nodes of `svc`."""
    mdk = make_mdk()
    for address in addresses:
        mdk.core.node_active(node_message("svc", address))
    return mdk


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
    assert mdk.core.verdicts.breaker("a").failures_in_row == 0


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
    assert (mdk.core.verdicts.breaker("a").failures, mdk.core.verdicts.breaker("b").successes) == (1, 1)


def test_three_failed_interactions_take_a_node_out() -> None:
    """The interaction is where the breaker hears of failures."""
    mdk = with_nodes("a", "b")
    session = mdk.session()
    while mdk.core.verdicts.is_available("a"):
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
                mdk.core.verdicts.succeeded("a")
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
    assert mdk.core.verdicts.breaker("a").failures == 1


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
