"""Questions that wait for their answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from mdkspec_runtime.errors import RequestFailed
from mdkspec_runtime.tables import Request

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
