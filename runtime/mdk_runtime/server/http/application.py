"""The HTTP side put together."""

from __future__ import annotations

import logging
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute

from mdk_protocol.tables import SESSION_SERVER
from mdk_runtime.server.http.api.routes import ROUTES
from mdk_runtime.server.http.guard import Guard
from mdk_runtime.server.http.health import healthz, metrics_endpoint, readyz
from mdk_runtime.server.http.pages import console, login, login_page, logout
from mdk_runtime.server.http.rtp import rtp
from mdk_runtime.server.http.site import Site, problem

logger = logging.getLogger("mdk.server.http")


def application_of(site: Site) -> Starlette:
    """The ASGI application."""
    is_public = site.settings.metrics_public or not site.hub.gate.has_keys
    application = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics_endpoint(is_public=is_public)),
            Mount("/api", routes=ROUTES),
            WebSocketRoute(SESSION_SERVER.path, rtp),
            Route("/login", login_page, methods=["GET"]),
            Route("/login", login, methods=["POST"]),
            Route("/logout", logout, methods=["GET", "POST"]),
            Route("/{path:path}", console),
        ],
        middleware=[Middleware(Guard, settings=site.settings)],
        exception_handlers={HTTPException: _refused, Exception: _failed},
    )
    application.state.site = site
    return application


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "nothing else comes here"
    status = HTTPStatus(error.status_code)
    answer = problem(status, status.name.lower(), status.description or status.phrase)
    answer.headers.update(error.headers or {})
    return answer


async def _failed(request: Request, error: Exception) -> Response:
    """A defect of ours: it is in our log, and not told."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "the server failed on this; its log says more")
