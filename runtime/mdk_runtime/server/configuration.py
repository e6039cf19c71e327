"""Reads settings: flag over environment variable over file over default, all named by the fields of `Settings`."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, cast

from mdk_runtime.server.options import (
    FLAG,
    OPTION,
    BadSetting,
    Option,
    Unreadable,
    UnreadableConfiguration,
    default_of,
    did_you_mean,
    reason_of,
)
from mdk_runtime.server.settings import Settings

PREFIX: Final = "MDK_SERVER_"
FILE_VARIABLE: Final = "MDK_SERVER_CONFIG"
CLIENTS_VARIABLE: Final = "MDK_SERVER_URL"
"""Not the server's: where clients connect to."""
FILE_BYTES_MAX: Final = 1 << 20

_OF_KUBERNETES: Final = re.compile(r"MDK_SERVER_(SERVICE_(HOST|PORT(_.*)?)|PORT_[0-9]+_(TCP|UDP|SCTP)(_.*)?)")
"""Set in every container where a service is called `mdk-server`; and see `_is_of_kubernetes`."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Settings, and where each that is no default was found."""

    settings: Settings
    sources: Mapping[str, str]
    """A field's name to `--port`, `MDK_SERVER_PORT` or `FILE:LINE`."""


def options() -> dict[str, Option]:
    """All of them, by the field's name."""
    return {one.name: one.metadata[OPTION] for one in fields(Settings)}


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """A flag for each setting. They are read by `read_configuration`, so that all errors are said in one way."""
    parser.add_argument("--config", metavar="FILE", help=f"settings in TOML (variable {FILE_VARIABLE})")
    parser.add_argument(
        "--print-config", action="store_true", help="print the settings and where they come from, and exit"
    )
    for one in fields(Settings):
        known: Option = one.metadata[OPTION]
        explained = f"{known.help} (default: {_default_shown(one)})".replace("%", "%%")
        if known.kind is FLAG:
            parser.add_argument(_flag(one.name), action=argparse.BooleanOptionalAction, default=None, help=explained)
        else:
            action = "append" if known.kind.is_list else "store"
            parser.add_argument(
                _flag(one.name), action=action, default=None, metavar=known.kind.metavar, help=explained
            )


def read_configuration(arguments: argparse.Namespace, variables: Mapping[str, str]) -> Configuration:
    """What the three say together.

    Raises:
        BadSetting: A name or a value cannot be used.
        UnreadableConfiguration: The file cannot be read.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    path = arguments.config or variables.get(FILE_VARIABLE)
    found = [_of_file(Path(path).expanduser())] if path else []
    for name, value, source in (
        one for each in (*found, _of_variables(variables), _of_flags(arguments)) for one in each
    ):
        values[name] = value
        sources[name] = source
    return Configuration(Settings(**values), sources)


# --- the three sources ----------------------------------------------------------------------------


def _of_file(path: Path) -> Iterator[tuple[str, Any, str]]:
    import tomllib  # Only where there is a file.

    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        if len(content) > FILE_BYTES_MAX:
            raise UnreadableConfiguration(path, f"it is larger than {FILE_BYTES_MAX} bytes")
        text = content.decode()
        parsed = tomllib.loads(text)
    except OSError as error:
        raise UnreadableConfiguration(path, reason_of(error)) from error
    except ValueError as error:  # No TOML, or no UTF-8. Both say where.
        raise UnreadableConfiguration(path, str(error)) from error
    known = options()
    for name, value in parsed.items():
        where = f"{path}:{_line_of(name, text)}"
        if name not in known:
            raise BadSetting(f"{where}: {name}", None, did_you_mean(name, list(known)))
        kind = known[name].kind
        try:
            read = kind.from_toml(value, path.parent)
        except Unreadable as error:
            raise BadSetting(f"{where}: {name}", value, kind.expected) from error
        yield name, read, where


def _line_of(name: str, text: str) -> int:
    """Where a key of the file stands; its reader does not say."""
    key = re.compile(rf"""\s*\[?\[?\s*["']?{re.escape(name)}["']?\s*[.=\]]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if key.match(line)), 1)


def _of_variables(variables: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    known = {_variable(name): name for name in options()}
    for variable, text in sorted(variables.items()):
        if not variable.startswith(PREFIX) or variable in (FILE_VARIABLE, CLIENTS_VARIABLE):
            continue
        if _is_of_kubernetes(variable, text):
            continue
        if variable not in known:
            raise BadSetting(variable, None, did_you_mean(variable, [*known, FILE_VARIABLE]))
        if text:  # An empty one counts as not set, as everywhere in MDK.
            yield known[variable], _from_text(known[variable], text, variable), variable


def _is_of_kubernetes(variable: str, text: str) -> bool:
    """A service called `mdk-server` sets variables of that name in every container beside it."""
    return bool(_OF_KUBERNETES.fullmatch(variable)) or (variable == "MDK_SERVER_PORT" and "://" in text)


def _of_flags(arguments: argparse.Namespace) -> Iterator[tuple[str, Any, str]]:
    for name, known in options().items():
        given = getattr(arguments, name)
        if given is None:
            continue
        if known.kind is FLAG:
            yield name, given, _flag(name) if given else _flag(f"no_{name}")
        elif known.kind.is_list:
            yield name, tuple(value for text in given for value in _from_text(name, text, _flag(name))), _flag(name)
        else:
            yield name, _from_text(name, given, _flag(name)), _flag(name)


def _from_text(name: str, text: str, where: str) -> Any:
    kind = options()[name].kind
    try:
        return kind.from_text(text)
    except Unreadable as error:
        raise BadSetting(where, text, kind.expected) from error


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _variable(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


# --- what is shown --------------------------------------------------------------------------------


def as_toml(configuration: Configuration) -> str:
    """A file that sets what is set, with where it comes from."""
    lines: list[str] = []
    for name in options():
        value = getattr(configuration.settings, name)
        source = configuration.sources.get(name, "default")
        lines.append(f"# {name} =  # not set" if value is None else f"{name} = {_toml(value)}  # {source}")
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        parts = cast("Iterable[object]", value)
        return f"[{', '.join(map(_toml, parts))}]"
    if isinstance(value, Path):
        return _toml(str(value.absolute()))
    # TOML's basic strings are JSON's, but for DEL, and so are numbers and booleans.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def as_table() -> str:
    """The settings as a table in Markdown."""
    rows = ["| flag | variable | default | what |", "|---|---|---|---|"]
    for one in fields(Settings):
        known: Option = one.metadata[OPTION]
        flag = _flag(one.name) if known.kind is not FLAG else f"{_flag(one.name)}`, `{_flag(f'no_{one.name}')}"
        shown = f"{flag} {known.kind.metavar}" if known.kind.metavar else flag
        shown = shown.replace("|", "\\|")
        rows.append(f"| `{shown}` | `{_variable(one.name)}` | {_default_shown(one)} | {known.help} |")
    return "\n".join(rows) + "\n"


def _default_shown(one: Any) -> str:
    known: Option = one.metadata[OPTION]
    if known.default_shown:
        return known.default_shown
    value = default_of(one)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value in (None, ()) else str(value)
