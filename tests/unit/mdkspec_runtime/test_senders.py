"""Deliveries: numbered, kept, acknowledged."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from mdkspec_runtime import UnsendableMessage
from unit.mdkspec_runtime.toy import (
    CLIENT,
    Post,
    Posted,
    Server,
    exchange,
    frames,
    joined,
)


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


def test_an_acknowledgement_given_to_a_client_reaches_it_once() -> None:
    """The ack is handled by the engine; a machine need not mention it."""
    client, _, _, _ = joined()
    client.deliver("posts", Post(text="x"), now=0.0)
    client.receive(CLIENT.codec.encode(Posted(number=0)), now=0.0)
    assert (client.outbox("posts").count, client.outbox("posts").acknowledged) == (0, 1)
