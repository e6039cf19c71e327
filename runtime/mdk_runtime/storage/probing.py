"""Whether a folder that cannot be written is the fault of that folder alone, or of the disk that it is on."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Final

from mdk_runtime.storage.errors import DiskLow

PROBE_NAME: Final = ".probe"
"""In the data folder, for a moment."""
PROBE_BYTES: Final = 8192
"""As a page of a database."""
FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def is_everybodys(error: Exception, data: Path) -> bool:
    """True if nothing can be stored in the data folder, whoever's it is. Waits for the disk."""
    if isinstance(error, DiskLow):
        return True
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return True  # There may be room for a page, and for no more.
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    return not _can_write(data)


def _can_write(data: Path) -> bool:
    path = data / PROBE_NAME
    try:
        with path.open("wb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except OSError:
        return False
    return True
