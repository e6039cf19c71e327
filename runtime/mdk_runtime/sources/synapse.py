"""A folder of SERVICE.json files, each a list of {"host", "port"}: AirBnB's Synapse writes them.

Nodes have version 1.0, the address `host:port`, and the MDK's own environment. A file that cannot be read changes
nothing; one that is deleted empties its service.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from mdk_protocol import messages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mdk_runtime.core.client.environments import Environment

POLL_EVERY_S = 1.0
FILE_BYTES_MAX = 4 * 1024 * 1024
VERSION = "1.0"

_log = logging.getLogger("mdk.synapse")


class NodeTaker(Protocol):
    """What is filled."""

    environment: Environment

    def replace_nodes(self, service: str, nodes: Iterable[messages.Node]) -> None:
        """These nodes and no others offer the service."""
        ...


class SynapseFolder:
    """What a folder said when it was last looked at."""

    def __init__(self, path: str, taker: NodeTaker) -> None:
        self._path = Path(path)
        self._taker = taker
        self._stamps: dict[str, tuple[int, int, int]] = {}
        """Service to its file's modification time, size and inode."""
        self._complained = False

    def look(self) -> None:
        """Take over what has changed."""
        try:
            files = {file.stem: file for file in self._path.iterdir() if file.suffix == ".json"}
        except OSError as error:
            if not self._complained:
                _log.warning("the folder %s cannot be read: %s", self._path, error)
            self._complained = True
            return
        self._complained = False
        for service in sorted(self._stamps.keys() - files.keys()):
            del self._stamps[service]
            self._taker.replace_nodes(service, ())
        for service, file in sorted(files.items()):
            self._look_at(service, file)

    def _look_at(self, service: str, file: Path) -> None:
        try:
            status = file.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if self._stamps.get(service) == stamp:
                return
            self._stamps[service] = stamp  # One that is bad is read, and complained about, once.
            if status.st_size > FILE_BYTES_MAX:
                raise ValueError(f"{status.st_size} bytes, more than {FILE_BYTES_MAX}")
            nodes = read_nodes(service, file.read_text(), self._taker.environment)
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be used, what it said before stays: %s", file, error)
            return
        self._taker.replace_nodes(service, nodes)


def read_nodes(service: str, text: str, environment: Environment) -> list[messages.Node]:
    """The nodes of one file. Raises ValueError if it is anything but a list of {"host", "port"}."""
    items: object = json.loads(text)
    if not isinstance(items, list):
        raise ValueError('expected a list of {"host": ..., "port": ...}')
    return [_node(service, item, environment) for item in cast("list[object]", items)]


def _node(service: str, item: object, environment: Environment) -> messages.Node:
    values = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
    host, port = values.get("host"), values.get("port")
    if not isinstance(host, str) or not host or not isinstance(port, int):
        raise ValueError(f'expected {{"host": ..., "port": ...}}, found {json.dumps(item)[:80]}')
    address = f"{host}:{port}"
    return messages.Node(
        id=f"synapse:{address}", service=service, version=VERSION, address=address, environment=environment.message
    )


async def watch_folder(path: str, taker: NodeTaker) -> None:
    """Look at a folder again and again, until cancelled."""
    import asyncio

    folder = SynapseFolder(path, taker)
    while True:
        folder.look()
        await asyncio.sleep(POLL_EVERY_S)
