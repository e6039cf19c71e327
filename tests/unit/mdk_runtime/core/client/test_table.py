"""Tests of mdk_runtime.core.client.table: which nodes there are."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mdk_runtime.core.client.nodes import Node
from mdk_runtime.core.client.table import Waiter
from mdk_runtime.errors import KnownNodes
from unit.mdk_runtime.core.client.tables import CHILD, PARENT, SANDBOX, filled, make_table, node, picks, trip
from unit.mdk_runtime.fakes import Reporter


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


def test_replace_swaps_the_set() -> None:
    """A replaced service has exactly the new nodes, and answers who waits."""
    table = filled("a", "b")
    table.wait(Waiter(SANDBOX, "late", "1.0", lambda _: None, lambda: None))
    table.replace("svc", "sandbox", [node("b"), node("c")])
    assert sorted(one.address for one in table.nodes("svc")) == ["b", "c"]
    assert len(table.replace("late", "sandbox", [node("l", service="late")])) == 1
    table.replace("svc", "sandbox", [])
    assert picks(table, 1) == [None]


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


def test_an_address_goes_with_whoever_speaks_for_it() -> None:
    """A sender that nobody knows takes it out, nameless ones behind it included."""
    table = make_table()
    reporter = Reporter()
    table.active(Node("svc", "1.0", "a", id=None, environment=SANDBOX, properties=None, reporter=reporter))
    table.active(node("a", sender="named"))
    table.expired("svc", "sandbox", "unknown", "a")
    assert table.nodes("svc") == []


def test_an_address_in_two_environments_stays_until_both_let_it_go() -> None:
    """The process is the same, so it has one place among the services of its address."""
    table = make_table()
    for environment in (SANDBOX, PARENT):
        table.active(node("a", environment=environment))
    table.expired("svc", "sandbox", "id-a", "a")
    assert [one.environment.name for one in table.nodes_at("a")] == ["parent"]
    table.expired("svc", "parent", "id-a", "a")
    assert table.nodes_at("a") == []
