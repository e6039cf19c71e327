"""The MDK in a Flask application: a session and an interaction for every request."""

from __future__ import annotations

import logging
from inspect import isgenerator
from typing import TYPE_CHECKING, Any

try:
    import flask
except ImportError as error:
    raise ImportError('mdk.flask needs Flask: pip install "mdk[flask]"') from error

from mdk_runtime.client import start
from mdk_runtime.integrations.logging import MDKHandler
from mdk_runtime.integrations.request import Request, StreamedBody

if TYPE_CHECKING:
    from mdk_runtime.base_session import BaseSession
    from mdk_runtime.client import MDK


def mdk_setup(app: flask.Flask, timeout: float | None = None, mdk: MDK | None = None) -> MDK:
    """Give every request of an application a session at `flask.g.mdk_session`.

    The session is the caller's, if the request carries one, and the current one while the request lasts. The request
    is an interaction, which fails if an exception goes unhandled, or if the answer's status is 500 or more. A streamed
    answer belongs to it to its last piece.

    Args:
        app: The application.
        timeout: Requests end in so many seconds, if their session does not say sooner.
        mdk: A started MDK; without one, one is started from the environment variables.
    """
    mdk = mdk if mdk is not None else start()
    if timeout is not None:
        mdk.set_default_deadline(timeout)
    requests = _Requests(mdk)
    app.before_request(requests.begin)
    app.after_request(requests.answered)
    app.teardown_request(requests.end)
    app.extensions["mdk"] = mdk
    return mdk


class _Ours:
    """What is known of a request. It is kept with the request: `flask.g` is shared by those that are made inside it."""

    KEY = "mdk.request"
    """In the request's environ."""

    def __init__(self, request: Request, around: BaseSession | None) -> None:
        self.request = request
        self.around = around
        """The session of the request that this one was made in."""
        self.status = 0
        self.streams = False


class _Requests:
    """What happens around each request."""

    def __init__(self, mdk: MDK) -> None:
        self._mdk = mdk

    def begin(self) -> None:
        session = self._mdk.join_headers(flask.request.headers)
        around = flask.g.get("mdk_session")
        flask.g.mdk_session = session
        session.__enter__()
        flask.request.environ[_Ours.KEY] = _Ours(Request(session), around)

    def answered(self, response: flask.Response) -> flask.Response:
        ours: _Ours | None = flask.request.environ.get(_Ours.KEY)
        if ours is None:
            return response  # A handler before ours has answered the request.
        ours.status = response.status_code
        if _outlives_its_request(response):
            pieces: Any = StreamedBody(response.response, ours.request)
            response.response = pieces
            ours.streams = True
        return response

    def end(self, error: BaseException | None) -> None:
        ours: _Ours | None = flask.request.environ.pop(_Ours.KEY, None)
        if ours is None:
            return
        request = ours.request
        try:
            if error is not None:
                request.raised(error)
            else:
                request.answered(ours.status)
            if error is not None or not ours.streams:
                request.end()
        finally:
            request.session.__exit__()
            flask.g.mdk_session = ours.around or request.session


def _outlives_its_request(response: flask.Response) -> bool:
    """Whether the application makes the body while it is sent. Files, and Flask's own pages of errors, are not so."""
    if not response.is_streamed or response.direct_passthrough:
        return False
    return "Content-Length" not in response.headers or isgenerator(response.response)


class MDKLoggingHandler(MDKHandler):
    """Sends standard logging to the MDK, in the session of the request that logs."""

    def __init__(self, mdk: MDK, level: int | str = logging.NOTSET) -> None:
        super().__init__(mdk, _request_session, level)


def _request_session() -> Any:
    return flask.g.get("mdk_session") if flask.has_app_context() else None
