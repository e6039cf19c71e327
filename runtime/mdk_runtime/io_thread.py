"""The one background thread: an asyncio loop of its own, with an uplink on it."""

from __future__ import annotations

import asyncio
import os
import selectors
import socket
from threading import Thread
from typing import TYPE_CHECKING, Any

from mdk_runtime.errors import ConfigurationError
from mdk_runtime.uplink import end_tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from mdk_runtime.uplink import Uplink

_abandoned: list[object] = []
"""A forked child must not close its parent's loop: it shares the parent's epoll."""


class PatientLoop(asyncio.SelectorEventLoop):
    """A loop that can still look up a host while the interpreter ends, when no thread may be started any more."""

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """As asyncio does, or on this thread."""
        try:
            return await super().getaddrinfo(host, port, **options)
        except RuntimeError:
            return socket.getaddrinfo(host, port, **options)


class IoThread:
    """Runs one uplink until it is stopped; not to be started again.

    Args:
        make: Makes the uplink, on the thread's loop.
        after: One whose uplink has the same endpoint, and may still be saying goodbye: this one begins when it has ended.
    """

    def __init__(self, make: Callable[[asyncio.AbstractEventLoop], Uplink], *, after: IoThread | None = None) -> None:
        self._after = after
        self._selector = selectors.DefaultSelector()
        self._loop = PatientLoop(self._selector)
        try:
            self.uplink = make(self._loop)
        except ConfigurationError:
            self._loop.close()
            raise
        self.thread = Thread(target=self._run, name="mdk-io", daemon=True)

    def start(self) -> None:
        """Begin. Raises RuntimeError if there may be no more threads."""
        try:
            self.thread.start()
        except RuntimeError:
            self._loop.close()
            raise

    def wait(self, timeout_s: float) -> None:
        """Until it has ended."""
        self.thread.join(timeout_s)

    def abandon(self) -> None:
        """In a forked child: let go of the parent's connection without a word.

        Its descriptors now lead nowhere, so that the connection ends when the parent does, and so that
        nobody who still holds one of the parent's objects can touch what the parent uses.
        """
        nowhere = os.open(os.devnull, os.O_RDWR)
        for key in tuple(self._selector.get_map().values()):
            os.dup2(nowhere, key.fd, inheritable=False)
        if isinstance(self._selector, selectors.EpollSelector):
            os.dup2(nowhere, self._selector.fileno(), inheritable=False)
        os.close(nowhere)
        _abandoned.append(self)

    def _run(self) -> None:
        if self._after is not None:
            self._after.thread.join()
            self._after = None
        try:
            self._loop.run_until_complete(self.uplink.start())
        finally:
            self._loop.run_until_complete(end_tasks(asyncio.all_tasks(self._loop)))
            self._loop.close()
