"""Where an older version is found: a revision, a file, a folder, an installed package."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

from mdkgen.compiler import compile_texts
from mdkgen.load import LoadError, load
from mdkgen.model import Spec
from mdkgen.source import SUFFIX, NoSpecError, as_lines, read_folder


class BaselineError(Exception):
    """There is no older version at the place that was named."""

    def __init__(self, against: str, reason: str) -> None:
        self.against = against
        self.reason = reason
        super().__init__(f"--against {against}: {reason}")


def baseline(against: str, folder: Path) -> Spec:
    """The older version.

    Args:
        against: `git:REV` (the same folder there), `package:NAME` or `package:NAME==VERSION` (installed, with its spec.json, which has that version), a spec.json, a folder
            with .mdkspec files, or one with a spec.json.
        folder: The spec folder of the new version.

    Raises:
        BaselineError: There is none, or it is wrong.
    """
    if against.startswith("git:"):
        return _compiled(against, _git(against, against.removeprefix("git:"), folder))
    if against.startswith("package:"):
        return _package(against, against.removeprefix("package:"))
    path = Path(against)
    if path.is_dir():
        inside = path / "spec.json"
        if inside.is_file():
            return _loaded(against, inside)
        try:
            return _compiled(against, read_folder(path))
        except NoSpecError as error:
            packages = sorted(one.parent.name for one in path.glob("*/spec.json"))
            hint = f"; name one of its packages: {path / packages[0]}" if packages else ""
            raise BaselineError(against, error.reason + hint) from error
    if path.is_file():
        return _loaded(against, path)
    raise BaselineError(against, "no such file or folder; or write git:REV or package:NAME")


def _loaded(against: str, path: Path) -> Spec:
    try:
        return load(path.read_text(encoding="utf-8"))
    except (LoadError, UnicodeDecodeError, OSError) as error:
        raise BaselineError(against, str(error)) from error


def _compiled(against: str, texts: dict[str, str]) -> Spec:
    compilation = compile_texts(texts, verifying=False)
    if compilation.spec is None:
        first = next(iter(compilation.diagnostics))
        raise BaselineError(against, f"has errors, the first is {first.code}: {first.message}")
    return compilation.spec


def _package(against: str, wanted: str) -> Spec:
    name, _, version = wanted.partition("==")
    try:
        found = importlib.util.find_spec(name) if name.isidentifier() else None
    except (ImportError, ValueError):
        found = None
    places = [Path(one) / "spec.json" for one in (found.submodule_search_locations or ())] if found is not None else []
    for place in places:
        if place.is_file():
            spec = _loaded(against, place)
            if version not in ("", spec.version):
                raise BaselineError(against, f"installed is version {spec.version} of the protocol")
            return spec
    raise BaselineError(against, "no such package is installed, or it has no spec.json")


def _git(against: str, revision: str, folder: Path) -> dict[str, str]:
    if not revision or revision.startswith("-"):
        raise BaselineError(against, "is not a revision")
    names = _run_git(against, folder, "ls-tree", "-z", "--name-only", revision, "./").split("\0")
    specs = [name for name in names if name.endswith(SUFFIX)]
    if not specs:
        raise BaselineError(against, f"{folder} has no {SUFFIX} file there")
    return {Path(name).name: as_lines(_run_git(against, folder, "show", f"{revision}:./{name}")) for name in specs}


def _run_git(against: str, folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # a fixed program; what comes from outside is one argument
            ["git", "-C", str(folder), *arguments],  # noqa: S607  # the user's git
            capture_output=True,
            check=True,
            timeout=GIT_S_MAX,
        )
        return done.stdout.decode("utf-8-sig")
    except FileNotFoundError as error:
        raise BaselineError(against, "git is not on the path") from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise BaselineError(against, said[-1] if said else "failed") from error
    except subprocess.TimeoutExpired as error:
        raise BaselineError(against, f"git took longer than {GIT_S_MAX} s") from error
    except UnicodeDecodeError as error:
        what = arguments[-1].partition(":")[2].removeprefix("./") or "a name"
        raise BaselineError(against, f"{what} is not UTF-8 there: byte {error.start}, {error.reason}") from error


GIT_S_MAX = 60
"""Nothing that is asked here needs a network."""
