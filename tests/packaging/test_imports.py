"""What `import mdk` costs is what it imports: slow modules come when they are needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOW = {
    *("asyncio", "websockets", "ssl", "socket", "urllib.parse", "json", "random", "dataclasses", "hashlib"),
    *("concurrent.futures", "importlib.metadata", "mdk_protocol.server", "mdk_runtime.uplink"),
}


@pytest.mark.parametrize("module", ["mdk", "mdk_protocol"])
def test_slow_modules_are_not_imported_at_once(module: str) -> None:
    """None of them: each takes a millisecond or many, in every process, used or not."""
    program = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=150)
    assert SLOW & set(done.stdout.split()) == set()


def test_a_side_is_imported_when_it_is_asked_for() -> None:
    """A generated package shows both sides, and has neither until then; what it does not have it says."""
    program = (
        "import sys, mdk_protocol as p; assert 'mdk_protocol.server' not in sys.modules;"
        "from mdk_protocol import SessionServer; assert p.SessionClient.__name__ == 'SessionClient';"
        "assert set(p.__all__) <= set(dir(p)) | set(p._SIDES); p.Nothing"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=150)
    assert done.stderr.strip().endswith("AttributeError: module 'mdk_protocol' has no attribute 'Nothing'")
