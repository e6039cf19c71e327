"""`mdk server`, before it serves."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdk_runtime.cli import main
from mdk_runtime.server.errors import TLSIncomplete
from mdk_runtime.server.settings import Settings


def test_the_command_prints_and_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`mdk server --print-config` starts nothing; what is wrong ends it with status 2 and one line."""
    assert main(["server", "--print-config", "--port", "0", "--data", str(tmp_path / "none")]) == 0
    assert 'host = "127.0.0.1"  # default\nport = 0  # --port\n' in capsys.readouterr().out
    assert not (tmp_path / "none").exists()
    assert main(["server", "--port", "x"]) == main(["server", "--config", str(tmp_path / "none")]) == 2
    said = capsys.readouterr().err
    assert said == (
        "mdk: --port is 'x'; expected a number from 0 to 65535\n"
        f"mdk: the configuration {tmp_path / 'none'} cannot be read: No such file or directory\n"
    )
    assert main(["server", "--tls-cert", "c"]) == 2
    assert capsys.readouterr().err == "mdk: TLS wants a certificate and its key; --tls-key is missing\n"
    with pytest.raises(TLSIncomplete, match="--tls-cert is missing"):
        Settings(tls_key=Path("k")).check()
