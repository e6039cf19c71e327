"""A connected MDK for one command."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mdk_runtime.errors import MDKError

if TYPE_CHECKING:
    from mdk_runtime.client import MDK

CONNECT_WITHIN_S = 5.0
POLL_S = 0.02


class NotConnected(MDKError):
    """The server cannot be reached."""

    def __init__(self, url: str | None, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(url, reason)

    def __str__(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        return f"not connected to {self.url or 'any server'} within {CONNECT_WITHIN_S:g} s{reason}; see MDK_SERVER_URL"


@contextmanager
def connected(*, needs_server: bool = False) -> Generator[MDK]:
    """A started MDK that has its server, or its other source of nodes. Raises NotConnected."""
    from mdk_runtime.client import start

    mdk = start()
    try:
        end = time.monotonic() + CONNECT_WITHIN_S
        if needs_server and mdk.config.server_url is None:
            raise NotConnected(None, "MDK_DISCOVERY_SOURCE names none")
        while mdk.config.server_url is not None and not mdk.connected:
            if time.monotonic() > end or mdk.connection_failure.startswith("HTTP "):
                raise NotConnected(mdk.server_url, mdk.connection_failure)
            time.sleep(POLL_S)
        yield mdk
    finally:
        mdk.stop()
