"""`mdk demo`, as a user runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


def test_the_demo_shows_what_it_promises() -> None:
    """Both instances in turn, calls that go on after a kill, the node gone, one trace across two processes; exit 0."""
    done = subprocess.run(
        [sys.executable, "-m", "mdk_runtime.cli", "demo"], capture_output=True, text=True, timeout=150
    )
    text = done.stdout
    assert done.returncode == 0, text + done.stderr
    ports = re.findall(r"hello starts on port (\d+)", text)
    before, after = text.split("kill -9")
    called = re.findall(r"call +\d+ +http://127\.0\.0\.1:(\d+) +200", before)
    assert called in (ports * 3, ports[::-1] * 3)
    assert re.search(r"the node is gone from the table, \d+ ms or less after the kill", after)
    trace = after.split("One request through two processes")[1]
    assert re.search(r"\n  \d+ +client +INFO +client: About to ask hello\.", trace)
    assert re.search(r"\n      \d+\.\d+ +hello:\d+ +INFO +hello: Received a request\.", trace)


def test_the_demo_says_what_it_needs() -> None:
    """Without Flask it names the command that installs it, and exits with 1."""
    program = (
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name == 'flask' else find(name, *rest)\n"
        "from mdk_runtime.cli import main\n"
        "sys.exit(main(['demo']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=150)
    assert (done.returncode, done.stderr) == (1, 'mdk demo needs flask; run: pip install "mdk[demo]"\n')


@pytest.mark.parametrize(
    ("module", "source", "reason"),
    [
        (
            "flask.py",
            "raise RuntimeError('a broken Flask')",
            "hello .*: ended with status 1 before there was a table of two nodes.*a broken Flask",
        ),
        (
            "sqlite3.py",
            "raise RuntimeError('a broken SQLite')",
            "server: ended with status 1 before there was a ready file.*a broken SQLite",
        ),
    ],
)
def test_the_demo_fails_with_the_reason(module: str, source: str, reason: str, tmp_path: Path) -> None:
    """A part of it cannot start: exit 1, which one, and the last that it said; nothing is left running."""
    (tmp_path / module).write_text(source + "\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "mdk_runtime.cli", "demo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, env=environment)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(f"\nthe demo failed: .*{reason}", done.stderr, re.DOTALL), done.stderr
    assert "Traceback" not in done.stderr.split("the last it said")[0]
    assert "Done." not in done.stdout
