"""Programs as processes: started, listened to, and always ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
WITHIN_S = 60.0
"""As long as a test waits for anything a program should do at once."""


class Program:
    """A running Python program, and the lines that it has printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with suppress(ValueError):  # Its end is closed where a test has failed and a grandchild still writes.
            for line in self.process.stdout:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, text: str, *, count: int = 1) -> str:
        """The count-th line that holds a text; fails, with everything printed, if it does not come."""

        def found() -> list[str]:
            return [line for line in self.lines if text in line]

        with self._changed:
            self._changed.wait_for(lambda: len(found()) >= count or not self._reader.is_alive(), WITHIN_S)
            assert len(found()) >= count, f"no {text!r} in:\n" + "\n".join(self.lines)
            return found()[count - 1]

    def say(self, line: str) -> None:
        """Write a line to its input."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def finish(self) -> int:
        """End its input and wait for its end; the exit status."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        status = self.process.wait(WITHIN_S)
        self._reader.join(WITHIN_S)
        return status


@contextmanager
def running(*command: str, **environment: str) -> Iterator[Program]:
    """A Python program with arguments, killed at the end if it still runs."""
    with started(sys.executable, "-u", *command, **environment) as program:
        yield program


@contextmanager
def started(*command: str, **environment: str) -> Iterator[Program]:
    """Any program with arguments, killed at the end if it still runs."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
        cwd=ROOT,
    )
    program = Program(process)
    try:
        yield program
    finally:
        process.kill()
        process.wait(WITHIN_S)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def wait_until(condition: Callable[[], object], message: str = "not in time") -> None:
    """Poll a condition; fails with the message if it does not become true."""
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end, message
        time.sleep(0.01)
