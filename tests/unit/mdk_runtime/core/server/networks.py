"""A tenant whose shell is always in time, and raw clients of it: ours and originals."""

from __future__ import annotations

import json
from typing import Any

from mdk_protocol.messages import Open
from mdk_runtime.core.server.connection import Connection
from mdk_runtime.core.server.tenant import Tenant

TTL_S, GRACE_S, MERGE_S = 30.0, 2.0, 0.02


class Network:
    """A tenant whose shell is always in time."""

    def __init__(self, **options: Any) -> None:
        self.now = 100.0
        options = {"epoch": "e", "grace_s": GRACE_S, "merge_s": MERGE_S, **options}
        self.tenant = Tenant(Open(), **options)
        self.is_woken = False
        self.tenant.wake = self._wake

    def _wake(self) -> None:
        self.is_woken = True

    def settle(self) -> None:
        """What is to be done now."""
        while self.is_woken:
            self.is_woken = False
            self.tenant.work(now=self.now)

    def move(self, seconds: float) -> None:
        """Time passes; every deadline on the way is kept."""
        end = self.now + seconds
        self.settle()
        while (deadline := self.tenant.deadline) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.tenant.work(now=self.now)
            self.settle()
        self.now = end

    def stall(self, seconds: float) -> None:
        """Time passes, and nothing runs."""
        self.now += seconds
        self.tenant.work(now=self.now)
        self.settle()


class Client:
    """A raw client; of ours if it has a revision."""

    def __init__(self, network: Network, node_id: str = "", *, is_ours: bool = True, takes: bool = True) -> None:
        self.network = network
        self.frames: list[dict[str, Any]] = []
        self.connection: Connection = network.tenant.connect()
        self.connection.endpoint.connected(now=network.now)
        properties = {"mdkRevision": 1} if is_ours else {}
        self.send({"type": "open", "properties": properties} | ({"nodeId": node_id} if node_id else {}))
        if takes:
            self.take()

    def send(self, *messages: dict[str, Any]) -> None:
        """To the server."""
        for message in messages:
            self.connection.endpoint.receive(json.dumps(message), now=self.network.now)
        self.network.settle()

    def register(self, sender: str, address: str, service: str = "svc") -> None:
        """A node of this client."""
        node = {"id": sender, "service": service, "version": "1.0", "address": address, "properties": {}}
        self.send({"type": "active", "node": node, "ttl": TTL_S})

    def follow(self, services: list[str] | None = None, since: dict[str, Any] | None = None) -> list[str]:
        """Ask for services; what the answer says, in short."""
        self.take()
        follow = {"services": services, "since": since}
        self.send({"type": "follow"} | {key: value for key, value in follow.items() if value is not None})
        return self.take()

    def take_frames(self) -> None:
        """What came, into `frames`."""
        while frames := self.connection.endpoint.take_output():
            self.frames += [json.loads(frame) for frame in frames]

    def take(self) -> list[str]:
        """What came since the last time, in short: `+a ?b -c @7`."""
        self.take_frames()
        told, self.frames = self.frames, []
        return [short(frame) for frame in told]

    def cut(self) -> None:
        """The connection breaks."""
        self.connection.endpoint.lost(now=self.network.now)
        self.network.tenant.disconnected(self.connection, now=self.network.now)
        self.network.settle()


def short(frame: dict[str, Any]) -> str:
    """A frame in a few words."""
    kind = frame["type"]
    if kind == "changes":
        marks = [f"+{node['address']}" for node in frame["active"]]
        marks += [f"?{node['address']}" for node in frame["suspect"]]
        marks += [f"-{place['address']}" for place in frame["gone"]]
        return " ".join([*marks, *([f"@{frame['position']['sequence']}"] if "position" in frame else [])])
    if kind == "tablebegin":
        return f"begin {','.join(frame['services'])}" if "services" in frame else "begin"
    if kind == "tableend":
        return f"end @{frame['position']['sequence']}" + ("" if frame["complete"] else " incomplete")
    return f"{kind} {frame['node']['address']}" if "node" in frame else str(kind)


def position(sequence: int, epoch: str = "e") -> dict[str, Any]:
    """As a client says where it stands."""
    return {"epoch": epoch, "sequence": sequence}
