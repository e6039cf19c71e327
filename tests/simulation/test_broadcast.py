"""One message to many endpoints: the same as one call after another, and encoded once."""

from __future__ import annotations

from typing import Any

import pytest

from mdk_protocol import CODEC, Changes, Log, Open, SessionServer, SessionServerShared, Subscribe
from mdkspec_runtime.broadcast import broadcast
from mdkspec_runtime.errors import IllegalCall, UnsendableMessage
from mdkspec_runtime.machines import SLOW_CODE, UNREAD_BYTES_MAX
from simulation.variants import Recorder


def server(*messages: Any, opened: bool = True) -> SessionServer:
    """A connection of a client of ours that has said these."""
    told = Recorder(package=__import__("mdk_protocol"))
    endpoint = SessionServer(told, shared=SessionServerShared(told))
    endpoint.connected(now=0.0)
    for message in (Open(properties={"mdkRevision": 1}), *messages) if opened else ():
        endpoint.receive(CODEC.encode(message), now=0.0)
    endpoint.take_output()
    return endpoint


def test_everyone_gets_the_same_bytes() -> None:
    """Each endpoint that is connected, woken once; one that is not gets nothing."""
    endpoints = [server() for _ in range(3)]
    gone = server()
    gone.lost(now=0.0)
    woken: list[int] = []
    for number, endpoint in enumerate(endpoints):
        endpoint.wake = lambda number=number: woken.append(number)
    for _ in range(2):
        broadcast([*endpoints, gone], "Table", "tell_changes", Changes(), now=0.0)
    assert woken == [0, 1, 2]
    frames = [endpoint.take_output() for endpoint in endpoints]
    assert frames == [[CODEC.encode(Changes())] * 2] * 3
    assert frames[0][0] is frames[2][0]
    assert gone.take_output() == []


def test_a_call_with_a_condition_is_made_on_each() -> None:
    """`relay` sends only to those that have subscribed: the tables decide for each endpoint."""
    subscribed, other = server(Subscribe()), server()
    broadcast([other, subscribed], "Tracing", "relay", Log(text="t"), now=0.0)
    assert other.take_output() == []
    assert subscribed.take_output() == [CODEC.encode(Log(text="t"))]


def test_what_one_may_not_do_does_not_keep_the_others_from_it() -> None:
    """An endpoint whose part is not live raises, when all have been served."""
    early, other = server(opened=False), server()
    with pytest.raises(IllegalCall, match="'tell_changes' is not allowed while Table is not live"):
        broadcast([early, other], "Table", "tell_changes", Changes(), now=0.0)
    assert other.take_output() == [CODEC.encode(Changes())]


def test_a_message_that_cannot_be_written_is_sent_to_nobody() -> None:
    """It raises, as the call does."""
    endpoint = server(Subscribe())
    with pytest.raises(UnsendableMessage):
        broadcast([endpoint], "Tracing", "relay", Log(text="x" * CODEC.message_bytes_max), now=0.0)
    assert endpoint.take_output() == []


def test_a_peer_that_does_not_read_is_cut_at_a_bound() -> None:
    """Past 16 MiB of unread frames it is told so instead, and hung up on; the others go on."""
    slow, quick = server(), server()
    message = Log(text="x" * 1_000_000)
    for endpoint in (slow, quick):
        endpoint.receive(CODEC.encode(Subscribe()), now=0.0)
    for _ in range(UNREAD_BYTES_MAX // 1_000_000 + 1):
        broadcast([slow, quick], "Tracing", "relay", message, now=0.0)
        quick.take_output()
    (close,) = slow.take_output()
    assert SLOW_CODE.encode() in close
    assert slow.hanging_up
    assert slow.counters.overruns == 1
    assert quick.is_connected
