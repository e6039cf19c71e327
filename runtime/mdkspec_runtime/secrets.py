"""What the specification marks `@sensitive` is in no text that is made for people: `repr`, logs, tracebacks of rich."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct


class _Hidden:
    def __repr__(self) -> str:
        return "<sensitive>"


HIDDEN = _Hidden()
"""What is shown in place of a secret."""


def shown_fields(struct: Struct, *secrets: str) -> list[tuple[str, Any]]:
    """Names and values of the fields, each secret that there is hidden: that one is absent, or null, is none."""
    fields = [(name, getattr(struct, name)) for name in struct.__struct_fields__]
    return [(name, HIDDEN if name in secrets and _is_given(value) else value) for name, value in fields]


def shown(struct: Struct, *secrets: str) -> str:
    """The text of a struct, as msgspec makes it, without its secrets."""
    fields = ", ".join(f"{name}={value!r}" for name, value in shown_fields(struct, *secrets))
    return f"{type(struct).__name__}({fields})"


def _is_given(value: object) -> bool:
    return value is not None and value is not UNSET
