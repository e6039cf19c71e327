"""The MDK in aiohttp's client: the session's context and deadline on every call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

try:
    import aiohttp
except ImportError as error:
    raise ImportError('mdk.aiohttp needs aiohttp: pip install "mdk[aiohttp]"') from error

from mdk_runtime.current import current_session

if TYPE_CHECKING:
    from mdk_runtime.base_session import BaseSession

SWITCHED_PROTOCOLS = 101
"""A WebSocket has been opened: it may last longer than the call that opened it."""


def aiohttp_session(session: BaseSession | None = None, **options: Any) -> aiohttp.ClientSession:
    """An aiohttp.ClientSession whose calls carry an MDK session, the current one by default, and end by its deadline.

    A timeout that is given holds if it is shorter. After the deadline a call, or the reading of its body, raises
    aiohttp.ServerTimeoutError, which is a TimeoutError. Middlewares that are given come after ours; those given to a
    single call replace all of them, as aiohttp has it.
    """

    async def carry(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        ours = session or current_session()
        if ours is None:
            return await handler(request)
        ours.inject_headers(request.headers)
        remaining_s = ours.get_remaining_time()
        if remaining_s is None:
            return await handler(request)
        return await _in_time(request, handler, remaining_s)

    return aiohttp.ClientSession(middlewares=(carry, *options.pop("middlewares", ())), **options)


async def _in_time(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType, remaining_s: float
) -> aiohttp.ClientResponse:
    call = f"{request.method} {request.url}"
    if remaining_s <= 0:
        raise aiohttp.ServerTimeoutError(f"the session's deadline passed {-remaining_s:.1f} s ago, before {call}")
    late = aiohttp.ServerTimeoutError(f"the session's deadline has passed during {call}")
    end = asyncio.get_running_loop().time() + remaining_s
    timeout = asyncio.timeout_at(end)
    try:
        async with timeout:
            response = await handler(request)
    except TimeoutError as error:
        if timeout.expired():
            raise late from error
        raise
    if response.status != SWITCHED_PROTOCOLS:
        _cut_at(end, response, late)
    return response


def _cut_at(end: float, response: aiohttp.ClientResponse, late: Exception) -> None:
    """Whoever still reads the body then gets the error."""
    body = response.content

    def cut() -> None:
        if not body.is_eof():
            body.set_exception(late)
            response.close()

    body.on_eof(asyncio.get_running_loop().call_at(end, cut).cancel)
