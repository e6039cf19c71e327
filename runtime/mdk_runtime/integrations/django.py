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
except ImportError as error:
    raise ImportError('mdk.django needs Django: pip install "mdk[django]"') from error

from mdk_runtime.client import start
from mdk_runtime.integrations.logging import MDKHandler
from mdk_runtime.session import current_session

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from mdk_runtime.client import MDK
    from mdk_runtime.session import Interaction, Session

FAILED_FROM = 500
"""HTTP statuses from here on say that the server is at fault (RFC 9110 §15.6)."""

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

    It fails on an unhandled exception, and on a status of 500 or more.
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
        with self._session(request) as session, _interaction(request, session) as interaction:
            response = self._get_response(request)
            _judge(interaction, request, response)
            return response

    async def _answer_async(self, request: HttpRequest) -> HttpResponse:
        with self._session(request) as session, _interaction(request, session) as interaction:
            response: HttpResponse = await self._get_response(request)
            _judge(interaction, request, response)
            return response

    def _session(self, request: HttpRequest) -> Session:
        session = self._mdk.join_headers(request.headers)
        request.mdk_session = session  # type: ignore[attr-defined]  # where the original puts it
        return session

    def process_exception(self, request: HttpRequest, error: Exception) -> None:
        """A view has raised; Django makes an answer of it, so nothing reaches `__call__`."""
        request.mdk_interaction.fail(f"{type(error).__name__}: {error}")  # type: ignore[attr-defined]  # set above
        request.mdk_raised = True  # type: ignore[attr-defined]  # its answer of 500 is no second failure


def _interaction(request: HttpRequest, session: Session) -> Interaction:
    interaction = session.interaction()
    request.mdk_interaction = interaction  # type: ignore[attr-defined]  # for process_exception
    return interaction


def _judge(interaction: Interaction, request: HttpRequest, response: HttpResponse) -> None:
    if response.status_code >= FAILED_FROM and not hasattr(request, "mdk_raised"):
        interaction.fail(f"answered with HTTP {response.status_code}")


class MDKLoggingHandler(MDKHandler):
    """Sends standard logging to the project's MDK, in the session of the request that logs."""

    def __init__(self, level: int | str = 0) -> None:
        super().__init__(project_mdk(), current_session, level)
