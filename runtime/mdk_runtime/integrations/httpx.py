"""The MDK in httpx: the session's context and deadline on every call, sync and async."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

try:
    import httpx
except ImportError as error:
    raise ImportError('mdk.httpx needs httpx: pip install "mdk[httpx]"') from error

from mdk_runtime.current import current_session

if TYPE_CHECKING:
    from mdk_runtime.base_session import BaseSession


def httpx_client(session: BaseSession | None = None, **options: Any) -> httpx.Client:
    """An httpx.Client whose calls carry an MDK session, the current one by default, and end by its deadline.

    A timeout that is given holds if it is shorter. After the deadline a call raises httpx.TimeoutException.
    """

    def prepare(request: httpx.Request) -> None:
        _prepare(request, session)

    def bound(response: httpx.Response) -> None:
        if isinstance(response.stream, httpx.SyncByteStream) and (deadline := session or current_session()):
            response.stream = _Stream(response.stream, deadline, response.request)

    return httpx.Client(**_with_hooks(options, prepare, bound))


def httpx_async_client(session: BaseSession | None = None, **options: Any) -> httpx.AsyncClient:
    """As `httpx_client`, for asyncio."""

    async def prepare(request: httpx.Request) -> None:
        _prepare(request, session)

    async def bound(response: httpx.Response) -> None:
        if isinstance(response.stream, httpx.AsyncByteStream) and (deadline := session or current_session()):
            response.stream = _AsyncStream(response.stream, deadline, response.request)

    return httpx.AsyncClient(**_with_hooks(options, prepare, bound))


def _with_hooks(options: dict[str, Any], request: Any, response: Any) -> dict[str, Any]:
    """Ours come first, so that hooks of the application see the headers that are sent."""
    hooks = dict(options.get("event_hooks") or {})
    ours = {"request": [request, *hooks.get("request", ())], "response": [response, *hooks.get("response", ())]}
    return {**options, "event_hooks": {**hooks, **ours}}


class _Stream(httpx.SyncByteStream):
    """A body that is cut at the deadline, however slowly it comes: each piece by itself would be in time."""

    def __init__(self, stream: httpx.SyncByteStream, session: BaseSession, request: httpx.Request) -> None:
        self._stream = stream
        self._session = session
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            _check(self._session, self._request)
            yield piece

    def close(self) -> None:
        self._stream.close()


class _AsyncStream(httpx.AsyncByteStream):
    """As `_Stream`."""

    def __init__(self, stream: httpx.AsyncByteStream, session: BaseSession, request: httpx.Request) -> None:
        self._stream = stream
        self._session = session
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            _check(self._session, self._request)
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


def _check(session: BaseSession, request: httpx.Request) -> None:
    remaining = session.get_remaining_time()
    if remaining is not None and remaining <= 0:
        raise httpx.ReadTimeout(
            f"the session's deadline has passed during {request.method} {request.url}", request=request
        )


def _prepare(request: httpx.Request, given: BaseSession | None) -> None:
    session = given or current_session()
    if session is None:
        return
    session.inject_headers(request.headers)
    remaining = session.get_remaining_time()
    if remaining is None:
        return
    if remaining <= 0:
        raise httpx.TimeoutException(
            f"the session's deadline passed {-remaining:.1f} s ago, before {request.method} {request.url}",
            request=request,
        )
    timeouts: dict[str, float | None] = request.extensions.get("timeout") or {}
    request.extensions["timeout"] = {
        name: _shorter(timeouts.get(name), remaining) for name in ("connect", "read", "write", "pool")
    }


def _shorter(timeout: float | None, remaining: float) -> float:
    return remaining if timeout is None else min(timeout, remaining)
