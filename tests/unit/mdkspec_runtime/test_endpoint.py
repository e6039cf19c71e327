"""Endpoints: both sides of the toy protocol, frame by frame."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from mdkspec_runtime import IllegalCall, RequestFailed, UnsendableMessage
from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.machines import UNREAD_BYTES_MAX
from mdkspec_runtime.tables import Policy
from unit.mdkspec_runtime.toy import (
    CLIENT,
    SERVER,
    Answer,
    Ask,
    Bye,
    Client,
    Handler,
    Post,
    Posted,
    Server,
    exchange,
    joined,
)


def frames(endpoint: Client | Server) -> list[bytes]:
    """All output."""
    taken: list[bytes] = []
    while more := endpoint.take_output():
        taken += more
    return taken


# --- connecting -----------------------------------------------------------------------------------


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


def test_an_application_that_fails_on_a_message_does_not_blame_the_peer() -> None:
    """The message was good: the next wait is the first."""
    handler = Handler()
    client = Client(handler)
    client.start(now=0.0)
    client.connect_failed(now=0.0)
    client.connected(now=0.0)
    handler.raises["welcomed"] = ValueError("ours")
    with pytest.raises(ValueError, match="ours"):
        client.receive('{"type":"welcome"}', now=0.0)
    client.lost(now=100.0)
    assert client.connect_at == 101.0


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


# --- calls ----------------------------------------------------------------------------------------


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


def test_always_holds_without_a_connection() -> None:
    """A call in `always` works while the part is not live; its flag outlives connections."""
    handler = Handler()
    client = Client(handler)
    client.call("Work", "want", now=0.0)
    assert handler.told == [("noted", "want")]


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


# --- the peer's faults ----------------------------------------------------------------------------


def test_an_illegal_message_ends_the_connection_where_the_policy_says_so() -> None:
    """`fail`: the close message with code and title, then the hang-up; nothing is taken after that."""
    _, _, server, handler = joined()
    server.receive('{"type":"hello","name":"again"}', now=0.0)
    assert server.take_output() == [
        b'{"type":"bye","code":"illegal_message",'
        b'"title":"Hello is not allowed in state \'Inside\' of Talk; allowed: Bye"}'
    ]
    assert server.hanging_up
    assert server.deadline is None
    server.receive('{"type":"post"}', now=0.0)
    assert not handler.told
    assert (server.counters.illegal, server.counters.discarded) == (1, 1)


def test_a_message_that_only_the_other_side_takes_is_illegal() -> None:
    """A known type that this role never receives is illegal, not unknown."""
    _, _, server, _ = joined()
    server.receive('{"type":"welcome"}', now=0.0)
    assert server.counters.illegal == 1
    assert server.hanging_up


@pytest.mark.parametrize("frame", ['{"type":"post"}', '{"type":"ask"}'])
def test_a_message_for_a_part_that_was_never_live_is_illegal(frame: str) -> None:
    """Before `hello` nothing of Work may come."""
    server = Server(Handler())
    server.connected(now=0.0)
    server.receive(frame, now=0.0)
    assert server.hanging_up


@pytest.mark.parametrize("frame", ['{"type":"posted","number":0}', '{"type":"answer","request":1}'])
def test_acks_and_replies_are_illegal_before_their_part_was_live(frame: str) -> None:
    """What the engine handles by itself is bound to its part all the same."""
    client = Client(Handler())
    client.connected(now=0.0)
    client.receive(frame, now=0.0)
    assert (client.counters.illegal, client.hanging_up) == (1, True)


def test_a_message_in_flight_when_its_part_ended_is_discarded() -> None:
    """A part that was live on this connection discards what still comes for it."""
    back = replace(
        CLIENT,
        machines=(
            replace(
                CLIENT.machines[0],
                states={
                    **CLIENT.machines[0].states,
                    "Inside": {"recv Welcome": (replace(CLIENT.machines[0].states["Joining"]["recv Bye"][0],
                                                        actions=(), target="Joining"),)},
                },
            ),
            CLIENT.machines[1],
        ),
    )  # fmt: skip
    client, handler, _, _ = joined(back)
    client.receive('{"type":"welcome"}', now=0.0)
    assert (client.state("Talk"), client.state("Work")) == ("Joining", None)
    client.receive('{"type":"beat"}', now=0.0)
    assert (client.counters.discarded, client.hanging_up) == (1, False)
    assert not handler.told


def test_malformed_messages_are_dropped_until_there_are_too_many_in_a_row() -> None:
    """A good message between them starts the count anew; after two dropped the third fails."""
    _, _, server, _ = joined()
    for bad in ("{", "[]", '{"type":"post","text":5}', "nonsense"):
        server.receive(bad, now=0.0)
        if bad == "[]":
            assert not server.hanging_up
            server.receive('{"type":"sit","seat":"a"}', now=0.0)
    assert not server.hanging_up
    server.receive(b"\x00\x01", now=0.0, binary=True)
    assert server.hanging_up
    last = server.take_output()[-1]
    assert msgspec.json.decode(last)["code"] == "malformed_messages"
    assert server.counters.malformed == 5


def test_a_close_message_that_cannot_be_written_does_not_keep_the_connection() -> None:
    """Whatever `close with` makes of code and title, `fail` hangs up, and the shell hears of no error."""
    role = replace(SERVER, close=lambda code, title: Bye(code=code, title=title * 1000))
    _, _, server, _ = joined(server_role=role)
    server.receive('{"type":"welcome"}', now=0.0)
    assert server.hanging_up
    assert not server.take_output()
    assert server.counters.unsent == 1


def test_unknown_messages_are_dropped_for_ever_where_the_policy_says_so() -> None:
    """`drop` without a number never fails."""
    _, _, server, _ = joined()
    for _ in range(100):
        server.receive('{"type":"future"}', now=0.0)
    assert not server.hanging_up
    assert server.counters.unknown == 100


def test_fail_without_a_close_message_only_hangs_up() -> None:
    """A protocol need not have a close message."""
    _, _, server, _ = joined(server_role=replace(SERVER, close=None, unknown=Policy(0, "x")))
    server.receive('{"type":"future"}', now=0.0)
    assert server.hanging_up
    assert not server.take_output()


def test_aliases_are_counted_by_name() -> None:
    """A message under another name is taken, and the name is counted."""
    handler = Handler()
    server = Server(handler)
    server.connected(now=0.0)
    server.receive('{"type":"toy.Hello","name":"ada"}', now=0.0)
    assert server.state("Talk") == "Inside"
    assert dict(server.counters.aliases) == {"toy.Hello": 1}


def test_without_a_connection_everything_received_is_discarded() -> None:
    """Frames after `lost` do nothing."""
    client, _, _, _ = joined()
    client.lost(now=0.0)
    client.receive('{"type":"beat"}', now=0.0)
    assert client.counters.discarded == 1


# --- guards, timers, leases -----------------------------------------------------------------------


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


def test_what_is_due_runs_in_order_of_its_time() -> None:
    """Over leases, timers and timeouts."""
    client, handler, _, _ = joined()
    client.call("Work", "remind", "third", 3.5, now=0.0)
    client.call("Work", "remind", "first", 1.0, now=0.0)
    client.request("ask", Ask(), lambda reply: None, lambda error: handler.tell("failed", error.reason), now=0.0)
    client.tick(now=100.0)
    assert handler.told == [("reminded", "first"), ("failed", "timeout"), ("reminded", "third")]


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


# --- deliveries -----------------------------------------------------------------------------------


def test_a_delivery_is_kept_until_acknowledged_and_numbered_over_connections() -> None:
    """Numbers go on after a loss, un-acked messages come again with their old number and content."""
    client, _, server, handler = joined()
    assert [client.deliver("posts", Post(text=str(i)), now=0.0) for i in range(3)] == [0, 1, 2]
    exchange(client, server)
    server.acknowledge("posts", 1, now=0.0)
    exchange(client, server)
    client.lost(now=0.0)
    assert client.deliver("posts", Post(text="3"), now=0.0) == 3
    assert list(client.outbox("posts").numbers()) == [0, 2, 3]
    again = Server(handler)
    handler.told.clear()
    client.connected(now=0.0)
    again.connected(now=0.0)
    exchange(client, again)
    posts = [event[1] for event in handler.told if event[0] == "posted"]
    assert [(post.number, post.text) for post in posts] == [(0, "0"), (2, "2"), (3, "3")]


def test_what_the_handler_delivers_while_its_part_starts_comes_after_what_is_older() -> None:
    """A message delivered from inside `enter` does not overtake the un-acked ones."""
    client, handler, _, _ = joined()
    client.deliver("posts", Post(text="old"), now=0.0)
    client.lost(now=0.0)

    def seats() -> list[str]:
        client.deliver("posts", Post(text="new"), now=0.0)
        return []

    handler.own_seats = seats  # type: ignore[method-assign]  # this application's answer
    client.connected(now=0.0)
    client.receive('{"type":"welcome"}', now=0.0)
    texts = [msgspec.json.decode(frame).get("text") for frame in frames(client)]
    assert texts == [None, "old", "new"]


def test_a_message_that_cannot_be_written_uses_no_number() -> None:
    """Too large for a frame, or for the whole outbox: refused at the call."""
    client, _, _, _ = joined()
    with pytest.raises(UnsendableMessage) as caught:
        client.deliver("posts", Post(text="x" * 3000), now=0.0)
    assert str(caught.value) == "Post cannot be sent: 3036 bytes as JSON, at most 2000 are allowed"
    with pytest.raises(UnsendableMessage) as caught:
        client.deliver("posts", Post(text="x" * 1500), now=0.0)
    assert str(caught.value) == "Post cannot be sent: 1536 bytes as JSON, the whole outbox has 1000"
    assert client.outbox("posts").next_number == 0


@pytest.mark.parametrize("number", ["0", "7", "-1", "null", "1e6"])
def test_strange_acknowledgements_do_no_harm(number: str) -> None:
    """A duplicate, one for what was never sent, one without a number: counted."""
    client, _, _, _ = joined()
    client.receive(f'{{"type":"posted","number":{number}}}', now=0.0)
    assert client.outbox("posts").stray_acks == 1
    assert not client.hanging_up


def test_acknowledging_without_a_connection_says_nothing() -> None:
    """The peer will send it again; there is nobody to tell now."""
    _, _, server, _ = joined()
    server.lost(now=0.0)
    server.acknowledge("posts", 0, now=0.0)
    assert (server.take_output(), server.counters.unsent) == ([], 1)


def test_a_long_backlog_comes_in_pieces() -> None:
    """The output holds a bounded part of a large outbox; what waits follows when it was taken."""
    role = replace(CLIENT, deliveries=(replace(CLIENT.deliveries[0], count_max=5000, size_bytes_max=10**7),))
    client, _, _, _ = joined(role)
    for _ in range(1000):
        client.deliver("posts", Post(text="x" * 1000), now=0.0)
    first = client.take_output()
    assert sum(map(len, first)) < 300_000
    assert client.outbox("posts").waiting > 0
    numbers = [msgspec.json.decode(frame)["number"] for frame in [*first, *frames(client)]]
    assert numbers == list(range(1000))


# --- requests -------------------------------------------------------------------------------------


def test_a_reply_finds_its_question() -> None:
    """Answers may come in any order; each is given to the one who asked."""
    client, _, server, handler = joined()
    answers: list[str] = []
    for text in ("one", "two"):
        client.request(
            "ask",
            Ask(text=text),
            lambda reply, text=text: answers.append(f"{text}: {reply.text}"),  # type: ignore[misc]  # bound early
            lambda error: None,
            now=0.0,
        )
    exchange(client, server)
    questions = [event[1] for event in handler.told]
    assert [question.request for question in questions] == [1, 2]
    for question in reversed(questions):
        server.reply("ask", question, Answer(text=question.text.upper()), now=0.0)
    exchange(client, server)
    assert answers == ["two: TWO", "one: ONE"]
    assert (len(client.pending("ask")), client.deadline) == (0, None)


def test_a_request_fails_in_three_ways() -> None:
    """`full` and `lost` are said at once if nothing can be asked; `timeout` when no answer comes."""
    client, _, _, _ = joined()
    failures: list[str] = []

    def ask() -> None:
        client.request("ask", Ask(), lambda reply: None, lambda error: failures.append(str(error)), now=0.0)

    ask()
    ask()
    ask()
    assert failures == ["the request 'ask' failed: too many questions wait for their answers already"]
    client.tick(now=3.0)
    assert failures[1:] == ["the request 'ask' failed: no answer came in time"] * 2
    ask()
    client.lost(now=0.0)
    ask()
    assert (
        failures[3:] == ["the request 'ask' failed: there is no connection, or it was lost before the answer came"] * 2
    )


def test_late_replies_are_counted() -> None:
    """An answer to what timed out, or to nothing, is no offence."""
    client, _, _, _ = joined()
    client.request("ask", Ask(), lambda reply: None, lambda error: None, now=0.0)
    client.tick(now=3.0)
    client.receive('{"type":"answer","request":1}', now=4.0)
    client.receive('{"type":"answer"}', now=4.0)
    assert client.pending("ask").late_replies == 2
    assert not client.hanging_up


def test_a_reply_after_the_connection_says_nothing() -> None:
    """The asker has been told `lost` already."""
    _, _, server, _ = joined()
    server.lost(now=0.0)
    server.reply("ask", Ask(request=1), Answer(), now=0.0)
    assert server.counters.unsent == 1


# --- errors of the application --------------------------------------------------------------------


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


def test_an_error_in_a_callback_of_a_request_does_not_stop_the_others() -> None:
    """On `lost` everyone who waits is told, then the error comes out."""
    client, _, _, _ = joined()
    told: list[str] = []

    def fail(error: RequestFailed) -> None:
        told.append(error.reason)
        raise ValueError("application")

    client.request("ask", Ask(), lambda reply: None, fail, now=0.0)
    client.request("ask", Ask(), lambda reply: None, lambda error: told.append("second"), now=0.0)
    with pytest.raises(ValueError, match="application"):
        client.lost(now=0.0)
    assert told == ["lost", "second"]
    assert client.state("Talk") is None


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


def test_an_acknowledgement_given_to_a_client_reaches_it_once() -> None:
    """The ack is handled by the engine; a machine need not mention it."""
    client, _, _, _ = joined()
    client.deliver("posts", Post(text="x"), now=0.0)
    client.receive(CLIENT.codec.encode(Posted(number=0)), now=0.0)
    assert (client.outbox("posts").count, client.outbox("posts").acknowledged) == (0, 1)


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
