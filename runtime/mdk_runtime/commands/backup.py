"""`mdk backup`."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from mdk_runtime.commands.statuses import FINE
from mdk_runtime.server.errors import BackupFailed
from mdk_runtime.server.settings import default_data_folder


def add(commands: Any) -> None:
    """Add it to the parser."""
    backup = commands.add_parser("backup", help="copy all that a server has stored, also while it runs")
    backup.add_argument("destination", type=Path, metavar="FOLDER", help="a data folder that does not exist yet")
    backup.add_argument(
        "--data", type=Path, default=None, metavar="PATH", help="the server's data folder (default: as of the server)"
    )
    backup.add_argument("--json", action="store_true", help="say as JSON what was copied")
    backup.set_defaults(run=_backup)


def _backup(arguments: argparse.Namespace) -> int:
    import sqlite3

    from mdk_runtime.storage.backup import back_up

    named = os.environ.get("MDK_SERVER_DATA")
    data = arguments.data or (Path(named) if named else default_data_folder(os.environ))
    try:
        tenants = back_up(data, arguments.destination)
    except (OSError, sqlite3.Error) as error:
        raise BackupFailed(arguments.destination, str(error)) from error
    if arguments.json:
        print(json.dumps({one.tenant: {"segments": one.segments, "bytes": one.size_bytes} for one in tenants}))
        return FINE
    for one in tenants:
        links = f", {one.linked} of them as links" if one.linked else ""
        print(f"{one.tenant}: {one.segments} files, {one.size_bytes} bytes{links}")
    print(f"{arguments.destination} is a data folder: mdk server --data {arguments.destination}")
    return FINE
