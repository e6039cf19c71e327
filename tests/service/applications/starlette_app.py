"""Starlette, with aiohttp as the client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

import mdk
from mdk.aiohttp import aiohttp_session
from mdk.asgi import MDKMiddleware
from service.applications import common

m = mdk.start()
common.log_to(m)


async def middleware(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
    """Inside of ours."""
    if request.url.path == "/middleware":
        common.use()
        raise ValueError("in the middleware")
    return await go_on(request)


async def show(request: Request) -> Response:
    """The session."""
    await asyncio.sleep(0.01)
    assert mdk.current_session() is request.state.mdk_session
    return JSONResponse(common.shown())


async def uses(_: Request) -> Response:
    """Works."""
    common.use()
    return PlainTextResponse("ok")


async def raises(_: Request) -> Response:
    """Does not."""
    common.use()
    raise ValueError("on purpose")


def refuses(_: Request) -> Response:
    """Does not, either; on another thread."""
    common.use()
    return PlainTextResponse("no", status_code=503)


async def each(pieces: Iterator[str]) -> AsyncIterator[str]:
    """As ASGI wants it."""
    for piece in pieces:
        await asyncio.sleep(common.PIECE_EVERY_S)
        yield piece


def streamed(pieces: Callable[[], Iterator[str]]) -> Callable[[Request], Awaitable[Response]]:
    """Piece by piece."""

    async def view(_: Request) -> Response:
        common.use()
        return StreamingResponse(each(pieces()))

    return view


async def calls(request: Request) -> Response:
    """Calls another server."""
    try:
        async with aiohttp_session() as client, client.get(request.query_params["url"]) as answer:
            return PlainTextResponse(await answer.text())
    except TimeoutError as error:
        return PlainTextResponse(type(error).__name__, status_code=504)


async def logs(_: Request) -> Response:
    """With standard logging."""
    common.log.info("logged")
    return PlainTextResponse("ok")


async def leftovers(_: Request) -> Response:
    """Of requests before."""
    return JSONResponse(common.leftovers)


routes = [
    Route("/show", show),
    Route("/uses", uses),
    Route("/raises", raises),
    Route("/refuses", refuses),
    Route("/streams", streamed(common.pieces)),
    Route("/breaks", streamed(common.broken_pieces)),
    Route("/endless", streamed(common.endless_pieces)),
    Route("/calls", calls),
    Route("/logs", logs),
    Route("/leftovers", leftovers),
]
middlewares = [
    Middleware(MDKMiddleware, mdk=m, timeout=common.TIMEOUT_S),
    Middleware(BaseHTTPMiddleware, dispatch=middleware),
]
app = common.WatchedASGI(Starlette(routes=routes, middleware=middlewares))
