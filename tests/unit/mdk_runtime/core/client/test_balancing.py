"""Tests of mdk_runtime.core.client.balancing, through the MDK that is configured."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

from mdk_runtime.client import MDK
from mdk_runtime.core.client.balancing import PENDING_S_MAX, Load
from mdk_runtime.core.client.nodes import Node
from mdk_runtime.errors import BadValue, NoNodeAvailable
from unit.mdk_runtime.fakes import Clock, make_mdk, node_message


def with_nodes(number: int, clock: Clock | None = None, **settings: Any) -> MDK:
    """An MDK that knows so many nodes of `svc` and is configured for it."""
    mdk = make_mdk(clock=clock)
    for i in range(number):
        mdk.core.node_active(node_message("svc", f"a{i}", sender=f"s{i}"))
    mdk.configure("svc", **settings)
    return mdk


def resolved(mdk: MDK, times: int = 1) -> list[Node]:
    """What sessions of their own get."""
    return [mdk.session().resolve("svc", "1.0") for _ in range(times)]


@pytest.mark.parametrize("number", [1, 3, 10])
def test_round_robin_is_exact_over_sessions_and_threads(number: int) -> None:
    """Eight threads with sessions of their own: each node gets exactly its share, whatever happens to other services."""
    mdk = with_nodes(number)
    counts: Counter[str] = Counter()
    start = threading.Barrier(8)

    def resolve() -> None:
        session = mdk.session()
        start.wait()
        found = [session.resolve("svc", "1.0").address for _ in range(600)]
        mdk.core.node_active(node_message("other", f"o{threading.get_ident()}"))
        with counting:
            counts.update(found)

    counting = threading.Lock()
    threads = [threading.Thread(target=resolve) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == {f"a{i}": 4800 // number for i in range(number)}


def test_least_pending() -> None:
    """Open calls decide; without any, nodes take turns."""
    mdk = with_nodes(3, policy="least_pending")
    first = resolved(mdk, 3)
    assert len({node.address for node in first}) == 3
    first[1].success()
    assert resolved(mdk)[0].address == first[1].address
    first[0].failure()
    assert resolved(mdk)[0].address == first[0].address


def test_a_call_that_is_never_reported_is_forgotten() -> None:
    """Not for ever does it count against its node."""
    load = Load()
    load.begin(now=0.0)
    load.begin(now=30.0)
    assert load.pending(now=PENDING_S_MAX) == 2
    assert load.pending(now=PENDING_S_MAX + 1) == 1
    load.end(now=PENDING_S_MAX + 1)
    load.end(now=PENDING_S_MAX + 2)
    assert load.pending(now=PENDING_S_MAX + 2) == 0


def test_latency_rises_at_once_and_falls_slowly() -> None:
    """One slow answer counts; one quick one after it does not make up for it."""
    load = Load()
    for took_s, least, most in ((1.0, 1.0, 1.0), (0.0, 0.6, 0.8), (2.0, 2.0, 2.0)):
        load.begin(now=0.0)
        load.end(now=took_s)
        assert least <= load.latency_s <= most


def test_p2c_ewma_avoids_the_slow_node() -> None:
    """Of three nodes the slow one gets the fewest calls, and every other gets some."""
    clock = Clock()
    mdk = with_nodes(3, clock, policy="p2c_ewma")
    counts: Counter[str] = Counter()
    for _ in range(300):
        (node,) = resolved(mdk)
        counts[node.address] += 1
        clock.now += 1.0 if node.address == "a1" else 0.01
        node.success()
    assert counts["a1"] < 30
    assert min(counts["a0"], counts["a2"]) > 50


def test_consistent_hash_by_key() -> None:
    """A key stays where it is; when a node goes, only its keys move."""
    mdk = with_nodes(5)
    session = mdk.session()
    keys = [f"user-{i}" for i in range(500)]
    before = {key: session.resolve_for(key, "svc", "1.0").address for key in keys}
    assert {key: session.resolve_for(key, "svc", "1.0").address for key in keys} == before
    assert min(Counter(before.values()).values()) > 50
    mdk.core.node_expired(node_message("svc", "a2", sender="s2"))
    after = {key: session.resolve_for(key, "svc", "1.0").address for key in keys}
    assert all(after[key] == address for key, address in before.items() if address != "a2")
    assert "a2" not in after.values()


def test_consistent_hash_by_trace() -> None:
    """With that policy a session's resolves go to one node, wherever the session is joined."""
    mdk = with_nodes(5, policy="consistent_hash")
    sessions = [mdk.session() for _ in range(50)]
    chosen = [session.resolve("svc", "1.0").address for session in sessions]
    assert len(set(chosen)) > 2
    assert [mdk.join(session.inject()).resolve("svc", "1.0").address for session in sessions] == chosen


@pytest.mark.parametrize("policy", ["round_robin", "least_pending", "p2c_ewma", "consistent_hash"])
def test_every_policy_leaves_out_what_is_out_and_probes_it(policy: str) -> None:
    """Three failures take the node out; after its time one resolve tries it; a success brings it back."""
    clock = Clock()
    mdk = with_nodes(2, clock, policy=policy, failures=3, retry_after_s=30)
    bad = mdk.core.table.nodes("svc")[0]
    for _ in range(3):
        bad.failure()
    assert {node.address for node in resolved(mdk, 40)} == {"a1"}
    clock.now += 30.0
    mdk.core.verdicts.tick()
    assert [node.address for node in resolved(mdk, 60)].count("a0") == 1
    bad.success()
    assert "a0" in {node.address for node in resolved(mdk, 60)}


def test_breaker_settings_of_a_service() -> None:
    """They hold for its nodes, those to come included, and for no other service."""
    clock = Clock()
    mdk = with_nodes(1, clock, failures=1, retry_after_s=5)
    mdk.core.node_active(node_message("svc", "later", sender="s-later"))
    mdk.core.node_active(node_message("other", "o", sender="s-o"))
    for node in (*mdk.core.table.nodes("svc"), *mdk.core.table.nodes("other")):
        node.failure()
    assert [node.available() for node in mdk.core.table.nodes("svc")] == [False, False]
    assert mdk.core.table.nodes("other")[0].available()
    clock.now += 5.0
    assert all(node.available() for node in mdk.core.table.nodes("svc"))


def test_when_all_are_out() -> None:
    """Either the error names each node, or the one that is tried next is handed out."""
    clock = Clock()
    mdk = with_nodes(2, clock, failures=1)
    one, other = mdk.core.table.nodes("svc")
    one.failure()
    clock.now += 1.0
    other.failure()
    session = mdk.session()
    session.set_deadline(0)
    with pytest.raises(NoNodeAvailable, match=r"a0 \(tried again in 29\.0 s\), a1 \(tried again in 30\.0 s\)"):
        session.resolve("svc", "1.0")
    mdk.configure("svc", when_all_out="next")
    assert {node.address for node in resolved(mdk, 5)} == {"a0"}
    clock.now += 1.0
    one.failure()
    assert {node.address for node in resolved(mdk, 5)} == {"a1"}  # It is now the one that is tried sooner.
    one.success()
    assert {node.address for node in resolved(mdk, 5)} == {"a0"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"policy": "random"},
            "policy is 'random'; expected one of round_robin, least_pending, p2c_ewma, consistent_hash",
        ),
        ({"when_all_out": "give_up"}, "when_all_out is 'give_up'; expected one of wait, next"),
        ({"failures": 0}, "failures is 0; expected 1 or more"),
        ({"retry_after_s": -1}, "retry_after_s is -1; expected 0 or more"),
        ({"retry_after_s": float("nan")}, "seconds is nan; expected a number"),
    ],
)
def test_bad_settings(settings: dict[str, Any], message: str) -> None:
    """Each names what was wrong and what would be right; nothing is half configured."""
    with pytest.raises(BadValue) as caught:
        with_nodes(1, **settings)
    assert str(caught.value) == message


def test_settings_are_kept_one_by_one() -> None:
    """What a second call does not name stays."""
    mdk = with_nodes(1, policy="least_pending", failures=7)
    mdk.configure("svc", retry_after_s=1)
    settings = mdk.core.settings("svc")
    assert (settings.policy, settings.breaker and settings.breaker.failures) == ("least_pending", 7)
