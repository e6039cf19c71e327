"""What can go wrong in storage."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from mdk_runtime.errors import MDKError, shown


class StorageError(MDKError):
    """Anything that storage raises on purpose."""


class Unfit(StorageError):
    """Something that storage was given is not as it has to be."""

    def __init__(self, what: str, value: object, expected: str) -> None:
        self.what = what
        self.value = value
        self.expected = expected
        super().__init__(what, value, expected)

    def __str__(self) -> str:
        return f"{self.what} is {shown(self.value)}; expected {self.expected}"


class Unstorable(Unfit):
    """A message can never be stored: it is acknowledged, counted and named, and that is all."""


class BadQuery(Unfit):
    """A query cannot be asked like this; its caller must change it."""


class UnknownSchema(StorageError):
    """A file was written by a program that is newer than this one, or by another one; or it is old."""

    def __init__(self, path: Path, version: int, newest: int) -> None:
        self.path = path
        self.version = version
        self.newest = newest
        super().__init__(path, version, newest)

    @property
    def is_old(self) -> bool:
        """True if the writer will bring it up to date."""
        return 0 < self.version < self.newest

    def __str__(self) -> str:
        if self.is_old:
            return f"{self.path} has schema version {self.version}, and is not brought up to version {self.newest} yet"
        return f"{self.path} has schema version {self.version}; this program knows versions up to {self.newest}"


UNREADABLE: Final = (UnknownSchema, sqlite3.Error)
"""What a file can be that is damaged, or of another version: for the operator to put right."""


class DiskLow(StorageError):
    """There is too little room on the disk to go on safely."""

    def __init__(self, folder: Path, free_bytes: int, free_bytes_min: int) -> None:
        self.folder = folder
        self.free_bytes = free_bytes
        self.free_bytes_min = free_bytes_min
        super().__init__(folder, free_bytes, free_bytes_min)

    def __str__(self) -> str:
        return (
            f"{self.free_bytes} bytes are free on the disk of {self.folder}, and {self.free_bytes_min} must stay so; "
            "make room, or lower what is stored"
        )


class QueryTooSlow(StorageError):
    """A query was stopped; one that asks for less may work."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(seconds)

    def __str__(self) -> str:
        return f"the query was stopped after {self.seconds:.1f} s; ask for a shorter time or fewer rows"


class TooManyQueries(StorageError):
    """So many queries wait that one more is refused; try again later."""

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting
        super().__init__(waiting)

    def __str__(self) -> str:
        return f"{self.waiting} queries are waiting already; try again later"


class BackupRefused(StorageError):
    """A backup cannot be made like this."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        self.reason = reason
        super().__init__(folder, reason)

    def __str__(self) -> str:
        return f"no backup was made of or to {self.folder}: {self.reason}"


class NoSuchTenant(StorageError):
    """Nothing was ever stored for a tenant."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(folder)

    def __str__(self) -> str:
        return f"nothing is stored in {self.folder}"
