"""A peer from the spec alone: it keeps to its machines, answers questions, acknowledges what it gets, with seeded values."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import msgspec

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.errors import IllegalCall, PeerError, UnsendableMessage
from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.links.accepting import serve
from mdkspec_runtime.links.connecting import ClientLink
from mdkspec_runtime.tables import Role
from mdkspec_runtime.testing.conform import check_address
from mdkspec_runtime.testing.examples import Examples, Nobody, add_protocol, roles_of


class MockEndpoint(Endpoint):
    """An endpoint with an application made of examples."""

    def __init__(
        self, role: Role, examples: Examples, shared: SharedLeases | None, told: Callable[[str, tuple[Any, ...]], None]
    ) -> None:
        super().__init__(role, Nobody(role, examples, told), shared=shared)
        self._examples = examples
        self._calls = 0
        """Whose turn it is."""

    def receive(self, frame: str | bytes, *, now: float, binary: bool = False) -> None:
        """Take a frame, and do what an application would: acknowledge, answer."""
        super().receive(frame, now=now, binary=binary)
        if not binary and self.is_connected:
            try:
                message = self.role.codec.decode(frame)
            except PeerError:
                return
            self._answer(message, now)

    def make_call(self, names: Sequence[str], now: float) -> None:
        """The first call of these that its state takes; the next time it is another one's turn."""
        calls = self._examples.calls[self.role.protocol, self.role.role]
        for name in (*names[self._calls :], *names[: self._calls]):
            part, arguments = calls[name]
            try:
                self.call(part, name, *self._examples.arguments(arguments), now=now)
            except (IllegalCall, UnsendableMessage):
                continue
            self._calls = (names.index(name) + 1) % len(names)
            return

    def deliver_examples(self, now: float) -> None:
        """One message of each delivery, one question of each kind."""
        for delivery in self.role.deliveries:
            if delivery.sender == self.role.role:
                self.deliver(delivery.name, self._examples.message(delivery.message), now=now)
        for request in self.role.requests:
            if request.sender == self.role.role:
                question = self._examples.message(request.message)
                self.request(request.name, question, lambda reply: None, lambda failure: None, now=now)

    def _answer(self, message: msgspec.Struct, now: float) -> None:
        name = type(message).__name__
        for delivery in self.role.deliveries:
            if delivery.sender == self.role.role:
                continue
            batch = delivery.batch
            items = [message] if name == delivery.message else []
            if batch is not None and name == batch.message:
                items = getattr(message, batch.field)
            for item in items:
                number = getattr(item, delivery.number)
                if isinstance(number, int):
                    self.acknowledge(delivery.name, number, now=now)
        for request in self.role.requests:
            if request.sender != self.role.role and name == request.message:
                self.reply(request.name, message, self._examples.message(request.reply), now=now)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of the command."""
    parser.add_argument("--role", required=True, help="which side to play")
    add_protocol(parser)
    parser.add_argument("--url", default="", help="where to connect, for the connecting side")
    parser.add_argument("--port", type=int, default=0, help="where to listen, for the accepting side; 0 for any")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--calls", default="", metavar="NAMES", help="calls to make, as often: one,two; those that the state takes"
    )
    parser.add_argument("--every", type=float, default=1.0, metavar="S", help="deliver and ask so often; 0 for never")


async def run(arguments: argparse.Namespace, package: ModuleType, spec: Mapping[str, Any]) -> int:
    """Play the peer until interrupted."""
    roles = roles_of(package, arguments.protocol, arguments.role)
    role, examples = roles[arguments.role], Examples(package, spec, arguments.seed)
    calls = _calls(arguments.calls, role, examples)
    live: set[MockEndpoint] = set()

    def told(event: str, args: tuple[Any, ...]) -> None:
        print(event, *args, flush=True)

    needs = any("shared" in machine.leases.values() for machine in role.machines)
    shared = SharedLeases(role, Nobody(role, examples, told)) if needs else None

    def made() -> MockEndpoint:
        endpoint = MockEndpoint(role, examples, shared, told)
        live.add(endpoint)
        return endpoint

    if role.connects:
        if not arguments.url:
            raise ValueError(f"the {role.role} connects: give it --url")
        check_address(arguments.url)
        link = ClientLink(made(), arguments.url)
        await asyncio.gather(link.run(), _work(live, shared, arguments.every, calls))
        return 0
    limit = role.codec.message_bytes_max
    ended = live.discard
    async with serve(
        lambda _: made(),
        "127.0.0.1",
        arguments.port,
        path=role.path,
        message_bytes_max=limit,
        ended=lambda endpoint: ended(endpoint) if isinstance(endpoint, MockEndpoint) else None,
    ) as listener:
        print(f"ws://127.0.0.1:{listener.port}{role.path}", flush=True)
        await _work(live, shared, arguments.every, calls)
    return 0


def _calls(text: str, role: Role, examples: Examples) -> list[str]:
    """The calls that the option names; ValueError says which is none."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = examples.calls[role.protocol, role.role]
    for name in names:
        if name not in known:
            there = ", ".join(sorted(known)) or "nothing, it has no calls"
            raise ValueError(f"--calls {text}: the {role.role} has no call {name!r}; there are: {there}")
    return list(dict.fromkeys(names))


async def _work(live: set[MockEndpoint], shared: SharedLeases | None, every_s: float, calls: Sequence[str]) -> None:
    """Deliver, ask and call now and then; let leases lapse."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(every_s or 1.0)
        if shared is not None:
            shared.tick(now=loop.time())
        for endpoint in list(live) if every_s else ():
            endpoint.deliver_examples(loop.time())
            if calls:
                endpoint.make_call(calls, loop.time())
