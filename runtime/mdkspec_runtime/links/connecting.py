"""The connecting end of a link: an endpoint is connected, and connected again."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl as ssl_module
from collections.abc import Callable, Mapping

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidProxy, InvalidStatus, InvalidURI

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.links.limits import CLOSE_WITHIN_S, FRAME_SLACK, PING_EVERY_S
from mdkspec_runtime.links.pump import Pump, Turn

_log = logging.getLogger("mdkspec.link")

REFUSALS = (401, 403)
"""What no retry mends: a token that is missing, wrong or too old."""
REFUSAL_BYTES_MAX = 1000


class ClientLink:
    """Keeps an endpoint of the connecting role connected.

    Args:
        endpoint: Its `connect_at` says when to connect.
        url: `ws://` or `wss://`; a callable is asked anew for every attempt.
        ssl: For `wss://`; None verifies against the system's certificates.
        headers: Sent with the handshake.
        open_timeout_s: As long as one attempt may take.
        ping_every_s: See PING_EVERY_S.
        logger: Told of lost connections and failed attempts.
        observe: Called with `sent` or `received` and every frame.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        url: str | Callable[[], str],
        *,
        ssl: ssl_module.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
        open_timeout_s: float = 10.0,
        ping_every_s: float = PING_EVERY_S,
        logger: logging.Logger = _log,
        observe: Callable[[str, str | bytes], None] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._url = url if callable(url) else lambda: url
        self._ssl = ssl
        self._headers = dict(headers or {})
        self._open_timeout_s = open_timeout_s
        self._ping_every_s = ping_every_s
        self._log = logger
        self._observe = observe
        self._woken = asyncio.Event()
        self._websocket: ClientConnection | None = None
        self.failure = ""
        """Why the last attempt failed; empty if it did not."""

    @property
    def descriptor(self) -> int | None:
        """The open connection's, for a forked child that has to let go of it."""
        if self._websocket is None:
            return None
        number: int = self._websocket.transport.get_extra_info("socket").fileno()
        return number if number >= 0 else None

    async def run(self) -> None:
        """Until the endpoint is stopped and its connection closed. The loop's clock is the endpoint's."""
        loop, endpoint = asyncio.get_running_loop(), self._endpoint
        endpoint.start(now=loop.time())
        try:
            while (at := endpoint.connect_at) is not None:
                if at > loop.time():
                    await self._wait_until(at)
                    continue
                await self._connect_once()
        finally:
            endpoint.wake = None

    async def _wait_until(self, at: float) -> None:
        """Until a time, the endpoint's deadline, or a wake-up; runs what is due."""
        loop, endpoint = asyncio.get_running_loop(), self._endpoint
        self._woken.clear()
        endpoint.wake = self._woken.set
        deadline = endpoint.deadline
        try:
            async with asyncio.timeout_at(at if deadline is None else min(at, deadline)):
                await self._woken.wait()
        except TimeoutError:
            pass
        try:
            endpoint.tick(now=loop.time())
        except Exception:
            self._log.exception("the application failed on an event")

    async def _connect_once(self) -> None:
        url = self._url()
        try:
            websocket = await self._opened(url)
        except InvalidURI as error:
            raise ValueError(f"{shown_url(url)!r} is no WebSocket address; expected ws://host:port/path") from error
        except (OSError, TimeoutError, InvalidHandshake, InvalidMessage, InvalidProxy, ImportError, EOFError) as error:
            # ImportError: the environment names a SOCKS proxy, and what the library needs for that is not installed.
            self._failed(url, error)
            return
        self.failure = ""
        if self._endpoint.connect_at is None:  # Stopped meanwhile.
            await websocket.close()
            return
        self._websocket = websocket
        try:
            await Pump(self._endpoint, websocket, Turn(), self._log, self._observe).run()
        finally:
            self._websocket = None

    async def _opened(self, url: str) -> ClientConnection:
        async with asyncio.timeout(self._open_timeout_s):
            return await connect(
                url,
                ssl=(self._ssl or True) if url.startswith("wss:") else None,
                additional_headers=self._headers,
                compression=None,
                max_size=self._endpoint.role.codec.message_bytes_max * FRAME_SLACK,
                open_timeout=None,
                ping_interval=self._ping_every_s or None,
                ping_timeout=self._ping_every_s or None,
                close_timeout=CLOSE_WITHIN_S,
                user_agent_header=None,
            )

    def _failed(self, url: str, error: Exception) -> None:
        loop, endpoint = asyncio.get_running_loop(), self._endpoint
        endpoint.connect_failed(now=loop.time())
        wait_s = max(0.0, (endpoint.connect_at or 0.0) - loop.time())
        before, self.failure = self.failure, _reason(error)
        refused = isinstance(error, InvalidStatus) and error.response.status_code in REFUSALS
        # Somebody has to do something about a refusal, so it is said loudly; but once.
        level = logging.ERROR if refused and self.failure != before else logging.INFO
        self._log.log(level, "cannot connect to %s: %s; next try in %.1f s", shown_url(url), self.failure, wait_s)


def _reason(error: Exception) -> str:
    """What a person can act on: of a refusal, the status and what the server says to it."""
    if not isinstance(error, InvalidStatus):
        return str(error) or type(error).__name__
    status = error.response.status_code
    said = (error.response.body or b"")[:REFUSAL_BYTES_MAX].decode(errors="replace")
    try:
        answer = json.loads(said)
        said = ", ".join(str(answer[name]) for name in ("error", "detail") if answer.get(name))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        said = " ".join(said.split())
    return f"HTTP {status}: {said}" if said else f"HTTP {status}"


def shown_url(url: str) -> str:
    """A URL as it may stand in a log: without its query, which may hold a token."""
    return url.partition("?")[0]
