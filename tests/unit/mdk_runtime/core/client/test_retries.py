"""Tests of mdk_runtime.core.client.retries, and of Session.call on it."""

from __future__ import annotations

import pytest

from mdk_runtime.client import MDK
from mdk_runtime.core.client.nodes import Node
from mdk_runtime.core.client.retries import PAUSE_MAX_S, SAVED_MAX, RetryBudget, pause_s
from mdk_runtime.errors import BadValue, ResolveTimeout
from unit.mdk_runtime.fakes import Clock, make_mdk, node_message


class Down(Exception):
    """A call failed."""


def with_nodes(clock: Clock) -> tuple[MDK, list[float]]:
    """An MDK that knows three nodes, and the pauses it makes, which take no time."""
    mdk = make_mdk(clock=clock)
    for i in range(3):
        mdk.core.node_active(node_message("svc", f"a{i}", sender=f"s{i}"))
    pauses: list[float] = []
    mdk.sleep = pauses.append
    return mdk, pauses


def test_budget() -> None:
    """What was saved may be spent at once; after that, one retry for five calls."""
    budget = RetryBudget()
    assert sum(budget.spend() for _ in range(100)) == SAVED_MAX
    spent = 0
    for _ in range(100):
        budget.call()
        spent += budget.spend()
    assert 19 <= spent <= 20


def test_pauses() -> None:
    """Anything up to a bound that doubles, and no further than the last."""
    assert [pause_s(attempt, lambda: 1.0) for attempt in (1, 2, 3)] == [0.05, 0.1, 0.2]
    assert pause_s(10**9, lambda: 1.0) == PAUSE_MAX_S
    assert pause_s(3, lambda: 0.0) == 0.0


def test_a_call_that_works() -> None:
    """One resolve, one interaction, a success for the node."""
    mdk, pauses = with_nodes(Clock())
    session = mdk.session()
    node = session.call("svc", "1.0", lambda node: node)
    assert node.breaker.successes == 1
    assert session.interaction_depth == 0
    assert not pauses


def test_a_failure_is_tried_on_the_next_node() -> None:
    """Each attempt is an interaction of its own that fails its node."""
    mdk, pauses = with_nodes(Clock())
    tried: list[Node] = []

    def work(node: Node) -> str:
        tried.append(node)
        if len(tried) < 3:
            raise Down
        return "done"

    assert mdk.session().call("svc", "1.0", work, attempts=3) == "done"
    assert len({node.address for node in tried}) == 3
    assert [(node.breaker.failures, node.breaker.successes) for node in tried] == [(1, 0), (1, 0), (0, 1)]
    assert len(pauses) == 2


def failing(calls: list[str]) -> object:
    """Always fails."""

    def work(node: Node) -> None:
        calls.append(node.address)
        raise Down

    return work


@pytest.mark.parametrize(
    ("attempts", "deadline_s", "retry_on", "calls"),
    [(1, None, Exception, 1), (4, None, Exception, 4), (4, 0.0001, Exception, 1), (4, None, ValueError, 1)],
    ids=["once by default", "to the end", "not past the deadline", "not after any error"],
)
def test_how_often(attempts: int, deadline_s: float | None, retry_on: type[Exception], calls: int) -> None:
    """The last error is the caller's."""
    mdk, _ = with_nodes(Clock())
    mdk.configure("svc", failures=100)
    session = mdk.session()
    if deadline_s is not None:
        session.set_deadline(deadline_s)
    made: list[str] = []
    with pytest.raises(Down):
        session.call("svc", "1.0", failing(made), attempts=attempts, retry_on=retry_on)  # type: ignore[arg-type]
    assert len(made) == calls


def test_retries_are_a_share_of_the_calls() -> None:
    """A service that is down gets its calls, and a fifth more."""
    mdk, _ = with_nodes(Clock())
    mdk.configure("svc", failures=10_000)
    made: list[str] = []
    for _ in range(200):
        with pytest.raises(Down):
            mdk.session().call("svc", "1.0", failing(made), attempts=5)  # type: ignore[arg-type]
    assert 200 < len(made) <= 200 + SAVED_MAX + 40


def test_what_is_not_retried() -> None:
    """No node, and a wrong call."""
    mdk, pauses = with_nodes(Clock())
    session = mdk.session()
    session.set_deadline(0)
    with pytest.raises(ResolveTimeout):
        session.call("unknown", None, lambda node: node, attempts=3)
    with pytest.raises(BadValue, match="attempts is 0; expected 1 or more"):
        session.call("svc", None, lambda node: node, attempts=0)
    assert not pauses
