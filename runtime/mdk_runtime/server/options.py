"""What a setting can be: how it is read from text and from TOML, and what is said when it cannot be."""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from mdk_runtime.errors import MDKError, shown

OPTION: Final = "mdk_option"
"""Where an option stands in a field's metadata."""
UNITS: Final = {"": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
DURATIONS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Unreadable(ValueError):
    """A value that a kind does not take. The kind says what it expects."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the values of a setting are.

    Args:
        expected: What is said where a value is none of these.
        metavar: In `--help`.
        from_text: Reads an environment variable or an argument; raises Unreadable.
        from_toml: Reads a value of a file and the folder of that file; raises Unreadable.
        is_list: Whether a flag may be given several times.
    """

    expected: str
    metavar: str
    from_text: Callable[[str], Any]
    from_toml: Callable[[Any, Path], Any]
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """A setting: `http_port` in a file, `--http-port` as a flag, MDK_SERVER_HTTP_PORT as a variable."""

    kind: Kind
    help: str
    default_shown: str
    """The default, where it is not a plain value."""


def option(default: Any, kind: Kind, help: str, *, shown: str = "") -> Any:  # noqa: A002  # argparse's name
    """A field of `Settings`. A default that is a function is asked when no value is given."""
    metadata = {OPTION: Option(kind, help, shown)}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def default_of(one: Any) -> Any:
    """The default of a dataclass's field."""
    return one.default if one.default is not MISSING else one.default_factory()


# --- the kinds ------------------------------------------------------------------------------------


def _of(types: type | tuple[type, ...]) -> Callable[[Any, Path], Any]:
    """Takes a file's value as it is."""

    def read(value: Any, _: Path) -> Any:
        if not isinstance(value, types) or (isinstance(value, bool) and types is not bool):
            raise Unreadable
        return value

    return read


def _host(text: str) -> str:
    """An address or a name, without a scheme and without a port."""
    if not re.fullmatch(r"[^\s/]+", text):
        raise Unreadable
    return text


def _name(text: str) -> str:
    if ":" in text:
        raise Unreadable
    return _host(text)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise Unreadable from error


def _flag(text: str) -> bool:
    values = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if text.lower() not in values:
        raise Unreadable
    return values[text.lower()]


def _whole(low: int, high: int) -> tuple[Callable[[str], int], Callable[[Any, Path], int]]:
    def check(number: int) -> int:
        if not low <= number <= high:
            raise Unreadable
        return number

    def from_text(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise Unreadable
        return check(int(text))

    def from_toml(value: Any, folder: Path) -> int:
        return check(_of(int)(value, folder))

    return from_text, from_toml


def scaled(text: str, units: Mapping[str, float], *, whole: bool = False) -> float:
    """A number with a unit; raises Unreadable."""
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([A-Za-z]*)", text.strip())
    unit = units.get(found[2].lower()) if found is not None else None
    if found is None or unit is None:
        raise Unreadable
    value = float(found[1]) * unit
    if whole and value != int(value):
        raise Unreadable
    return int(value) if whole else value


def byte_count(low: int = 0, shown: str = "") -> Kind:
    """A number of bytes, not less than `low`."""

    def check(number: float) -> int:
        if not low <= number <= 1 << 60:
            raise Unreadable
        return int(number)

    def from_text(text: str) -> int:
        return check(scaled(text, UNITS, whole=True))

    def from_toml(value: Any, folder: Path) -> int:
        return from_text(value) if isinstance(value, str) else check(_of(int)(value, folder))

    return Kind(f"a number of bytes such as 65536, 512KiB or 2GiB{shown}", "BYTES", from_text, from_toml)


def _duration(expected: str, *, may_be_0: bool) -> Kind:
    """A number of seconds, or a text with a unit."""

    def check(seconds: float) -> float:
        if not 0 <= seconds < float("inf") or (seconds == 0 and not may_be_0):
            raise Unreadable
        return seconds

    def from_text(text: str) -> float:
        return check(scaled(text, DURATIONS))

    def from_toml(value: Any, folder: Path) -> float:
        return from_text(value) if isinstance(value, str) else check(float(_of((int, float))(value, folder)))

    return Kind(f"seconds, {expected}, such as 2, 0.5, 15m, 12h or 30d", "SECONDS", from_text, from_toml)


def _path(text: str) -> Path:
    if not text or "\0" in text:
        raise Unreadable
    return Path(text).expanduser()


def _path_beside(value: Any, folder: Path) -> Path:
    """A file's paths are seen from its own folder."""
    return folder / _path(_of(str)(value, folder))


def _list(one: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """A list is not empty: `--key "$KEYS"` shall not mean a server without keys where there is no such variable."""

    def read(text: str) -> tuple[Any, ...]:
        found = tuple(one(part.strip()) for part in text.split(",") if part.strip())
        if not found:
            raise Unreadable
        return found

    return read


def _list_in_file(one: Callable[[Any, Path], Any]) -> Callable[[Any, Path], tuple[Any, ...]]:
    def read(value: Any, folder: Path) -> tuple[Any, ...]:
        values = cast("Sequence[object]", value if isinstance(value, list) else [value])
        return tuple(one(part, folder) for part in values)

    return read


def choice(*words: str) -> Kind:
    """One of these words."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise Unreadable
        return text.lower()

    return Kind(f"one of {', '.join(words)}", "|".join(words), read, lambda value, _: read(_of(str)(value, Path())))


def _texts(expected: str, metavar: str, read: Callable[[str], str]) -> Kind:
    """Texts, each read by itself."""
    in_file = _list_in_file(lambda value, folder: read(_of(str)(value, folder)))
    return Kind(f"{expected}, with commas between", metavar, _list(read), in_file, is_list=True)


HOST: Final = Kind(
    "an address or the name of a host", "HOST", _host, lambda value, folder: _host(_of(str)(value, folder))
)
FLAG: Final = Kind("true or false", "", _flag, _of(bool))
PORT: Final = Kind("a number from 0 to 65535", "PORT", *_whole(0, 65535))
COUNT: Final = Kind("a whole number, 0 or more", "N", *_whole(0, 10**12))
AT_LEAST_ONE: Final = Kind("a whole number, 1 or more", "N", *_whole(1, 10**12))
BYTES: Final = byte_count()
SECONDS: Final = _duration("0 or more", may_be_0=True)
SECONDS_ABOVE_0: Final = _duration("more than 0", may_be_0=False)
PATH: Final = Kind("a path", "PATH", _path, _path_beside)
PATHS: Final = Kind("paths, with commas between", "PATH", _list(_path), _list_in_file(_path_beside), is_list=True)
HOSTS: Final = _texts("names of hosts without a scheme or a port", "HOST", _name)
NETWORKS: Final = _texts("addresses or networks such as 10.0.0.1, 10.0.0.0/8 or fd00::/8", "ADDRESS", _network)


# --- what is said ---------------------------------------------------------------------------------


class BadSetting(MDKError):
    """A setting that is unknown, or whose value cannot be used.

    Args:
        where: `--port`, `MDK_SERVER_PORT`, or `FILE:LINE: port`.
        value: What stands there; None if the setting itself is unknown.
        expected: What would be right.
    """

    def __init__(self, where: str, value: object | None, expected: str) -> None:
        self.where = where
        self.value = value
        self.expected = expected
        super().__init__(where, value, expected)

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.where} is no setting of the server; {self.expected}"
        return f"{self.where} is {shown(self.value)}; expected {self.expected}"


class UnreadableConfiguration(MDKError):
    """The configuration file cannot be read, or is no TOML."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(path, reason)

    def __str__(self) -> str:
        return f"the configuration {self.path} cannot be read: {self.reason}"


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """A hint for a name that is not known."""
    from difflib import get_close_matches  # Only where something is wrong.

    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def reason_of(error: OSError) -> str:
    """What the system says, without the path, which the caller names."""
    if error.errno is None or error.errno <= 0:  # Of names that cannot be looked up it is no number of the system's.
        return error.strerror or str(error)
    return os.strerror(error.errno)


def is_about_host(error: Exception) -> bool:
    """True if an address cannot be listened on because it is none, or another machine's, whatever the port."""
    return isinstance(error, socket.gaierror) or (isinstance(error, OSError) and error.errno == errno.EADDRNOTAVAIL)
