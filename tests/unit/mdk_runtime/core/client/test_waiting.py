"""Who waits for a node of a table, or watches a service."""

from __future__ import annotations

import pytest

from mdk_runtime.core.client.environments import Environment
from mdk_runtime.core.client.table import Waiter
from unit.mdk_runtime.core.client.tables import CHILD, PARENT, SANDBOX, filled, make_table, node, trip


def test_waiting_resolves_are_answered() -> None:
    """Each waits for its own service and version, is answered once, and not after it was cancelled."""
    table = make_table()
    waiters = {
        name: Waiter(SANDBOX, service, version, lambda _: None, lambda: None)
        for name, service, version in [
            ("first", "svc", "1.0"),
            ("second", "svc", "1.0"),
            ("newer", "svc", "1.1"),
            ("other", "other", "1.0"),
            ("gone", "svc", "1.0"),
        ]
    }
    for waiter in waiters.values():
        table.wait(waiter)
    table.cancel(waiters["gone"])
    table.cancel(waiters["gone"])
    answered = table.active(node("a"))
    assert [(waiter, found.address) for waiter, found in answered] == [
        (waiters["first"], "a"),
        (waiters["second"], "a"),
    ]
    answered = table.active(node("b", version="1.1"))
    assert [(waiter, found.address) for waiter, found in answered] == [(waiters["newer"], "b")]
    assert table.active(node("c")) == []


@pytest.mark.parametrize("first", [CHILD, PARENT])
def test_waiting_takes_whichever_answers_first(first: Environment) -> None:
    """Where neither environment knows the service, the first node of either answers."""
    table = make_table()
    table.wait(Waiter(CHILD, "svc", "1.0", lambda _: None, lambda: None))
    assert [found.address for _, found in table.active(node("x", environment=first))] == ["x"]


def test_waiting_is_answered_by_a_probe_only_once() -> None:
    """One waiting resolve gets the probe; the other goes on waiting."""
    table = filled("a")
    trip(table, "a")
    table.wait(Waiter(SANDBOX, "svc", "1.0", lambda _: None, lambda: None))
    table.wait(Waiter(SANDBOX, "svc", None, lambda _: None, lambda: None))
    table.breakers.tick(now=31.0)
    assert len(table.may_be_used("a")) == 1
    table.breakers.success("a")
    assert len(table.may_be_used("a")) == 1


def test_nobody_waits_after_a_fork() -> None:
    """Forgotten waiters are not answered."""
    table = make_table()
    table.wait(Waiter(SANDBOX, "svc", "1.0", lambda _: None, lambda: None))
    table.forget_waiters()
    assert table.active(node("a")) == []


def test_a_watch_may_end_twice() -> None:
    """Without harm to another one of the same service."""
    table = make_table()
    woken: list[str] = []

    def one() -> None:
        woken.append("one")

    def other() -> None:
        woken.append("other")

    table.watch("svc", one)
    table.watch("svc", other)
    table.unwatch("svc", one)
    table.unwatch("svc", one)
    table.active(node("a"))
    table.unwatch("svc", other)
    table.unwatch("svc", other)
    table.active(node("b"))
    assert woken == ["other"]
