"""Endpoints: both sides of the toy protocol, frame by frame."""

from __future__ import annotations

import pytest

from mdkspec_runtime import IllegalCall
from mdkspec_runtime.leases import SharedLeases
from unit.mdkspec_runtime.toy import (
    SERVER,
    Ask,
    Client,
    Handler,
    Post,
    exchange,
    frames,
    joined,
)


def test_connect_at_grows_until_the_peer_has_proved_itself() -> None:
    """Waits double up to the longest; a connection alone does not shorten them, a message taken does."""
    client = Client(Handler())
    client.start(now=100.0)
    assert client.connect_at == 100.0
    for wait_s in (1.0, 2.0, 4.0):
        client.connect_failed(now=200.0)
        assert client.connect_at == 200.0 + wait_s
    client.connected(now=0.0)
    assert client.connect_at is None
    client.lost(now=300.0)
    assert client.connect_at == 308.0
    client.connected(now=0.0)
    client.receive('{"type":"bye"}', now=0.0)
    client.lost(now=400.0)
    assert client.connect_at == 416.0, "a peer that only hangs up has proved nothing"
    client.connected(now=0.0)
    client.receive('{"type":"welcome"}', now=0.0)
    client.lost(now=500.0)
    assert client.connect_at == 501.0


def test_a_peer_that_says_only_rubbish_has_not_proved_itself() -> None:
    """Frames that are dropped shorten no wait: else a broken server would be called once a second for ever."""
    client = Client(Handler())
    client.start(now=0.0)
    client.connect_failed(now=0.0)
    client.connected(now=0.0)
    client.receive("{", now=0.0)
    client.receive('{"type":"future"}', now=0.0)
    client.lost(now=100.0)
    assert client.connect_at == 102.0


def test_jitter_spreads_the_waits() -> None:
    """`random` 0 and 1 give the shortest and the longest wait."""
    for random, wait_s in ((0.0, 0.8), (1.0, 1.2)):
        client = Client(Handler(), random=lambda at=random: at)
        client.start(now=0.0)
        client.connect_failed(now=0.0)
        assert client.connect_at == pytest.approx(wait_s)


def test_stop_ends_the_wish_to_connect_and_closes_what_stands() -> None:
    """After stop there is no connect_at, and a standing connection hangs up behind its output."""
    client, _, _, _ = joined()
    client.deliver("posts", Post(text="last"), now=0.0)
    client.stop(now=0.0)
    assert client.hanging_up
    assert len(frames(client)) == 1
    client.lost(now=0.0)
    assert client.connect_at is None
    assert not client.hanging_up


def test_an_illegal_call_says_what_would_be_legal_and_changes_nothing() -> None:
    """IllegalCall names call, state and part, and what is allowed."""
    client, _, _, _ = joined()
    with pytest.raises(IllegalCall) as caught:
        client.call("Talk", "sing", now=0.0)
    assert str(caught.value) == "the call 'sing' is not allowed in state 'Inside' of Talk; allowed: leave"
    client.lost(now=0.0)
    with pytest.raises(IllegalCall) as caught:
        client.call("Work", "sit", "a", 1.0, now=0.0)
    assert str(caught.value) == "the call 'sit' is not allowed while Work is not live; allowed: want, forget"
    assert caught.value.state is None
    assert not client.take_output()


def test_a_call_wakes_the_shell_once_until_it_has_looked() -> None:
    """`wake` is called when output appears or the deadline moves forward, and not again before the shell looks."""
    client, _, _, _ = joined()
    woken: list[int] = []
    client.wake = lambda: woken.append(1)
    assert client.deadline is None
    client.call("Work", "sit", "a", 1.0, now=0.0)
    client.call("Work", "sit", "b", 1.0, now=0.0)
    assert len(woken) == 1
    assert len(client.take_output()) == 2
    client.call("Work", "sit", "c", 1.0, now=0.0)
    assert len(woken) == 2
    client.take_output()
    client.call("Work", "remind", "k", 50.0, now=0.0)
    assert len(woken) == 3
    client.call("Work", "remind", "later", 60.0, now=0.0)
    assert len(woken) == 3
    client.call("Work", "remind", "sooner", 40.0, now=0.0)
    assert len(woken) == 4


def test_a_hang_up_wakes_a_shell_that_is_busy_writing() -> None:
    """A shell that waits for the peer to read has been woken for output; that it shall end is said all the same."""
    client, _, _, _ = joined()
    wakes: list[bool] = []
    client.wake = lambda: wakes.append(client.hanging_up)
    client.deliver("posts", Post(text="one"), now=0.0)
    client.deliver("posts", Post(text="two"), now=0.0)
    client.stop(now=0.0)
    assert wakes == [False, True]


def test_stop_is_heard_whatever_the_shell_was_woken_for_before() -> None:
    """Output that was lost with its connection, unseen, must not hide from a waiting shell that it shall end."""
    client, _, _, _ = joined()
    wakes: list[float | None] = []
    client.wake = lambda: wakes.append(client.connect_at)
    client.deliver("posts", Post(text="one"), now=0.0)
    client.lost(now=0.0)
    client.stop(now=0.5)
    assert wakes == [None, None]


def test_a_call_from_inside_the_handler_does_not_wake_the_shell() -> None:
    """The shell looks at the outputs after its own inputs anyway."""
    client, _, server, handler = joined()
    woken: list[int] = []
    server.wake = lambda: woken.append(1)
    handler.posted = lambda m: server.acknowledge("posts", m.number, now=0.0)  # type: ignore[attr-defined]  # an event
    client.deliver("posts", Post(text="x"), now=0.0)
    exchange(client, server)
    assert client.outbox("posts").count == 0
    assert not woken


def test_what_is_due_runs_in_order_of_its_time() -> None:
    """Over leases, timers and timeouts."""
    client, handler, _, _ = joined()
    client.call("Work", "remind", "third", 3.5, now=0.0)
    client.call("Work", "remind", "first", 1.0, now=0.0)
    client.request("ask", Ask(), lambda reply: None, lambda error: handler.tell("failed", error.reason), now=0.0)
    client.tick(now=100.0)
    assert handler.told == [("reminded", "first"), ("failed", "timeout"), ("reminded", "third")]


def test_a_tick_is_bounded() -> None:
    """More than a thousand lapses at once come in several ticks; the deadline says that there is more."""
    client, handler, _, _ = joined()
    shared = SharedLeases(SERVER, handler)
    for number in range(1500):
        client.call("Work", "remind", str(number), 1.0, now=0.0)
        shared.grant("Work.seat", str(number), 1.0)
    client.tick(now=2.0)
    assert len(handler.told) == 1000
    assert client.deadline == 1.0
    client.tick(now=2.0)
    assert len(handler.told) == 1500
    shared.tick(now=2.0)
    assert (len(shared), shared.deadline) == (500, 1.0)
