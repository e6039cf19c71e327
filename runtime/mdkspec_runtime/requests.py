"""Questions and answers: those that wait on the asking side, and what both sides write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mdkspec_runtime.counters import Counters
from mdkspec_runtime.errors import RequestFailed
from mdkspec_runtime.machines import Machines, RequestKey
from mdkspec_runtime.plan import Plan
from mdkspec_runtime.tables import Request, Scope

OnReply = Callable[[Any], None]
OnError = Callable[[RequestFailed], None]


class Waiting(Struct, frozen=True):
    """Whom to tell the answer, or why there is none."""

    on_reply: OnReply
    on_error: OnError


class PendingRequests:
    """The asking side of one request. Numbers count from 1 and go on over reconnects."""

    __slots__ = ("_next_number", "_waiting", "late_replies", "request")

    def __init__(self, request: Request) -> None:
        self.request = request
        self._next_number = 1
        self._waiting: dict[int, Waiting] = {}
        self.late_replies = 0
        """Answers to what had timed out, was answered before, or never asked."""

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def next_number(self) -> int:
        """The number of the next question."""
        return self._next_number

    @property
    def is_full(self) -> bool:
        """True if no other question may wait."""
        return len(self._waiting) >= self.request.pending_max

    def add(self, on_reply: OnReply, on_error: OnError) -> int:
        """Wait for an answer; returns the question's number."""
        number = self._next_number
        self._next_number = number + 1
        self._waiting[number] = Waiting(on_reply, on_error)
        return number

    def take(self, number: object) -> Waiting | None:
        """Stop waiting; None for a number that nobody waits for."""
        return self._waiting.pop(number, None) if isinstance(number, int) else None

    def take_all(self) -> list[tuple[int, Waiting]]:
        """Stop waiting for anything."""
        waiting, self._waiting = self._waiting, {}
        return list(waiting.items())


class Requests:
    """All requests of a role: what it asks, and what it answers."""

    __slots__ = ("_counters", "_machines", "_pending", "_plan", "_scope")

    def __init__(self, plan: Plan, scope: Scope, machines: Machines, counters: Counters) -> None:
        role = plan.role
        self._plan = plan
        self._scope = scope
        self._machines = machines
        self._counters = counters
        self._pending = {one.name: PendingRequests(one) for one in role.requests if one.sender == role.role}

    def __getitem__(self, name: str) -> PendingRequests:
        return self._pending[name]

    def ask(self, name: str, message: Struct, on_reply: OnReply, on_error: OnError, *, now: float) -> None:
        """Write a question and wait for its answer.

        Raises:
            UnsendableMessage: It cannot be written; neither will be called.
        """
        machines, pending = self._machines, self._pending[name]
        request = pending.request
        data = self._plan.role.codec.encode(replace(message, **{request.number: pending.next_number}))
        if machines.states[self._plan.index[request.part]] is None:
            on_error(RequestFailed(name, "lost"))
        elif pending.is_full:
            on_error(RequestFailed(name, "full"))
        else:
            number = pending.add(on_reply, on_error)
            machines.schedule.set(RequestKey(name, number), now + request.timeout_s(self._scope))
            machines.write(data)

    def reply(self, name: str, question: Struct, reply: Struct) -> None:
        """Write an answer. Without the connection on which the question came nothing is said."""
        request = self._plan.answering[name]
        if self._machines.states[self._plan.index[request.part]] is None:
            self._counters.unsent += 1
        else:
            self._machines.send(replace(reply, **{request.reply_number: getattr(question, request.number)}))

    def answered(self, request: Request, message: Struct, errors: list[Exception]) -> None:
        """An answer came."""
        pending = self._pending[request.name]
        number = getattr(message, request.reply_number)
        waiting = pending.take(number)
        if waiting is None:
            pending.late_replies += 1
            return
        self._machines.schedule.remove(RequestKey(request.name, number))
        try:
            waiting.on_reply(message)
        except Exception as error:
            errors.append(error)

    def timed_out(self, key: RequestKey, errors: list[Exception]) -> None:
        """No answer came in time."""
        waiting = self._pending[key.request].take(key.number)
        assert waiting is not None, "a question's timeout ends with it"
        _fail(waiting, RequestFailed(key.request, "timeout"), errors)

    def lost(self, errors: list[Exception]) -> None:
        """The connection is gone, and no answer will come."""
        for name, pending in self._pending.items():
            for number, waiting in pending.take_all():
                self._machines.schedule.remove(RequestKey(name, number))
                _fail(waiting, RequestFailed(name, "lost"), errors)


def _fail(waiting: Waiting, failure: RequestFailed, errors: list[Exception]) -> None:
    try:
        waiting.on_error(failure)
    except Exception as error:
        errors.append(error)
