"""What the parts of the HTTP side have in common, and how a request is let in."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response

from mdk_runtime.core.server.grants import Grant, Scope
from mdkspec_runtime.links.accepting import Refusal

if TYPE_CHECKING:
    from mdk_runtime.server.audit import AuditLog
    from mdk_runtime.server.hub import Hub
    from mdk_runtime.server.settings import Settings

COOKIE = "mdk_token"
"""Holds the token, in base64url; scripts do not see it."""


@dataclass(frozen=True, slots=True)
class Site:
    """What requests are answered from."""

    hub: Hub
    settings: Settings
    audit: AuditLog
    browsers: set[asyncio.Task[object]] = field(default_factory=set["asyncio.Task[object]"])
    """Those that serve a browser's `/rtp`."""


Handler = Callable[[Request, Grant], Awaitable[Response]]


def site_of(connection: HTTPConnection) -> Site:
    """Of the application that answers."""
    return cast("Site", connection.app.state.site)


def answer_of(refusal: Refusal) -> Response:
    """As JSON, as on the protocol's port."""
    content = {"error": refusal.error, "detail": refusal.detail}
    return JSONResponse(content, refusal.status, headers=dict(refusal.headers))


def answered(content: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """As JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")


def problem(status: HTTPStatus, error: str, detail: str) -> Response:
    """An answer that is none."""
    return answer_of(Refusal(status, error, detail))


def token_in_headers(connection: HTTPConnection) -> str:
    """From `Authorization: Bearer`, or the console's cookie; empty if there is none."""
    scheme, _, credentials = connection.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return from_cookie(connection.cookies.get(COOKIE, ""))


def as_cookie(token: str) -> str:
    """A token as characters that a cookie may have."""
    return base64.urlsafe_b64encode(token.encode("utf-8", "surrogateescape")).decode().rstrip("=")


def from_cookie(value: str) -> str:
    """The reverse; empty if it is none of ours."""
    try:
        return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return ""


def address_of(connection: HTTPConnection) -> str:
    """Of who asks; of the peer, where that is no proxy that we trust."""
    peer = connection.client.host if connection.client is not None else ""
    return site_of(connection).hub.proxies.address(peer, connection.headers.getlist("X-Forwarded-For"))


def is_https(request: Request) -> bool:
    """True if a browser has asked by https: us, or a proxy. Of a form it says so itself, in `Origin`, which is ours (guard.py)."""
    site = site_of(request)
    peer = request.client.host if request.client is not None else ""
    return (
        site.settings.tls_cert is not None
        or request.headers.get("Origin", "").lower().startswith("https:")
        or site.hub.proxies.is_https(peer, request.headers.get("X-Forwarded-Proto"))
    )


def allowed(scope: Scope, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for those whose token allows it."""

    async def endpoint(request: Request) -> Response:
        grant = site_of(request).hub.gate.admit(token_in_headers(request), address_of(request))
        if isinstance(grant, Refusal):
            return answer_of(grant)
        if not grant.allows(scope):
            detail = f"the token lacks the scope '{scope.value}'"
            return problem(HTTPStatus.FORBIDDEN, f"scope_{scope.value}", detail)
        return await handler(request, grant)

    return endpoint
