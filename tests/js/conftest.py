"""Node: looked for once. Without it these tests are skipped by name, and on CI they fail."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE_MIN = 20


@pytest.fixture(scope="session")
def node() -> str:
    """The path of Node, when the packages of package-lock.json are there too."""
    found = shutil.which("node")
    missing = "" if found is not None else f"Node {NODE_MIN} is not on the path"
    if not missing and not (ROOT / "node_modules/typescript").is_dir():
        missing = "node_modules is missing; run: make javascript"
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"JavaScript is not tested: {missing}")
    assert found is not None
    return found
