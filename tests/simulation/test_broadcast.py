"""One message to many endpoints: the same as one call after another, and encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from mdk_protocol import CODEC, Changes, Log, Open, SessionServer, SessionServerShared, Subscribe, TableComplete
from mdkspec_runtime.broadcast import broadcast, broadcast_all
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


def test_a_shell_may_write_at_once() -> None:
    """It is given the same frames for each that may send; what it cannot write is output, and comes in order."""
    quick, busy, early, conditional = server(), server(), server(opened=False), server(Subscribe())
    written: list[tuple[int, Sequence[bytes]]] = []
    takes = {0: True, 1: False, 2: True, 3: True}

    def write(number: int, frames: Sequence[bytes]) -> bool:
        written.append((number, frames))
        return takes[number]

    for number, endpoint in enumerate((quick, busy, early, conditional)):
        endpoint.write_now = partial(write, number)
    calls = [("tell_changes", Changes()), ("complete_table", TableComplete())]
    frames = [CODEC.encode(message) for _, message in calls]
    with pytest.raises(ExceptionGroup):
        broadcast_all([quick, busy, early, conditional], "Table", calls, now=0.0)
    assert [number for number, _ in written] == [0, 1, 3]
    assert all(given is written[0][1] for _, given in written)
    assert list(written[0][1]) == frames
    assert (quick.take_output(), busy.take_output(), early.take_output()) == ([], frames, [])
    takes[1] = True
    broadcast_all([busy], "Table", calls[:1], now=0.0)
    conditional.relay(Log(text="before"), now=0.0)
    broadcast_all([conditional], "Table", calls[:1], now=0.0)
    assert (len(written), busy.take_output()) == (4, [])
    assert conditional.take_output() == [CODEC.encode(Log(text="before")), frames[0]]


def test_who_has_hung_up_is_not_written_to() -> None:
    """Neither by the shell nor to the output; the rest of the calls still reach the others."""
    leaving, other = server(), server()
    leaving.write_now = other.write_now = lambda frames: False
    leaving.close(now=0.0)
    leaving.take_output()
    broadcast_all([leaving, other], "Table", [("tell_changes", Changes())] * 2, now=0.0)
    assert (leaving.take_output(), len(other.take_output())) == ([], 2)


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
