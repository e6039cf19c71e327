"""Questions of connections, asked of storage, and the answers as messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from mdk_protocol import messages
from mdk_protocol.messages import Answer, ProtocolError, Question
from mdk_runtime.core.server.insight import Asked
from mdk_runtime.server.stored import edge, filter_of, interaction, log, rates, trace, trace_item
from mdk_runtime.storage.answers import Page
from mdk_runtime.storage.errors import UNREADABLE, BadQuery, NoSuchTenant, QueryTooSlow, TooManyQueries
from mdk_runtime.storage.reader import Reader
from mdk_runtime.storage.storage import Storage
from mdkspec_runtime.errors import UnsendableMessage

Row = TypeVar("Row")
Message = TypeVar("Message")

logger = logging.getLogger("mdk.server")

CODES: dict[type[BaseException], str] = {
    BadQuery: "bad_query",
    QueryTooSlow: "too_slow",
    TooManyQueries: "too_many_queries",
}
"""What a client can do something about; `bad_query` is its own fault, the others pass."""

PAGES = ("logs", "traces", "trace", "interactions")
"""Questions with a `limit`: if the answer is longer than a message may be, half as many rows are asked for."""


class Answering:
    """Asks storage, and replies on the loop's thread.

    Args:
        storage: Where it is asked.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._loop = asyncio.get_running_loop()

    def answer(self, tenant: str, asked: Asked) -> None:
        """Ask, and reply when there is an answer."""
        try:
            future = self._storage.query(tenant, asker(asked.question))
        except (BadQuery, TooManyQueries) as error:
            self._reply(asked, refusal(error))
            return
        future.add_done_callback(lambda done: self._call(tenant, asked, done))

    def _call(self, tenant: str, asked: Asked, done: Future[Answer]) -> None:
        try:
            self._loop.call_soon_threadsafe(self._answered, tenant, asked, done)
        except RuntimeError:
            logger.debug("an answer comes too late")  # The loop has ended.

    def _answered(self, tenant: str, asked: Asked, done: Future[Answer]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            if isinstance(error, UNREADABLE):
                logger.error("what is stored of %s cannot be read: %s", tenant, error)
            elif type(error) not in (*CODES, NoSuchTenant):
                logger.error("a question of %s cannot be answered", tenant, exc_info=error)
            answer = nothing(asked.question) if isinstance(error, NoSuchTenant) else refusal(error)
        else:
            answer = done.result()
        try:
            self._reply(asked, answer)
        except UnsendableMessage as too_long:
            smaller = halved(asked.question)
            if smaller is None:
                self._reply(asked, Answer(error=ProtocolError(code="too_long", title=str(too_long))))
            else:
                self.answer(tenant, Asked(asked.connection, smaller))

    def _reply(self, asked: Asked, answer: Answer) -> None:
        asked.connection.endpoint.reply_ask(asked.question, answer, now=self._loop.time())


def asker(question: Question) -> Callable[[Reader], Answer]:
    """What to do with a reader.

    Raises:
        BadQuery: The question asks nothing, or more than one thing.
    """
    asked = [(ask, query) for name, ask in ASKERS.items() if (query := getattr(question, name))]
    if len(asked) != 1:
        *names, last = ASKERS
        raise BadQuery("question", f"{len(asked)} questions", f"one of {', '.join(names)} and {last}")
    ((ask, query),) = asked
    return lambda reader: ask(reader, query)


def refusal(error: BaseException) -> Answer:
    """Why there is no answer; of what is our own fault a client is told nothing."""
    code = CODES.get(type(error))
    if code is None:
        return Answer(error=ProtocolError(code="internal", title="the server could not answer; its log says why"))
    return Answer(error=ProtocolError(code=code, title=str(error)))


def nothing(question: Question) -> Answer:
    """Of a tenant of which nothing was ever stored."""
    return Answer(
        logs=messages.LogsPage(items=[]) if question.logs else UNSET,
        traces=messages.TracesPage(items=[]) if question.traces else UNSET,
        trace=messages.TracePage(items=[]) if question.trace else UNSET,
        interactions=messages.InteractionsPage(items=[]) if question.interactions else UNSET,
        rates=messages.Rates(logs=[], calls=[]) if question.rates else UNSET,
        map=messages.CallMap(edges=[]) if question.map else UNSET,
    )


def halved(question: Question) -> Question | None:
    """The question for half as many rows; None if there is no less to ask for."""
    for name in PAGES:
        query = getattr(question, name)
        if query:
            return replace(question, **{name: replace(query, limit=query.limit // 2)}) if query.limit > 1 else None
    return None


def _logs(reader: Reader, query: messages.LogsQuery) -> Answer:
    return Answer(logs=_page(messages.LogsPage, log, _arrivals(reader.logs, query)))


def _interactions(reader: Reader, query: messages.InteractionsQuery) -> Answer:
    return Answer(interactions=_page(messages.InteractionsPage, interaction, _arrivals(reader.interactions, query)))


def _traces(reader: Reader, query: messages.TracesQuery) -> Answer:
    page = reader.traces(filter_of(query.wanted), cursor=query.cursor or None, limit=query.limit)
    return Answer(traces=_page(messages.TracesPage, trace, page))


def _trace(reader: Reader, query: messages.TraceQuery) -> Answer:
    page = reader.trace(query.trace_id, cursor=query.cursor or None, limit=query.limit)
    return Answer(trace=_page(messages.TracePage, trace_item, page))


def _arrivals(ask: Callable[..., Page[Row]], query: messages.LogsQuery | messages.InteractionsQuery) -> Page[Row]:
    """Rows in order of arrival."""
    return ask(filter_of(query.wanted), cursor=query.cursor or None, oldest_first=query.oldest_first, limit=query.limit)


def _page(make: Callable[..., Message], as_record: Callable[[Row], object], page: Page[Row]) -> Message:
    """A page of storage as the protocol has it."""
    items = [as_record(one) for one in page.items]
    return make(items=items, next=page.next or UNSET, dropped=page.dropped)


def _rates(reader: Reader, query: messages.RatesQuery) -> Answer:
    return Answer(rates=rates(reader, query))


def _map(reader: Reader, query: messages.MapQuery) -> Answer:
    found = reader.edges(since_ms=query.since, until_ms=query.until, environment=query.environment or None)
    return Answer(map=messages.CallMap(edges=[edge(one) for one in found]))


ASKERS: Final[Mapping[str, Callable[[Reader, Any], Answer]]] = {
    "logs": _logs,
    "traces": _traces,
    "trace": _trace,
    "interactions": _interactions,
    "rates": _rates,
    "map": _map,
}
"""What a question may ask, by its fields."""
