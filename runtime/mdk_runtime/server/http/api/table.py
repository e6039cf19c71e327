"""`/api/services`: the table."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from mdk_runtime.core.server.grants import Grant
from mdk_runtime.core.server.registry import Entry
from mdk_runtime.core.server.wholeness import sender_of
from mdk_runtime.server.http.parameters import Parameters
from mdk_runtime.server.http.site import answered, problem, site_of
from mdk_runtime.storage.errors import BadQuery

LIMIT = 1000

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
