"""What a client of ours follows, at its bounds; the rest is in test_client.py and in the simulation."""

from __future__ import annotations

import pytest

from mdk_protocol.messages import Follow, Position, TableBegin, TableEnd
from mdk_runtime.core.client import following as module
from mdk_runtime.core.client.following import Following


def test_who_uses_too_many_services_follows_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A longer list would not fit into a message."""
    monkeypatch.setattr(module, "SERVICES_MAX", 2)
    following = Following(set, lambda _: None)
    assert [following.want(service) for service in ("a", "b", "c", "d")] == [True, True, True, False]
    assert following.wants_all
    assert following.wanted() == [Follow()]


def test_an_end_that_nobody_asked_for_changes_nothing_but_the_position() -> None:
    """What is held stays what was answered."""
    following = Following(set, lambda _: None)
    following.want("a")
    following.ends(TableEnd(position=Position(epoch="e", sequence=7), complete=True))
    assert following.position == Position(epoch="e", sequence=7)
    assert following.wanted() == [Follow(services=["a"])]


def test_what_is_not_named_again_goes_when_the_table_is_complete() -> None:
    """Not before: a server that has just started does not know yet who lives."""
    places = {("svc", "sandbox", "stays"), ("svc", "sandbox", "goes")}
    dropped: list[set[tuple[str, str, str]]] = []
    following = Following(lambda: places, lambda gone: dropped.append(set(gone)), wants_all=True)
    following.wanted()
    following.begins(TableBegin())
    following.named(("svc", "sandbox", "stays"))
    following.ends(TableEnd(position=Position(epoch="e", sequence=1), complete=False))
    assert dropped == []
    following.complete()
    following.complete()
    assert dropped == [{("svc", "sandbox", "goes")}]


def test_all_is_known_once_the_answer_for_all_is_complete() -> None:
    """Not while it comes, not by what was asked of single services, and again only when a new connection has answered."""
    end = TableEnd(position=Position(epoch="e", sequence=1), complete=True)
    following = Following(set, lambda _: None)
    following.want("a")
    following.wanted()
    following.ends(end)
    assert not following.knows_all
    following.want_all()
    assert following.more() == Follow()
    assert not following.knows_all
    following.ends(end)
    assert following.knows_all
    following.wanted()
    assert not following.knows_all
    following.ends(end)
    assert following.knows_all
    following.lose()
    assert not following.knows_all
