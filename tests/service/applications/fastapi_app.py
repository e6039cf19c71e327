"""FastAPI, with httpx's asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

import mdk
from mdk.asgi import MDKMiddleware
from mdk.httpx import httpx_async_client
from service.applications import common

m = mdk.start()
common.log_to(m)
api = FastAPI()


@api.middleware("http")
async def middleware(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    """Inside of ours, for it was added before it."""
    if request.url.path == "/middleware":
        common.use()
        raise ValueError("in the middleware")
    return await go_on(request)


api.add_middleware(MDKMiddleware, mdk=m, timeout=common.TIMEOUT_S)


@api.get("/show")
async def show(request: Request) -> dict[str, Any]:
    """The session."""
    await asyncio.sleep(0.01)
    assert mdk.current_session() is request.state.mdk_session
    return common.shown()


@api.get("/uses")
def uses() -> str:
    """Works, on another thread."""
    common.use()
    return "ok"


@api.get("/raises")
def raises() -> str:
    """Does not, on another thread."""
    common.use()
    raise ValueError("on purpose")


@api.get("/refuses")
async def refuses() -> str:
    """Does not, either."""
    common.use()
    raise HTTPException(503, "no")


async def each(pieces: Iterator[str]) -> AsyncIterator[str]:
    """As ASGI wants it."""
    for piece in pieces:
        await asyncio.sleep(common.PIECE_EVERY_S)
        yield piece


@api.get("/streams")
async def streams() -> Response:
    """Piece by piece."""
    common.use()
    return StreamingResponse(each(common.pieces()))


@api.get("/breaks")
async def breaks() -> Response:
    """Not to its end; on another thread."""
    common.use()
    return StreamingResponse(common.broken_pieces())


@api.get("/endless")
async def endless() -> Response:
    """Without one."""
    common.use()
    return StreamingResponse(each(common.endless_pieces()))


@api.get("/calls")
async def calls(url: str) -> Response:
    """Calls another server."""
    try:
        async with httpx_async_client() as client:
            return PlainTextResponse((await client.get(url)).text)
    except httpx.TimeoutException as error:
        return PlainTextResponse(type(error).__name__, status_code=504)


@api.get("/logs")
def logs() -> str:
    """With standard logging."""
    common.log.info("logged")
    return "ok"


@api.get("/leftovers")
async def leftovers() -> list[str]:
    """Of requests before."""
    return common.leftovers


app = common.WatchedASGI(api)
