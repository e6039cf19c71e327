"""`/api`: what admins may do. It is written down before it is done."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from mdk_runtime.core.server.grants import Grant
from mdk_runtime.core.server.telemetry import RULE_S_MAX, SERVICE, TRACE
from mdk_runtime.errors import BadValue
from mdk_runtime.server.http.parameters import Parameters
from mdk_runtime.server.http.site import address_of, answered, problem, site_of
from mdk_runtime.server.options import reason_of
from mdk_runtime.storage.errors import BadQuery

logger = logging.getLogger("mdk.server.http")


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
