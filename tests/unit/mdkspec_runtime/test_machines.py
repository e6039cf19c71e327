"""States, timers, leases and actions of one endpoint."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from mdkspec_runtime import UnsendableMessage
from mdkspec_runtime.machines import UNREAD_BYTES_MAX
from mdkspec_runtime.tables import Policy
from unit.mdkspec_runtime.toy import (
    SERVER,
    Answer,
    Ask,
    Bye,
    Client,
    Handler,
    Post,
    Server,
    frames,
    joined,
)


def test_the_protocol_starts_first_then_its_parts_then_what_is_unacknowledged() -> None:
    """On connect: the protocol's enter, each part's enter, then un-acked deliveries again in order."""
    client, handler, _, _ = joined()
    handler.seats = ["a", "b"]
    client.deliver("posts", Post(text="one"), now=0.0)
    client.deliver("posts", Post(text="two"), now=0.0)
    client.lost(now=1.0)
    client.connected(now=2.0)
    assert [msgspec.json.decode(frame)["type"] for frame in frames(client)] == ["hello"]
    client.receive('{"type":"welcome"}', now=2.0)
    sent = [msgspec.json.decode(frame) for frame in frames(client)]
    assert [(one["type"], one.get("seat", one.get("text"))) for one in sent] == [
        ("sit", "a"), ("sit", "b"), ("post", "one"), ("post", "two"),
    ]  # fmt: skip


def test_parts_are_live_only_where_the_protocol_says_so() -> None:
    """A part starts when the protocol's machine comes into one of its states and ends when it leaves."""
    server = Server(Handler())
    assert server.state("Talk") is None
    server.connected(now=0.0)
    assert (server.state("Talk"), server.state("Work")) == ("Door", None)
    server.receive('{"type":"hello","name":"ada"}', now=0.0)
    assert (server.state("Talk"), server.state("Work")) == ("Inside", "Busy")
    server.lost(now=0.0)
    assert (server.state("Talk"), server.state("Work")) == (None, None)


def test_always_holds_without_a_connection() -> None:
    """A call in `always` works while the part is not live; its flag outlives connections."""
    handler = Handler()
    client = Client(handler)
    client.call("Work", "want", now=0.0)
    assert handler.told == [("noted", "want")]


def test_a_close_message_that_cannot_be_written_does_not_keep_the_connection() -> None:
    """Whatever `close with` makes of code and title, `fail` hangs up, and the shell hears of no error."""
    role = replace(SERVER, close=lambda code, title: Bye(code=code, title=title * 1000))
    _, _, server, _ = joined(server_role=role)
    server.receive('{"type":"welcome"}', now=0.0)
    assert server.hanging_up
    assert not server.take_output()
    assert server.counters.unsent == 1


def test_fail_without_a_close_message_only_hangs_up() -> None:
    """A protocol need not have a close message."""
    _, _, server, _ = joined(server_role=replace(SERVER, close=None, unknown=Policy(0, "x")))
    server.receive('{"type":"future"}', now=0.0)
    assert server.hanging_up
    assert not server.take_output()


def test_the_first_transition_whose_guard_holds_is_taken() -> None:
    """A guard that says no leaves the message to the next transition."""
    handler = Handler()
    handler.is_open = False
    server = Server(handler)
    server.connected(now=0.0)
    server.receive('{"type":"hello","name":"ada"}', now=0.0)
    assert server.take_output() == [b'{"type":"bye","code":"name_taken","title":"name taken"}']
    assert server.hanging_up


def test_after_runs_once_and_ends_with_its_state() -> None:
    """`after 5s` of Door fails the connection, unless Door was left before."""
    server = Server(Handler())
    server.connected(now=10.0)
    assert server.deadline == 15.0
    server.tick(now=14.9)
    assert not server.hanging_up
    server.tick(now=15.0)
    assert server.take_output() == [b'{"type":"bye","code":"no_hello","title":"no hello"}']
    assert server.deadline is None


def test_goto_the_same_state_arms_its_timers_anew() -> None:
    """`rest` in Idle puts its timer off."""
    client, _, _, _ = joined()
    client.call("Work", "rest", now=0.0)
    assert (client.state("Work"), client.deadline) == ("Idle", 2.0)
    client.call("Work", "rest", now=1.5)
    assert client.deadline == 3.5
    client.tick(now=3.5)
    assert client.state("Work") == "Busy"
    assert not client.deadline


def test_every_does_not_drift_and_does_not_pile_up() -> None:
    """Next = previous + period, however late the tick; a long stall makes one run, not many."""
    _, _, server, _ = joined()
    assert server.deadline == 10.0
    server.tick(now=13.0)
    assert (len(server.take_output()), server.deadline) == (1, 20.0)
    server.tick(now=75.0)
    assert (len(server.take_output()), server.deadline) == (1, 80.0)
    server.tick(now=80.0)
    assert (len(server.take_output()), server.deadline) == (1, 90.0)


def test_session_leases_outlive_the_connection_and_connection_leases_do_not() -> None:
    """Both lapse while connected; after `lost` only the session's one does."""
    client, handler, _, _ = joined()
    client.call("Work", "remind", "m", 5.0, now=0.0)
    client.call("Work", "nod", "n", 5.0, now=0.0)
    client.lost(now=1.0)
    client.tick(now=9.0)
    assert handler.told == [("reminded", "m")]


def test_a_renewed_or_released_lease_does_not_lapse() -> None:
    """Granting again puts the lapse off; releasing ends it."""
    client, handler, _, _ = joined()
    client.call("Work", "remind", "a", 5.0, now=0.0)
    client.call("Work", "remind", "b", 5.0, now=0.0)
    client.call("Work", "remind", "a", 5.0, now=3.0)
    client.call("Work", "forget", "b", now=4.0)
    client.tick(now=7.9)
    assert not handler.told
    assert client.deadline == 8.0
    client.tick(now=8.0)
    assert handler.told == [("reminded", "a")]


def test_an_error_of_the_handler_leaves_the_machine_in_order() -> None:
    """`joined` raises: the welcome was sent, the new state holds, its part is live; then the error comes out."""
    handler = Handler()
    handler.raises["joined"] = ValueError("application")
    server = Server(handler)
    server.connected(now=0.0)
    with pytest.raises(ValueError, match="application"):
        server.receive('{"type":"hello","name":"ada"}', now=0.0)
    assert server.take_output() == [b'{"type":"welcome","members":[]}']
    assert (server.state("Talk"), server.state("Work")) == ("Inside", "Busy")
    server.receive('{"type":"sit","seat":"a"}', now=0.0)


def test_several_errors_come_out_together() -> None:
    """Two lapses in one tick raise: both ran, a group says so."""
    client, handler, _, _ = joined()
    handler.raises["reminded"] = ValueError("application")
    client.call("Work", "remind", "a", 1.0, now=0.0)
    client.call("Work", "remind", "b", 1.0, now=0.0)
    with pytest.raises(ExceptionGroup, match="several errors") as caught:
        client.tick(now=1.0)
    assert len(caught.value.exceptions) == 2
    assert handler.told == [("reminded", "a"), ("reminded", "b")]


def test_a_handler_may_hang_up_while_its_transition_runs() -> None:
    """`leave` from inside `joined`: the state that was to follow is not entered."""
    handler = Handler()
    server = Server(handler)
    handler.joined = lambda m: server.call("Talk", "leave", now=0.0)  # type: ignore[attr-defined]  # an event
    server.connected(now=0.0)
    server.receive('{"type":"hello","name":"ada"}', now=0.0)
    assert server.hanging_up
    assert (server.state("Talk"), server.state("Work"), server.deadline) == (None, None, None)
    assert len(server.take_output()) == 2


def test_a_peer_that_does_not_read_is_cut() -> None:
    """What nobody takes is bounded: past it the queue is dropped and the connection ends with a code."""
    _, _, server, _ = joined()
    for _ in range(UNREAD_BYTES_MAX // 1900 + 10):
        server.reply("ask", Ask(request=1), Answer(text="x" * 1900), now=0.0)
    (last,) = server.take_output()
    assert msgspec.json.decode(last) == {
        "type": "bye",
        "code": "slow_consumer",
        "title": "more than 16777216 bytes were not read",
    }
    assert server.hanging_up
    assert server.counters.overruns == 1


def test_one_message_of_many_that_cannot_be_written_does_not_stop_the_others() -> None:
    """`send ... for seat in own_seats()`: the bad one is an error, the rest is sent."""
    client, handler, _, _ = joined()
    client.lost(now=0.0)
    handler.seats = ["a", "x" * 3000, "b"]
    client.connected(now=0.0)
    with pytest.raises(UnsendableMessage):
        client.receive('{"type":"welcome"}', now=0.0)
    assert [msgspec.json.decode(frame).get("seat") for frame in frames(client)] == [None, "a", "b"]
    assert client.state("Work") == "Busy"


def test_a_guard_that_raises_changes_nothing() -> None:
    """No transition is chosen; the error comes out, the state stays."""
    handler = Handler()
    server = Server(handler)

    def is_free(name: str) -> bool:
        raise ValueError("application")

    handler.is_free = is_free  # type: ignore[method-assign]  # this application's answer
    server.connected(now=0.0)
    with pytest.raises(ValueError, match="application"):
        server.receive('{"type":"hello","name":"ada"}', now=0.0)
    assert (server.state("Talk"), server.hanging_up) == ("Door", False)


@pytest.mark.parametrize("period", [0.1, 0.3, 1 / 3, 0.7])
def test_every_runs_once_in_a_tick_whatever_the_rounding(period: float) -> None:
    """The next run lies after now, also where sums of periods are not exact."""
    server = Server(Handler(), role=replace(SERVER, params={"beat": period, "rest": 1.0}))
    server.connected(now=0.0)
    server.receive('{"type":"hello","name":"ada"}', now=0.0)
    server.take_output()
    for run in range(1, 300):
        server.tick(now=run * period)
        assert len(server.take_output()) <= 1
        due = server.deadline
        assert due is not None
        assert due > run * period
