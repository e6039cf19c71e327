"""Enums that keep what they do not know."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class OpenEnum(StrEnum):
    """A string enum that takes any string: one that is not on its list becomes a member without a name.

    Such a member equals its string and is written as it came. It is not remembered, so peers cannot fill memory.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = ""
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """True if the specification lists the value."""
        return self._name_ != ""
