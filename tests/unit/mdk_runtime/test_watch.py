"""Tests of mdk_runtime.watch."""

from __future__ import annotations

import threading

from mdk_protocol import messages
from mdk_runtime.client import MDK
from mdk_runtime.watch import Watch
from unit.mdk_runtime.fakes import Clock, make_mdk, node_message


def seen(watch: Watch) -> list[tuple[str, str]]:
    """All changes up to now."""
    changes: list[tuple[str, str]] = []
    while (change := watch.next(0.0)) is not None:
        changes.append((change.kind, change.node.address))
    return changes


def active(mdk: MDK, address: str, version: str = "1.0") -> None:
    """A node appears, or says something new."""
    mdk.core.node_active(node_message("svc", address, sender=f"s-{address}", version=version))


def test_what_is_there_and_what_changes() -> None:
    """Present nodes first, then each kind of change; nothing of other services."""
    clock = Clock()
    mdk = make_mdk(clock=clock)
    active(mdk, "a1")
    with mdk.watch("svc") as watch:
        assert seen(watch) == [("added", "a1")]
        active(mdk, "a1")
        mdk.core.node_active(node_message("other", "x", sender="s-x"))
        assert seen(watch) == []
        active(mdk, "a2")
        active(mdk, "a1", version="1.1")
        assert seen(watch) == [("changed", "a1"), ("added", "a2")]
        node = mdk.nodes("svc")[0]
        for _ in range(3):
            node.failure()
        assert seen(watch) == [("out", node.address)]
        node.success()
        assert seen(watch) == [("back", node.address)]
        mdk.core.changed(messages.Changes(suspect=[node_message("svc", "a2", sender="s-a2")]))
        assert seen(watch) == [("suspect", "a2")]
        active(mdk, "a2")
        assert seen(watch) == [("trusted", "a2")]
        mdk.core.node_expired(node_message("svc", "a2", sender="s-a2"))
        assert seen(watch) == [("removed", "a2")]
        mdk.core.cleared()
        assert seen(watch) == [("removed", "a1")]


def test_a_slow_reader_sees_where_it_ended() -> None:
    """What came and went in between leaves nothing behind: nothing queues up."""
    mdk = make_mdk()
    with mdk.watch("svc") as watch:
        for i in range(1000):
            active(mdk, f"a{i}")
            if i < 999:
                mdk.core.node_expired(node_message("svc", f"a{i}", sender=f"s-a{i}"))
        assert seen(watch) == [("added", "a999")]


def test_a_blocked_reader_is_woken_and_ended() -> None:
    """By a change at once, and by close()."""
    mdk = make_mdk()
    watch = mdk.watch("svc")
    found: list[str] = []
    first = threading.Event()

    def read() -> None:
        for change in watch:
            found.append(change.node.address)
            first.set()

    reader = threading.Thread(target=read)
    reader.start()
    active(mdk, "a1")
    assert first.wait(5.0)
    watch.close()
    reader.join(5.0)
    assert not reader.is_alive()
    assert found == ["a1"]
    assert mdk.core.table._watchers == {}
