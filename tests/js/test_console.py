"""The console's own tests, types and build, run from here so that one command runs everything."""

from __future__ import annotations

import subprocess
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
