"""The MDK in httpx: the session's context and deadline on every call, sync and async."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    import httpx
except ImportError as error:
    raise ImportError('mdk.httpx needs httpx: pip install "mdk[httpx]"') from error

from mdk_runtime.session import current_session

if TYPE_CHECKING:
    from mdk_runtime.session import Session


def httpx_client(session: Session | None = None, **options: Any) -> httpx.Client:
    """An httpx.Client whose calls carry an MDK session, the current one by default, and end by its deadline.

    A timeout that is given holds if it is shorter. After the deadline a call raises httpx.TimeoutException.
    """

    def prepare(request: httpx.Request) -> None:
        _prepare(request, session)

    return httpx.Client(**_with_hook(options, prepare))


def httpx_async_client(session: Session | None = None, **options: Any) -> httpx.AsyncClient:
    """As `httpx_client`, for asyncio."""

    async def prepare(request: httpx.Request) -> None:
        _prepare(request, session)

    return httpx.AsyncClient(**_with_hook(options, prepare))


def _with_hook(options: dict[str, Any], hook: Any) -> dict[str, Any]:
    """Ours comes first, so that hooks of the application see the headers that are sent."""
    hooks = dict(options.get("event_hooks") or {})
    return {**options, "event_hooks": {**hooks, "request": [hook, *hooks.get("request", ())]}}


def _prepare(request: httpx.Request, given: Session | None) -> None:
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
