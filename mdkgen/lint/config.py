"""Which lint rules hold: `[tool.mdkgen.lint]` of the pyproject.toml above the spec folder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from mdkgen.rules import all_rules

CATEGORIES = ("minimal", "standard", "docs", "strict")
ALWAYS = ("MDK5001", "MDK5002")


class ConfigError(Exception):
    """The configuration says something that cannot be."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(f"{path}: [tool.mdkgen.lint] {message}")


@dataclass(frozen=True, slots=True)
class Config:
    """Categories and single rules; `minimal` is part of `standard`."""

    categories: frozenset[str] = frozenset(("minimal", "standard"))
    enable: frozenset[str] = frozenset()
    disable: frozenset[str] = frozenset()

    def enables(self, code: str) -> bool:
        """Whether a rule holds."""
        if code in ALWAYS or code in self.enable:
            return True
        return all_rules()[code].category in self.categories and code not in self.disable


EVERYTHING = Config(frozenset(CATEGORIES))


def config_of(values: Mapping[str, Any], path: str) -> Config:
    """The configuration of a table; ConfigError if it names what does not exist."""
    unknown = set(values) - {"categories", "enable", "disable"}
    if unknown:
        raise ConfigError(path, f"does not know {', '.join(sorted(unknown))}; it knows categories, enable, disable")
    for key, value in values.items():
        if not _are_strings(value):
            raise ConfigError(path, f"wants a list of strings for {key}")
    chosen = set(values.get("categories", ["standard"]))
    if chosen - set(CATEGORIES):
        wrong = ", ".join(sorted(chosen - set(CATEGORIES)))
        raise ConfigError(path, f"does not know the category {wrong}; there are {', '.join(CATEGORIES)}")
    codes = {*values.get("enable", []), *values.get("disable", [])}
    lintable = {code for code, one in all_rules().items() if one.category in CATEGORIES}
    if codes - lintable:
        raise ConfigError(path, f"names {', '.join(sorted(codes - lintable))}, which is no lint rule")
    if "standard" in chosen:
        chosen.add("minimal")
    return Config(frozenset(chosen), frozenset(values.get("enable", [])), frozenset(values.get("disable", [])))


def config_for(folder: Path) -> Config:
    """The configuration of the nearest pyproject.toml at or above a folder that has the table."""
    for parent in (folder.resolve(), *folder.resolve().parents):
        path = parent / "pyproject.toml"
        if not path.is_file():
            continue
        try:
            table: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError("pyproject.toml", f"cannot be read: {error}") from error
        values = _inside(table, ("tool", "mdkgen", "lint"))
        if values is not None:
            return config_of(values, "pyproject.toml")
    return Config()


def _inside(table: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any] | None:
    for key in path:
        inner: Any = table.get(key)
        if not isinstance(inner, dict):
            return None
        table = cast("dict[str, Any]", inner)
    return table


def _are_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in _items(value))


def _items(value: Any) -> Any:
    """What pyright knows nothing of, as what it does not ask about."""
    return value
