"""The original, datawire-mdk 2.0.37, installed once from the package index for a Python 3.6, in a cache folder.

`MDK_PYTHON36` names that Python, where neither `python3.6` nor pyenv has one; `MDK_TEST_CACHE` names the folder.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("datawire-mdk==2.0.37", "ws4py==0.3.4", "future==0.15.2", "blinker==1.4")
"""All it imports. Without what they depend on: its `wheel` of today needs a newer Python."""
INSTALL_WITHIN_S = 240.0


class OriginalUnavailable(Exception):
    """It cannot be installed here; the text says why."""


def original_python() -> str:
    """A Python that has the original. Raises OriginalUnavailable."""
    folder = _cache() / "-".join(one.replace("==", "-") for one in PACKAGES)
    folder.mkdir(parents=True, exist_ok=True)
    python, ready = folder / "venv" / "bin" / "python", folder / "ready"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder / "venv", ignore_errors=True)
            _run(_python36(), "-m", "venv", str(folder / "venv"))
            _run(str(python), "-m", "pip", "install", "--quiet", "--no-deps", *PACKAGES)
            ready.touch()
    return str(python)


def _cache() -> Path:
    given = os.environ.get("MDK_TEST_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(base) / "mdk-tests"


def _candidates() -> Iterator[str]:
    if given := os.environ.get("MDK_PYTHON36"):
        yield given
    if found := shutil.which("python3.6"):
        yield found
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(root.glob("versions/3.6.*/bin/python")))


def _python36() -> str:
    asked = "import sys; print(sys.version_info[:2] == (3, 6))"
    for candidate in _candidates():
        try:
            done = subprocess.run([candidate, "-c", asked], capture_output=True, text=True, timeout=150, check=False)
        except OSError:
            continue
        if done.stdout.strip() == "True":  # pyenv's `python3.6` is there also where it is not switched on.
            return candidate
    raise OriginalUnavailable("there is no Python 3.6 here: `pyenv install 3.6.15`, or MDK_PYTHON36=/path/to/it")


def _run(*command: str) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=True)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()
        raise OriginalUnavailable(f"it cannot be installed: {said[-1] if said else error}") from error
    except subprocess.TimeoutExpired as error:
        raise OriginalUnavailable(f"it cannot be installed within {INSTALL_WITHIN_S:.0f} s") from error
