"""Turns that are rare: guards that raise, ends in the middle of a start, values of no expected kind."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mdkspec_runtime import MalformedMessage, UnsendableMessage, machines
from mdkspec_runtime.broadcast import broadcast
from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.monitor import Monitor
from mdkspec_runtime.tables import Do, Hangup, Machine, Role, Send, Tell, Transition
from mdkspec_runtime.testing import LossyLink, VirtualClock
from mdkspec_runtime.testing import link as link_module
from unit.mdkspec_runtime.toy import CLIENT, SERVER, Ask, Bye, Client, Handler, Hello, Inner, Server, Sit, codec, joined


def changed(role: Role, place: int, **changes: Any) -> Role:
    """The role with another machine at one place."""
    machines = list(role.machines)
    machines[place] = replace(machines[place], **changes)
    return replace(role, machines=tuple(machines))


def in_state(machine: Machine, state: str, **inputs: Any) -> dict[str, Any]:
    """The machine's states, with other inputs in one of them; `_` stands for a blank."""
    named = {name.replace("_", " "): transitions for name, transitions in inputs.items()}
    return {**machine.states, state: {**machine.states[state], **named}}


def raising(*_: Any) -> bool:
    """A guard that fails."""
    raise ValueError("guard")


def test_a_timer_whose_guard_raises_is_an_error_of_the_application() -> None:
    """It comes out of `tick`, and the timer goes on."""
    work = SERVER.machines[1]
    role = changed(SERVER, 1, states=in_state(work, "Busy", every_0=(Transition("x", guard=raising),)))
    _, _, server, _ = joined(server_role=role)
    for now in (10.0, 20.0):
        with pytest.raises(ValueError, match="guard"):
            server.tick(now=now)
    assert not server.hanging_up


def test_a_shared_lapse_whose_guard_raises_does_not_stop_the_others() -> None:
    """The other lease lapses; what is done is done without a connection."""
    done = Transition("x", actions=(Do("noted", lambda x, key: (key,)),), guard=lambda x, key: key == "b" or raising())
    handler = Handler()
    shared = SharedLeases(changed(SERVER, 1, always={"lapse seat": (done,)}), handler)
    shared.grant("Work.seat", "a", 1.0)
    shared.grant("Work.seat", "b", 2.0)
    with pytest.raises(ValueError, match="guard"):
        shared.tick(now=3.0)
    assert handler.told == [("noted", "b")]


def test_a_shared_lapse_may_only_tell_and_do() -> None:
    """What the checker refuses is no table: said at once, not ignored."""
    ends = Transition("x", actions=(Hangup(),))
    shared = SharedLeases(changed(SERVER, 1, always={"lapse seat": (ends,)}), Handler())
    shared.grant("Work.seat", "a", 1.0)
    with pytest.raises(AssertionError, match="a shared lease may only tell and do, not Hangup"):
        shared.tick(now=3.0)


def test_a_state_that_hangs_up_as_it_is_entered_starts_no_part() -> None:
    """Nothing of a part is sent behind the hang-up, and no timer is left."""
    talk = CLIENT.machines[0]
    role = changed(CLIENT, 0, states=in_state(talk, "Inside", enter=(Transition("x", actions=(Hangup(),)),)))
    client = Client(Handler(), role)
    client.connected(now=0.0)
    client.receive('{"type":"welcome"}', now=0.0)
    assert (client.hanging_up, client.state("Work"), client.deadline) == (True, None, None)


def test_a_part_that_ends_the_connection_as_it_starts_starts_no_other() -> None:
    """The parts behind it in the spec's order never become live."""
    leaves = Transition("x", actions=(Tell("leaving", lambda x: ()), Hangup()))
    work = CLIENT.machines[1]
    first = replace(work, states=in_state(work, "Busy", enter=(leaves,)))
    second = replace(work, part="Later", leases={}, session_flags={}, timers={})
    handler = Handler()
    client = Client(handler, replace(CLIENT, machines=(CLIENT.machines[0], first, second)))
    client.connected(now=0.0)
    client.receive('{"type":"welcome"}', now=0.0)
    assert ("leaving",) in handler.told
    assert (client.state("Later"), client.hanging_up) == (None, True)


def test_what_always_sends_is_counted_where_there_is_no_connection() -> None:
    """A message of a call that is also taken without a connection."""
    says = Transition("x", actions=(Send("Bye", lambda x: Bye()),))
    client = Client(Handler(), changed(CLIENT, 1, always={"call want": (says,)}))
    client.call("Work", "want", now=0.0)
    assert client.counters.unsent == 1
    assert not client.take_output()


def test_an_error_of_a_reply_s_receiver_comes_out_and_the_question_is_settled() -> None:
    """It is the application's; the answer was good, and comes once."""
    client, _, _, _ = joined()

    def fails(_: Any) -> None:
        raise ValueError("receiver")

    client.request("ask", Ask(), fails, fails, now=0.0)
    with pytest.raises(ValueError, match="receiver"):
        client.receive('{"type":"answer","request":1}', now=0.0)
    assert len(client.pending("ask")) == 0
    client.receive('{"type":"answer","request":1}', now=0.0)
    assert client.pending("ask").late_replies == 1


def test_start_twice_and_a_loss_without_a_connection_change_nothing() -> None:
    """A shell may call either at any time."""
    client = Client(Handler())
    client.start(now=1.0)
    client.start(now=2.0)
    assert client.connect_at == 1.0
    client.lost(now=3.0)
    assert client.connect_at == 1.0


def test_a_monitor_names_what_is_no_message_and_what_nobody_takes() -> None:
    """Both leave its states alone."""
    monitor = Monitor(CLIENT, SERVER)
    assert monitor.observe("client", "{") == "malformed message: not JSON: " + (
        "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    )
    deaf = Monitor(CLIENT, replace(SERVER, receives={}))
    assert deaf.observe("client", '{"type":"hello","name":"a"}') == "server takes no Hello anywhere"


class Name(str):
    """A string of another class, as some libraries make them."""

    __slots__ = ()


def test_strings_of_other_classes_are_strings() -> None:
    """And what only looks like one is not."""
    message = Hello(name="a", inner=Inner(extra={"a": Name("b"), "c": [Name("d")]}))
    assert msgspec.json.decode(codec().encode(message))["inner"]["extra"] == {"a": "b", "c": ["d"]}
    with pytest.raises(UnsendableMessage, match=r"inner\.extra\.a: object is not a type of JSON"):
        codec().encode(Hello(name="a", inner=Inner(extra={"a": object()})))


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ('{"type":"welcome","members":{"a":NaN}}', "Expected `array`, got `object` - at `$.members`"),
        ('{"type":"hello","name":"a","inner":{"extra":[NaN]}}', "Expected `object`, got `array` - at `$.inner.extra`"),
    ],
)
def test_a_list_for_a_map_and_a_map_for_a_list_are_refused_in_words(frame: str, problem: str) -> None:
    """Also on the tolerant way."""
    with pytest.raises(MalformedMessage) as caught:
        codec().decode(frame)
    assert caught.value.problem == problem


def test_two_endpoints_that_talk_without_end_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The link gives up, instead of a test that hangs."""
    monkeypatch.setattr(link_module, "SETTLE_STEPS_MAX", 3)
    client = Client(Handler())
    client.start(now=0.0)
    link = LossyLink(client, lambda: Server(Handler()), VirtualClock())
    with pytest.raises(AssertionError, match="the endpoints do not come to rest"):
        link.settle()
    monkeypatch.setattr(link_module, "SETTLE_STEPS_MAX", 100)
    link.settle()
    with pytest.raises(AssertionError, match="the endpoints do not come to rest"):
        link.advance(100_000.0)


def test_frames_for_many_go_no_further_than_the_hang_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one is one too many: the endpoint hangs up in its own words, and the rest is not written."""
    _, _, server, _ = joined()
    monkeypatch.setattr(machines, "UNREAD_BYTES_MAX", 1000)
    assert server.put((b"x" * 1001, b"not this one"), "Work", {"Busy"})
    assert server.hanging_up
    assert b"not this one" not in b"".join(server.take_output())


def test_a_message_for_many_is_encoded_once_over_their_states() -> None:
    """In each state in which the call does nothing but send, it is the same frame."""
    work = CLIENT.machines[1]
    say = (Transition("x", actions=(Send("Sit", lambda x, m: m),)),)
    states = {name: {**inputs, "call say": say} for name, inputs in work.states.items()}
    role = changed(CLIENT, 1, states=states, sends=dict.fromkeys(work.states, work.sends["Busy"]))
    (busy, *_), (resting, *_) = joined(role), joined(role)
    resting.call("Work", "rest", now=0.0)
    assert (busy.state("Work"), resting.state("Work")) == ("Busy", "Idle")
    broadcast([busy, resting], "Work", "say", Sit(seat="a", ttl=1.0), now=0.0)
    (one,), (other,) = busy.take_output(), resting.take_output()
    assert one is other
