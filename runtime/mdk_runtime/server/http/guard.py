"""Who may ask at all: not a page of another origin, not under another name (design: Origin and Host)."""

from __future__ import annotations

import ipaddress
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from mdk_runtime.server.http.site import answer_of
from mdkspec_runtime.links.accepting import Refusal

if TYPE_CHECKING:
    from mdk_runtime.server.settings import Settings

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # Without any, browsers say that a form of ours has the origin `null`.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
WITHOUT_NAME: Final = ("/healthz", "/readyz")
"""Probes ask by whatever name they have, and learn nothing that is worth hiding."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Guard:
    """Middleware around everything.

    The Host must be a name of ours, or a page could reach the server under its own name (DNS rebinding). An Origin must be
    ours, and so must what the browser says of the page that asks, or a page could use what the browser's owner may do.

    Args:
        app: What is guarded.
        settings: Say what the server is called.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        names = ("localhost", settings.host, socket.gethostname(), *settings.allowed_host)
        self._names = frozenset(name.lower() for name in names)
        self._is_secure = settings.tls_cert is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on, with headers that make the most of a browser's own guards."""
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is not None:
                await WebSocket(scope, receive, send).send_denial_response(answer_of(refusal))
            else:
                await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if refusal is not None:
            await answer_of(refusal)(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        host = headers.get("Host", "")
        if scope["path"] not in WITHOUT_NAME and not self._is_ours(host):
            detail = "the server is not called so; --allowed-host adds a name"
            return Refusal(HTTPStatus.MISDIRECTED_REQUEST, "host", detail)
        if any(not self._is_same(origin, host) for origin in headers.getlist("Origin")):
            return Refusal(HTTPStatus.FORBIDDEN, "origin", "pages of another origin may not ask here")
        if "Content-Length" in headers and "Transfer-Encoding" in headers:
            # A proxy may take the one, we the other, and what it takes for the end of a request would be our next one.
            detail = "Content-Length and Transfer-Encoding are not for one request (RFC 9112 §6.3)"
            return Refusal(HTTPStatus.BAD_REQUEST, "bad_request", detail, {"Connection": "close"})
        site = headers.get("Sec-Fetch-Site", "none")
        is_followed_link = scope.get("method") == "GET" and headers.get("Sec-Fetch-Mode") == "navigate"
        if site not in ("none", "same-origin") and not is_followed_link:
            return Refusal(HTTPStatus.FORBIDDEN, "origin", "pages of another origin may not ask here")
        return None

    def _is_ours(self, host: str) -> bool:
        """A known name, or an address: no page can be reached at an address of ours but ours."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name.rstrip(".") in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_same(self, origin: str, host: str) -> bool:
        """A proxy may speak https for us; with TLS of our own nothing else will do."""
        try:
            parts = urlsplit(origin)
            if parts.scheme not in (("https",) if self._is_secure else ("http", "https")):
                return False
            asked = urlsplit(f"{parts.scheme}://{host}")
            default = DEFAULT_PORTS[parts.scheme]
            return (parts.hostname, parts.port or default) == (asked.hostname, asked.port or default)
        except ValueError:
            return False
