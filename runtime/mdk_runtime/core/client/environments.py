"""Isolated environments, and where each looks when it never had a service."""

from __future__ import annotations

from functools import lru_cache
from typing import NoReturn

from mdk_protocol import messages

DEFAULT_NAME = messages.Environment().name


class Environment:
    """`fallback:name` in MDK_ENVIRONMENT: nodes live in `name`. Not to be changed.

    By hand, because `dataclasses` alone is a tenth of what `import mdk` adds to that of msgspec.
    """

    __slots__ = ("fallback_name", "key", "message", "name")

    name: str
    fallback_name: str | None
    key: str
    """Equal for equal environments, and quick to hash."""
    message: messages.Environment
    """As it travels."""

    def __init__(self, name: str = DEFAULT_NAME, fallback_name: str | None = None) -> None:
        message = messages.Environment(name=name)
        if fallback_name:
            message = messages.Environment(name=name, fallback_name=fallback_name)
        keep = object.__setattr__
        keep(self, "name", name)
        keep(self, "fallback_name", fallback_name)
        keep(self, "key", f"{fallback_name or ''}\0{name}")
        keep(self, "message", message)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an environment cannot be changed: {name} of {self!r}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Environment):
            return NotImplemented
        return (self.name, self.fallback_name) == (other.name, other.fallback_name)

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return f"Environment(name={self.name!r}, fallback_name={self.fallback_name!r})"

    def __reduce__(self) -> tuple[type[Environment], tuple[str, str | None]]:
        return Environment, (self.name, self.fallback_name)

    def __str__(self) -> str:
        return f"{self.fallback_name}:{self.name}" if self.fallback_name else self.name

    @property
    def fallback(self) -> str | None:
        """`fallback_name`."""
        return self.fallback_name

    @property
    def fallbackName(self) -> str | None:  # noqa: N802  # a name of the original
        """`fallback_name`."""
        return self.fallback_name


def parse_environment(text: str) -> Environment:
    """Read `name` or `fallback:name`; nothing means the default. Raises ValueError if a part is missing."""
    if not text:
        return Environment()
    first, colon, second = text.partition(":")
    if not colon:
        return Environment(first)
    if not first or not second or ":" in second:
        raise ValueError(text)
    return Environment(second, first)


def from_message(message: messages.Environment) -> Environment:
    """An environment as it came."""
    return _environment(message.name or DEFAULT_NAME, message.fallback_name or None)


@lru_cache(maxsize=256)
def _environment(name: str, fallback_name: str | None) -> Environment:
    """There are few, and every joined session names one."""
    return Environment(name, fallback_name)
