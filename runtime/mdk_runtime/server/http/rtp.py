"""`/rtp` for browsers: the protocol on the HTTP port, on the same server core."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from mdk_runtime.server.handshake import token_in_query
from mdk_runtime.server.http.site import address_of, answer_of, site_of, token_in_headers
from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.links.accepting import Refusal
from mdkspec_runtime.links.driver import Driver

logger = logging.getLogger("mdk.server.link")


async def rtp(websocket: WebSocket) -> None:
    """One browser's connection."""
    site = site_of(websocket)
    token = token_in_query(websocket.scope["query_string"].decode("latin-1")) or token_in_headers(websocket)
    grant = site.hub.gate.admit(token, address_of(websocket))
    endpoint = grant if isinstance(grant, Refusal) else site.hub.connect(grant)
    if isinstance(endpoint, Refusal):
        await websocket.send_denial_response(answer_of(endpoint))
        return
    task = asyncio.current_task()
    assert task is not None, "ASGI servers run tasks"
    site.browsers.add(task)
    try:
        await websocket.accept()
        await BrowserPump(endpoint, websocket, site.hub.may_read).run()
    finally:
        site.browsers.discard(task)
        site.hub.ended(endpoint)


class BrowserPump(Driver):
    """One connection of an endpoint, over an ASGI WebSocket: links/pump.py for what has no transport of its own.

    One task reads, another writes. What piles up for a browser that reads too slowly is bounded by the endpoint,
    which hangs up; one that does not even read that is cut soon after.

    Args:
        endpoint: The server's side.
        websocket: Accepted.
        may_read: Cleared while storage cannot keep up.
    """

    def __init__(self, endpoint: Endpoint, websocket: WebSocket, may_read: asyncio.Event) -> None:
        super().__init__(endpoint, logger)
        self._websocket = websocket
        self._may_read = may_read
        self._woken = asyncio.Event()
        self._writer: asyncio.Task[None]

    async def run(self) -> None:
        """Until the connection has ended."""
        self._begin()
        reader, self._writer = self._loop.create_task(self._read()), self._loop.create_task(self._write())
        tasks = (reader, self._writer)
        self.wake()
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._let_go()
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    logger.error("a browser's connection failed", exc_info=result)
            self._lost()
            with suppress(WebSocketDisconnect, RuntimeError):  # It may have ended by itself.
                await self._websocket.close()

    async def _read(self) -> None:
        while True:
            await self._may_read.wait()
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            self._receive((message.get("bytes") or b"") if text is None else text)
            self.wake()

    async def _write(self) -> None:
        endpoint = self._endpoint
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                while frames := endpoint.take_output():
                    for frame in frames:
                        await self._websocket.send_text(frame.decode())
            except (WebSocketDisconnect, RuntimeError):
                return  # The browser has gone; the reader sees it, too.
            if endpoint.hanging_up:  # It may be from the first frames on, and has a word for that.
                return
            self._set_timer()

    def wake(self) -> None:
        """Something is to be written, or the deadline has moved."""
        self._woken.set()
        self._look_at_hangup()

    def abort(self) -> None:
        """End the connection without a word."""
        self._writer.cancel()
