"""What a project says about generation: `[tool.mdkgen]` of the pyproject.toml at or above its spec folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from mdkgen.source import ConfigurationError

DEFAULT = ("python",)
"""What is made where nobody says."""


@dataclass(frozen=True, slots=True)
class Project:
    """The table; `lint` and `conform` have tables of their own inside it, read elsewhere."""

    file: Path | None = None
    """Where it stands; None if there is none."""
    emit: tuple[str, ...] = DEFAULT
    rules: tuple[str, ...] = ()
    """Sets of lint rules of plugins."""
    templates: Path | None = None
    """A folder with templates that replace blocks of others."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Of emitters that are plugins, by name."""


def project_of(folder: Path) -> Project:
    """The table of the nearest pyproject.toml at or above a folder that says something of this.

    Raises:
        ConfigurationError: The file cannot be read, or says what cannot be.
    """
    folder = folder.resolve()
    for place in (folder, *folder.parents):
        file = place / "pyproject.toml"
        if file.is_file():
            table = _table(file)
            if any(key in table for key in ("emit", "rules", "templates", "options")):
                return _project(file, table)
    return Project()


def _table(file: Path) -> Mapping[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8: byte {error.start}, {error.reason}") from error
    if "mdkgen" not in text:  # reading TOML takes longer than everything else of a run with nothing to do
        return {}
    import tomllib

    try:
        tools: object = tomllib.loads(text).get("tool")
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}: {error}") from error
    table: object = tools.get("mdkgen") if _is_table(tools) else None
    return table if _is_table(table) else {}


def _project(file: Path, table: Mapping[str, Any]) -> Project:
    templates: object = table.get("templates")
    if templates is not None and not (isinstance(templates, str) and (file.parent / templates).is_dir()):
        raise ConfigurationError(f"{file}: tool.mdkgen.templates is a folder beside it, not {templates!r}")
    options: object = table.get("options", {})
    if not _is_table(options) or not all(_is_table(one) for one in options.values()):
        raise ConfigurationError(f"{file}: tool.mdkgen.options has a table for each emitter, not {options!r}")
    return Project(
        file,
        _names(file, table, "emit", DEFAULT),
        _names(file, table, "rules", ()),
        None if templates is None else file.parent / templates,
        options,
    )


def _names(file: Path, table: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    names: object = table.get(key, list(default))
    if not _is_list(names) or not all(isinstance(one, str) for one in names):
        raise ConfigurationError(f"{file}: tool.mdkgen.{key} is a list of names, not {names!r}")
    return tuple(dict.fromkeys(names))


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_table(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
