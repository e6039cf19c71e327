"""The audit log: who did what to which tenant, on disk before it is done."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mdk_runtime.core.server.grants import Grant

FILE_NAME = "audit.jsonl"


class AuditLog:
    """A file to which objects are appended, one a line. It is opened anew for each: it may be rotated away.

    Args:
        folder: The data folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def write(self, act: str, grant: Grant, address: str, **what: Any) -> None:
        """Say what is about to be done; then it may be. Blocks until that is durable.

        Raises:
            OSError: It cannot be written; so it must not be done.
        """
        content = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "act": act,
            "tenant": grant.tenant,
            "who": grant.who,
            "key": grant.key,
            "address": address,
            **what,
        }
        line = json.dumps(content).encode() + b"\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.write(file, line) != len(line):
                raise OSError(None, "only a part could be written")
            os.fsync(file)
        finally:
            os.close(file)
