"""A delivery's messages in one frame, and one acknowledgement of all up to a number."""

from __future__ import annotations

import json

import pytest
from msgspec import UnsetType
from msgspec.structs import replace

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.monitor import Monitor
from mdkspec_runtime.senders import BATCH_BYTES_MAX
from mdkspec_runtime.tables import Role, Send, Tell, Transition
from unit.mdkspec_runtime.toy import (
    CLIENT,
    SERVER,
    Beat,
    Client,
    Handler,
    Post,
    Server,
    batched,
    codec,
    exchange,
    joined,
)

BATCHED_CLIENT, BATCHED_SERVER = batched(CLIENT), batched(SERVER)


def types(frames: list[bytes]) -> list[str]:
    """The type names of frames."""
    return [json.loads(frame)["type"] for frame in frames]


def post(client: Endpoint, count: int, text: str = "") -> None:
    """Deliver so many posts."""
    for _ in range(count):
        client.deliver("posts", Post(text=text), now=0.0)


def taken(endpoint: Endpoint) -> list[bytes]:
    """All output."""
    frames: list[bytes] = []
    while more := endpoint.take_output():
        frames += more
    return frames


def test_what_waits_is_written_together() -> None:
    """As many in a frame as the table says; one alone as itself; the numbers are each message's own."""
    client, _, server, theirs = joined(BATCHED_CLIENT, BATCHED_SERVER)
    post(client, 7)
    frames = taken(client)
    assert types(frames) == ["posts", "posts", "post"]
    assert [item["number"] for item in json.loads(frames[1])["posts"]] == [3, 4, 5]
    for frame in frames:
        server.receive(frame, now=0.0)
    assert [(event, message.number) for event, message in theirs.told] == [("posted", n) for n in range(7)]
    assert server.counters.received == 1 + 7


def test_the_shell_is_woken_once_and_gets_all_that_came_meanwhile() -> None:
    """The first message wakes; those that follow before the output is taken ride along."""
    client, *_ = joined(BATCHED_CLIENT, BATCHED_SERVER)
    woken: list[int] = []
    client.wake = lambda: woken.append(1)
    post(client, 3)
    assert woken == [1]
    assert types(client.take_output()) == ["posts"]


def test_one_acknowledgement_covers_all_before_it() -> None:
    """However many were acknowledged since the output was taken, one message says so."""
    client, _, server, _ = joined(BATCHED_CLIENT, BATCHED_SERVER)
    post(client, 5)
    exchange(client, server)
    for number in range(5):
        server.acknowledge("posts", number, now=0.0)
    frames = taken(server)
    assert [json.loads(frame) for frame in frames] == [{"type": "posted_upto", "number": 4}]
    client.receive(frames[0], now=0.0)
    assert (client.outbox("posts").count, client.outbox("posts").acknowledged) == (0, 5)


def test_what_is_not_safe_holds_back_what_is() -> None:
    """Acknowledged out of order, nothing is said of what came after a message that is not safe yet."""
    client, _, server, _ = joined(BATCHED_CLIENT, BATCHED_SERVER)
    post(client, 5)
    exchange(client, server)
    for number in (4, 2, 0):
        server.acknowledge("posts", number, now=0.0)
    exchange(client, server)
    assert list(client.outbox("posts").numbers()) == [1, 2, 3, 4]
    server.acknowledge("posts", 1, now=0.0)
    exchange(client, server)
    assert list(client.outbox("posts").numbers()) == [3, 4]


@pytest.mark.parametrize("by_call", [True, False])
def test_an_acknowledgement_that_is_owed_comes_before_the_end(by_call: bool) -> None:
    """Both where a call ends the connection and where the shell does."""
    client, _, server, _ = joined(BATCHED_CLIENT, BATCHED_SERVER)
    post(client, 2)
    exchange(client, server)
    server.acknowledge("posts", 0, now=0.0)
    server.acknowledge("posts", 1, now=0.0)
    if by_call:
        server.call("Talk", "leave", now=0.0)
    else:
        server.stop(now=0.0)
    assert types(taken(server))[0] == "posted_upto"


def test_nothing_is_owed_on_the_next_connection() -> None:
    """What came on a connection that is gone is acknowledged when it comes again."""
    client, _, server, _ = joined(BATCHED_CLIENT, BATCHED_SERVER)
    post(client, 2)
    exchange(client, server)
    server.acknowledge("posts", 0, now=0.0)
    for one in (client, server):
        one.lost(now=0.0)
    for one in (client, server):
        one.connected(now=0.0)
    server.acknowledge("posts", 1, now=0.0)
    assert server.counters.unsent == 1
    exchange(client, server)
    assert list(client.outbox("posts").numbers()) == [0, 1]
    server.acknowledge("posts", 0, now=0.0)
    exchange(client, server)
    assert list(client.outbox("posts").numbers()) == [1]


def test_in_other_states_messages_go_one_by_one() -> None:
    """Where a side is in no state of the batch, neither batches nor their acknowledgements are written."""
    nowhere = frozenset(["Elsewhere"])
    client, _, server, theirs = joined(batched(CLIENT, nowhere), batched(SERVER, nowhere))
    post(client, 2)
    frames = taken(client)
    assert types(frames) == ["post", "post"]
    for frame in frames:
        server.receive(frame, now=0.0)
    server.acknowledge("posts", 1, now=0.0)
    assert types(taken(server)) == ["posted"]
    assert len(theirs.told) == 2


@pytest.mark.parametrize(
    ("role", "frame"), [("server", b'{"type":"posts","posts":[]}'), ("client", b'{"type":"posted_upto","number":3}')]
)
def test_a_batch_in_another_state_is_illegal(role: str, frame: bytes) -> None:
    """By the policy of the protocol, as any message that a state does not take."""
    nowhere = frozenset(["Elsewhere"])
    client, _, server, _ = joined(batched(CLIENT, nowhere), batched(SERVER, nowhere))
    side = server if role == "server" else client
    side.receive(frame, now=0.0)
    assert (side.counters.illegal, side.hanging_up) == (1, True)


def test_a_frame_stays_within_its_bounds() -> None:
    """No batch is larger than a message may be, or than BATCH_BYTES_MAX."""
    roomy = batched(CLIENT, count_max=500)
    roomy = replace(roomy, deliveries=(replace(roomy.deliveries[0], count_max=1000, size_bytes_max=2**22),))
    for message_bytes_max, frame_bytes_max in ((2000, 2000), (2**20, BATCH_BYTES_MAX)):
        small = replace(roomy, codec=codec(message_bytes_max))
        client, _, server, theirs = joined(small, replace(batched(SERVER), codec=codec(message_bytes_max)))
        post(client, 100, "x" * (message_bytes_max // 100))
        frames = taken(client)
        assert all(len(frame) <= frame_bytes_max for frame in frames)
        assert 1 < len(frames) < 100
        for frame in frames:
            server.receive(frame, now=0.0)
        assert (len(theirs.told), server.counters.malformed) == (100, 0)


def test_the_rest_of_a_batch_is_discarded_after_the_end() -> None:
    """When the application hangs up on a message, those after it in the frame come too late."""
    client, _, server, theirs = joined(BATCHED_CLIENT, BATCHED_SERVER)
    post(client, 3)
    theirs.raises["posted"] = RuntimeError("stop")
    with pytest.raises(ExceptionGroup):
        exchange(client, server)
    assert len(theirs.told) == 3, "an error stops nothing"
    client, _, server, theirs = joined(BATCHED_CLIENT, BATCHED_SERVER)
    theirs.__dict__["posted"] = lambda message: server.call("Talk", "leave", now=0.0)
    post(client, 3)
    exchange(client, server)
    assert server.counters.discarded == 2


class Together(Handler):
    """Takes a batch at once."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[int | UnsetType]] = []

    def all_posted(self, messages: list[Post]) -> None:
        """Keeps the numbers."""
        self.batches.append([message.number for message in messages])
        if "all" in self.raises:
            raise self.raises["all"]


def taking_together(server_role: Role = BATCHED_SERVER) -> tuple[Endpoint, Endpoint, Together]:
    """A client, and a server whose handler takes batches at once."""
    theirs = Together()
    client, server = Client(Handler(), BATCHED_CLIENT), Server(theirs, role=server_role)
    server.told_together = {"posted": "all_posted"}
    client.start(now=0.0)
    for one in (client, server):
        one.connected(now=0.0)
    exchange(client, server)
    return client, server, theirs


def test_a_handler_may_take_a_batch_at_once() -> None:
    """It gets the messages as a list, and each is counted and acknowledged as if it were told alone; one alone is."""
    client, server, theirs = taking_together()
    post(client, 7)
    received = server.counters.received
    exchange(client, server)
    assert theirs.batches == [[0, 1, 2], [3, 4, 5]]
    assert [message.number for event, message in theirs.told if event == "posted"] == [6]
    assert server.counters.received - received == 7
    server.acknowledge_all("posts", [0, 1, 3, 4, 5, 6], now=0.0)
    assert [json.loads(frame)["number"] for frame in taken(server)] == [1]
    server.acknowledge_all("posts", [2], now=0.0)
    assert [json.loads(frame)["number"] for frame in taken(server)] == [6]
    server.lost(now=0.0)
    server.acknowledge_all("posts", [7, 8], now=0.0)
    assert server.counters.unsent == 2


def test_what_comes_again_is_held_back_again() -> None:
    """A peer that repeats numbers on one connection is not told that they are safe before they are."""
    client, server, theirs = taking_together()
    post(client, 3)
    frames = taken(client)
    for frame in (*frames, *frames):
        server.receive(frame, now=0.0)
    assert theirs.batches == [[0, 1, 2], [0, 1, 2]]
    server.acknowledge_all("posts", [0, 2], now=0.0)
    assert [json.loads(frame)["number"] for frame in taken(server)] == [0]


def test_an_error_for_a_batch_loses_nothing_of_the_connection() -> None:
    """It is raised to the shell; the messages count as come, and go unacknowledged."""
    client, server, theirs = taking_together()
    theirs.raises["all"] = RuntimeError("stop")
    post(client, 3)
    with pytest.raises(RuntimeError):
        exchange(client, server)
    assert server.is_connected
    server.acknowledge_all("posts", [1, 2], now=0.0)
    assert taken(server) == []


@pytest.mark.parametrize(
    "transition",
    [
        Transition("toy", actions=(Tell("posted", lambda x, m: (m,)),), guard=lambda x, m: m.number != 1),
        Transition("toy", actions=(Tell("posted", lambda x, m: (m,)), Send("Beat", lambda x, m: Beat()))),
        Transition("toy", actions=(Tell("posted", lambda x, m: (m.number,)),)),
    ],
    ids=["guarded", "more than told", "not as it came"],
)
def test_where_the_spec_does_more_messages_are_told_one_by_one(transition: Transition) -> None:
    """What happens to a message is what the tables say of it."""
    work = BATCHED_SERVER.machines[1]
    transitions = (transition, Transition("toy")) if transition.guard else (transition,)
    states = {"Busy": {**work.states["Busy"], "recv Post": transitions}}
    role = replace(BATCHED_SERVER, machines=(BATCHED_SERVER.machines[0], replace(work, states=states)))
    client, server, theirs = taking_together(role)
    post(client, 3)
    exchange(client, server)
    assert theirs.batches == []
    assert len([event for event, _ in theirs.told if event == "posted"]) == (2 if transition.guard else 3)


def test_dropped_after_it_was_written_it_may_have_arrived() -> None:
    """An acknowledgement of all up to a number takes back drops of this connection, and no others."""
    client, _, server, _ = joined(BATCHED_CLIENT, BATCHED_SERVER)
    for _ in range(14):
        post(client, 1)
        exchange(client, server)
    outbox = client.outbox("posts")
    assert (outbox.dropped, outbox.count) == (4, 10)
    for number in range(7):
        server.acknowledge("posts", number, now=0.0)
    for frame in taken(server):
        client.receive(frame, now=0.0)
    assert (outbox.dropped, outbox.acknowledged, outbox.count) == (0, 7, 7)
    client.lost(now=0.0)
    post(client, 5)
    assert outbox.dropped == 2
    client.connected(now=0.0)
    client.receive(b'{"type":"welcome"}', now=0.0)
    taken(client)
    client.receive(b'{"type":"posted_upto","number":18}', now=0.0)
    assert (outbox.dropped, outbox.acknowledged, outbox.count) == (2, 17, 0)


def test_a_monitor_knows_batches() -> None:
    """Legal where they are written, and nowhere else."""
    ours, theirs = Handler(), Handler()
    client, server = Client(ours, BATCHED_CLIENT), Server(theirs, role=BATCHED_SERVER)
    monitor = Monitor(BATCHED_CLIENT, BATCHED_SERVER)
    assert monitor.observe("client", b'{"type":"posts","posts":[]}') is not None
    client.start(now=0.0)
    for one in (client, server):
        one.connected(now=0.0)
    post(client, 3)
    for _ in range(4):
        for frame in taken(client):
            assert monitor.observe("client", frame) is None
            server.receive(frame, now=0.0)
        for number in range(len(theirs.told) - 1):
            server.acknowledge("posts", number, now=0.0)
        for frame in taken(server):
            assert monitor.observe("server", frame) is None
            client.receive(frame, now=0.0)
    assert client.outbox("posts").acknowledged == 3
    assert "PostBatch" in str(monitor.observe("server", b'{"type":"posts","posts":[]}'))
