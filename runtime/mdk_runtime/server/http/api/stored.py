"""`/api`: what is stored."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from http import HTTPStatus
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from mdk_runtime.core.server.grants import Grant
from mdk_runtime.server.http.parameters import ROW_NAMES, Parameters
from mdk_runtime.server.http.site import answered, problem, site_of
from mdk_runtime.storage.answers import Edge, Page, Stats, StoredInteraction, StoredLog
from mdk_runtime.storage.errors import BadQuery, NoSuchTenant
from mdk_runtime.storage.reader import Reader

T = TypeVar("T")

HOUR_MS = 3_600_000
LIMIT = 1000
STEPS_MAX = 1000
"""Of one answer with rates."""

NOTHING: Page[Any] = Page([], None)
NAMES = {
    "log": tuple(one.name for one in fields(StoredLog)),
    "interaction": tuple(one.name for one in fields(StoredInteraction)),
}


async def logs(request: Request, grant: Grant) -> Response:
    """The newest first, unless `order=oldest`."""
    given = Parameters(request, (*ROW_NAMES, "limit", "cursor", "order"))
    wanted, cursor, limit, order = given.filter(), given.text("cursor"), given.limit(100), given.text("order")
    if order not in (None, "newest", "oldest"):
        raise BadQuery("order", order, "newest or oldest")
    oldest = order == "oldest"

    def ask(reader: Reader) -> Page[StoredLog]:
        return reader.logs(wanted, cursor=cursor, oldest_first=oldest, limit=limit)

    return _page(await _stored(request, grant, ask, NOTHING))


async def interactions(request: Request, grant: Grant) -> Response:
    """The newest first."""
    given = Parameters(request, (*ROW_NAMES, "limit", "cursor"))
    wanted, cursor, limit = given.filter(), given.text("cursor"), given.limit(100)
    return _page(
        await _stored(request, grant, lambda reader: reader.interactions(wanted, cursor=cursor, limit=limit), NOTHING)
    )


async def traces(request: Request, grant: Grant) -> Response:
    """In short; the one with the newest row that fits first."""
    given = Parameters(request, (*ROW_NAMES, "limit", "cursor"))
    wanted, cursor, limit = given.filter(), given.text("cursor"), given.limit(50)
    return _page(
        await _stored(request, grant, lambda reader: reader.traces(wanted, cursor=cursor, limit=limit), NOTHING)
    )


async def trace(request: Request, grant: Grant) -> Response:
    """All of one trace, in causal order."""
    given = Parameters(request, ("limit", "cursor"))
    trace_id, cursor, limit = request.path_params["trace_id"], given.text("cursor"), given.limit(LIMIT)
    page = await _stored(request, grant, lambda reader: reader.trace(trace_id, cursor=cursor, limit=limit), NOTHING)
    if not page.items and cursor is None:
        return problem(HTTPStatus.NOT_FOUND, "not_found", "nothing is stored of this trace")
    return _page(page)


async def service_map(request: Request, grant: Grant) -> Response:
    """Who called whom, by default in the last hour."""
    given = Parameters(request, ("since", "until", "environment"))
    since_ms, until_ms = _span(given)
    environment = given.text("environment")
    nothing: list[Edge] = []
    edges = await _stored(
        request,
        grant,
        lambda reader: reader.edges(since_ms=since_ms, until_ms=until_ms, environment=environment),
        nothing,
    )
    return answered({"items": edges, "next": None})


async def rates(request: Request, grant: Grant) -> Response:
    """Logs by service and level, or with `of=interactions` calls between services, per `step` minutes."""
    given = Parameters(request, ("of", "since", "until", "step", "service", "environment"))
    since_ms, until_ms = _span(given)
    step, environment, service = (
        given.number("step", 1, low=1, high=100_000),
        given.text("environment"),
        given.text("service"),
    )
    if (until_ms - since_ms) / (step * 60_000) > STEPS_MAX:
        raise BadQuery("step", step, f"{STEPS_MAX} steps at most; ask for longer ones or a shorter time")
    span = {"since_ms": since_ms, "until_ms": until_ms, "step_minutes": step}
    match given.text("of"):
        case None | "logs":
            items: Sequence[object] = await _stored(
                request, grant, lambda reader: reader.log_rates(**span, service=service, environment=environment), []
            )
        case "interactions":
            items = await _stored(request, grant, lambda reader: reader.call_rates(**span, environment=environment), [])
        case other:
            raise BadQuery("of", other, "logs or interactions")
    return answered({"items": items, "next": None})


async def stats(request: Request, grant: Grant) -> Response:
    """What is stored, file by file."""
    Parameters(request, ())
    found = await _stored(request, grant, lambda reader: reader.stats(), None)
    return answered(found if found is not None else Stats((), 0, 0, 0, None, 0))


def _span(given: Parameters) -> tuple[int, int]:
    until_ms = given.time_ms("until")
    until_ms = int(time.time() * 1000) + 1 if until_ms is None else until_ms
    since_ms = given.time_ms("since")
    return (max(0, until_ms - HOUR_MS) if since_ms is None else since_ms), until_ms


def _page(page: Page[Any]) -> Response:
    content: dict[str, Any] = {"items": [_row(one) for one in page.items], "next": page.next}
    if page.dropped:
        content["dropped"] = True
    return answered(content)


def _row(one: Any) -> Any:
    """A row with its kind, and its position as the text that is a cursor."""
    if not isinstance(one, StoredLog | StoredInteraction):
        return one
    kind = "log" if isinstance(one, StoredLog) else "interaction"
    return {"kind": kind} | {name: getattr(one, name) for name in NAMES[kind]} | {"position": str(one.position)}


async def _stored(request: Request, grant: Grant, ask: Callable[[Reader], T], nothing: T) -> T:
    """The answer of storage; `nothing` where the tenant has never stored anything."""
    try:
        return await asyncio.wrap_future(site_of(request).hub.storage.query(grant.tenant, ask))
    except NoSuchTenant:
        return nothing
