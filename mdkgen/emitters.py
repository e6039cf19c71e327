"""What a spec is made into: emitters by name, and which of them a project wants.

That is a fact of the project and not of the protocol, so it stands in the `pyproject.toml` of the project, or on the
command line, and not in the spec: `[tool.mdkgen]`, `emit = ["python", "js"]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from mdkgen.source import ConfigurationError

if TYPE_CHECKING:  # A run with nothing to do needs no model.
    from mdkgen.model import Spec

EMITTERS = {
    "python": "mdkgen.render",
    "js": "mdkgen.js.render",
    "vectors": "mdkgen.vectors.render",
}
"""Name to the module whose `render` makes its files."""
DEFAULT = ("python",)
"""What is made where nobody says."""


def wanted(folder: Path, option: str | None = None) -> tuple[str, ...]:
    """The emitters to run: those of the option, else of the nearest pyproject.toml at or above the spec that names any.

    Raises:
        ConfigurationError: There is no such emitter, or the file cannot be read.
    """
    if option is not None:
        return _known([name.strip() for name in option.split(",")], "--emit")
    for place in (folder.resolve(), *folder.resolve().parents):
        file = place / "pyproject.toml"
        if not file.is_file():
            continue
        names = _configured(file)
        if names is not None:
            return _known(names, str(file))
    return DEFAULT


def emit(spec: Spec, names: Sequence[str]) -> dict[str, str]:
    """Every generated file: path relative to the output folder, and text."""
    files: dict[str, str] = {}
    for name in names:
        render = cast("Callable[[Spec], dict[str, str]]", import_module(EMITTERS[name]).render)
        files.update(render(spec))
    return files


def _configured(file: Path) -> list[Any] | None:
    text = file.read_text(encoding="utf-8")
    if "tool.mdkgen" not in text:  # reading TOML takes longer than everything else of a run with nothing to do
        return None
    import tomllib

    try:
        names: object = tomllib.loads(text).get("tool", {}).get("mdkgen", {}).get("emit")
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    if names is None:
        return None
    if not _is_list(names):
        raise ConfigurationError(f"{file}: tool.mdkgen.emit is a list of names, not {names!r}")
    return names


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _known(names: Sequence[Any], where: str) -> tuple[str, ...]:
    for name in names:
        if name not in EMITTERS:
            raise ConfigurationError(f"{where}: there is no emitter {name!r}; there are: {', '.join(EMITTERS)}")
    return tuple(dict.fromkeys(names))
