"""Clients of a tenant as lists of frames, with no network."""

from __future__ import annotations

import json
from typing import Any

from mdk_protocol.messages import InteractionEvent, Open
from mdk_runtime.core.server.connection import Connection
from mdk_runtime.core.server.news import MINUTE_MS
from mdk_runtime.core.server.origin import Entry, Origin
from mdk_runtime.core.server.tenant import Tenant
from mdk_runtime.core.server.writes import Outcome, Write


class Network:
    """A tenant and its clients, each a list of the frames that it got."""

    def __init__(self) -> None:
        self.now = 0.0
        self.tenant = Tenant(Open(mdk_version="9"), grace_s=2.0, merge_s=0.0)
        self.woken = 0
        self.tenant.wake = self._wake
        self.clients: list[Client] = []

    def _wake(self) -> None:
        self.woken += 1

    def client(self, node_id: str | None = None, *, opens: bool = True) -> Client:
        """A client that has said `open`."""
        client = Client(self)
        self.clients.append(client)
        if opens:
            client.send({"type": "open", "nodeId": node_id} if node_id else {"type": "open"})
            client.frames.clear()
        return client

    def work(self, *, at: float | None = None) -> None:
        """What a shell does when it is woken, or a deadline has come."""
        self.now = self.now if at is None else at
        self.tenant.work(now=self.now)
        for client in self.clients:
            client.collect()

    def store(self, outcome: Outcome = Outcome.NEW) -> list[Write]:
        """Everything that waits becomes durable."""
        writes = self.tenant.writes.take()
        self.tenant.stored(((write, [outcome] * len(write.entries)) for write in writes), now=self.now)
        for client in self.clients:
            client.collect()
        return writes


class Client:
    """One raw client."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.frames: list[dict[str, Any]] = []
        self.connection: Connection = network.tenant.connect()
        self.connection.endpoint.connected(now=network.now)

    def send(self, *messages: dict[str, Any] | str) -> None:
        """Frames to the server."""
        for message in messages:
            text = message if isinstance(message, str) else json.dumps(message)
            self.connection.endpoint.receive(text, now=self.network.now)
        self.network.work()

    def collect(self) -> None:
        """What the server has written."""
        while frames := self.connection.endpoint.take_output():
            self.frames += [json.loads(frame) for frame in frames]

    def take(self) -> list[str]:
        """The frames since the last time, in short: `active svc a`."""
        frames, self.frames = self.frames, []
        return [short(frame) for frame in frames]

    def cut(self) -> None:
        """The connection breaks."""
        self.connection.endpoint.lost(now=self.network.now)
        self.network.clients.remove(self)
        self.network.tenant.disconnected(self.connection, now=self.network.now)
        self.network.work()


def short(frame: dict[str, Any]) -> str:
    """A frame in a few words."""
    node = frame.get("node")
    if isinstance(node, dict):
        return f"{frame['type']} {node['service']} {node['address']}"  # pyright: ignore[reportUnknownVariableType]
    detail = frame.get("sequence", frame.get("error", {}).get("code", ""))
    return f"{frame['type']} {detail}".strip()


def active(sender: str = "s1", address: str = "a", **fields: Any) -> dict[str, Any]:
    """An `active` as a client sends it."""
    node = {"id": sender, "service": "svc", "version": "1.0", "address": address, "properties": {}, **fields}
    return {"type": "active", "node": node, "ttl": 30.0}


def expire(sender: str = "s1", address: str = "a") -> dict[str, Any]:
    """An `expire` as a client sends it."""
    return active(sender, address) | {"type": "expire"}


def log(sequence: int, **fields: Any) -> dict[str, Any]:
    """A `log` as a client sends it."""
    return {"type": "log", "node": "s1", "text": f"text {sequence}", "sequence": sequence, "sync": 1, **fields}


def call(number: int, minute: int = 100, **fields: Any) -> Entry:
    """An interaction that ended in a minute."""
    end = minute * MINUTE_MS
    event = InteractionEvent(
        uuid=str(number), session="t", start_timestamp=end - 5, end_timestamp=end, results={"n2": 1}, **fields
    )
    return Entry(event, Origin("cart", "1.0", {"n2": "pay"}))
