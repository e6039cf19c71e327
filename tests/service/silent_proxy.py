"""A proxy whose links can go silent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class SilentProxy:
    """Passes bytes on, until it falls silent: connections stay open, and nothing comes through."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.accepted = 0
        self.speaks = threading.Event()
        self.speaks.set()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                one, _ = self._listener.accept()
                self.accepted += 1
                try:
                    other = socket.create_connection(("127.0.0.1", self._target))
                except OSError:  # The server is away, too.
                    one.close()
                    continue
                self._sockets += [one, other]
                for pair in ((one, other), (other, one)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.speaks.wait()
                target.sendall(data)

    def cut(self) -> None:
        """End the connections; new ones hear nothing until it speaks again."""
        self.speaks.clear()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End everything."""
        self.speaks.set()
        for one in (self._listener, *self._sockets):
            one.close()


@contextmanager
def silent_proxy(url: str) -> Iterator[tuple[SilentProxy, str]]:
    """A proxy before a server, and its URL."""
    port = int(url.rsplit(":", 1)[1].split("/")[0])
    proxy = SilentProxy(port)
    try:
        yield proxy, url.replace(str(port), str(proxy.port))
    finally:
        proxy.close()
