"""A server of MDK's protocol by hand, on nothing of ours: what clients say is recorded, what they hear is the test's."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

WITHIN_S = 60.0
"""As long as a test waits for what should happen at once."""


class Connection:
    """One client's connection."""

    def __init__(self, websocket: ServerConnection) -> None:
        self._websocket = websocket
        assert websocket.request is not None
        self.path = websocket.request.path
        self.heard: list[dict[str, Any]] = []
        self.is_open = True
        self.close_code: int | None = None

    def send(self, message: dict[str, Any]) -> None:
        """Say something to this client, if it still listens."""
        with suppress(ConnectionClosed):
            self._websocket.send(json.dumps(message))

    def cut(self) -> None:
        """End the connection without a word."""
        self._websocket.socket.close()

    def types(self) -> list[str]:
        """The types of everything heard, in order."""
        return [message["type"] for message in self.heard]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Everything heard of one type."""
        return [message for message in self.heard if message["type"] == kind]


class ScriptedServer:
    """Answers `open`, acknowledges what is numbered, and sends every change of the table to everybody."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.connections: list[Connection] = []
        self.nodes: dict[tuple[str, str], dict[str, Any]] = {}
        self.acknowledges = True
        self._changed = threading.Condition()
        self._server: Server | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self._port}/rtp"

    def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        self._server = serve(self._talk, "127.0.0.1", self._port, compression=None, ssl=self._tls)
        self._port = self._server.socket.getsockname()[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop listening and end every connection."""
        assert self._server is not None
        self._server.shutdown()
        for connection in self.connections:
            if connection.is_open:
                connection.cut()

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Until a condition on what was heard holds."""
        with self._changed:
            held = self._changed.wait_for(condition, WITHIN_S)
        assert held, f"heard only {[(one.path, one.is_open, one.heard) for one in self.connections]}"

    def heard(self, kind: str) -> list[dict[str, Any]]:
        """Everything of one type, from all connections."""
        return [message for connection in self.connections for message in connection.of(kind)]

    def tell_all(self, message: dict[str, Any]) -> None:
        """Say something to every client."""
        for connection in self.connections:
            if connection.is_open:
                connection.send(message)

    def active(self, service: str, address: str, *, version: str = "1.0", environment: str = "sandbox") -> None:
        """A node appears."""
        node = a_node(service, address, version=version, environment=environment)
        self.nodes[service, address] = node
        self.tell_all({"type": "active", "node": node, "ttl": 30.0})

    def expire(self, service: str, address: str) -> None:
        """A node disappears."""
        self.tell_all({"type": "expire", "node": self.nodes.pop((service, address))})

    def _talk(self, websocket: ServerConnection) -> None:
        connection = Connection(websocket)
        with self._changed:
            self.connections.append(connection)
            self._changed.notify_all()
        with suppress(ConnectionClosed, OSError):
            for frame in websocket:
                self._answer(connection, json.loads(frame))
        with self._changed:
            connection.is_open = False
            connection.close_code = websocket.protocol.close_rcvd.code if websocket.protocol.close_rcvd else None
            self._changed.notify_all()

    def _answer(self, connection: Connection, message: dict[str, Any]) -> None:
        with self._changed:
            connection.heard.append(message)
            self._changed.notify_all()
        kind = message["type"]
        if kind == "open":
            connection.send({"type": "open", "version": "2.0.0", "properties": {}})
            for node in tuple(self.nodes.values()):
                connection.send({"type": "active", "node": node, "ttl": 30.0})
        elif kind in ("active", "expire"):
            node = message["node"]
            if kind == "active":
                self.nodes[node["service"], node["address"]] = node
            else:
                self.nodes.pop((node["service"], node["address"]), None)
            self.tell_all(message)
        elif kind in ("log", "interactionevent"):
            if self.acknowledges:
                connection.send({"type": f"{kind.removesuffix('event')}ack", "sequence": message["sequence"]})
            for other in self.connections:
                if kind == "log" and other.is_open and "subscribe" in other.types():
                    other.send(message)


def a_node(service: str, address: str, *, version: str = "1.0", environment: str = "sandbox") -> dict[str, Any]:
    """A node as servers send it."""
    return {
        "id": f"id of {address}",
        "service": service,
        "version": version,
        "address": address,
        "properties": {},
        "environment": {"name": environment, "fallbackName": None},
    }


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """A running one."""
    server = ScriptedServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
