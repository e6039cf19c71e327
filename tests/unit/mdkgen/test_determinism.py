"""The same spec makes the same bytes everywhere."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from mdkgen.compiler import compile_folder
from mdkgen.emitters import emit, wanted
from mdkgen.output import compare

ROOT = Path(__file__).parents[3]


def _generate(tmp_path: Path, *, python: str = sys.executable, seed: str = "0", folder: str = "out") -> dict[str, str]:
    """Hashes of what one process generates, run from another folder with an empty cache."""
    out = tmp_path / folder
    packages = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    environment = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "PYTHONPATH": packages,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    command = [python, "-m", "mdkgen", "generate", str(ROOT / "spec"), str(out)]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stderr
    return _hashes(out)


def _hashes(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("seed", ["1", "2"])
def test_what_is_committed_is_what_the_spec_makes(tmp_path: Path, seed: str) -> None:
    """From another folder, with another hash seed: byte for byte what stands in generated/."""
    assert _generate(tmp_path, seed=seed) == _hashes(ROOT / "generated")


def _other_python() -> str | None:
    """A Python 3.13 that runs, if this machine has one."""
    candidates = ["python3.13", *map(str, Path.home().glob(".pyenv/versions/3.13*/bin/python3.13"))]
    for candidate in candidates:
        try:
            done = subprocess.run([candidate, "-c", ""], capture_output=True, check=False, timeout=150)
        except OSError:
            continue
        if done.returncode == 0:
            return candidate
    return None


def test_another_python_makes_the_same_bytes(tmp_path: Path) -> None:
    """Python 3.13 generates what this one does."""
    python = _other_python()
    if python is None:
        pytest.skip("no Python 3.13 on this machine")
    assert _generate(tmp_path, python=python) == _hashes(ROOT / "generated")


def test_an_unwritable_or_broken_cache_changes_nothing(tmp_path: Path) -> None:
    """Caches only save time: with a broken one, and with none, the bytes are the same."""
    _generate(tmp_path)
    for file in (tmp_path / "cache" / "mdkgen").iterdir():
        file.write_bytes(b"broken")
    assert _generate(tmp_path, folder="again") == _hashes(ROOT / "generated")
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "cache").write_text("a file where a folder should be")
    assert _generate(blocked) == _hashes(ROOT / "generated")


@pytest.mark.parametrize(
    ("spec", "out"),
    [
        ("spec", "generated"),
        ("examples/chat/spec", "examples/chat/generated"),
        ("examples/jobs/spec", "examples/jobs/generated"),
    ],
)
def test_no_committed_package_differs_from_its_spec(spec: str, out: str) -> None:
    """The whole tree: nothing stale, missing, extra or edited, in ours and in the examples'."""
    compilation = compile_folder(ROOT / spec)
    assert compilation.diagnostics == ()
    assert compilation.spec is not None
    assert compare(emit(compilation.spec, wanted(ROOT / spec)), ROOT / out) == []
