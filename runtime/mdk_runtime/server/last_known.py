"""A tenant's nodes in a file: what a server that starts again knows before anybody has told it.

One JSON object a line. The file is replaced as a whole, so a server that is killed at any moment leaves the last
version or the one before. It is a second old at most; whoever is missing registers again when it reconnects.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from mdk_protocol.codec import CODEC
from mdk_protocol.messages import Node
from mdk_runtime.core.server.registry import Registry
from mdk_runtime.storage.layout import NODES_NAME, NODES_NAMES
from mdkspec_runtime.errors import ProtocolRuntimeError

SAVE_EVERY_S = 1.0
"""So long after a change the nodes are saved, whatever changes meanwhile: a registration costs no disk access of its own."""
FILE_BYTES_MAX = 64 * 1024 * 1024
"""More is not read: 20,000 nodes of 3 kB."""

logger = logging.getLogger("mdk.server")


def save(folder: Path, nodes: Sequence[Node]) -> None:
    """Write the nodes; raises OSError. Slow: not for the loop's thread."""
    name, name_beside = NODES_NAMES
    beside = folder / name_beside
    with _made(beside) as file:
        for node in nodes:
            file.write(CODEC.encode_record(node) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / name)


def _made(path: Path) -> BinaryIO:
    """The file, empty. Its folder may be removed by storage, which has nothing in it, just after it was made."""
    while True:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return path.open("wb")


def forget(folder: Path) -> None:
    """Remove the file, where it says that there is nobody. Not while a `Keeper` may write it; raises OSError."""
    path = folder / NODES_NAME
    if path.exists() and not path.stat().st_size:
        path.unlink()
    (folder / NODES_NAMES[1]).unlink(missing_ok=True)  # Of a process that died while it wrote.


def load(folder: Path) -> list[Node]:
    """The nodes that were saved last. What cannot be read is left out, and said."""
    path = folder / NODES_NAME
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            logger.warning("%s is not read: it is larger than %d bytes", path, FILE_BYTES_MAX)
            return []
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        logger.warning("%s cannot be read: %s", path, os.strerror(error.errno or 0))
        return []
    nodes: list[Node] = []
    for line in lines:
        try:
            nodes.append(CODEC.decode_record(Node, line))
        except ProtocolRuntimeError as error:
            logger.warning("a line of %s is left out: %s", path, error)
    return nodes


class Keeper:
    """Saves a tenant's nodes when they have changed, off the loop's thread, one time after another.

    Args:
        folder: The tenant's.
        registry: Its nodes.
    """

    def __init__(self, folder: Path, registry: Registry) -> None:
        self._folder = folder
        self._registry = registry
        self._loop = asyncio.get_running_loop()
        self._saved_version = 0
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Task[None] | None = None
        self._failed = False

    @property
    def is_settled(self) -> bool:
        """True if the file says what the table says."""
        return self._timer is None and self._saving is None and self._saved_version == self._registry.version

    def load(self) -> list[Node]:
        """What the server knew before."""
        return load(self._folder)

    def look(self) -> None:
        """Save in a while if the nodes have changed."""
        if self._saved_version != self._registry.version and self._timer is None and self._saving is None:
            self._timer = self._loop.call_later(SAVE_EVERY_S, self._begin)

    async def close(self) -> None:
        """Save what is not saved yet; no more afterwards."""
        if self._timer is not None:
            self._timer.cancel()
        if self._saving is not None:
            await self._saving
        if self._saved_version != self._registry.version:
            await self._save()

    def _begin(self) -> None:
        self._timer = None
        self._saving = self._loop.create_task(self._save())

    async def _save(self) -> None:
        version, nodes = self._registry.version, self._registry.records()
        try:
            await asyncio.to_thread(save, self._folder, nodes)
            self._failed = False
        except (OSError, ProtocolRuntimeError) as error:
            if not self._failed:
                logger.warning("the nodes of %s cannot be saved; trying again: %s", self._folder.name, error)
            self._failed = True
        finally:
            self._saving = None
        if not self._failed:
            self._saved_version = version
        self.look()
