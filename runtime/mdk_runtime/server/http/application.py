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
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
        middleware=[Middleware(Guard, settings=site.settings), Middleware(Defects)],
        exception_handlers={HTTPException: _refused},
    )
    application.state.site = site
    return application


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), "nothing else comes here"
    status = HTTPStatus(error.status_code)
    answer = problem(status, status.name.lower(), status.description or status.phrase)
    answer.headers.update(error.headers or {})
    return answer


class Defects:
    """Middleware that answers where a handler of ours fails: that is in our log, once, and not told.

    What has begun to answer cannot answer otherwise: uvicorn logs it and ends the connection.

    Args:
        app: What may fail.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        has_begun = scope["type"] != "http"

        async def send_on(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send if has_begun else send_on)
        except Exception as error:
            if has_begun:
                raise
            logger.error("%s %s failed", scope["method"], scope["path"], exc_info=error)
            said = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "the server failed on this; its log says more")
            await said(scope, receive, send)
