"""The wheel holds our packages and nothing else, and works without the source tree."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("wheel")
PACKAGES = {"mdk", "mdk_protocol", "mdk_runtime", "mdkspec_runtime", "mdkgen"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the declared backend."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--disable-pip-version-check"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], check=True, capture_output=True, timeout=150)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_has_our_packages_and_nothing_else(wheel: Path) -> None:
    """Top level: the five packages and the metadata; every package typed; the compiler's data and the console on board."""
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == PACKAGES
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert {"mdkgen/grammar.lark", "mdkgen/templates/messages.py.j2", "mdk_protocol/spec.json"} <= names
    console = ROOT / "runtime/mdk_runtime/console/static"
    assert {f"mdk_runtime/console/static/{path.name}" for path in console.iterdir()} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("tests")]


def test_the_wheel_works_alone(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, without the source tree, `mdk` and `mdkgen` start."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    for code in ("import mdk; mdk.MDK", "import mdkgen.cli; mdkgen.cli.main(['check', 'spec'])"):
        program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}; import mdk; print(mdk.__file__)"
        done = subprocess.run(
            [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=150, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip().splitlines()[-1].startswith(str(tmp_path))


def test_the_demo_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """`mdk demo` needs nothing of the source tree: every process of it imports the unpacked wheel."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", "import sys, mdk_runtime.cli as c; print(c.__file__); sys.exit(c.main(['demo']))"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=150, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(str(tmp_path / "site"))
