"""What is asked where, and by whom it may be; errors as answers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mdk_runtime.core.server.grants import Grant, Scope
from mdk_runtime.server.http.api import admin, stored, table
from mdk_runtime.server.http.site import allowed, problem
from mdk_runtime.storage.errors import UNREADABLE, BadQuery, QueryTooSlow, TooManyQueries

logger = logging.getLogger("mdk.server.http")


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
        except UNREADABLE as error:
            logger.error("what is stored of %s cannot be read: %s", grant.tenant, error)
            detail = "what is stored cannot be read; the server's log says why"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "storage", detail)

    return allowed(scope, asked)


ROUTES: Sequence[Route] = [
    Route("/services", endpoint(Scope.READ, table.services)),
    Route("/logs", endpoint(Scope.READ, stored.logs)),
    Route("/interactions", endpoint(Scope.READ, stored.interactions)),
    Route("/traces", endpoint(Scope.READ, stored.traces)),
    Route("/traces/{trace_id}", endpoint(Scope.READ, stored.trace)),
    Route("/map", endpoint(Scope.READ, stored.service_map)),
    Route("/rates", endpoint(Scope.READ, stored.rates)),
    Route("/storage", endpoint(Scope.READ, stored.stats)),
    Route("/clear", endpoint(Scope.ADMIN, admin.clear), methods=["POST"]),
    Route("/level", endpoint(Scope.ADMIN, admin.set_level), methods=["POST"]),
    Route("/nodes", endpoint(Scope.ADMIN, admin.remove_node), methods=["DELETE"]),
]
