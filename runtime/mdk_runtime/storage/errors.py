"""What can go wrong in storage."""

from __future__ import annotations

from pathlib import Path

from mdk_runtime.errors import MDKError


class Unstorable(MDKError):
    """A message can never be stored: it is acknowledged, counted and named, and that is all."""

    def __init__(self, what: str, value: object, expected: str) -> None:
        self.what = what
        self.value = value
        self.expected = expected
        super().__init__(what, value, expected)

    def __str__(self) -> str:
        shown = repr(self.value)
        return f"{self.what} is {shown if len(shown) <= 80 else shown[:77] + '...'}; expected {self.expected}"


class UnknownSchema(MDKError):
    """A file was written by a program that is newer than this one, or by another one."""

    def __init__(self, path: Path, version: int, newest: int) -> None:
        self.path = path
        self.version = version
        self.newest = newest
        super().__init__(path, version, newest)

    def __str__(self) -> str:
        return f"{self.path} has schema version {self.version}; this program knows versions up to {self.newest}"
