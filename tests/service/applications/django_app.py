"""Django, under WSGI with httpx, and under ASGI with httpx's asynchronous client."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import path

import mdk
from mdk.django import MDKAppConfig
from mdk.httpx import httpx_async_client, httpx_client
from service.applications import common


class Configuration(MDKAppConfig):
    """The project's."""

    def mdk_ready(self, mdk: mdk.MDK) -> None:
        """The MDK is started."""
        common.log_to(mdk)


class Raises:
    """A middleware inside of ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Raise, where that is asked for."""
        if request.path == "/middleware":
            common.use()
            raise ValueError("in the middleware")
        return self._get_response(request)


def configure(**more: Any) -> None:
    """Make it the project of this process."""
    settings.configure(
        DEBUG=False,
        SECRET_KEY="none",
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
        LOGGING_CONFIG=None,
        MDK_DEFAULT_TIMEOUT=common.TIMEOUT_S,
        INSTALLED_APPS=[f"{__name__}.Configuration"],
        MIDDLEWARE=["mdk.django.MDKSessionMiddleware", f"{__name__}.Raises"],
        **more,
    )


def show(request: HttpRequest) -> JsonResponse:
    """The session."""
    time.sleep(0.01)
    assert mdk.current_session() is request.mdk_session  # type: ignore[attr-defined]  # the middleware's
    return JsonResponse(common.shown())


async def show_async(request: HttpRequest) -> JsonResponse:
    """The session."""
    await asyncio.sleep(0.01)
    assert mdk.current_session() is request.mdk_session  # type: ignore[attr-defined]  # the middleware's
    return JsonResponse(common.shown())


def uses(_: HttpRequest) -> HttpResponse:
    """Works."""
    common.use()
    return HttpResponse("ok")


def raises(_: HttpRequest) -> HttpResponse:
    """Does not."""
    common.use()
    raise ValueError("on purpose")


def refuses(_: HttpRequest) -> HttpResponse:
    """Does not, either."""
    common.use()
    return HttpResponse("no", status=503)


def streams(_: HttpRequest) -> StreamingHttpResponse:
    """Piece by piece."""
    common.use()
    return StreamingHttpResponse(common.pieces())


def breaks(_: HttpRequest) -> StreamingHttpResponse:
    """Not to its end."""
    common.use()
    return StreamingHttpResponse(common.broken_pieces())


def endless(_: HttpRequest) -> StreamingHttpResponse:
    """Without one."""
    common.use()
    return StreamingHttpResponse(common.endless_pieces())


async def _each(pieces: Any) -> AsyncIterator[str]:
    for piece in pieces:
        await asyncio.sleep(common.PIECE_EVERY_S)
        yield piece


def _streamed(pieces: Callable[[], Any]) -> Callable[[HttpRequest], Any]:
    async def view(_: HttpRequest) -> StreamingHttpResponse:
        common.use()
        return StreamingHttpResponse(_each(pieces()))

    return view


def calls(request: HttpRequest) -> HttpResponse:
    """Calls another server."""
    import httpx

    try:
        with httpx_client() as client:
            return HttpResponse(client.get(request.GET["url"]).text)
    except httpx.TimeoutException as error:
        return HttpResponse(type(error).__name__, status=504)


async def calls_async(request: HttpRequest) -> HttpResponse:
    """Calls another server."""
    import httpx

    try:
        async with httpx_async_client() as client:
            return HttpResponse((await client.get(request.GET["url"])).text)
    except httpx.TimeoutException as error:
        return HttpResponse(type(error).__name__, status=504)


def logs(_: HttpRequest) -> HttpResponse:
    """With standard logging."""
    common.log.info("logged")
    return HttpResponse("ok")


def leftovers(_: HttpRequest) -> JsonResponse:
    """Of requests before."""
    return JsonResponse(common.leftovers, safe=False)


_views: dict[str, Callable[..., Any]] = {
    "uses": uses,
    "raises": raises,
    "refuses": refuses,
    "logs": logs,
    "leftovers": leftovers,
}
_sync = {"show": show, "calls": calls, "streams": streams, "breaks": breaks, "endless": endless}
_async: dict[str, Callable[..., Any]] = {
    "show": show_async,
    "calls": calls_async,
    "streams": _streamed(common.pieces),
    "breaks": _streamed(common.broken_pieces),
    "endless": _streamed(common.endless_pieces),
}
urlpatterns = [path(name, view) for name, view in _views.items()]


def add_sync() -> None:
    """The views for WSGI."""
    urlpatterns.extend(path(name, view) for name, view in _sync.items())


def add_async() -> None:
    """The views for ASGI."""
    urlpatterns.extend(path(name, view) for name, view in _async.items())
