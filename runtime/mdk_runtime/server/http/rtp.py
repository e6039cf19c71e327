"""`/rtp` for browsers: the protocol on the HTTP port, on the same server core."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect

from mdk_runtime.server.handshake import token_in_query
from mdk_runtime.server.http.site import address_of, answer_of, site_of, token_in_headers
from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.links.aio import Refusal
from mdkspec_runtime.links.pump import HANGUP_WITHIN_S, OFFENCES_NAMED_MAX

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


class BrowserPump:
    """Moves frames between an endpoint and an ASGI WebSocket: links/pump.py for what has no transport of its own.

    One task reads, another writes. What piles up for a browser that reads too slowly is bounded by the endpoint,
    which hangs up; one that does not even read that is cut soon after.

    Args:
        endpoint: The server's side.
        websocket: Accepted.
        may_read: Cleared while storage cannot keep up.
    """

    def __init__(self, endpoint: Endpoint, websocket: WebSocket, may_read: asyncio.Event) -> None:
        self._endpoint = endpoint
        self._websocket = websocket
        self._may_read = may_read
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._cut: asyncio.TimerHandle | None = None
        self._offences = 0
        self._writer: asyncio.Task[None]

    async def run(self) -> None:
        """Until the connection has ended."""
        endpoint = self._endpoint
        endpoint.wake = self._wake
        endpoint.on_offence = self._name_offence
        self._input(lambda: endpoint.connected(now=self._loop.time()))
        reader, self._writer = self._loop.create_task(self._read()), self._loop.create_task(self._write())
        tasks = (reader, self._writer)
        self._wake()
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            endpoint.wake = endpoint.on_offence = None
            for timer in (self._timer, self._cut):
                if timer is not None:
                    timer.cancel()
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    logger.error("a browser's connection failed", exc_info=result)
            self._input(lambda: endpoint.lost(now=self._loop.time()))
            with suppress(WebSocketDisconnect, RuntimeError):  # It may have ended by itself.
                await self._websocket.close()

    async def _read(self) -> None:
        while True:
            await self._may_read.wait()
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            self._take(message.get("text"), message.get("bytes") or b"")
            self._wake()

    def _take(self, text: str | None, data: bytes) -> None:
        frame, now = data if text is None else text, self._loop.time()
        self._input(lambda: self._endpoint.receive(frame, now=now, binary=text is None))

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

    def _wake(self) -> None:
        """Something is to be written, or the deadline has moved."""
        self._woken.set()
        if self._endpoint.hanging_up and self._cut is None:
            self._cut = self._loop.call_later(HANGUP_WITHIN_S, self._writer.cancel)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._endpoint.deadline
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._input(lambda: self._endpoint.tick(now=self._loop.time()))
        self._wake()

    def _input(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            logger.exception("the application failed on an event; the connection goes on")

    def _name_offence(self, offence: Exception) -> None:
        self._offences += 1
        if self._offences <= OFFENCES_NAMED_MAX:
            last = "; no more are named on this connection" if self._offences == OFFENCES_NAMED_MAX else ""
            logger.warning("a frame of the client is not taken: %s%s", offence, last)
