"""The MDK in a Django project: a session and an interaction for every request.

INSTALLED_APPS = ["mdk.django.MDKAppConfig", ...]
MIDDLEWARE = ["mdk.django.MDKSessionMiddleware", ...]
MDK_DEFAULT_TIMEOUT = 10.0
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

try:
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction
    from django.apps import AppConfig
    from django.conf import settings
    from django.http import FileResponse, StreamingHttpResponse
except ImportError as error:
    raise ImportError('mdk.django needs Django: pip install "mdk[django]"') from error

from mdk_runtime.client import start
from mdk_runtime.integrations.logging import MDKHandler
from mdk_runtime.integrations.request import AsyncStreamedBody, Request, StreamedBody
from mdk_runtime.session import current_session

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from mdk_runtime.client import MDK

_lock = Lock()
_mdk: MDK | None = None


def project_mdk() -> MDK:
    """The MDK of this project, started when it is first wanted."""
    global _mdk
    with _lock:
        if _mdk is None:
            _mdk = start()
            timeout: Any = getattr(settings, "MDK_DEFAULT_TIMEOUT", None)
            if timeout is not None:
                _mdk.set_default_deadline(timeout)
        return _mdk


class MDKAppConfig(AppConfig):
    """Starts the MDK with the project. Derive from it to register: `def mdk_ready(self, mdk): ...`."""

    name = "mdk_runtime.integrations"
    label = "mdk"
    verbose_name = "MDK"

    def ready(self) -> None:
        """The project is loaded."""
        self.mdk_ready(project_mdk())

    def mdk_ready(self, mdk: MDK) -> None:
        """The MDK is started."""


class MDKSessionMiddleware:
    """Puts a session at `request.mdk_session`; the request is an interaction, under WSGI as under ASGI.

    It fails on an unhandled exception, and on a status of 500 or more. A streamed answer belongs to it to its last piece.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self._mdk = project_mdk()
        self._is_async = iscoroutinefunction(get_response)  # pyright: ignore[reportDeprecated]  # 3.11 needs this one
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer a request inside its session; under ASGI, the answer is awaited."""
        if self._is_async:
            return self._answer_async(request)
        ours = self._begin(request)
        with ours.session:
            try:
                response = self._get_response(request)
            except BaseException as error:
                _broken(ours, error)
                raise
            return _answered(ours, response)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        ours = self._begin(request)
        with ours.session:
            try:
                response = await self._get_response(request)
            except BaseException as error:  # Cancelled, when the caller has gone.
                _broken(ours, error)
                raise
            return _answered(ours, response)

    def _begin(self, request: HttpRequest) -> Request:
        session = self._mdk.join_headers(request.headers)
        ours = Request(session)
        request.mdk_session = session  # type: ignore[attr-defined]  # where the original puts it
        request.mdk_request = ours  # type: ignore[attr-defined]  # for process_exception
        return ours

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        """A view has raised; Django makes an answer of it, so nothing reaches `__call__`."""
        request.mdk_request.raised(error)  # type: ignore[attr-defined]  # set above


def _broken(request: Request, error: BaseException) -> None:
    request.raised(error)
    request.end()


def _answered(request: Request, response: HttpResponseBase) -> HttpResponseBase:
    request.answered(response.status_code)
    if not isinstance(response, StreamingHttpResponse) or isinstance(response, FileResponse):
        request.end()  # A file is sent by the server itself.
    else:
        pieces: Any = response.streaming_content
        response.streaming_content = (AsyncStreamedBody if response.is_async else StreamedBody)(pieces, request)
    return response


class MDKLoggingHandler(MDKHandler):
    """Sends standard logging to the project's MDK, in the session of the request that logs."""

    def __init__(self, level: int | str = 0) -> None:
        super().__init__(project_mdk(), current_session, level)
