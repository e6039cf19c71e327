"""A tenant's nodes in a file: what a server that starts again knows before anybody has told it.

Beside them, where there are originals, what these may know besides: an original keeps every node until it is expired.
One JSON object a line. A file is replaced as a whole, so a server that is killed at any moment leaves the last
version or the one before. It is a second old at most; whoever is missing registers again when it reconnects.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from mdk_protocol.codec import CODEC
from mdk_protocol.messages import Node
from mdk_runtime.core.server.history import Past, Stand
from mdk_runtime.core.server.tenant import Tenant
from mdk_runtime.storage.layout import NODES_NAME, PAST_NAME, TABLE_NAMES
from mdkspec_runtime.errors import ProtocolRuntimeError

SAVE_EVERY_S = 1.0
"""So long after a change the nodes are saved, whatever changes meanwhile: a registration costs no disk access of its own."""
FILE_BYTES_MAX = 64 * 1024 * 1024
"""More is not read: 20,000 nodes of 3 kB."""

logger = logging.getLogger("mdk.server")


def save(folder: Path, nodes: Iterable[Node], past: Past | None = None) -> None:
    """Write the nodes, and what originals may know; raises OSError. Slow: not for the loop's thread."""
    if past is not None:  # First: what is gone here and a node there is a node.
        _replace(folder / PAST_NAME, _lines_of(past))
    _replace(folder / NODES_NAME, (CODEC.encode_record(node) for node in nodes))


def _lines_of(past: Past) -> Iterator[bytes]:
    for sender in past.originals:
        yield json.dumps({"original": sender}).encode()
    for stand in past.stands:
        about = {"gone": stand.is_gone, "shown": stand.shown, "node": CODEC.encode_record(stand.node).decode()}
        yield json.dumps(about).encode()


def _replace(path: Path, lines: Iterable[bytes]) -> None:
    beside = path.with_name(f".{path.name}")
    with _made(beside) as file:
        for line in lines:
            file.write(line + b"\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _made(path: Path) -> BinaryIO:
    """The file, empty. Its folder may be removed by storage, which has nothing in it, just after it was made."""
    while True:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return path.open("wb")


def forget(folder: Path) -> None:
    """Remove the files, where they say that there is no node. Not while a `Keeper` may write them; raises OSError."""
    nodes = folder / NODES_NAME
    if nodes.exists() and nodes.stat().st_size:
        return
    for name in TABLE_NAMES:
        (folder / name).unlink(missing_ok=True)


def load(folder: Path) -> list[Node]:
    """The nodes that were saved last. What cannot be read is left out, and said."""
    nodes: list[Node] = []
    for line in _lines_in(folder / NODES_NAME):
        try:
            nodes.append(CODEC.decode_record(Node, line))
        except ProtocolRuntimeError as error:
            logger.warning("a line of %s is left out: %s", folder / NODES_NAME, error)
    return nodes


def load_past(folder: Path) -> Past | None:
    """What originals may know, as it was saved last; None if there were none. What cannot be read is left out, and said."""
    path = folder / PAST_NAME
    originals: list[str] = []
    stands: list[Stand] = []
    for line in _lines_in(path):
        try:
            about = json.loads(line)
            if "original" in about:
                originals.append(str(about["original"]))
            else:
                node = CODEC.decode_record(Node, about["node"])
                shown = tuple(str(sender) for sender in about["shown"])
                stands.append(Stand(node, bool(about["gone"]), is_suspect=False, sequence=0, shown=shown))
        except (ValueError, TypeError, KeyError, ProtocolRuntimeError) as error:
            logger.warning("a line of %s is left out: %s", path, error)
    return Past(originals, stands) if originals else None


def _lines_in(path: Path) -> list[bytes]:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            logger.warning("%s is not read: it is larger than %d bytes", path, FILE_BYTES_MAX)
            return []
        return path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        logger.warning("%s cannot be read: %s", path, os.strerror(error.errno or 0))
        return []


class Keeper:
    """Saves a tenant's nodes when they have changed, off the loop's thread, one time after another.

    Args:
        folder: The tenant's.
        tenant: Whose table it is.
    """

    def __init__(self, folder: Path, tenant: Tenant) -> None:
        self._folder = folder
        self._tenant = tenant
        self._loop = asyncio.get_running_loop()
        self._saved = self._version
        self._timer: asyncio.TimerHandle | None = None
        self._saving: asyncio.Task[None] | None = None
        self._failed = False

    @property
    def _version(self) -> tuple[int, int]:
        return self._tenant.registry.version, self._tenant.audience.version

    @property
    def is_settled(self) -> bool:
        """True if the file says what the table says."""
        return self._timer is None and self._saving is None and self._saved == self._version

    def restore(self, *, now: float) -> int:
        """Have the tenant take in what the server knew before; how many nodes."""
        nodes = load(self._folder)
        self._tenant.restore(nodes, load_past(self._folder), now=now)
        return len(nodes)

    def look(self) -> None:
        """Save in a while if the nodes have changed."""
        if self._saved != self._version and self._timer is None and self._saving is None:
            self._timer = self._loop.call_later(SAVE_EVERY_S, self._begin)

    async def close(self) -> None:
        """Save what is not saved yet; no more afterwards."""
        if self._timer is not None:
            self._timer.cancel()
        if self._saving is not None:
            await self._saving
        if self._saved != self._version:
            await self._save()

    def _begin(self) -> None:
        self._timer = None
        self._saving = self._loop.create_task(self._save())

    async def _save(self) -> None:
        version, nodes, past = self._version, self._tenant.registry.records(), self._tenant.audience.past()
        try:
            await asyncio.to_thread(save, self._folder, nodes, past)
            self._failed = False
        except (OSError, ProtocolRuntimeError) as error:
            if not self._failed:
                logger.warning("the nodes of %s cannot be saved; trying again: %s", self._folder.name, error)
            self._failed = True
        finally:
            self._saving = None
        if not self._failed:
            self._saved = version
        self.look()
