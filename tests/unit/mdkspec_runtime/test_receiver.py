"""What becomes of messages that come, and of what is none."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from unit.mdkspec_runtime.toy import (
    CLIENT,
    Client,
    Handler,
    Server,
    joined,
)


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


def test_unknown_messages_are_dropped_for_ever_where_the_policy_says_so() -> None:
    """`drop` without a number never fails."""
    _, _, server, _ = joined()
    for _ in range(100):
        server.receive('{"type":"future"}', now=0.0)
    assert not server.hanging_up
    assert server.counters.unknown == 100


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
