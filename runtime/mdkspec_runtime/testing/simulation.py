"""Both sides of a protocol with any application, over a link that fails: a stateful test for Hypothesis.

A generated package's `testing` has a subclass for each protocol, with what its tables do not say: the types of what
applications give and answer. Needs `hypothesis`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar, NamedTuple, get_type_hints

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.errors import PeerError, RequestFailed, UnsendableMessage
from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.tables import Delivery, Request
from mdkspec_runtime.testing.clock import VirtualClock
from mdkspec_runtime.testing.link import LossyLink
from mdkspec_runtime.testing.replay import plainest

CALM_ROUNDS = 12
"""At the end the link is well: so many waits, each of a quarter of the longest wait for a connection."""


class Call(NamedTuple):
    """What an application may call, and with what."""

    role: str
    part: str
    name: str
    arguments: tuple[st.SearchStrategy[Any], ...]


class Question(NamedTuple):
    """What was asked and is not answered yet."""

    endpoint: Endpoint
    request: Request
    message: msgspec.Struct


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

    # --- both sides -------------------------------------------------------------------------------

    @initialize(delay_s=st.sampled_from([0.0, 0.01, 2.0]), waits=st.booleans())
    def begin(self, delay_s: float, waits: bool) -> None:
        """A connecting side that wants a connection, or already has one."""
        self.data: st.DataObject | None = None
        """Where answers of hooks are drawn; None for the plainest."""
        self.offences: list[tuple[str, PeerError]] = []
        """By whom it was not taken, and why."""
        self.is_rubbish = False
        """True while what arrives is an offence, and meant to be."""
        self.told: list[tuple[str, tuple[Any, ...]]] = []
        self.unacknowledged: list[tuple[Endpoint, Delivery, int]] = []
        self.questions: list[Question] = []
        self.outcomes: list[list[msgspec.Struct | RequestFailed]] = []
        """Of each question, in the order of asking."""
        self.arrived: defaultdict[str, set[int]] = defaultdict(set)
        """Numbers by delivery."""
        self.clock = VirtualClock()
        self.leases = self._made_leases()
        self.link = LossyLink(
            self._made(type(self).connector),
            self._accept,
            self.clock,
            delay_s=delay_s,
            ended=lambda _: self._forget(),
            take=self._take,
        )
        self.link.connector.start(now=0.0)
        if not waits:
            self._pass(4 * delay_s)

    def _made(self, kind: Callable[..., Endpoint], **options: Any) -> Endpoint:
        handler = _Application(self, get_type_hints(_init_of(kind))["handler"])
        endpoint = kind(handler, **options)
        handler.role = endpoint.role.role
        endpoint.on_offence = lambda error: self._note(endpoint, error)
        return endpoint

    def _note(self, endpoint: Endpoint, error: PeerError) -> None:
        if not self.is_rubbish:
            self.offences.append((endpoint.role.role, error))

    def _made_leases(self) -> SharedLeases | None:
        kind = type(self).shared
        return None if kind is None else kind(_Application(self, get_type_hints(_init_of(kind))["handler"]))

    def _accept(self) -> Endpoint:
        return self._made(type(self).acceptor, **({} if self.leases is None else {"shared": self.leases}))

    def _forget(self) -> None:
        """What came on a connection is acknowledged and answered on it, or not at all."""
        self.unacknowledged.clear()
        self.questions.clear()

    def endpoints(self) -> Iterator[Endpoint]:
        """Those that are there."""
        yield self.link.connector
        if self.link.acceptor is not None:
            yield self.link.acceptor

    def _take(self, endpoint: Endpoint, frame: bytes) -> None:
        """A frame arrives; what the application will have to acknowledge or answer is noted."""
        before = endpoint.counters.received
        endpoint.receive(frame, now=self.clock.now())
        if endpoint.counters.received == before:
            return  # Of a part that has ended in the meantime.
        message = endpoint.role.codec.decode(frame)
        name, role = type(message).__name__, endpoint.role
        for delivery in role.deliveries:
            if delivery.sender == role.role:
                continue
            batch = delivery.batch
            items = [message] if name == delivery.message else []
            items = getattr(message, batch.field) if batch is not None and name == batch.message else items
            for item in items:
                number = getattr(item, delivery.number)
                self.arrived[delivery.name].add(number)
                self.unacknowledged.append((endpoint, delivery, number))
        for request in role.requests:
            if request.sender != role.role and name == request.message:
                self.questions.append(Question(endpoint, request, message))

    # --- what applications do ---------------------------------------------------------------------

    def callable_now(self) -> list[tuple[Endpoint, Call]]:
        """Calls that the tables promise to take: those of parts that are live."""
        return [
            (endpoint, call)
            for endpoint in self.endpoints()
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
        ways = [
            (endpoint, delivery)
            for endpoint in self.endpoints()
            for delivery in endpoint.role.deliveries
            if delivery.sender == endpoint.role.role
        ]
        for endpoint, delivery in [data.draw(st.sampled_from(ways))] if ways else []:
            message = data.draw(type(self).messages[delivery.message]())
            with suppress(UnsendableMessage):
                endpoint.deliver(delivery.name, message, now=self.clock.now())

    @precondition(lambda self: bool(self.link.connector.role.requests))
    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        """An application asks."""
        self.data = data
        ways = [
            (endpoint, request)
            for endpoint in self.endpoints()
            for request in endpoint.role.requests
            if request.sender == endpoint.role.role
        ]
        for endpoint, request in [data.draw(st.sampled_from(ways))] if ways else []:
            question = data.draw(type(self).messages[request.message]())
            outcome: list[msgspec.Struct | RequestFailed] = []
            with suppress(UnsendableMessage):
                endpoint.request(request.name, question, outcome.append, outcome.append, now=self.clock.now())
                self.outcomes.append(outcome)

    @precondition(lambda self: bool(self.questions))
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """An application answers one of the questions that it was asked, in any order."""
        self.data = data
        one = self.questions.pop(data.draw(st.integers(0, len(self.questions) - 1)))
        reply = data.draw(type(self).messages[one.request.reply]())
        with suppress(UnsendableMessage):
            one.endpoint.reply(one.request.name, one.message, reply, now=self.clock.now())

    @precondition(lambda self: bool(self.unacknowledged))
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        """An application acknowledges what came: in order, or one by one in any order where the delivery has it so."""
        self.data = data
        place = data.draw(st.integers(0, len(self.unacknowledged) - 1))
        self.acknowledge_one(place if self.unacknowledged[place][1].ack_mode == "each" else 0)

    def acknowledge_one(self, place: int) -> None:
        """The application has it safe."""
        endpoint, delivery, number = self.unacknowledged.pop(place)
        endpoint.acknowledge(delivery.name, number, now=self.clock.now())

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
        self._pass(seconds)

    @rule(data=st.data())
    def wait_for_a_timer(self, data: st.DataObject) -> None:
        """Time passes until the next timer of either side."""
        self.data = data
        times = [one.deadline for one in self.endpoints()]
        due = min((time for time in times if time is not None), default=self.clock.now())
        self._pass(max(0.0, due - self.clock.now()))

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
                self._garble(self.link.acceptor)
            case _:
                self._garble(self.link.connector)

    @precondition(lambda self: not self.link.is_reachable or self.link.is_half_open)
    @rule(data=st.data())
    def be_well(self, data: st.DataObject) -> None:
        """The accepting side is back, and a connection that hung is seen to be broken."""
        self.data = data
        self.link.is_reachable = True
        if self.link.is_half_open:
            self.link.cut()

    def _garble(self, endpoint: Endpoint | None) -> None:
        if endpoint is None or (drop_max := endpoint.role.malformed.drop_max) is None:
            return
        self.is_rubbish = True
        for _ in range(drop_max + 1):
            endpoint.receive(b"!", now=self.clock.now())
        self.is_rubbish = False

    def _pass(self, seconds: float) -> None:
        """Time passes on the link and for the leases, each in its order."""
        end = self.clock.now() + seconds
        leases = self.leases
        while leases is not None and leases.deadline is not None and leases.deadline <= end:
            self.link.advance(max(0.0, leases.deadline - self.clock.now()))
            leases.tick(now=self.clock.now())
        self.link.advance(max(0.0, end - self.clock.now()))

    # --- what must hold ---------------------------------------------------------------------------

    @invariant()
    def every_message_is_taken(self) -> None:
        """Neither side may send what the other's state does not take, however frames and timers meet."""
        assert not self.offences, self.offences

    @invariant()
    def outboxes_stay_within_their_bounds(self) -> None:
        """Count and bytes; and put = acknowledged + dropped + kept."""
        for endpoint, delivery in self._sending():
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
                assert acknowledged <= len(self.arrived[delivery.name]), delivery.name

    @invariant()
    def a_question_has_one_outcome(self) -> None:
        """An answer or a failure, and never both."""
        assert all(len(one) <= 1 for one in self.outcomes)

    @invariant()
    def a_lapse_is_told(self) -> None:
        """Once for each shared lease that lapsed, where every lapse is one that the tables tell."""
        if self.leases is not None and type(self).lapses:
            told = sum(name in type(self).lapses for name, _ in self.told)
            assert self.leases.lapsed == told, f"a shared lease lapsed {self.leases.lapsed} times, {told} were told"

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
            self._pass(round_s)
            while self.unacknowledged:
                self.acknowledge_one(0)
            while self.questions:
                one = self.questions.pop()
                reply = plainest(_class_of(one.endpoint, one.request.reply))
                one.endpoint.reply(one.request.name, one.message, reply, now=self.clock.now())
            self.link.settle()
        self._pass(2 * self.link.delay_s)
        for endpoint, delivery in self._sending():
            kept = list(endpoint.outbox(delivery.name).numbers())
            if endpoint.state(delivery.part) is not None or delivery.name in type(self).certain:
                assert not kept, f"never acknowledged: {delivery.name} {kept}"
        self.link.is_reachable = False
        self.link.cut()
        self.every_message_is_taken()
        assert all(len(one) == 1 for one in self.outcomes)

    def _sending(self) -> Iterator[tuple[Endpoint, Delivery]]:
        for endpoint in self.endpoints():
            for delivery in endpoint.role.deliveries:
                if delivery.sender == endpoint.role.role:
                    yield endpoint, delivery


class _Application:
    """Answers whatever a side asks, and notes what it is told."""

    def __init__(self, simulation: Simulation, protocol: Any) -> None:
        self._simulation = simulation
        self._protocol = protocol
        self.role = ""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args: self._answer(name, args)

    def _answer(self, name: str, args: tuple[Any, ...]) -> Any:
        simulation = self._simulation
        answers = type(simulation).answers
        if name in answers:
            known = answers[name]
            return known(*args) if callable(known) else known
        values = type(simulation).hooks.get(f"{self.role}.{name}")
        if values is None:
            simulation.told.append((name, args))
            return None
        if simulation.data is None:
            return plainest(get_type_hints(getattr(self._protocol, name))["return"])
        return simulation.data.draw(values, label=name)


def _init_of(kind: Any) -> Any:
    return kind.__init__


def _class_of(endpoint: Endpoint, name: str) -> type[msgspec.Struct]:
    return next(one for one in endpoint.role.codec.messages if one.__name__ == name)


def _is_open(endpoint: Endpoint, call: Call) -> bool:
    machine = next(one for one in endpoint.role.machines if one.part == call.part)
    return endpoint.state(call.part) is not None or f"call {call.name}" in machine.always
