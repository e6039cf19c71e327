"""A real `mdk server` in a process of its own, and raw clients that speak JSON as an original does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from mdk_runtime.storage.answers import StoredLog
from mdk_runtime.storage.reader import Reader
from service.programs import ROOT, WITHIN_S

COMMAND = "import sys; from mdk_runtime.cli import main; sys.exit(main())"
KNOWN = {"open", "close", "active", "expire", "clear", "log", "logack", "interactionack"}
"""Types that an original understands, and interactionack, which it ignores."""


def run(*options: str, **environment: str) -> tuple[int, str, str]:
    """Status, stdout and stderr of `mdk`; never a traceback."""
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
        env={**os.environ, "TZ": "UTC", **environment},
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def failing(*options: str) -> tuple[int, str]:
    """Status and stderr of a server that does not start."""
    status, _, said = run("server", *options)
    return status, said


class ServerProcess:
    """A running server."""

    def __init__(self, folder: Path, *options: str) -> None:
        ready = folder / "ready.json"
        ready.unlink(missing_ok=True)
        self.data = folder / "data"
        self.log = folder / "server.log"
        http = ["--http-port", "0"] if "--http" in options else ["--no-http"]
        given = ["--port", "0", "--data", str(self.data), "--ready-file", str(ready), *http, *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, "server", *given], stderr=log, stdout=log, cwd=ROOT
            )
        end = time.monotonic() + WITHIN_S
        while not ready.exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, "the server was not ready in time"
            time.sleep(0.01)
        self.ready: dict[str, Any] = json.loads(ready.read_text())
        self.url = str(self.ready["rtp"])

    @property
    def port(self) -> int:
        """Of the protocol."""
        return urlsplit(self.url).port or 0

    def kill(self) -> None:
        """As kill -9 does."""
        self.process.kill()
        self.process.wait(WITHIN_S)

    def terminate(self) -> int:
        """As an operator does; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN_S)

    def tenant_folder(self) -> Path:
        """Of the only tenant."""
        (folder,) = [path for path in self.data.iterdir() if path.is_dir()]
        return folder


def stored_logs(folder: Path) -> list[StoredLog]:
    """All logs of a tenant's folder, in order of arrival."""
    logs: list[StoredLog] = []
    with Reader(folder) as reader:
        cursor: str | None = None
        while True:
            page = reader.logs(cursor=cursor, oldest_first=True, limit=1000)
            logs += page.items
            cursor = page.next
            if cursor is None:
                return logs


@contextmanager
def server(folder: Path, *options: str) -> Iterator[ServerProcess]:
    """A server, killed at the end if it still runs."""
    running = ServerProcess(folder, *options)
    try:
        yield running
    finally:
        running.kill()


class RawClient:
    """Frames as an original client sends them."""

    def __init__(self, url: str, *, token: str | None = "tok", **options: Any) -> None:
        address = url if token is None else f"{url}?token={token}"
        self.websocket: ClientConnection = connect(address, compression=None, legacy=True, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.websocket.close()

    def send(self, message: dict[str, Any] | str) -> None:
        """One frame."""
        self.websocket.send(message if isinstance(message, str) else json.dumps(message))

    def open(self, node_id: str = "n1", **properties: Any) -> Self:
        """Greet, and read the greeting."""
        said = {"version": "2.0.0", "mdkVersion": "2.0.37", "properties": properties, "nodeId": node_id}
        self.send({**said, "type": "open"})
        assert self.receive()["type"] == "open"
        return self

    def receive(self, timeout_s: float = WITHIN_S) -> dict[str, Any]:
        """The next frame."""
        message: dict[str, Any] = json.loads(self.websocket.recv(timeout=timeout_s))
        return message

    def rest(self) -> list[dict[str, Any]]:
        """All frames until the server hangs up."""
        return [json.loads(frame) for frame in self.websocket]

    def is_silent(self, seconds: float) -> bool:
        """True if nothing comes for that long."""
        try:
            self.receive(seconds)
        except TimeoutError:
            return True
        return False


def active(sender: str = "n1", address: str = "http://a", *, ttl: float = 30.0, **fields: Any) -> dict[str, Any]:
    """Registers a node."""
    environment = {"name": "sandbox", "fallbackName": None}
    node = {
        "id": sender,
        "service": "svc",
        "version": "1.0",
        "address": address,
        "properties": {"datawire_nodeId": sender},
        "environment": environment,
        **fields,
    }
    return {"node": node, "ttl": ttl, "type": "active"}


def log(sequence: int, *, node: str = "n1", trace: str = "t", text: str = "hello") -> dict[str, Any]:
    """A log."""
    environment = {"name": "sandbox", "fallbackName": None}
    context = {"traceId": trace, "clock": {"clocks": [sequence]}, "properties": {}, "environment": environment}
    return {
        "context": context,
        "timestamp": 1795487508618,
        "node": node,
        "level": "INFO",
        "category": "cat",
        "contentType": "text/plain",
        "text": text,
        "type": "log",
        "sequence": sequence,
        "sync": 1,
    }
