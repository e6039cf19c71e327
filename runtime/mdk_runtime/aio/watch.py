"""A service's changes, as an asynchronous iterator."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from mdk_runtime.watch import BaseWatch, Change

if TYPE_CHECKING:
    from mdk_runtime.core.client.core import ClientCore


class Watch(BaseWatch):
    """A service's changes: iterating waits until the next, and ends when the watch is closed or the MDK stopped."""

    def __init__(self, core: ClientCore, service: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._woken.set()
        super().__init__(core, service, self._wake)

    async def next(self, timeout: float | None = None) -> Change | None:  # noqa: ASYNC109  # as the blocking one
        """The next change; None if there was none in so many seconds, if the watch is closed, or the MDK stopped."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not self._changes and not self._is_over:
                    await self._woken.wait()
                    self._woken.clear()
                    self._look()
        return self._changes.popleft() if self._changes else None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change:
        change = await self.next()
        if change is None:
            raise StopAsyncIteration
        return change

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # The loop has ended, and with it whoever waited.
            self._loop.call_soon_threadsafe(self._woken.set)
