"""The virtual clock and the lossy link, which users test with."""

from __future__ import annotations

import pytest

from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.testing import LossyLink, VirtualClock
from unit.mdkspec_runtime.toy import SERVER, Client, Handler, Post, Server


def linked(*, delay_s: float = 0.0) -> tuple[LossyLink, Client, list[Server], Handler]:
    """A client that wants a connection, and a link to servers that share a handler."""
    clock, handler = VirtualClock(), Handler()
    shared = SharedLeases(SERVER, handler)
    servers: list[Server] = []

    def accept() -> Server:
        servers.append(Server(handler, shared))
        return servers[-1]

    client = Client(Handler())
    client.start(now=clock.now())
    return LossyLink(client, accept, clock, delay_s=delay_s), client, servers, handler


def test_a_clock_never_goes_back() -> None:
    """Moving back is a mistake of the test, and is said."""
    clock = VirtualClock()
    clock.move_to(2.0)
    with pytest.raises(ValueError, match=r"the clock stands at 2.0 and cannot go back to 1.0"):
        clock.move_to(1.0)
    assert clock.now() == 2.0


def test_frames_take_their_time() -> None:
    """With a delay of 1 s, hello and welcome need one each way."""
    link, client, servers, _ = linked(delay_s=1.0)
    link.settle()
    assert (servers[0].state("Talk"), client.state("Talk")) == ("Door", "Joining")
    link.advance(1.0)
    assert (servers[0].state("Talk"), client.state("Talk")) == ("Inside", "Joining")
    link.advance(1.0)
    assert client.state("Talk") == "Inside"


def test_a_cut_loses_what_is_under_way_and_tells_both() -> None:
    """The post in flight is lost, and comes again on the next connection."""
    link, client, servers, handler = linked(delay_s=0.5)
    link.advance(2.0)
    client.deliver("posts", Post(text="x"), now=link.clock.now())
    link.step()
    assert link.frames_under_way == 1
    link.cut()
    assert (client.state("Talk"), servers[0].state("Talk"), link.frames_lost) == (None, None, 1)
    assert not [event for event in handler.told if event[0] == "posted"]
    link.advance(5.0)
    assert [event[1].text for event in handler.told if event[0] == "posted"] == ["x"]
    assert len(servers) == 2


def test_a_half_open_link_tells_nobody() -> None:
    """Both ends believe in the connection; nothing passes until it is cut."""
    link, client, servers, handler = linked()
    link.settle()
    link.go_half_open()
    client.deliver("posts", Post(text="x"), now=link.clock.now())
    link.advance(60.0)
    assert (client.state("Talk"), servers[0].state("Talk")) == ("Inside", "Inside")
    assert not [event for event in handler.told if event[0] == "posted"]
    link.cut()
    link.advance(5.0)
    assert [event[0] for event in handler.told if event[0] == "posted"] == ["posted"]


def test_an_unreachable_server_makes_the_waits_grow() -> None:
    """0, 1, 3, 7, 15 s: attempts that fail; then one that does not."""
    link, client, servers, _ = linked()
    link.is_reachable = False
    link.advance(14.0)
    assert client.connect_at == 15.0
    link.is_reachable = True
    link.advance(1.0)
    assert len(servers) == 1
    assert client.state("Talk") == "Inside"


def test_a_hang_up_is_seen_when_all_has_arrived() -> None:
    """The last word comes before the end."""
    link, client, servers, handler = linked(delay_s=0.5)
    link.advance(2.0)
    client.call("Talk", "leave", now=link.clock.now())
    client.stop(now=link.clock.now())
    link.advance(2.0)
    assert ("dismissed", "left") in handler.told
    assert servers[0].state("Talk") is None
    assert client.connect_at is None
