"""uvicorn on the loop that everything else runs on, without its signals, its log and its clock."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Collection
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from mdk_runtime.server.errors import CannotListen
from mdk_runtime.server.http.protocols import BrowserProtocol, RequestProtocol
from mdk_runtime.server.options import is_about_host, reason_of
from mdkspec_runtime.links.limits import PING_EVERY_S

BACKLOG = 2048
HEAD_BYTES_MAX = 65_536
KEEP_ALIVE_S = 75
FAREWELL_S = 0.5
SHUTDOWN_WITHIN_S = 1
"""Answers under way have so long at the end."""


class HTTPListener:
    """A listening HTTP server.

    Args:
        application: What answers.
        host: As for the protocol's port.
        port: 0 for any free one.
        context: For https.
        frame_bytes_max: The largest frame that a browser may send.
        browsers: Tasks that get time to say goodbye.
    """

    def __init__(
        self,
        application: ASGIApp,
        host: str,
        port: int,
        *,
        context: ssl.SSLContext | None,
        frame_bytes_max: int,
        browsers: Collection[asyncio.Task[object]],
    ) -> None:
        self._browsers = browsers
        self._sockets = _bound(host, port)
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,  # It would hold tokens.
            lifespan="off",
            http=RequestProtocol,
            ws=BrowserProtocol,
            ws_max_size=frame_bytes_max,
            ws_ping_interval=PING_EVERY_S,
            ws_ping_timeout=PING_EVERY_S,
            ws_per_message_deflate=False,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
            backlog=BACKLOG,
            proxy_headers=False,  # Which proxies are believed is a setting of ours (proxies.py), for both ports.
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_WITHIN_S,
        )
        config.load()
        config.ssl = context
        self._server = uvicorn.Server(config)
        self._server.lifespan = config.lifespan_class(config)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen."""
        await self._server.startup(sockets=self._sockets)
        await self._server.on_tick(0)

    async def close(self) -> None:
        """Stop listening; wait a little for goodbyes and for answers under way."""
        if self._browsers:
            await asyncio.wait(self._browsers, timeout=FAREWELL_S)
        await self._server.shutdown(sockets=self._sockets)


def _bound(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of the host, all at one port."""
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in dict.fromkeys(found):
            one = socket.socket(family, kind, protocol)
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            at = port or sockets[0].getsockname()[1]
            one.bind((address[0], at, *address[2:]))
            one.setblocking(False)
    except (OSError, OverflowError) as error:
        for one in sockets:
            with suppress(OSError):
                one.close()
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise CannotListen(host, port, reason, flag="--http-port", is_host=is_about_host(error)) from error
    return sockets
