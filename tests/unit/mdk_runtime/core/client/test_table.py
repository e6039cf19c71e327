"""Tests of mdk_runtime.core.client.table."""

from __future__ import annotations

import threading
from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mdk_runtime.core.client import picking
from mdk_runtime.core.client.breaker import Breakers, BreakerSettings
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.core.client.nodes import Node
from mdk_runtime.core.client.picking import ServiceSettings
from mdk_runtime.core.client.table import Table, Waiter
from mdk_runtime.errors import KnownNodes
from unit.mdk_runtime.fakes import Reporter

SANDBOX = Environment()
CHILD = Environment("child", "parent")
PARENT = Environment("parent")


def node(
    address: str,
    *,
    service: str = "svc",
    version: str | None = "1.0",
    sender: str | None = None,
    environment: Environment = SANDBOX,
    properties: dict[str, object] | None = None,
) -> Node:
    """A node; its sender is named for its address unless given."""
    return Node(
        service,
        version,
        address,
        id=sender or f"id-{address}",
        environment=environment,
        properties=properties,
        reporter=Reporter(),
    )


def make_table() -> Table:
    """An empty table whose probes are taken at time 0."""
    breakers = Breakers(BreakerSettings())

    def take(probe: Node) -> bool:
        taken = breakers.take(probe.address, now=0.0)
        table.may_not_be_used(probe.address)
        return taken

    table = Table(breakers, take)
    return table


def filled(*addresses: str) -> Table:
    """A table with these nodes of one service."""
    table = make_table()
    for address in addresses:
        table.active(node(address))
    return table


def picks(
    table: Table, count: int, environment: Environment = SANDBOX, version: str | None = "1.0", service: str = "svc"
) -> list[str | None]:
    """The addresses of so many resolves."""
    found = (table.pick(environment, service, version) for _ in range(count))
    return [one.address if one else None for one in found]


def trip(table: Table, address: str) -> None:
    """Let an address fail until it is out."""
    for _ in range(3):
        if table.breakers.failure(address, now=0.0):
            table.may_not_be_used(address)


def test_round_robin_in_order_of_arrival() -> None:
    """Ten nodes, a hundred resolves: ten exact rounds, beginning with the first to arrive."""
    addresses = [f"a{i}" for i in range(10)]
    assert picks(filled(*addresses), 100) == addresses * 10


def test_round_robin_goes_on_after_a_change() -> None:
    """A newcomer joins the round; nobody is started over."""
    table = filled("a1")
    assert picks(table, 2) == ["a1", "a1"]
    table.active(node("a2"))
    assert picks(table, 4) == ["a1", "a2", "a1", "a2"]


def test_round_robin_is_exact_under_threads() -> None:
    """Whoever resolves, and however many at once: every node gets exactly its share."""
    table = filled("a", "b", "c")
    table.pick(SANDBOX, "svc", "1.0")
    pick = table.pickers.ready[SANDBOX.key, "svc", "1.0"]
    counts: Counter[str] = Counter({"a": 1})

    def resolve() -> None:
        mine = Counter(found.address for _ in range(3000) if (found := pick("")))
        counts.update(mine)

    threads = [threading.Thread(target=resolve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts.values()) == 12001
    assert max(counts.values()) - min(counts.values()) <= 1


def test_versions_have_their_own_rounds() -> None:
    """A request sees the nodes that match it, and no others."""
    table = make_table()
    table.active(node("old", version="1.0.0"))
    table.active(node("new", version="1.2.3"))
    assert picks(table, 4) == ["old", "new", "old", "new"]
    assert picks(table, 2, version="1.1") == ["new", "new"]
    assert picks(table, 2, version=None) == ["old", "new"]
    assert picks(table, 1, version="2.0") == [None]


def test_same_address_replaces() -> None:
    """A node of an address that is known takes its place: one node, the new version and properties."""
    table = filled("a")
    before = table.pick(SANDBOX, "svc", "1.0")
    table.active(node("a", sender="other", version="1.5", properties={"x": 1}))
    after = table.pick(SANDBOX, "svc", "1.5")
    assert [one.address for one in table.nodes("svc")] == ["a"]
    assert after is not None
    assert (after.version, after.properties) == ("1.5", {"x": 1})
    assert before is not None
    assert (before.version, before.properties) == ("1.0", {})


def test_same_sender_replaces() -> None:
    """A sender has one address in a service; its old one goes."""
    table = filled("a")
    table.active(node("b", sender="id-a"))
    assert [one.address for one in table.nodes("svc")] == ["b"]
    table.expired("svc", "sandbox", "id-a", "a")
    assert picks(table, 1) == ["b"]
    table.expired("svc", "sandbox", "id-a", "b")
    assert picks(table, 1) == [None]


def test_address_goes_with_its_last_sender() -> None:
    """Several processes behind one address: it stays until the last of them is gone."""
    table = filled("a")
    table.active(node("a", sender="second"))
    table.expired("svc", "sandbox", "id-a", "a")
    assert picks(table, 1) == ["a"]
    table.expired("svc", "sandbox", "second", "a")
    assert picks(table, 1) == [None]


def test_sender_that_moves_leaves_the_others() -> None:
    """One of two behind an address moves away: both addresses are there."""
    table = filled("a")
    table.active(node("a", sender="second"))
    table.active(node("b", sender="second"))
    assert [one.address for one in table.nodes("svc")] == ["a", "b"]


def test_expire_by_address() -> None:
    """A sender that was never seen takes its address along: the server speaks for several with one."""
    table = filled("a")
    table.active(node("a", sender="second"))
    table.expired("svc", "sandbox", "never seen", "a")
    assert picks(table, 1) == [None]
    table.active(node("a", sender="second"))
    assert picks(table, 1) == ["a"]


def test_nodes_without_a_sender() -> None:
    """A node that names no process is known by its address, alone or beside one that does."""
    table = filled("b")
    nobody = Node("svc", "1.0", "a", environment=SANDBOX, reporter=Reporter())
    table.active(nobody)
    table.active(Node("svc", "1.0", "b", environment=SANDBOX, reporter=Reporter()))
    assert picks(table, 2) == ["b", "a"]
    table.expired("svc", "sandbox", None, "a")
    table.expired("svc", "sandbox", None, "b")
    assert picks(table, 1) == [None]


def test_expire_of_the_unknown() -> None:
    """What is not there cannot go."""
    table = filled("a")
    table.expired("svc", "sandbox", "x", "elsewhere")
    table.expired("other", "sandbox", "id-a", "a")
    table.expired("svc", "other", "id-a", "a")
    assert picks(table, 1) == ["a"]


def test_renewal_changes_nothing() -> None:
    """A node that says the same again leaves the ready pickers alone, and is the same object."""
    table = filled("a", "b")
    first = table.pick(SANDBOX, "svc", "1.0")
    pickers = dict(table.pickers.ready)
    table.active(node("a"))
    assert table.pickers.ready == pickers
    assert first in table.nodes("svc")


def test_environments_are_apart() -> None:
    """A node is seen in its own environment only; parents never look into their children."""
    table = make_table()
    table.active(node("c", environment=CHILD))
    assert picks(table, 2, CHILD) == ["c", "c"]
    assert picks(table, 2, PARENT) == [None, None]
    assert picks(table, 2, SANDBOX) == [None, None]
    assert picks(table, 2, Environment("child")) == ["c", "c"]


def test_fallback_until_the_child_was_seen() -> None:
    """The parent answers until a matching version was ever in the child, and never again after that."""
    table = make_table()
    table.active(node("p", environment=PARENT))
    assert picks(table, 1, CHILD) == ["p"]
    table.active(node("c2", environment=CHILD, version="2.0"))
    assert picks(table, 1, CHILD) == ["p"]
    assert picks(table, 1, CHILD, "2.0") == ["c2"]
    table.active(node("c", environment=CHILD))
    assert picks(table, 2, CHILD) == ["c", "c"]
    table.expired("svc", "child", "id-c", "c")
    assert picks(table, 1, CHILD) == [None]
    assert picks(table, 1, PARENT) == ["p"]


def test_breaker_takes_out_everywhere() -> None:
    """An address that is out is out in every service that has it, and comes back in all."""
    table = filled("a", "b")
    table.active(node("a", service="other"))
    assert picks(table, 2) == ["a", "b"]
    trip(table, "a")
    assert picks(table, 3) == ["b", "b", "b"]
    assert picks(table, 1, service="other") == [None]
    table.breakers.success("a")
    table.may_be_used("a")
    assert set(picks(table, 2)) == {"a", "b"}
    assert picks(table, 1, service="other") == ["a"]


def test_active_does_not_close_a_breaker() -> None:
    """A node that is announced again is as bad as before; so is one that was gone meanwhile."""
    table = filled("a")
    trip(table, "a")
    table.active(node("a", version="1.1"))
    assert picks(table, 1) == [None]
    table.expired("svc", "sandbox", "id-a", "a")
    table.active(node("a"))
    assert picks(table, 1) == [None]


def test_probe_goes_to_one() -> None:
    """When its time has come, the next resolve gets the address, and only that one."""
    table = filled("a", "b")
    trip(table, "a")
    assert table.breakers.tick(now=31.0) == ["a"]
    assert table.may_be_used("a") == []
    assert picks(table, 4) == ["a", "b", "b", "b"]


def test_probe_of_the_only_node() -> None:
    """With nothing else there, the others wait while one tries."""
    table = filled("a")
    trip(table, "a")
    table.breakers.tick(now=31.0)
    table.may_be_used("a")
    pick = table.pickers.make((SANDBOX.key, "svc", "1.0"), table.entries("svc"))
    assert pick is not None
    found = pick("")
    assert found is not None
    assert found.address == "a"
    assert pick("") is None
    assert picks(table, 1) == [None]


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


def test_replace_swaps_the_set() -> None:
    """A replaced service has exactly the new nodes, and answers who waits."""
    table = filled("a", "b")
    table.wait(Waiter(SANDBOX, "late", "1.0", lambda _: None, lambda: None))
    table.replace("svc", "sandbox", [node("b"), node("c")])
    assert sorted(one.address for one in table.nodes("svc")) == ["b", "c"]
    assert len(table.replace("late", "sandbox", [node("l", service="late")])) == 1
    table.replace("svc", "sandbox", [])
    assert picks(table, 1) == [None]


def test_replace_does_not_close_a_breaker() -> None:
    """An address that was out is out in the new set."""
    table = filled("a")
    trip(table, "a")
    table.replace("svc", "sandbox", [node("a"), node("b")])
    assert picks(table, 2) == ["b", "b"]


def test_clear_forgets_nodes_but_not_what_was_seen() -> None:
    """After a clear nothing is there, and a child that had the service still does not fall back."""
    table = filled("a")
    table.active(node("c", environment=CHILD))
    table.clear()
    table.active(node("p", environment=PARENT))
    assert picks(table, 1) == [None]
    assert picks(table, 1, CHILD) == [None]


def test_known_and_services() -> None:
    """What an error tells: how many of which version where."""
    table = filled("a", "b")
    table.active(node("c", environment=CHILD, version="2.0"))
    assert table.known("svc") == (KnownNodes("sandbox", "1.0", 2), KnownNodes("child", "2.0", 1))
    assert table.services() == ["svc"]
    assert table.places() == {("svc", "sandbox", "a"), ("svc", "sandbox", "b"), ("svc", "child", "c")}


def test_ready_pickers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many environments the sessions of others name, the table stays small."""
    monkeypatch.setattr(picking, "PICKERS_MAX", 10)
    table = filled("a")
    for i in range(100):
        assert table.pick(Environment(f"e{i}", "sandbox"), "svc", "1.0") is not None
        assert len(table.pickers.ready) <= 10


def test_a_suspect_is_picked_last() -> None:
    """Who is out of touch gets nothing while anybody else may be used, then all; a renewal trusts it again."""
    table = filled("a", "b")
    assert picks(table, 2) == ["a", "b"]
    table.suspect("svc", "sandbox", "id-a", "a")
    assert picks(table, 3) == ["b", "b", "b"]
    table.suspect("svc", "sandbox", "id-b", "b")
    assert picks(table, 4) == ["b", "a", "b", "a"]
    table.active(node("a"))
    assert picks(table, 2) == ["a", "a"]
    table.expired("svc", "sandbox", "id-a", "a")
    assert picks(table, 2) == ["b", "b"]


def test_a_suspect_is_better_than_one_that_is_out() -> None:
    """A breaker weighs more than the server's doubt; a probe of a trusted node comes before a suspect."""
    table = filled("a", "b")
    table.suspect("svc", "sandbox", None, "a")
    trip(table, "b")
    assert picks(table, 2) == ["a", "a"]
    table.breakers.tick(now=31.0)
    table.may_be_used("b")
    assert picks(table, 3) == ["b", "a", "a"]


def test_a_suspect_is_not_probed_while_others_serve() -> None:
    """Its breaker wants a try, and gets it only where nothing else is left."""
    table = filled("a", "b")
    trip(table, "a")
    table.suspect("svc", "sandbox", "id-a", "a")
    table.breakers.tick(now=31.0)
    table.may_be_used("a")
    assert picks(table, 3) == ["b", "b", "b"]
    table.expired("svc", "sandbox", "id-b", "b")
    assert picks(table, 2) == ["a", None]


@pytest.mark.parametrize(
    ("service", "sender", "address"), [("svc", "x", "elsewhere"), ("other", "id-a", "a"), ("svc", "id-a", "left")]
)
def test_suspicion_of_the_unknown(service: str, sender: str, address: str) -> None:
    """What is not there, or has moved away, leaves the ready pickers alone."""
    table = filled("a", "b")
    assert picks(table, 1) == ["a"]
    pickers = dict(table.pickers.ready)
    table.suspect(service, "sandbox", sender, address)
    assert table.pickers.ready == pickers
    table.suspect("svc", "sandbox", "id-a", "a")
    assert picks(table, 1) == ["b"]
    pickers = dict(table.pickers.ready)
    table.suspect("svc", "sandbox", "id-a", "a")
    assert table.pickers.ready == pickers


@pytest.mark.parametrize("fallback", ["sandbox", None])
def test_rings_are_bounded(monkeypatch: pytest.MonkeyPatch, fallback: str | None) -> None:
    """Of pickers that hash, which are large, fewer are kept; whether for a policy or for `resolve_for`."""
    monkeypatch.setattr(picking, "HASHING_MAX", 10)
    table = filled("a")
    table.configure("svc", ServiceSettings(policy="consistent_hash"))
    for i in range(50):
        place = Environment("sandbox", f"f{i}") if fallback is None else Environment(f"e{i}", fallback)
        find = table.pick if i % 2 else table.pick_for
        assert find(place, "svc", "1.0", "key") is not None
        assert len(table.pickers.hashing) <= 10
        assert table.pickers.ready.keys() <= table.pickers.hashing.keys()


class TableModel(RuleBasedStateMachine):
    """Against a dict of sets: any sequence of changes leaves the same addresses."""

    services: ClassVar = st.sampled_from(["s1", "s2"])
    addresses: ClassVar = st.sampled_from(["a", "b", "c", "d"])

    def __init__(self) -> None:
        super().__init__()
        self.table = make_table()
        self.model: dict[str, set[str]] = {"s1": set(), "s2": set()}

    @rule(service=services, address=addresses)
    def add(self, service: str, address: str) -> None:
        """A node appears."""
        self.table.active(node(address, service=service))
        self.model[service].add(address)

    @rule(service=services, address=addresses)
    def remove(self, service: str, address: str) -> None:
        """A node disappears."""
        self.table.expired(service, "sandbox", f"id-{address}", address)
        self.model[service].discard(address)

    @rule(service=services, addresses=st.sets(addresses))
    def replace(self, service: str, addresses: set[str]) -> None:
        """A whole service is replaced."""
        self.table.replace(service, "sandbox", [node(address, service=service) for address in sorted(addresses)])
        self.model[service] = set(addresses)

    @rule(address=addresses)
    def trip(self, address: str) -> None:
        """An address goes out, and is well again."""
        trip(self.table, address)
        self.table.breakers.success(address)
        self.table.may_be_used(address)

    @invariant()
    def same_addresses(self) -> None:
        """A round of resolves sees exactly the model's addresses."""
        for service, addresses in self.model.items():
            found = picks(self.table, max(1, len(addresses)), service=service)
            assert sorted(filter(None, found)) == sorted(addresses)


TestTableModel = TableModel.TestCase
TestTableModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


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


def test_an_address_goes_with_whoever_speaks_for_it() -> None:
    """A sender that nobody knows takes it out, nameless ones behind it included."""
    table = make_table()
    reporter = Reporter()
    table.active(Node("svc", "1.0", "a", id=None, environment=SANDBOX, properties=None, reporter=reporter))
    table.active(node("a", sender="named"))
    table.expired("svc", "sandbox", "unknown", "a")
    assert table.nodes("svc") == []


def test_a_probe_that_another_took_is_passed_over() -> None:
    """Then the next probe is tried, and at last one of those that work."""
    breakers = Breakers(BreakerSettings())
    table = Table(breakers, lambda one: one.address == "b")
    for address in ("a", "b", "c"):
        table.active(node(address))
    for address in ("a", "b"):
        for _ in range(3):
            breakers.failure(address, now=0.0)
        table.may_not_be_used(address)
    for address in breakers.tick(now=60.0):
        table.may_be_used(address)
    picked = [table.pick(SANDBOX, "svc", "1.0") for _ in range(3)]
    assert [one.address for one in picked if one is not None] == ["b", "c", "c"]


def test_an_address_in_two_environments_stays_until_both_let_it_go() -> None:
    """The process is the same, so it has one place among the services of its address."""
    table = make_table()
    for environment in (SANDBOX, PARENT):
        table.active(node("a", environment=environment))
    table.expired("svc", "sandbox", "id-a", "a")
    assert [one.environment.name for one in table.nodes_at("a")] == ["parent"]
    table.expired("svc", "parent", "id-a", "a")
    assert table.nodes_at("a") == []
