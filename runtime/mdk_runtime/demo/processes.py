"""The demo's child processes: started, watched, and always ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.01
END_WITHIN_S = 5.0
"""As long as a child may take to end when it is asked to; then it is killed."""
LINES_SHOWN_MAX = 12
"""Last lines of a child's output that are shown when it is at fault."""


class DemoFailed(Exception):
    """The demo did not do what it is to show."""


class Child:
    """A running Python module, its output kept in a file."""

    def __init__(self, name: str, module: str, *arguments: str, environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._output = folder / f"{name.replace(' ', '-')}.log"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603  # our own modules
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def fault(self, what: str) -> DemoFailed:
        """The error to raise when the child is the reason, with the last that it said."""
        lines = self._output.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_SHOWN_MAX:]
        said = "\n".join(f"    {line}" for line in lines) or "    (nothing)"
        return DemoFailed(f"{self.name}: {what}\n  the last it said:\n{said}")


def wait_for(look: Callable[[], T | None], what: str, *children: Child, within_s: float = 10.0) -> T:
    """What `look` finds, as soon as it finds something; at fault is a child that has ended, else the first of them."""
    end = time.monotonic() + within_s
    while (found := look()) is None:
        for child in children:
            if child.process.poll() is not None:
                raise child.fault(f"ended with status {child.process.returncode} before there was a {what}")
        if time.monotonic() > end:
            raise children[0].fault(f"no {what} within {within_s:g} s")
        time.sleep(POLL_S)
    return found


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(**added: str) -> dict[str, str]:
    """Our environment without what would connect the demo to anything else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MDK_", "DATAWIRE_"))}
    return {**kept, **added}


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """For the server's data and the children's output."""
    return tempfile.TemporaryDirectory(prefix="mdk-demo-", ignore_cleanup_errors=True)
