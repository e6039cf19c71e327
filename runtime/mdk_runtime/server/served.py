"""A tenant on the loop: when it works, and when its nodes are saved."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from pathlib import Path

from mdk_runtime.core.server.tenant import Tenant
from mdk_runtime.server.figures import Figures
from mdk_runtime.server.last_known import Keeper
from mdkspec_runtime.links.timer import Timer


def phase_of(name: str) -> float:
    """Where in a minute a tenant has its turn, from 0 to 1: were it the same for all, their questions would leave no room."""
    return zlib.crc32(name.encode()) / 2**32


class Served:
    """A tenant, with what the loop does for it.

    Args:
        name: The tenant's.
        tenant: It wakes the loop from now on.
        folder: Where what it stores is.
        figures: What storage says of it.
        work: Called on the loop when something is due, or the tenant has been woken; it calls `look` in the end.
    """

    def __init__(
        self, name: str, tenant: Tenant, folder: Path, figures: Figures, work: Callable[[Served], object]
    ) -> None:
        self.name = name
        self.tenant = tenant
        self.folder = folder
        self.figures = figures
        self.keeper = Keeper(folder, tenant)
        self.minute_at = float("inf")
        """When its next minute is kept for the console. The owner's."""
        self.is_ending = False
        self._loop = asyncio.get_running_loop()
        self._work = work
        self._soon: asyncio.Handle | None = None
        self._timer = Timer(self._loop)
        tenant.wake = self._woken

    def look(self) -> None:
        """Look again when the tenant's deadline comes, and have its nodes saved if they have changed."""
        if not self.is_ending:
            self.keeper.look()
        self._timer.move(self.tenant.deadline, self._run)

    def end_if_idle(self) -> bool:
        """True if nothing of the tenant is needed any more; then it wants nothing of the loop either."""
        if not (self.tenant.is_idle and self.keeper.is_settled):
            return False
        self.tenant.has_ended = True
        self.tenant.wake = None
        self._timer.stop()
        if self._soon is not None:
            self._soon.cancel()
        return True

    def _woken(self) -> None:
        if self._soon is None:
            self._soon = self._loop.call_soon(self._run_soon)

    def _run_soon(self) -> None:
        self._soon = None
        self._run()

    def _run(self) -> None:
        self._work(self)
