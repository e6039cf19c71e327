"""Both sides of a protocol with any application, over a link that fails: a stateful test for Hypothesis.

A generated package's `testing` has a subclass for each protocol, with what its tables do not say: the types of what
applications give and answer. Needs `hypothesis`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, NamedTuple

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.errors import RequestFailed, UnsendableMessage
from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.testing.replay import plainest
from mdkspec_runtime.testing.sides import Application, Sides

CALM_ROUNDS = 12
"""At the end the link is well: so many waits, each of a quarter of the longest wait for a connection."""


class Call(NamedTuple):
    """What an application may call, and with what."""

    role: str
    part: str
    name: str
    arguments: tuple[st.SearchStrategy[Any], ...]


class Simulation(RuleBasedStateMachine):
    """Calls, deliveries, questions, acknowledgements and answers of both sides, while connections come, hang and break.

    What must hold: no side gets a message that it does not take, outboxes stay within their bounds and lose nothing
    unnoticed, each question has one outcome, each shared lease that lapses is told once; and when the link is well in the
    end, everything delivered is acknowledged whose part is live, or becomes so without a call.

    Hooks answer anything of their type, and the plainest (True, one value) in the end. A subclass says otherwise in
    `answers`: hook to value or function.
    """

    connector: ClassVar[Callable[..., Endpoint]]
    acceptor: ClassVar[Callable[..., Endpoint]]
    shared: ClassVar[Callable[..., SharedLeases] | None] = None
    hooks: ClassVar[Mapping[str, st.SearchStrategy[Any]]] = {}
    """`role.hook` to its answers."""
    calls: ClassVar[Sequence[Call]] = ()
    messages: ClassVar[Mapping[str, Callable[[], st.SearchStrategy[Any]]]] = {}
    """Of deliveries, questions and answers."""
    lapses: ClassVar[frozenset[str]] = frozenset()
    """Events by which the lapses of shared leases are told; empty if some are not."""
    certain: ClassVar[frozenset[str]] = frozenset()
    """Deliveries whose part becomes live on a connection without any call."""
    answers: ClassVar[Mapping[str, Any]] = {}

    @initialize(delay_s=st.sampled_from([0.0, 0.01, 2.0]), waits=st.booleans())
    def begin(self, delay_s: float, waits: bool) -> None:
        """A connecting side that wants a connection, or already has one."""
        self.data: st.DataObject | None = None
        """Where answers of hooks are drawn; None for the plainest."""
        self.told: list[tuple[str, tuple[Any, ...]]] = []
        self.outcomes: list[list[msgspec.Struct | RequestFailed]] = []
        """Of each question, in the order of asking."""
        kind = type(self)
        self.sides = Sides(kind.connector, kind.acceptor, kind.shared, self._answer, delay_s=delay_s)
        self.link, self.clock = self.sides.link, self.sides.clock
        self.link.connector.start(now=0.0)
        if not waits:
            self.sides.wait(4 * delay_s)

    def _answer(self, application: Application, name: str, args: tuple[Any, ...]) -> Any:
        answers = type(self).answers
        if name in answers:
            known = answers[name]
            return known(*args) if callable(known) else known
        values = type(self).hooks.get(f"{application.role}.{name}")
        if values is None:
            self.told.append((name, args))
            return None
        if self.data is None:
            return plainest(application.type_of(name))
        return self.data.draw(values, label=name)

    # --- what applications do ---------------------------------------------------------------------

    def callable_now(self) -> list[tuple[Endpoint, Call]]:
        """Calls that the tables promise to take: those of parts that are live."""
        return [
            (endpoint, call)
            for endpoint in self.sides.endpoints()
            for call in type(self).calls
            if call.role == endpoint.role.role and _is_open(endpoint, call)
        ]

    @precondition(lambda self: bool(self.callable_now()))
    @rule(data=st.data())
    def call(self, data: st.DataObject) -> None:
        """An application calls."""
        self.data = data
        endpoint, call = data.draw(st.sampled_from(self.callable_now()))
        arguments = [data.draw(one) for one in call.arguments]
        with suppress(UnsendableMessage):
            endpoint.call(call.part, call.name, *arguments, now=self.clock.now())

    @precondition(lambda self: bool(self.link.connector.role.deliveries))
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """An application delivers."""
        self.data = data
        ways = list(self.sides.sending())
        for endpoint, delivery in [data.draw(st.sampled_from(ways))] if ways else []:
            message = data.draw(type(self).messages[delivery.message]())
            with suppress(UnsendableMessage):
                endpoint.deliver(delivery.name, message, now=self.clock.now())

    @precondition(lambda self: bool(self.link.connector.role.requests))
    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        """An application asks."""
        self.data = data
        ways = list(self.sides.asking())
        for endpoint, request in [data.draw(st.sampled_from(ways))] if ways else []:
            question = data.draw(type(self).messages[request.message]())
            outcome: list[msgspec.Struct | RequestFailed] = []
            with suppress(UnsendableMessage):
                endpoint.request(request.name, question, outcome.append, outcome.append, now=self.clock.now())
                self.outcomes.append(outcome)

    @precondition(lambda self: bool(self.sides.questions))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """An application answers one of the questions that it was asked, in any order."""
        self.data = data
        place = data.draw(st.integers(0, len(self.sides.questions) - 1))
        with suppress(UnsendableMessage):
            self.sides.reply(place, lambda one: data.draw(type(self).messages[one.request.reply]()))

    @precondition(lambda self: bool(self.sides.unacknowledged))
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        """An application acknowledges what came: in order, or one by one in any order where the delivery has it so."""
        self.data = data
        place = data.draw(st.integers(0, len(self.sides.unacknowledged) - 1))
        self.acknowledge_one(place if self.sides.unacknowledged[place][1].ack_mode == "each" else 0)

    def acknowledge_one(self, place: int) -> None:
        """The application has it safe."""
        self.sides.acknowledge(place)

    # --- what the link and the clock do -----------------------------------------------------------

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """The next thing happens: a connection, a frame, a hang-up."""
        self.data = data
        self.link.step()

    @rule(data=st.data(), seconds=st.sampled_from([0.001, 0.5, 5.0, 30.0]))
    def wait(self, data: st.DataObject, seconds: float) -> None:
        """Time passes."""
        self.data = data
        self.sides.wait(seconds)

    @rule(data=st.data())
    def wait_for_a_timer(self, data: st.DataObject) -> None:
        """Time passes until the next timer of either side."""
        self.data = data
        times = [one.deadline for one in self.sides.endpoints()]
        due = min((time for time in times if time is not None), default=self.clock.now())
        self.sides.wait(max(0.0, due - self.clock.now()))

    @rule(data=st.data(), trouble=st.sampled_from(["cut", "half-open", "away", "rubbish", "rubbish back"]))
    def go_wrong(self, data: st.DataObject, trouble: str) -> None:
        """The connection breaks, or hangs; nobody can be reached; a side gets what is no message until it gives up."""
        self.data = data
        match trouble:
            case "cut":
                self.link.cut()
            case "half-open":
                self.link.go_half_open()
            case "away":
                self.link.is_reachable = False
                self.link.cut()
            case "rubbish":
                self.sides.garble(self.link.acceptor)
            case _:
                self.sides.garble(self.link.connector)

    @precondition(lambda self: not self.link.is_reachable or self.link.is_half_open)
    @rule(data=st.data())
    def be_well(self, data: st.DataObject) -> None:
        """The accepting side is back, and a connection that hung is seen to be broken."""
        self.data = data
        self.link.is_reachable = True
        if self.link.is_half_open:
            self.link.cut()

    # --- what must hold ---------------------------------------------------------------------------

    @invariant()
    def every_message_is_taken(self) -> None:
        """Neither side may send what the other's state does not take, however frames and timers meet."""
        assert not self.sides.offences, self.sides.offences

    @invariant()
    def outboxes_stay_within_their_bounds(self) -> None:
        """Count and bytes; and put = acknowledged + dropped + kept."""
        for endpoint, delivery in self.sides.sending():
            outbox = endpoint.outbox(delivery.name)
            assert outbox.count <= delivery.count_max, delivery.name
            assert outbox.size_bytes <= delivery.size_bytes_max, delivery.name
            put = outbox.next_number - delivery.first
            assert put == outbox.acknowledged + outbox.dropped + outbox.count, delivery.name

    @invariant()
    def what_is_acknowledged_has_arrived(self) -> None:
        """Of the connecting side's deliveries, whose numbers go on over connections."""
        for delivery in self.link.connector.role.deliveries:
            if delivery.sender == self.link.connector.role.role and delivery.ack_mode == "each":
                acknowledged = self.link.connector.outbox(delivery.name).acknowledged
                assert acknowledged <= len(self.sides.arrived[delivery.name]), delivery.name

    @invariant()
    def a_question_has_one_outcome(self) -> None:
        """An answer or a failure, and never both."""
        assert all(len(one) <= 1 for one in self.outcomes)

    @invariant()
    def a_lapse_is_told(self) -> None:
        """Once for each shared lease that lapsed, where every lapse is one that the tables tell."""
        if self.sides.leases is not None and type(self).lapses:
            told = sum(name in type(self).lapses for name, _ in self.told)
            assert self.sides.leases.lapsed == told, (
                f"a shared lease lapsed {self.sides.leases.lapsed} times, {told} were told"
            )

    def teardown(self) -> None:
        """The link is well again and applications do their part: everything arrives, and every question has its outcome."""
        if not hasattr(self, "link"):
            return
        self.data = None
        self.link.cut()
        self.link.is_reachable = True
        reconnect = self.link.connector.role.reconnect
        round_s = (1.0 if reconnect is None else reconnect.longest_s) / 4 + self.link.delay_s
        for _ in range(CALM_ROUNDS):
            self.sides.wait(round_s)
            while self.sides.unacknowledged:
                self.acknowledge_one(0)
            while self.sides.questions:
                self.sides.reply(-1, lambda one: plainest(_class_of(one.endpoint, one.request.reply)))
            self.link.settle()
        self.sides.wait(2 * self.link.delay_s)
        for endpoint, delivery in self.sides.sending():
            kept = list(endpoint.outbox(delivery.name).numbers())
            if endpoint.state(delivery.part) is not None or delivery.name in type(self).certain:
                assert not kept, f"never acknowledged: {delivery.name} {kept}"
        self.link.is_reachable = False
        self.link.cut()
        self.every_message_is_taken()
        assert all(len(one) == 1 for one in self.outcomes)


def _class_of(endpoint: Endpoint, name: str) -> type[msgspec.Struct]:
    return next(one for one in endpoint.role.codec.messages if one.__name__ == name)


def _is_open(endpoint: Endpoint, call: Call) -> bool:
    machine = next(one for one in endpoint.role.machines if one.part == call.part)
    return endpoint.state(call.part) is not None or f"call {call.name}" in machine.always
