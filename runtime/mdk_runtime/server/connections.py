"""Connections as the WebSocket library has them, but read more leniently, and not while storage cannot keep up.

And with a word of goodbye for who sends too much at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidMessage
from websockets.frames import CloseCode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Data

from mdk_protocol.codec import CODEC
from mdk_protocol.messages import Close, ProtocolError
from mdkspec_runtime.links.accepting import Refusal

REQUEST_LINE_BYTES_MAX = 8192
"""As the library's own bound."""

NO_REQUEST = Refusal(HTTPStatus.BAD_REQUEST, "bad_request", "this cannot be read as a request of HTTP/1.1")


def patient_connections(may_read: asyncio.Event) -> type[ServerConnection]:
    """The class of connections that are read only while the event is set.

    What is not read stays with its sender: the library holds 16 frames of a connection, then TCP holds the rest.
    """

    class PatientConnection(ServerConnection):
        def __init__(self, protocol: ServerProtocol, *arguments: Any, **options: Any) -> None:
            super().__init__(protocol, *arguments, **options)
            protocol.__class__ = _Protocol  # The library makes no other than its own.

        _request_line: bytes | None = b""
        """What came of it; None when it is complete."""

        def data_received(self, data: bytes) -> None:
            """Escape the blanks in the first line's target, as original clients don't (`/rtp?token=a b`)."""
            if self._request_line is not None:
                data = self._request_line + data
                if b"\n" not in data and len(data) <= REQUEST_LINE_BYTES_MAX:
                    self._request_line = data
                    return
                self._request_line = None
                data = with_escaped_blanks(data)
            super().data_received(data)

        def recv(self, decode: bool | None = None) -> Coroutine[Any, Any, Data]:  # type: ignore[override]  # its overloads say the same
            """Wait for room, then for a frame."""
            return super().recv(decode) if may_read.is_set() else self._recv_later(decode)

        async def _recv_later(self, decode: bool | None) -> Data:
            await may_read.wait()
            return await super().recv(decode)

    return PatientConnection


class _Protocol(ServerProtocol):
    """Says why it ends a connection, which the library does not."""

    def fail(self, code: int, reason: str = "") -> None:
        """For a frame that is too large, say so in words of the protocol, too."""
        if code == CloseCode.MESSAGE_TOO_BIG and self.state is State.OPEN:
            title = f"a frame is larger than {self.max_message_size} bytes"
            error = ProtocolError(code="message_bytes_max", title=title)
            self.send_text(CODEC.encode(Close(error=error)))
        elif self.state is State.CONNECTING:  # More came than a request, before it was answered, and no frame.
            self.writes.append(NO_REQUEST.response().serialize())
        super().fail(code, reason)

    def send_eof(self) -> None:
        """The library hangs up without a word on what it cannot read as HTTP; we answer first. Not those who have gone."""
        if isinstance(self.handshake_exc, InvalidMessage) and not self.reader.eof:
            self.writes.append(NO_REQUEST.response().serialize())
        if not self.eof_sent:  # The library ends twice, and stumbles, where it would answer what has failed already.
            super().send_eof()


def with_escaped_blanks(data: bytes) -> bytes:
    """The data with `%20` for each blank that is part of the request line's target."""
    line, end, rest = data.partition(b"\n")
    method, _, others = line.partition(b" ")
    target, blank, protocol = others.rpartition(b" ")
    if b" " not in target:
        return data
    return method + b" " + target.replace(b" ", b"%20") + blank + protocol + end + rest
