"""A real `mdk server` for as long as a test needs one."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

READY_WITHIN_S = 60.0
END_WITHIN_S = 5.0
POLL_S = 0.01


class ServerNotReady(RuntimeError):
    """The server did not start; the text holds what it logged."""


@dataclass(frozen=True, slots=True)
class TestServer:
    """A running server: set MDK_SERVER_URL to its `url`."""

    url: str
    pid: int


@contextmanager
def running_server() -> Generator[TestServer]:
    """A server on a free port with empty storage, ended and forgotten afterwards. Raises ServerNotReady."""
    with TemporaryDirectory(prefix="mdk-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        ready, log = folder / "ready.json", folder / "server.log"
        given = ("--no-http", "--port", "0", "--data", str(folder / "data"), "--ready-file", str(ready))
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603  # our own module
                [sys.executable, "-m", "mdk_runtime.cli", "server", *given],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            yield _when_ready(process, ready, log)
        finally:
            process.terminate()
            try:
                process.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _when_ready(process: subprocess.Popen[bytes], ready: Path, log: Path) -> TestServer:
    end = time.monotonic() + READY_WITHIN_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise ServerNotReady(f"mdk server is not ready; it logged:\n{log.read_text(errors='replace')}")
        time.sleep(POLL_S)
    answer = json.loads(ready.read_text())
    return TestServer(str(answer["rtp"]), int(answer["pid"]))
