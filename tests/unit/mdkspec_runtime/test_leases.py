"""Leases that the connections of a side share."""

from __future__ import annotations

import pytest

from mdkspec_runtime.leases import SharedLeases
from unit.mdkspec_runtime.toy import (
    SERVER,
    Client,
    Handler,
    Server,
)


def test_shared_leases_belong_to_all_connections() -> None:
    """A seat taken on one connection is renewed on another, lapses once, and outlives both."""
    handler = Handler()
    shared = SharedLeases(SERVER, handler)
    first, second = Server(Handler(), shared), Server(Handler(), shared)
    for server in (first, second):
        server.connected(now=0.0)
        server.receive('{"type":"hello","name":"ada"}', now=0.0)
    first.receive('{"type":"sit","seat":"a","ttl":5}', now=0.0)
    second.receive('{"type":"sit","seat":"a","ttl":5}', now=3.0)
    first.lost(now=4.0)
    assert shared.keys("Work.seat") == ["a"]
    assert shared.deadline == 8.0
    shared.tick(now=7.0)
    assert not handler.told
    shared.tick(now=8.0)
    assert handler.told == [("vacant", "a")]
    second.receive('{"type":"sit","seat":"b"}', now=8.0)
    second.receive('{"type":"sit","seat":"b","ttl":0}', now=8.0)
    assert len(shared) == 0
    assert not shared.deadline


def test_a_role_with_shared_leases_must_be_given_them() -> None:
    """Forgetting `shared` is said at once."""
    with pytest.raises(TypeError, match="Talk's server has shared leases: give it what its endpoints share"):
        Client(Handler(), SERVER)


def test_shared_leases_wake_their_shell_when_the_deadline_moves_forward() -> None:
    """Not for renewals and later ones."""
    handler = Handler()
    shared = SharedLeases(SERVER, handler)
    woken: list[float | None] = []
    shared.wake = lambda: woken.append(shared.deadline)
    shared.grant("Work.seat", "a", 5.0)
    shared.grant("Work.seat", "b", 9.0)
    shared.grant("Work.seat", "a", 7.0)
    shared.grant("Work.seat", "c", 6.0)
    assert woken == [5.0, 6.0]


def test_an_error_in_one_lapse_does_not_stop_the_others() -> None:
    """All that is due is told; the errors come out together."""
    handler = Handler()
    handler.raises["vacant"] = ValueError("application")
    shared = SharedLeases(SERVER, handler)
    shared.grant("Work.seat", "a", 1.0)
    shared.grant("Work.seat", "b", 2.0)
    with pytest.raises(ExceptionGroup):
        shared.tick(now=5.0)
    assert handler.told == [("vacant", "a"), ("vacant", "b")]
    assert shared.lapsed == 2
