"""A folder of keys, for tests of the server and of its commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.mdk_runtime.server.keyring import ED25519, RSA, SECRET, private_pem


@pytest.fixture
def key_folder(tmp_path: Path) -> Path:
    """A key of each kind: `secret`, `rsa`, `ed`; what is hidden is no key."""
    path = tmp_path / "keys"
    path.mkdir()
    (path / "secret.key").write_bytes(SECRET + b"\n")
    (path / "rsa.pem").write_bytes(private_pem(RSA))
    (path / "ed.pem").write_bytes(private_pem(ED25519))
    (path / ".hidden").write_bytes(b"x")
    return path
