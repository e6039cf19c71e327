"""`mdk backup`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mdk_runtime.cli import main
from unit.mdk_runtime.storage.stores import Folder


def test_the_command_says_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words or as JSON; what cannot be done is an error without a traceback."""
    folder = Folder(tmp_path / "data")
    folder.fill(15)
    folder.housekeeper.look()
    folder.close()
    data = ["--data", str(tmp_path / "data")]
    copy = tmp_path / "copy"
    assert main(["backup", str(copy), *data]) == 0
    first, last = capsys.readouterr().out.splitlines()
    size = sum(path.stat().st_size for path in (copy / "t").iterdir())
    assert first == f"t: 2 files, {size} bytes, 1 of them as links"
    assert last == f"{copy} is a data folder: mdk server --data {copy}"
    assert main(["backup", str(tmp_path / "other"), *data, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"t": {"segments": 2, "bytes": size}}
    assert main(["backup", str(copy), *data]) == 1
    assert capsys.readouterr().err == (
        f"mdk: no backup was made of or to {copy}: it exists; name a folder that does not\n"
    )
    (tmp_path / "file").write_text("")
    assert main(["backup", str(tmp_path / "file" / "copy"), *data]) == 1
    assert f"mdk: the backup {tmp_path / 'file' / 'copy'} was not made: " in capsys.readouterr().err
