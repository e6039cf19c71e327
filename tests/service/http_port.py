"""What is asked of a server's HTTP port."""

from __future__ import annotations

import http.client
import json
import re
import socket
from typing import Any
from urllib.parse import urlsplit

from service.programs import WITHIN_S
from service.servers import RawClient, ServerProcess, active, log

HTML = {"Accept": "text/html"}


class Answer:
    """Of one request."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


def ask(
    running: ServerProcess, path: str, *, method: str = "GET", body: str | None = None, bearer: str = "", **headers: str
) -> Answer:
    """One request. Names of headers with `_` for `-`."""
    at = urlsplit(running.ready["http"])
    connection = http.client.HTTPConnection(str(at.hostname), at.port or 0, timeout=WITHIN_S)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if bearer:
            given["Authorization"] = f"Bearer {bearer}"
        connection.request(method, path, body, given)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def fill(running: ServerProcess, shown: str | None, *, node: str = "n1") -> None:
    """A node, ten logs of two traces, an interaction."""
    with RawClient(running.url, token=shown) as client:
        client.open(node)
        client.send(active(node, f"http://{node}"))
        for sequence in range(10):
            client.send(log(sequence, node=node, trace=f"trace{sequence % 2}", text=f"text {sequence}"))
        interaction = {
            "uuid": "u",
            "session": "trace0",
            "node": node,
            "type": "interactionevent",
            "sequence": 0,
            "sync": 1,
        }
        client.send(
            interaction | {"startTimestamp": 1795487508618, "endTimestamp": 1795487508718, "results": {node: 1}}
        )
        acks = 0
        while acks < 11:
            acks += client.receive()["type"] in ("logack", "interactionack")


def until_closed(client: RawClient) -> None:
    """Read on. Raises ConnectionClosed."""
    while client.receive():
        pass


def upgrade(at: str, host: str, path: str = "/rtp", **headers: str) -> str:
    """Status and word of a WebSocket handshake, as a page of another origin might make a browser send it."""
    parts = urlsplit(at)
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    with socket.create_connection((str(parts.hostname), parts.port or 0), WITHIN_S) as raw:
        raw.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = raw.recv(65536).decode()
        if '"error"' not in answer and " 101 " not in answer.partition("\r\n")[0]:
            answer += raw.recv(65536).decode()
    word = re.search(r'"error": ?"(\w+)"', answer)
    return f"{answer.split()[1]} {word[1] if word else ''}".strip()


def outcomes(running: ServerProcess, kind: str) -> dict[str, int]:
    """How many logs or interactions were new to the server, and how many it knew."""
    lines: str = ask(running, "/metrics").body.decode()
    found = re.findall(rf'^mdk_server_{kind}s_total{{outcome="(\w+)"}} ([\d.]+)', lines, re.MULTILINE)
    return {outcome: int(float(count)) for outcome, count in found}
