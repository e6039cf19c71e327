"""The MDK in any ASGI application, Starlette's and FastAPI's among them: a session and an interaction a request.

app.add_middleware(MDKMiddleware)  # or app = MDKMiddleware(app)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from mdk_runtime.client import start

if TYPE_CHECKING:
    from mdk_runtime.client import MDK
    from mdk_runtime.session import Session

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

FAILED_FROM = 500
"""HTTP statuses from here on say that the server is at fault (RFC 9110 §15.6)."""


class MDKMiddleware:
    """Puts a session at `scope["state"]["mdk_session"]`, which is `request.state.mdk_session` in Starlette.

    It is the current session while the request lasts. A request is an interaction, which fails on an unhandled
    exception and on a status of 500 or more. A WebSocket connection is a session without an interaction of its own.

    Args:
        app: The application.
        mdk: A started MDK; without one, one is started from the environment variables at the first request.
        timeout: Requests end in so many seconds, if their session does not say sooner.
    """

    def __init__(self, app: Application, mdk: MDK | None = None, timeout: float | None = None) -> None:
        self._app = app
        self._mdk = mdk
        self._timeout = timeout
        self._lock = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        session = self._started().join_headers(_headers(scope["headers"]))
        if self._timeout is not None:
            session.set_deadline(self._timeout)
        scope.setdefault("state", {})["mdk_session"] = session
        with session:
            if scope["type"] == "http":
                await self._answer(session, scope, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _answer(self, session: Session, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with session.interaction() as interaction:
            await self._app(scope, receive, watched)
            if status >= FAILED_FROM:
                interaction.fail(f"answered with HTTP {status}")

    def _started(self) -> MDK:
        if self._mdk is None:
            with self._lock:
                if self._mdk is None:
                    self._mdk = start()
        return self._mdk


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """What came twice is joined, as HTTP says."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers
