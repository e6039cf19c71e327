"""What all web frameworks share: one request, its session, its interaction, and the body that may outlive both."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mdk_runtime.base_session import BaseSession

Piece = TypeVar("Piece")

FAILED_FROM = 500
"""HTTP statuses from here on say that the server is at fault (RFC 9110 §15.6)."""


class Request:
    """A request as an interaction of its session: judged once, ended once.

    Who hangs up says nothing about the nodes that were used meanwhile: three impatient callers must not take a good
    node out. So a request that is cancelled or closed early has neither worked nor failed.
    """

    def __init__(self, session: BaseSession) -> None:
        self.session = session
        self._interaction = session.interaction().__enter__()
        self._is_judged = False
        self.is_over = False

    def answered(self, status: int) -> None:
        """The answer has this HTTP status."""
        if status >= FAILED_FROM:
            self._fail(f"answered with HTTP {status}")

    def raised(self, error: BaseException) -> None:
        """An exception went unhandled."""
        if isinstance(error, (CancelledError, GeneratorExit)):
            self.abandoned()
        else:
            self._fail(f"{type(error).__name__}: {error}")

    def abandoned(self) -> None:
        """The caller has gone."""
        if not self._is_judged:
            self._is_judged = True
            self._interaction.abandon()

    def stopped(self, reason: BaseException) -> None:
        """Its body makes no more pieces: all are out, or one failed."""
        if not isinstance(reason, (StopIteration, StopAsyncIteration)):
            self.raised(reason)
        self.end()

    def left(self) -> None:
        """Nobody takes the pieces any more; before the last one it means that the caller has gone."""
        if not self.is_over:
            self.abandoned()
            self.end()

    def end(self) -> None:
        """Nothing more belongs to it."""
        if not self.is_over:
            self.is_over = True
            self._interaction.__exit__(None, None, None)

    def _fail(self, message: str) -> None:
        if not self._is_judged:
            self._is_judged = True
            self._interaction.fail(message)


class StreamedBody(Iterator[Piece]):
    """A body that goes out piece by piece after the framework is done with its request.

    The session is current while a piece is made; an error fails the request, and the last piece ends it.
    """

    def __init__(self, pieces: Iterable[Piece], request: Request) -> None:
        self._pieces = iter(pieces)
        self._request = request

    def __next__(self) -> Piece:
        with self._request.session:
            try:
                return next(self._pieces)
            except BaseException as reason:
                self._request.stopped(reason)
                raise

    def close(self) -> None:
        """Servers call it at the end of every answer."""
        close: Any = getattr(self._pieces, "close", None)
        try:
            if close is not None:
                with self._request.session:
                    close()
        finally:
            self._request.left()


class AsyncStreamedBody(AsyncIterator[Piece]):
    """As `StreamedBody`, of an asynchronous iterable."""

    def __init__(self, pieces: AsyncIterable[Piece], request: Request) -> None:
        self._pieces = aiter(pieces)
        self._request = request

    async def __anext__(self) -> Piece:
        with self._request.session:
            try:
                return await anext(self._pieces)
            except BaseException as reason:
                self._request.stopped(reason)
                raise

    def close(self) -> None:
        """As `StreamedBody.close`; the event loop closes the generator itself."""
        self._request.left()
