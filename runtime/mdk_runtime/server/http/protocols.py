"""uvicorn's two protocols, for peers who take their time, or send what nobody foresaw: a request, then perhaps frames."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

from mdk_runtime.server.connections import NO_REQUEST
from mdkspec_runtime.links.timer import Timer

REQUEST_WITHIN_S = 10.0
"""From a connection, or the first byte of a later request, to its last: who trickles one in holds a descriptor for nothing.
As long as a handshake may take on the protocol's port."""
EARLY_BYTES_MAX = 4 << 20
"""Frames that come before the handshake is answered, which takes no time: one of the largest is among them at most."""
FRAGMENTS_MAX = 10_000
"""Of one message: empty ones take memory, and do not count against its size."""


class RequestProtocol(H11Protocol):
    """HTTP/1.1, with a limit on the time that a request may take to come."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._timer = Timer(self.loop)
        self._is_waiting = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """The first request is due."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._timer.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a request."""
        if not self._is_waiting:
            self._wait()
        super().data_received(data)
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):  # All of it has come.
            self._is_waiting = False
            self._timer.stop()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Frames may have come with the request, in one segment: they are the other protocol's."""
        self._timer.stop()
        super().handle_websocket_upgrade(event)
        frames, _ = self.conn.trailing_data
        protocol = self.transport.get_protocol()
        if frames and isinstance(protocol, BrowserProtocol):
            protocol.data_received(frames)

    def _wait(self) -> None:
        self._is_waiting = True
        self._timer.move(self.loop.time() + REQUEST_WITHIN_S, self.transport.close)


class BrowserProtocol(WebSocketsSansIOProtocol):
    """uvicorn's, which neither answers nor ends where a header is longer than its WebSocket library reads.

    And which logs a traceback for every text that is no UTF-8, takes fragments without end, and answers a ping that comes
    early before the handshake.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._early = b""
        """What came before the handshake was answered."""

    def data_received(self, data: bytes) -> None:
        """What cannot be read as a request is answered, and ended; frames wait for the answer to the handshake."""
        if self.handshake_initiated and not self.handshake_complete:
            self._early += data
            if len(self._early) > EARLY_BYTES_MAX:
                self.transport.abort()
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()) or NO_REQUEST.response().serialize())
            self.transport.close()

    def start_keepalive(self) -> None:
        """The handshake is answered."""
        super().start_keepalive()
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def handle_cont(self, event: Frame) -> None:
        """One more fragment of a message."""
        if len(self.frames) >= FRAGMENTS_MAX:
            self._fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
        else:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """A message is complete; one that is no UTF-8 ends the connection."""
        if self.curr_msg_data_type == "text":
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self._fail(CloseCode.INVALID_DATA, "the text is no UTF-8")
                return
        super().send_receive_event_to_app()

    def _fail(self, code: CloseCode, reason: str) -> None:
        self.frames = []
        self.conn.fail(code, reason)
        if self.conn.close_sent is not None and not self.transport.is_closing():
            self.handle_parser_exception()
