"""Both sides of a protocol over a link that fails, and what their applications owe one another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, get_type_hints

import msgspec

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.errors import PeerError
from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.tables import Delivery, Request
from mdkspec_runtime.testing.clock import VirtualClock
from mdkspec_runtime.testing.link import LossyLink


class Question(NamedTuple):
    """What was asked and is not answered yet."""

    endpoint: Endpoint
    request: Request
    message: msgspec.Struct


class Application:
    """The handler of one side: whatever is asked of it or told to it goes to one function."""

    def __init__(self, kind: Any, answer: Answer) -> None:
        self.role = ""
        self._protocol = get_type_hints(kind.__init__)["handler"]
        self._answer = answer

    def type_of(self, name: str) -> Any:
        """What a hook answers."""
        return get_type_hints(getattr(self._protocol, name))["return"]

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args: self._answer(self, name, args)


Answer = Callable[[Application, str, tuple[Any, ...]], Any]
"""Gives what an application answers: called with it, the name of the hook or event, and its arguments."""


class Sides:
    """The connecting side, which wants a connection, and the accepting ones that it meets.

    Args:
        connector: The generated stub of the connecting side.
        acceptor: The generated stub of the accepting side.
        shared: What accepting endpoints share, if the protocol has shared leases.
        answer: Speaks for all applications.
        delay_s: Of the link.
    """

    def __init__(
        self,
        connector: Callable[..., Endpoint],
        acceptor: Callable[..., Endpoint],
        shared: Callable[..., SharedLeases] | None,
        answer: Answer,
        *,
        delay_s: float,
    ) -> None:
        self._acceptor = acceptor
        self._answer = answer
        self._is_rubbish = False
        """True while what arrives is an offence, and meant to be."""
        self.offences: list[tuple[str, PeerError]] = []
        """By whom it was not taken, and why."""
        self.unacknowledged: list[tuple[Endpoint, Delivery, int]] = []
        self.questions: list[Question] = []
        self.arrived: defaultdict[str, set[int]] = defaultdict(set)
        """Numbers by delivery."""
        self.clock = VirtualClock()
        self.leases = None if shared is None else shared(Application(shared, answer))
        self.link = LossyLink(
            self._made(connector),
            self._accept,
            self.clock,
            delay_s=delay_s,
            ended=lambda _: self._forget(),
            take=self._take,
        )

    def endpoints(self) -> Iterator[Endpoint]:
        """Those that are there."""
        yield self.link.connector
        if self.link.acceptor is not None:
            yield self.link.acceptor

    def sending(self) -> Iterator[tuple[Endpoint, Delivery]]:
        """Each delivery with the endpoint that sends it."""
        for endpoint in self.endpoints():
            for delivery in endpoint.role.deliveries:
                if delivery.sender == endpoint.role.role:
                    yield endpoint, delivery

    def asking(self) -> Iterator[tuple[Endpoint, Request]]:
        """Each request with the endpoint that asks."""
        for endpoint in self.endpoints():
            for request in endpoint.role.requests:
                if request.sender == endpoint.role.role:
                    yield endpoint, request

    def acknowledge(self, place: int) -> None:
        """The application has one of the messages that came safe."""
        endpoint, delivery, number = self.unacknowledged.pop(place)
        endpoint.acknowledge(delivery.name, number, now=self.clock.now())

    def reply(self, place: int, reply: Callable[[Question], msgspec.Struct]) -> None:
        """The application answers one of the questions that it was asked."""
        one = self.questions.pop(place)
        one.endpoint.reply(one.request.name, one.message, reply(one), now=self.clock.now())

    def garble(self, endpoint: Endpoint | None) -> None:
        """An endpoint gets what is no message, until it gives up."""
        if endpoint is None or (drop_max := endpoint.role.malformed.drop_max) is None:
            return
        self._is_rubbish = True
        for _ in range(drop_max + 1):
            endpoint.receive(b"!", now=self.clock.now())
        self._is_rubbish = False

    def wait(self, seconds: float) -> None:
        """Time passes on the link and for the leases, each in its order."""
        end = self.clock.now() + seconds
        leases = self.leases
        while leases is not None and leases.deadline is not None and leases.deadline <= end:
            self.link.advance(max(0.0, leases.deadline - self.clock.now()))
            leases.tick(now=self.clock.now())
        self.link.advance(max(0.0, end - self.clock.now()))

    def _made(self, kind: Callable[..., Endpoint], **options: Any) -> Endpoint:
        handler = Application(kind, self._answer)
        endpoint = kind(handler, **options)
        handler.role = endpoint.role.role
        endpoint.on_offence = lambda error: self._note(endpoint, error)
        return endpoint

    def _note(self, endpoint: Endpoint, error: PeerError) -> None:
        if not self._is_rubbish:
            self.offences.append((endpoint.role.role, error))

    def _accept(self) -> Endpoint:
        return self._made(self._acceptor, **({} if self.leases is None else {"shared": self.leases}))

    def _forget(self) -> None:
        """What came on a connection is acknowledged and answered on it, or not at all."""
        self.unacknowledged.clear()
        self.questions.clear()

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
