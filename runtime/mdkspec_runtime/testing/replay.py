"""Two endpoints taken by hand through an order of events: what the verifier found, as a test.

Unlike on a `LossyLink` nothing happens by itself: each frame arrives, and each timer fires, when the test says so.
"""

from __future__ import annotations

import inspect
import types
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.errors import PeerError

RUBBISH_MAX = 1000
"""Frames that are no message, sent until a side gives up; a spec that forgives more forgives all."""


class ReplayError(AssertionError):
    """The endpoints cannot go on as the test says: the spec has changed, or a hook must answer otherwise."""


class Replay:
    """A connecting and an accepting endpoint, and the frames between them.

    Hooks answer the plainest value of their type (True, one value for `each`) unless `answers` has their name, with a
    value or a function. Timers of one side fire in the order in which they are due.

    Args:
        connector: The connecting stub's class.
        acceptor: The accepting stub's class.
        messages: The generated module of messages.
        answers: Answers of hooks by name.
    """

    def __init__(
        self,
        connector: type[Endpoint],
        acceptor: type[Endpoint],
        messages: types.ModuleType,
        answers: Mapping[str, Any] | None = None,
    ) -> None:
        self.offences: list[PeerError] = []
        """Frames that a side did not take."""
        self.told: list[tuple[str, str, tuple[Any, ...]]] = []
        """Role, hook or event, and arguments, in order."""
        self._classes = (connector, acceptor)
        self._messages = messages
        self._answers = dict(answers or {})
        self._now = 0.0
        self._endpoints = [self._made(0), self._made(1)]
        self.roles = tuple(endpoint.role.role for endpoint in self._endpoints)
        self._frames: list[deque[bytes]] = [deque(), deque()]
        self._up = [False, False]
        self._numbers: dict[str, deque[int]] = defaultdict(deque)

    # --- what a test says -------------------------------------------------------------------------

    def connect(self) -> None:
        """A new connection; the accepting side is made anew."""
        self._endpoints[1] = self._made(1)
        self._up = [True, True]
        for index in (1, 0):
            self._endpoints[index].connected(now=self._now)
            self._collect(index)

    def cut(self) -> None:
        """The connection breaks: what is under way is lost."""
        for index in (0, 1):
            self._gone(index)
        self._frames = [deque(), deque()]

    def receive(self, role: str, message: str) -> None:
        """Frames arrive at a side, up to the next one of this message."""
        index = self.roles.index(role)
        wanted = getattr(self._messages, message).__struct_config__
        while self._frames[1 - index]:
            frame = self._frames[1 - index].popleft()
            if self._up[index]:
                self._endpoints[index].receive(frame, now=self._now)
                self._collect(index)
            if msgspec.json.decode(frame).get(wanted.tag_field) == wanted.tag:
                return
        raise ReplayError(f"no {message} is on its way to the {role}")

    def timer(self, role: str) -> None:
        """The next timer of a side fires."""
        index = self.roles.index(role)
        deadline = self._endpoints[index].deadline
        if deadline is None:
            raise ReplayError(f"the {role} has no timer")
        self._now = max(self._now, deadline)
        self._do(index, lambda endpoint: endpoint.tick(now=self._now))

    def call(self, role: str, name: str, *args: Any) -> None:
        """The application calls; arguments that are not given are the plainest of their type."""
        index = self.roles.index(role)
        method = getattr(self._classes[index], name)
        hints = get_type_hints(method)
        wanted = [one for one in inspect.signature(method).parameters if one not in ("self", "now")]
        given = [*args, *(plainest(hints[one]) for one in wanted[len(args) :])]
        self._do(index, lambda endpoint: getattr(endpoint, name)(*given, now=self._now))

    def deliver(self, role: str, delivery: str, message: str) -> None:
        """A delivery's next message."""
        index = self.roles.index(role)
        made = plainest(getattr(self._messages, message))
        number = self._endpoints[index].deliver(delivery, made, now=self._now)
        self._numbers[delivery].append(number)
        self._collect(index)

    def acknowledge(self, role: str, delivery: str) -> None:
        """The receiving side's application acknowledges the oldest message that it has not acknowledged."""
        if not self._numbers[delivery]:
            raise ReplayError(f"nothing of {delivery} is left to acknowledge")
        number = self._numbers[delivery].popleft()
        self._do(self.roles.index(role), lambda endpoint: endpoint.acknowledge(delivery, number, now=self._now))

    def request(self, role: str, name: str, message: str) -> None:
        """A question; its answer or failure is in `told`."""
        index = self.roles.index(role)
        question = plainest(getattr(self._messages, message))
        self._endpoints[index].request(
            name,
            question,
            lambda reply: self.told.append((role, f"{name} answered", (reply,))),
            lambda error: self.told.append((role, f"{name} failed", (error,))),
            now=self._now,
        )
        self._collect(index)

    def reply(self, role: str, name: str, question: str, message: str) -> None:
        """The answer to the last question that the side was told of."""
        kind = getattr(self._messages, question)
        asked = [one for who, _, args in self.told if who == role for one in args if isinstance(one, kind)]
        if not asked:
            raise ReplayError(f"the {role} was told of no {question}")
        answer = plainest(getattr(self._messages, message))
        self._do(self.roles.index(role), lambda endpoint: endpoint.reply(name, asked[-1], answer, now=self._now))

    def fail(self, role: str) -> None:
        """A side gets rubbish until it gives up."""
        index = self.roles.index(role)
        kept = list(self.offences)
        for _ in range(RUBBISH_MAX):
            if not self._up[index]:
                break
            self._do(index, lambda endpoint: endpoint.receive(b"!", now=self._now))
        self.offences[:] = kept

    def end(self, role: str) -> None:
        """A side sees that the other has hung up."""
        self._gone(self.roles.index(role))

    # --- inside -----------------------------------------------------------------------------------

    def _made(self, index: int) -> Endpoint:
        kind = self._classes[index]
        hints = get_type_hints(kind.__init__)
        parameters = inspect.signature(kind).parameters
        extra: dict[str, Any] = {}
        if "shared" in parameters:
            shared = hints["shared"]
            extra["shared"] = shared(_Handler(self, index, get_type_hints(shared.__init__)["handler"]))
        make: Any = kind
        endpoint: Endpoint = make(_Handler(self, index, hints["handler"]), **extra)
        endpoint.on_offence = self.offences.append
        return endpoint

    def answer(self, role: str, name: str, args: tuple[Any, ...], result: Any) -> Any:
        """What a handler says: as `answers` has it, or the plainest value."""
        self.told.append((role, name, args))
        known = self._answers.get(name, plainest(result))
        return known(*args) if callable(known) else known

    def _do(self, index: int, act: Callable[[Endpoint], None]) -> None:
        act(self._endpoints[index])
        self._collect(index)

    def _collect(self, index: int) -> None:
        endpoint = self._endpoints[index]
        while frames := endpoint.take_output():
            if self._up[1 - index]:
                self._frames[index].extend(frames)
        if self._up[index] and endpoint.hanging_up:
            self._gone(index)

    def _gone(self, index: int) -> None:
        if self._up[index]:
            self._up[index] = False
            self._frames[1 - index].clear()
            self._endpoints[index].lost(now=self._now)


class _Handler:
    """Answers whatever the handler's protocol asks."""

    def __init__(self, replay: Replay, index: int, protocol: Any) -> None:
        self._replay = replay
        self._index = index
        self._protocol = protocol

    def __getattr__(self, name: str) -> Callable[..., Any]:
        result = get_type_hints(getattr(self._protocol, name)).get("return")
        return lambda *args: self._replay.answer(self._replay.roles[self._index], name, args, result)


def plainest(kind: Any) -> Any:
    """A plain value of a type: of a struct only what it requires."""
    if kind is None or kind is type(None) or kind is Any:
        return None
    if get_origin(kind) is not None and isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Iterable):
        name = get_origin(kind).__name__
        return [plainest(get_args(kind)[0])] if name == "Iterable" else [] if name == "list" else {}
    return _of(msgspec.inspect.type_info(kind))


def _of(kind: Any) -> Any:
    match kind:
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return max(1 if kind.ge is None else kind.ge, 1) if kind.le is None or kind.le >= 1 else kind.le
        case msgspec.inspect.StrType():
            return "x"
        case msgspec.inspect.ListType():
            return []
        case msgspec.inspect.DictType():
            return {}
        case msgspec.inspect.EnumType():
            return next(iter(kind.cls))
        case msgspec.inspect.StructType():
            return kind.cls(**{one.name: _of(one.type) for one in kind.fields if one.required})
        case msgspec.inspect.UnionType():
            return _of(next(one for one in kind.types if not isinstance(one, msgspec.inspect.NoneType)))
        case _:
            return None
