"""What the applications share."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

import mdk
from mdk.logging import MDKHandler

PIECES = 3
PIECE_EVERY_S = 0.01
TIMEOUT_S = 10.0

leftovers: list[str] = []
log = logging.getLogger("application")


def log_to(m: mdk.MDK) -> None:
    """Standard logging goes to the MDK, in whatever session is current."""
    log.setLevel(logging.INFO)
    log.addHandler(MDKHandler(m))


def trace() -> str:
    """The current session's."""
    session = mdk.current_session()
    assert session is not None
    return session.trace_id


def use() -> None:
    """Resolve the one service that there is."""
    session = mdk.current_session()
    assert session is not None
    session.resolve("downstream", "1.0")


def shown() -> dict[str, Any]:
    """What /show answers."""
    session = mdk.current_session()
    assert session is not None
    return {"trace": session.trace_id, "remaining": session.get_remaining_time()}


def pieces() -> Iterator[str]:
    """Of /streams."""
    for _ in range(PIECES):
        yield f"{trace()}\n"


def broken_pieces() -> Iterator[str]:
    """Of /breaks."""
    yield "one\n"
    raise ValueError("in the stream")


def endless_pieces() -> Iterator[str]:
    """Of /endless."""
    while True:
        time.sleep(PIECE_EVERY_S)
        yield "more\n" * 1000


class WatchedWSGI:
    """Sees requests that begin with a session of one before."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Look, and pass on."""
        if mdk.current_session() is not None:
            leftovers.append(environ["PATH_INFO"])
        return self._app(environ, start_response)


class WatchedASGI:
    """As `WatchedWSGI`."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """Look, and pass on."""
        if mdk.current_session() is not None:
            leftovers.append(scope.get("path", scope["type"]))
        await self._app(scope, receive, send)
