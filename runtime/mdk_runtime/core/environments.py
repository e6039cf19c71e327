"""Isolated environments, and where each looks when it never had a service."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from mdk_protocol import messages

DEFAULT_NAME = messages.Environment().name


@dataclass(frozen=True, slots=True)
class Environment:
    """`fallback:name` in MDK_ENVIRONMENT: nodes live in `name`."""

    name: str = DEFAULT_NAME
    fallback_name: str | None = None
    key: str = field(init=False, repr=False, compare=False)
    """Equal for equal environments, and quick to hash."""
    message: messages.Environment = field(init=False, repr=False, compare=False)
    """As it travels."""

    def __post_init__(self) -> None:
        message = messages.Environment(name=self.name)
        if self.fallback_name:
            message = messages.Environment(name=self.name, fallback_name=self.fallback_name)
        object.__setattr__(self, "key", f"{self.fallback_name or ''}\0{self.name}")
        object.__setattr__(self, "message", message)

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
