"""WebSocket frames by hand, on a plain socket: what a library on this side would tidy up or hide."""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
from base64 import b64encode
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from service.programs import WITHIN_S

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


class Frame(NamedTuple):
    """As it came: `head` is the first byte, with `fin`, the three bits of extensions and the opcode."""

    head: int
    payload: bytes

    @property
    def is_whole(self) -> bool:
        """The last of its message, and the first unless it is a continuation."""
        return bool(self.head & 0x80)

    @property
    def opcode(self) -> int:
        """Kind of frame."""
        return self.head & 0x0F

    @property
    def message(self) -> dict[str, Any]:
        """Its JSON."""
        message: dict[str, Any] = json.loads(self.payload)
        return message


def request(url: str, *, token: str = "tok", path: str = "") -> bytes:
    """A handshake, byte for byte as the original's ws4py sends it (captures, 06:10)."""
    at = urlsplit(url)
    lines = [
        f"GET {path or at.path}?token={token} HTTP/1.1",
        f"Host: {at.hostname}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}",
        f"Origin: {url}?token={token}",
        "Sec-WebSocket-Version: 13",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def for_browsers(asked: bytes, url: str) -> bytes:
    """A handshake as the HTTP port takes it: it wants its own Host, and the page's origin or none."""
    lines = [line for line in asked.split(b"\r\n") if not line.startswith((b"Origin", b"Host"))]
    return b"\r\n".join([lines[0], b"Host: " + urlsplit(url).netloc.encode(), *lines[1:]])


def framed(payload: bytes, *, opcode: int = TEXT, fin: bool = True, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    """A client's frame."""
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    else:
        head += b"\xfe" + struct.pack("!H", size) if size < 65536 else b"\xff" + struct.pack("!Q", size)
    key = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
    return head + mask + masked


class RawSocket:
    """A connection; with `tls`, encrypted as an original does it: no server name, no certificate looked at."""

    def __init__(self, url: str, *, tls: bool = False) -> None:
        at = urlsplit(url)
        plain = socket.create_connection((str(at.hostname), at.port or 0), WITHIN_S)
        self.socket: socket.socket = plain
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            self.socket = context.wrap_socket(plain)
        self.url = url
        self.answer = ""
        self._data = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def upgrade(self, *, origin: bool = True) -> Self:
        """The handshake; `answer` is the server's."""
        asked = request(self.url) if origin else for_browsers(request(self.url), self.url)
        self.socket.sendall(asked)
        while b"\r\n\r\n" not in self._data:
            self._data += self._receive()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        self.answer = head.decode()
        assert self.answer.startswith("HTTP/1.1 101 "), self.answer
        return self

    def open(self, node_id: str = "n1") -> Self:
        """Greet as an original, and read the greeting."""
        self.send({"type": "open", "version": "2.0.0", "mdkVersion": "2.0.37", "properties": {}, "nodeId": node_id})
        assert self.receive().message["type"] == "open"
        return self

    def send(self, message: dict[str, Any]) -> None:
        """One text frame."""
        self.socket.sendall(framed(json.dumps(message).encode()))

    def receive(self, within_s: float = WITHIN_S) -> Frame:
        """The next frame. Raises TimeoutError, EOFError."""
        self.socket.settimeout(within_s)
        head, size = self._take(2)
        assert not size & 0x80, "a server masks nothing"
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        return Frame(head, self._take(size))

    def rest(self, within_s: float = WITHIN_S) -> list[Frame]:
        """All frames until the server hangs up, or says nothing for a while."""
        frames: list[Frame] = []
        try:
            while True:
                frames.append(self.receive(within_s))
        except (EOFError, ConnectionError, TimeoutError):
            return frames

    def _take(self, count: int) -> bytes:
        while len(self._data) < count:
            self._data += self._receive()
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    def _receive(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        return data
