"""Links for asyncio, on the `websockets` library: `ClientLink` connects, `serve` accepts."""

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

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidProxy, InvalidStatus, InvalidURI
from websockets.http11 import Request, Response

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.links.heartbeat import Heartbeat
from mdkspec_runtime.links.pump import Pump, Turn

if TYPE_CHECKING:
    from collections import deque

_log = logging.getLogger("mdkspec.link")

PING_EVERY_S = 20.0
"""How often a silent connection is probed from either end; one that does not answer within as long is dead. 0 for never."""
CLOSE_WITHIN_S = 2.0
"""As long as a closing handshake may take; a peer that does not answer is cut."""
CLOSE_GOING_AWAY = 1001
"""RFC 6455 §7.4.1: a server that ends."""
REFUSALS = (401, 403)
"""What no retry mends: a token that is missing, wrong or too old."""
REFUSAL_BYTES_MAX = 1000
FRAME_SLACK = 2
"""Frames up to so many times the protocol's maximum are read, for the policy on malformed messages to answer.

Longer ones are refused by the WebSocket library with code 1009 before they fill memory.
"""


class ClientLink:
    """Keeps an endpoint of the connecting role connected.

    Args:
        endpoint: Its `connect_at` says when to connect.
        url: `ws://` or `wss://`; a callable is asked anew for every attempt.
        ssl: For `wss://`; None verifies against the system's certificates.
        headers: Sent with the handshake.
        open_timeout_s: As long as one attempt may take.
        ping_every_s: See PING_EVERY_S.
        logger: Told of lost connections and failed attempts.
        observe: Called with `sent` or `received` and every frame.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        url: str | Callable[[], str],
        *,
        ssl: ssl_module.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
        open_timeout_s: float = 10.0,
        ping_every_s: float = PING_EVERY_S,
        logger: logging.Logger = _log,
        observe: Callable[[str, str | bytes], None] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._url = url if callable(url) else lambda: url
        self._ssl = ssl
        self._headers = dict(headers or {})
        self._open_timeout_s = open_timeout_s
        self._ping_every_s = ping_every_s
        self._log = logger
        self._observe = observe
        self._woken = asyncio.Event()
        self._websocket: ClientConnection | None = None
        self.failure = ""
        """Why the last attempt failed; empty if it did not."""

    @property
    def descriptor(self) -> int | None:
        """The open connection's, for a forked child that has to let go of it."""
        if self._websocket is None:
            return None
        number: int = self._websocket.transport.get_extra_info("socket").fileno()
        return number if number >= 0 else None

    async def run(self) -> None:
        """Until the endpoint is stopped and its connection closed. The loop's clock is the endpoint's."""
        loop, endpoint = asyncio.get_running_loop(), self._endpoint
        endpoint.start(now=loop.time())
        try:
            while (at := endpoint.connect_at) is not None:
                if at > loop.time():
                    await self._wait_until(at)
                    continue
                await self._connect_once()
        finally:
            endpoint.wake = None

    async def _wait_until(self, at: float) -> None:
        """Until a time, the endpoint's deadline, or a wake-up; runs what is due."""
        loop, endpoint = asyncio.get_running_loop(), self._endpoint
        self._woken.clear()
        endpoint.wake = self._woken.set
        deadline = endpoint.deadline
        try:
            async with asyncio.timeout_at(at if deadline is None else min(at, deadline)):
                await self._woken.wait()
        except TimeoutError:
            pass
        try:
            endpoint.tick(now=loop.time())
        except Exception:
            self._log.exception("the application failed on an event")

    async def _connect_once(self) -> None:
        loop, endpoint = asyncio.get_running_loop(), self._endpoint
        url = self._url()
        try:
            async with asyncio.timeout(self._open_timeout_s):
                websocket = await connect(
                    url,
                    ssl=(self._ssl or True) if url.startswith("wss:") else None,
                    additional_headers=self._headers,
                    compression=None,
                    max_size=endpoint.role.codec.message_bytes_max * FRAME_SLACK,
                    open_timeout=None,
                    ping_interval=self._ping_every_s or None,
                    ping_timeout=self._ping_every_s or None,
                    close_timeout=CLOSE_WITHIN_S,
                    user_agent_header=None,
                )
        except InvalidURI as error:
            raise ValueError(f"{shown_url(url)!r} is no WebSocket address; expected ws://host:port/path") from error
        except (OSError, TimeoutError, InvalidHandshake, InvalidMessage, InvalidProxy, ImportError, EOFError) as error:
            # ImportError: the environment names a SOCKS proxy, and what the library needs for that is not installed.
            endpoint.connect_failed(now=loop.time())
            wait_s = max(0.0, (endpoint.connect_at or 0.0) - loop.time())
            before, self.failure = self.failure, _reason(error)
            refused = isinstance(error, InvalidStatus) and error.response.status_code in REFUSALS
            # Somebody has to do something about a refusal, so it is said loudly; but once.
            level = logging.ERROR if refused and self.failure != before else logging.INFO
            self._log.log(level, "cannot connect to %s: %s; next try in %.1f s", shown_url(url), self.failure, wait_s)
            return
        self.failure = ""
        if endpoint.connect_at is None:  # Stopped meanwhile.
            await websocket.close()
            return
        self._websocket = websocket
        try:
            await Pump(endpoint, websocket, Turn(), self._log, self._observe).run()
        finally:
            self._websocket = None


def _reason(error: Exception) -> str:
    """What a person can act on: of a refusal, the status and what the server says to it."""
    if not isinstance(error, InvalidStatus):
        return str(error) or type(error).__name__
    status = error.response.status_code
    said = (error.response.body or b"")[:REFUSAL_BYTES_MAX].decode(errors="replace")
    try:
        answer = json.loads(said)
        said = ", ".join(str(answer[name]) for name in ("error", "detail") if answer.get(name))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        said = " ".join(said.split())
    return f"HTTP {status}: {said}" if said else f"HTTP {status}"


def shown_url(url: str) -> str:
    """A URL as it may stand in a log: without its query, which may hold a token."""
    return url.partition("?")[0]


# --- accepting ------------------------------------------------------------------------------------


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
    pumps: set[Pump] = set()
    turn = Turn()
    heartbeat = Heartbeat(ping_every_s)
    endpoints: WeakKeyDictionary[ServerConnection, Endpoint] = WeakKeyDictionary()

    def process_request(connection: ServerConnection, request: Request) -> Response | None:
        refusal = _refused(request, path, refuse_browsers=refuse_browsers)
        if refusal is not None:
            return refusal.response()
        before, _, query = request.path.partition("?")
        answer = accept(Handshake(before, query, request.headers, connection.remote_address[:2]))
        if isinstance(answer, Refusal):
            return answer.response()
        endpoints[connection] = answer
        return None

    async def talk(connection: ServerConnection) -> None:
        endpoint = endpoints.pop(connection)
        _forget_handshake(connection)
        heartbeat.add(connection)
        pump = Pump(endpoint, connection, turn, logger)
        pumps.add(pump)
        try:
            await pump.run()
        finally:
            heartbeat.discard(connection)
            pumps.discard(pump)
            if ended is not None:
                ended(endpoint)

    async with serve_websockets(
        talk,
        host,
        port,
        process_request=process_request,
        compression=None,
        max_size=frame_bytes_max or message_bytes_max * FRAME_SLACK,
        open_timeout=open_timeout_s,
        ping_interval=None,  # A task for each connection is 2 kB; see Heartbeat.
        close_timeout=CLOSE_WITHIN_S,
        server_header=None,
        create_connection=connection_class,
        ssl=ssl,
        logger=_quiet(logger),
    ) as server:
        try:
            yield Listener(server, pumps)
        finally:
            heartbeat.close()


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
