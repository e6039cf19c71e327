"""The accepting end of a link: a server that gives each connection its endpoint, or refuses it."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl as ssl_module
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.links.heartbeat import Heartbeat
from mdkspec_runtime.links.limits import CLOSE_WITHIN_S, FRAME_SLACK, PING_EVERY_S
from mdkspec_runtime.links.pump import Pump, Turn

if TYPE_CHECKING:
    from collections import deque

_log = logging.getLogger("mdkspec.link")

CLOSE_GOING_AWAY = 1001
"""RFC 6455 §7.4.1: a server that ends."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a connecting peer asked for."""

    path: str
    """Without the query."""
    query: str
    headers: Headers
    peer: tuple[str, int]
    """Address and port."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer other than a connection: a JSON object with `error` and `detail`."""

    status: HTTPStatus
    error: str
    detail: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def response(self) -> Response:
        """As HTTP."""
        body = json.dumps({"error": self.error, "detail": self.detail}).encode() + b"\n"
        headers = Headers(self.headers)
        headers["Content-Type"] = "application/json"
        headers["Content-Length"] = str(len(body))
        headers["Connection"] = "close"
        return Response(self.status, self.status.phrase, headers, body)


class Listener:
    """A listening server and its connections."""

    def __init__(self, server: Server, pumps: set[Pump]) -> None:
        self._server = server
        self._pumps = pumps

    @property
    def port(self) -> int:
        """The port that is listened on, also where 0 was asked for."""
        return int(next(iter(self._server.sockets)).getsockname()[1])

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._pumps)

    def stop_accepting(self) -> None:
        """Free the port; what is connected goes on."""
        self._server.close(close_connections=False)

    async def close(self) -> None:
        """Accept no more, write what is to be written, close every connection."""
        self.stop_accepting()
        flushes = [asyncio.ensure_future(pump.flush()) for pump in self._pumps]
        if flushes:
            await asyncio.wait(flushes, timeout=CLOSE_WITHIN_S)
            for flush in flushes:
                if not flush.cancel() and not flush.cancelled():
                    flush.exception()  # A connection that ended meanwhile is no news.
        closes = [asyncio.ensure_future(one.close(CLOSE_GOING_AWAY)) for one in self._server.connections]
        if closes:
            await asyncio.wait(closes)
        await self._server.wait_closed()


class _Acceptor:
    """What becomes of each connection: refused before its handshake is answered, or given to an endpoint."""

    def __init__(
        self,
        accept: Callable[[Handshake], Endpoint | Refusal],
        path: str,
        ended: Callable[[Endpoint], None] | None,
        heartbeat: Heartbeat,
        logger: logging.Logger,
        *,
        refuse_browsers: bool,
    ) -> None:
        self._accept = accept
        self._path = path
        self._ended = ended
        self._refuse_browsers = refuse_browsers
        self._log = logger
        self._turn = Turn()
        self._endpoints: WeakKeyDictionary[ServerConnection, Endpoint] = WeakKeyDictionary()
        """Of connections whose handshake is being answered."""
        self.heartbeat = heartbeat
        self.pumps: set[Pump] = set()

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """The answer to a handshake; None to let it in."""
        refusal = _refused(request, self._path, refuse_browsers=self._refuse_browsers)
        if refusal is not None:
            return refusal.response()
        before, _, query = request.path.partition("?")
        answer = self._accept(Handshake(before, query, request.headers, connection.remote_address[:2]))
        if isinstance(answer, Refusal):
            return answer.response()
        self._endpoints[connection] = answer
        return None

    async def talk(self, connection: ServerConnection) -> None:
        """Until the connection ends."""
        endpoint = self._endpoints.pop(connection)
        _forget_handshake(connection)
        self.heartbeat.add(connection)
        pump = Pump(endpoint, connection, self._turn, self._log)
        self.pumps.add(pump)
        try:
            await pump.run()
        finally:
            self.heartbeat.discard(connection)
            self.pumps.discard(pump)
            if self._ended is not None:
                self._ended(endpoint)


@asynccontextmanager
async def serve(
    accept: Callable[[Handshake], Endpoint | Refusal],
    host: str,
    port: int,
    *,
    path: str,
    message_bytes_max: int,
    frame_bytes_max: int | None = None,
    ended: Callable[[Endpoint], None] | None = None,
    refuse_browsers: bool = True,
    ssl: ssl_module.SSLContext | None = None,
    open_timeout_s: float = 10.0,
    ping_every_s: float = PING_EVERY_S,
    connection_class: type[ServerConnection] = ServerConnection,
    logger: logging.Logger = _log,
) -> AsyncGenerator[Listener]:
    """Accept connections as long as the context lasts.

    Args:
        accept: Makes the endpoint of a connection, or refuses it, before the handshake is answered.
        host: Address to listen on.
        port: 0 for any free one; see `Listener.port`.
        path: Where the protocol is; other paths are answered with 404.
        message_bytes_max: The protocol's; see FRAME_SLACK.
        frame_bytes_max: Instead of FRAME_SLACK times that.
        ended: Called when an endpoint has lost its connection.
        refuse_browsers: Refuse an `Origin` of http or https: any web page could reach a server on loopback.
        ssl: For `wss://`.
        open_timeout_s: As long as a handshake may take.
        ping_every_s: See PING_EVERY_S.
        connection_class: Derived from the library's, to read more leniently or more slowly than it does.
        logger: Told of what goes wrong on a connection.
    """
    acceptor = _Acceptor(accept, path, ended, Heartbeat(ping_every_s), logger, refuse_browsers=refuse_browsers)
    async with serve_websockets(
        acceptor.talk,
        host,
        port,
        process_request=acceptor.answer,
        compression=None,
        max_size=frame_bytes_max or message_bytes_max * FRAME_SLACK,
        open_timeout=open_timeout_s,
        ping_interval=None,  # A task for each connection is 2 kB; see Heartbeat.
        close_timeout=CLOSE_WITHIN_S,
        server_header=None,
        create_connection=connection_class,
        ssl=ssl,
        ssl_handshake_timeout=open_timeout_s if ssl is not None else None,
        logger=_quiet(logger),
    ) as server:
        try:
            yield Listener(server, acceptor.pumps)
        finally:
            acceptor.heartbeat.close()


def _forget_handshake(connection: ServerConnection) -> None:
    """Nobody reads it any more: 3 kB. The library only looks whether there was a request."""
    if connection.request is not None:
        connection.request.headers.clear()
    connection.response = None
    connection.drain_waiters = cast("deque[asyncio.Future[None]]", [])  # At most one waits; an empty deque has 0.7 kB.


def _refused(request: Request, path: str, *, refuse_browsers: bool) -> Refusal | None:
    if request.path.partition("?")[0] != path:
        return Refusal(HTTPStatus.NOT_FOUND, "not_found", f"the protocol is at {path}")
    origins = request.headers.get_all("Origin")
    if refuse_browsers and any(
        origin.lower().startswith(("http:", "https:")) or origin == "null" for origin in origins
    ):
        return Refusal(HTTPStatus.FORBIDDEN, "origin", "web pages may not connect to this port")
    return None


def _quiet(logger: logging.Logger) -> logging.Logger:
    """A child that says nothing below ERROR: the library logs requests, and with them their tokens."""
    quiet = logger.getChild("websockets")
    quiet.setLevel(logging.ERROR)
    return quiet
