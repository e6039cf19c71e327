"""The console's own tests, types and build, run from here so that one command runs everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "console"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("test.mjs",), id="tests"),
        pytest.param(("node_modules/typescript/bin/tsc", "--noEmit"), id="types"),
        pytest.param(("build.mjs", "--check"), id="the built console is what its source makes, and at most 100 KiB"),
    ],
)
def test_console(node: str, arguments: tuple[str, ...]) -> None:
    """It exits with 0."""
    if not (CONSOLE / "node_modules/esbuild").is_dir():
        pytest.fail("console/node_modules is missing; run: make console-tools")
    done = subprocess.run([node, *arguments], cwd=CONSOLE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_protocol_that_the_console_shows_is_that_of_the_spec(node: str) -> None:
    """`make console` after a change in spec/."""
    model = subprocess.run([sys.executable, "-m", "mdkgen", "ir", "spec"], cwd=ROOT, capture_output=True, check=True)
    command = [node, str(CONSOLE / "protocol.mjs"), "spec"]
    made = subprocess.run(command, cwd=ROOT, input=model.stdout, capture_output=True, check=True)
    assert made.stdout == (CONSOLE / "src/pages/protocol/protocol.json").read_bytes()
