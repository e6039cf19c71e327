"""Delivery over a link that is slow, cut, half-open or unreachable: at least once, in order, stored once, bounded."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mdk_protocol import InteractionEvent, Log, Open, SessionClient, SessionServer, SessionServerShared, messages
from mdkspec_runtime import Endpoint
from mdkspec_runtime.testing import LossyLink, VirtualClock
from simulation.variants import Recorder

COUNT_MAX = 10_000


@dataclass
class Store:
    """What a server keeps over all its connections: every text once, by its number."""

    logs: dict[int, str] = field(default_factory=dict)
    arrivals: list[int] = field(default_factory=list)
    """Numbers in order of arrival, repeated ones included."""
    interactions: dict[str, int] = field(default_factory=dict)
    is_extended: bool = False
    """Whether the server knows more than the original protocol: batches, and one acknowledgement of many."""


class Desk:
    """One connection at the server: stores, and acknowledges now or when the test says so."""

    def __init__(self, store: Store, clock: VirtualClock) -> None:
        self.store = store
        self.clock = clock
        self.unacknowledged: list[int] = []
        told = Recorder()
        self.endpoint = SessionServer(self, shared=SessionServerShared(told))

    def own_open(self) -> Open:
        """The plainest."""
        return Open()

    def is_ours(self, m: Open) -> bool:
        """What the test has chosen; the client knows both."""
        return self.store.is_extended

    def opened(self, m: Open) -> None:
        """Nothing to do."""

    def closed(self, error: object) -> None:
        """Nothing to do."""

    def followed(self, m: messages.Follow) -> None:
        """Nothing to do."""

    def is_whole(self, node: messages.Node) -> bool:
        """Not asked here."""
        return True

    def lease_key(self, node: messages.Node) -> str:
        """Not asked here."""
        return node.service

    def known_nodes(self) -> list[messages.Node]:
        """None."""
        return []

    def registered(self, node: messages.Node, ttl: float) -> None:
        """Not told here."""

    def refused(self, node: messages.Node) -> None:
        """Not told here."""

    def expired(self, node: messages.Node) -> None:
        """Not told here."""

    def subscribed(self) -> None:
        """Not told here."""

    def breaker_changed(self, breaker: messages.BreakerStatus) -> None:
        """Not told here."""

    def reported(self, m: messages.Statistics) -> None:
        """Nothing to do."""

    def tail_begins(self, m: messages.TailBegin) -> None:
        """Not told here."""

    def tail_ends(self) -> None:
        """Not told here."""

    def asked(self, m: messages.Question) -> None:
        """Not told here."""

    def watch_begins(self, m: messages.Watch) -> None:
        """Not told here."""

    def watch_ends(self) -> None:
        """Not told here."""

    def log_received(self, m: Log) -> None:
        """Store it once."""
        assert isinstance(m.sequence, int)
        self.store.arrivals.append(m.sequence)
        assert self.store.logs.setdefault(m.sequence, m.text) == m.text
        self.unacknowledged.append(m.sequence)

    def interaction_received(self, m: InteractionEvent) -> None:
        """Store it once, by uuid."""
        self.store.interactions[m.uuid] = self.store.interactions.get(m.uuid, 0) + 1
        self.endpoint.acknowledge_interactions(m.sequence or 0, now=self.clock.now())


class DeliveryMachine(RuleBasedStateMachine):
    """Logs and interactions of one client, while the network does what Hypothesis likes."""

    @initialize(delay_s=st.sampled_from([0.0, 0.01, 2.0]), is_extended=st.booleans())
    def begin(self, delay_s: float, is_extended: bool) -> None:
        """A client that wants a connection."""
        self.clock = VirtualClock()
        self.store = Store(is_extended=is_extended)
        self.desks: list[Desk] = []
        self.client = SessionClient(Recorder(package=messages))
        self.client.start(now=0.0)
        self.link = LossyLink(self.client, self._accept, self.clock, delay_s=delay_s)
        self.texts: list[str] = []
        self.uuids: list[str] = []

    def _accept(self) -> Endpoint:
        self.desks.append(Desk(self.store, self.clock))
        return self.desks[-1].endpoint

    @rule(count=st.integers(1, 5))
    def log(self, count: int) -> None:
        """The client logs."""
        for _ in range(count):
            text = f"log {len(self.texts)}"
            assert self.client.deliver_logs(Log(text=text), now=self.clock.now()) == len(self.texts)
            self.texts.append(text)

    @rule()
    def interact(self) -> None:
        """The client finishes an interaction."""
        self.uuids.append(f"uuid {len(self.uuids)}")
        self.client.deliver_interactions(InteractionEvent(uuid=self.uuids[-1]), now=self.clock.now())

    @rule()
    def step(self) -> None:
        """One thing happens."""
        self.link.step()

    @rule(seconds=st.sampled_from([0.001, 0.5, 3.0, 20.0]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.link.advance(seconds)

    @rule(count=st.integers(1, 4), newest_first=st.booleans())
    def acknowledge(self, count: int, newest_first: bool) -> None:
        """The server's disk is done with some; in any order."""
        for desk in self.desks[-1:]:
            waiting = desk.unacknowledged
            for _ in range(min(count, len(waiting))):
                number = waiting.pop() if newest_first else waiting.pop(0)
                desk.endpoint.acknowledge_logs(number, now=self.clock.now())

    @rule()
    def cut(self) -> None:
        """The connection breaks; what is under way is lost."""
        self.link.cut()

    @rule()
    def go_half_open(self) -> None:
        """A cable is pulled: nobody notices yet."""
        self.link.go_half_open()

    @rule(reachable=st.booleans())
    def reach(self, reachable: bool) -> None:
        """The server goes away, or comes back."""
        self.link.is_reachable = reachable
        if not reachable:
            self.link.cut()

    @invariant()
    def nothing_is_invented_or_out_of_order(self) -> None:
        """What is stored was said; first arrivals come in the order of saying."""
        if not hasattr(self, "store"):
            return
        assert all(self.texts[number] == text for number, text in self.store.logs.items())
        firsts = list(dict.fromkeys(self.store.arrivals))
        assert firsts == sorted(firsts)

    @invariant()
    def outboxes_stay_within_their_bounds(self) -> None:
        """Count and bytes, and nothing is forgotten: put = acknowledged + dropped + kept."""
        if not hasattr(self, "client"):
            return
        outbox = self.client.outbox("logs")
        assert outbox.count <= COUNT_MAX
        assert outbox.size_bytes <= 16 * 2**20
        assert len(self.texts) == outbox.acknowledged + outbox.dropped + outbox.count

    def teardown(self) -> None:
        """When the network is well again, everything arrives, and is stored once."""
        if not hasattr(self, "link"):
            return
        self.link.cut()
        self.link.is_reachable = True
        for _ in range(40):
            self.link.advance(1.0)
            for desk in self.desks[-1:]:
                while desk.unacknowledged:
                    desk.endpoint.acknowledge_logs(desk.unacknowledged.pop(0), now=self.clock.now())
        assert [self.store.logs[number] for number in sorted(self.store.logs)] == self.texts
        assert set(self.store.interactions) == set(self.uuids)
        assert self.client.outbox("logs").count == 0
        assert self.client.outbox("interactions").count == 0


DeliveryMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDelivery = DeliveryMachine.TestCase


def test_an_outbox_drops_the_oldest_and_says_how_many() -> None:
    """With the server away for long, the newest 10,000 logs are kept, the rest is counted, and memory is bounded."""
    client = SessionClient(Recorder(package=messages))
    for number in range(COUNT_MAX + 500):
        client.deliver_logs(Log(text=f"log {number}"), now=0.0)
    outbox = client.outbox("logs")
    assert (outbox.count, outbox.dropped) == (COUNT_MAX, 500)
    store, clock = Store(), VirtualClock()
    client.start(now=0.0)
    link = LossyLink(client, lambda: Desk(store, clock).endpoint, clock)
    link.settle()
    assert sorted(store.logs) == list(range(500, COUNT_MAX + 500))


def test_big_messages_fill_an_outbox_by_bytes() -> None:
    """16 MiB of large logs are kept, not 10,000 of them."""
    client = SessionClient(Recorder(package=messages))
    for _ in range(40):
        client.deliver_logs(Log(text="x" * 900_000), now=0.0)
    outbox = client.outbox("logs")
    assert outbox.size_bytes <= 16 * 2**20
    assert (outbox.count, outbox.dropped) == (18, 22)
