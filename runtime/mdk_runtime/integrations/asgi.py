"""The MDK in any ASGI application, Starlette's and FastAPI's among them: a session and an interaction a request.

app.add_middleware(MDKMiddleware)  # or app = MDKMiddleware(app)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from mdk_runtime.client import start
from mdk_runtime.integrations.request import Request

if TYPE_CHECKING:
    from mdk_runtime.base_client import BaseMDK
    from mdk_runtime.base_session import BaseSession

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class MDKMiddleware:
    """Puts a session at `scope["state"]["mdk_session"]`, which is `request.state.mdk_session` in Starlette.

    It is the current session while the request lasts. A request is an interaction, which fails on an unhandled
    exception and on a status of 500 or more. A WebSocket connection is a session without an interaction of its own.

    Args:
        app: The application.
        mdk: A started MDK, of `mdk` or of `mdk.aio`; without one, one is started from the environment variables at the
            first request.
        timeout: Requests end in so many seconds, if their session does not say sooner.
    """

    def __init__(self, app: Application, mdk: BaseMDK[Any] | None = None, timeout: float | None = None) -> None:
        self._app = app
        self._mdk = mdk
        self._timeout = timeout
        self._lock = Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        session: BaseSession = self._started().join_headers(_headers(scope["headers"]))
        if self._timeout is not None:
            session.set_deadline(self._timeout)
        scope.setdefault("state", {})["mdk_session"] = session
        with session:
            if scope["type"] == "http":
                await _answer(self._app, session, scope, receive, send)
            else:
                await self._app(scope, receive, send)

    def _started(self) -> BaseMDK[Any]:
        if self._mdk is None:
            with self._lock:
                if self._mdk is None:
                    self._mdk = start()
        return self._mdk


async def _answer(app: Application, session: BaseSession, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(session)
    caller = _Caller(receive, send)
    try:
        await app(scope, caller.receive, caller.send)
    except BaseException as error:
        if caller.is_gone:
            request.abandoned()
        request.raised(error)
        raise
    else:
        if caller.is_gone:
            request.abandoned()
        request.answered(caller.status)
    finally:
        request.end()


class _Caller:
    """The other side of the connection: what status it was sent, and whether it left before it had all of it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._has_all = False
        self.status = 0
        self.is_gone = False

    async def receive(self) -> MutableMapping[str, Any]:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._has_all:
            self.is_gone = True
        return message

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        try:
            await self._send(message)
        except OSError:  # Servers may say so in this way (ASGI 3.0, specification version 2.4).
            self.is_gone = True
            raise
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._has_all = True


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """What came twice is joined, as HTTP says."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers
