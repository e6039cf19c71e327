"""`/api`: the table and what is stored, as JSON; and what admins may do.

A list is `{"items": [...], "next": cursor or null}`. `next` is given back as `cursor`, with the same parameters.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mdk_runtime.core.grants import Grant, Scope
from mdk_runtime.core.registry import Entry
from mdk_runtime.core.telemetry import RULE_S_MAX, SERVICE, TRACE
from mdk_runtime.core.wholeness import sender_of
from mdk_runtime.errors import BadValue
from mdk_runtime.server.http.parameters import ROW_NAMES, Parameters
from mdk_runtime.server.http.site import address_of, allowed, problem, site_of
from mdk_runtime.server.options import reason_of
from mdk_runtime.storage.answers import Edge, Page, Stats, StoredInteraction, StoredLog
from mdk_runtime.storage.errors import BadQuery, NoSuchTenant, QueryTooSlow, TooManyQueries
from mdk_runtime.storage.reader import Reader

T = TypeVar("T")

HOUR_MS = 3_600_000
LIMIT = 1000
STEPS_MAX = 1000
"""Of one answer with rates."""

logger = logging.getLogger("mdk.server.http")


def answered(content: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """As JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def endpoint(scope: Scope, ask: Callable[[Request, Grant], Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
    """A handler whose errors are answers."""

    async def asked(request: Request, grant: Grant) -> Response:
        try:
            return await ask(request, grant)
        except BadQuery as error:
            return problem(HTTPStatus.BAD_REQUEST, "bad_query", str(error))
        except QueryTooSlow as error:
            return problem(HTTPStatus.GATEWAY_TIMEOUT, "too_slow", str(error))
        except TooManyQueries as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_queries", str(error))

    return allowed(scope, asked)


async def _stored(request: Request, grant: Grant, ask: Callable[[Reader], T], nothing: T) -> T:
    """The answer of storage; `nothing` where the tenant has never stored anything."""
    try:
        return await asyncio.wrap_future(site_of(request).hub.storage.query(grant.tenant, ask))
    except NoSuchTenant:
        return nothing


# --- the table ------------------------------------------------------------------------------------

Key = tuple[str, str, str]
"""Environment, service and address."""


async def services(request: Request, grant: Grant) -> Response:
    """Every address of the table, in the order of environment, service and address."""
    given = Parameters(request, ("service", "environment", "limit", "cursor"))
    after, limit = _after(given.text("cursor")), given.limit(LIMIT)
    service, environment = given.text("service"), given.text("environment")
    registry = site_of(request).hub.registry(grant.tenant)
    if registry is None:
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "tenants", "too many tenants are in use")
    rows = {
        _key(entry): entry
        for entry in registry.entries()
        if service in (None, entry.node.service) and environment in (None, entry.node.environment.name)
    }
    keys = sorted(key for key in rows if after is None or key > after)
    following = json.dumps(keys[limit - 1]) if len(keys) > limit else None
    return answered({"items": [_shown(rows[key]) for key in keys[:limit]], "next": following})


def _key(entry: Entry) -> Key:
    return entry.node.environment.name, entry.node.service, str(entry.node.address)


def _after(cursor: str | None) -> Key | None:
    """A row that need not be there any more."""
    if cursor is None:
        return None
    try:
        key: Key = msgspec.json.decode(cursor, type=Key)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise BadQuery("cursor", cursor, "one that an answer named as its next") from error
    return key


def _shown(entry: Entry) -> dict[str, Any]:
    node = entry.node
    return {
        "environment": node.environment.name,
        "service": node.service,
        "version": node.version,
        "address": node.address,
        "node": sender_of(node),
        "senders": entry.senders,
        "suspect": entry.is_suspect,
        "properties": node.properties,
    }


# --- what is stored -------------------------------------------------------------------------------

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


# --- what admins do -------------------------------------------------------------------------------


async def clear(request: Request, grant: Grant) -> Response:
    """Forget every node. Those that live come back by themselves."""
    Parameters(request, ())
    failed = await _audited(request, grant, "clear")
    return failed or answered({"removed": site_of(request).hub.clear(grant.tenant)})


async def remove_node(request: Request, grant: Grant) -> Response:
    """Take an address out of the table. One that lives comes back with its next renewal."""
    given = Parameters(request, names := ("environment", "service", "address"))
    environment, service, address = (given.text(name) for name in names)
    if environment is None or service is None or address is None:
        raise BadQuery("the node", None, f"the parameters {', '.join(names)}")
    failed = await _audited(request, grant, "remove", environment=environment, service=service, node=address)
    if failed is not None:
        return failed
    removed = site_of(request).hub.remove(grant.tenant, environment, service, address)
    if not removed:
        return problem(HTTPStatus.NOT_FOUND, "not_found", "no node has this address")
    return answered({"removed": removed})


async def set_level(request: Request, grant: Grant) -> Response:
    """Have clients send more for a while: those of a service, or all for what belongs to a trace. 0 seconds end that."""
    given = Parameters(request, ("service", "trace", "level", "seconds"))
    named = [(kind, name) for kind in (SERVICE, TRACE) if (name := given.text(kind)) is not None]
    level, seconds = given.level(), given.number("seconds", 600, low=0, high=int(RULE_S_MAX))
    if len(named) != 1 or level is None:
        raise BadQuery("the rule", request.url.query, f"a level, and either a {SERVICE} or a {TRACE}")
    kind, name = named[0]
    failed = await _audited(request, grant, "level", kind=kind, name=name, level=level, seconds=str(seconds))
    if failed is not None:
        return failed
    try:
        site_of(request).hub.set_level(grant.tenant, kind, name, level, float(seconds))
    except BadValue as error:
        raise BadQuery(error.name, error.value, error.expected) from error
    return answered({kind: name, "level": level, "seconds": seconds})


async def _audited(request: Request, grant: Grant, act: str, **what: str) -> Response | None:
    """Write down what is about to be done; an answer if that cannot be, and so it must not be done."""
    audit, address = site_of(request).audit, address_of(request)
    try:
        await asyncio.to_thread(lambda: audit.write(act, grant, address, **what))
    except OSError as error:
        logger.error("the audit log cannot be written, so nothing is done: %s", reason_of(error))
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "audit", "the audit log cannot be written; nothing was done")
    logger.info("tenant %s: %s by %r from %s", grant.tenant, act, grant.who, address)
    return None


ROUTES: Sequence[Route] = [
    Route("/services", endpoint(Scope.READ, services)),
    Route("/logs", endpoint(Scope.READ, logs)),
    Route("/interactions", endpoint(Scope.READ, interactions)),
    Route("/traces", endpoint(Scope.READ, traces)),
    Route("/traces/{trace_id}", endpoint(Scope.READ, trace)),
    Route("/map", endpoint(Scope.READ, service_map)),
    Route("/rates", endpoint(Scope.READ, rates)),
    Route("/storage", endpoint(Scope.READ, stats)),
    Route("/clear", endpoint(Scope.ADMIN, clear), methods=["POST"]),
    Route("/level", endpoint(Scope.ADMIN, set_level), methods=["POST"]),
    Route("/nodes", endpoint(Scope.ADMIN, remove_node), methods=["DELETE"]),
]
