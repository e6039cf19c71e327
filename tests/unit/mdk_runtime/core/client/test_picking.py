"""Which node of a table is picked: in turn, past breakers and suspects, for a version and an environment."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from mdk_runtime.core.client import picking
from mdk_runtime.core.client.breaker import Breakers, BreakerSettings
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.core.client.picking import ServiceSettings
from mdk_runtime.core.client.table import Table
from unit.mdk_runtime.core.client.tables import CHILD, PARENT, SANDBOX, filled, make_table, node, picks, trip


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


def test_replace_does_not_close_a_breaker() -> None:
    """An address that was out is out in the new set."""
    table = filled("a")
    trip(table, "a")
    table.replace("svc", "sandbox", [node("a"), node("b")])
    assert picks(table, 2) == ["b", "b"]


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
