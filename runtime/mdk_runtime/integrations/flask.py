"""The MDK in a Flask application: a session and an interaction for every request."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

try:
    import flask
except ImportError as error:
    raise ImportError('mdk.flask needs Flask: pip install "mdk[flask]"') from error

from mdk_runtime.client import start
from mdk_runtime.integrations.logging import MDKHandler

if TYPE_CHECKING:
    from mdk_runtime.client import MDK
    from mdk_runtime.session import Interaction

FAILED_FROM = 500
"""HTTP statuses from here on say that the server is at fault (RFC 9110 §15.6)."""

_log = logging.getLogger("mdk.flask")


def mdk_setup(app: flask.Flask, timeout: float | None = None, mdk: MDK | None = None) -> MDK:
    """Give every request of an application a session at `flask.g.mdk_session`.

    The session is the caller's, if the request carries one, and the current one while the request lasts. The request
    is an interaction, which fails if an exception goes unhandled, or if the answer's status is 500 or more.

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


class _Requests:
    """What happens around each request."""

    def __init__(self, mdk: MDK) -> None:
        self._mdk = mdk

    def begin(self) -> None:
        session = self._mdk.join_headers(flask.request.headers)
        flask.g.mdk_session = session
        session.__enter__()
        flask.g.mdk_interaction = session.interaction().__enter__()
        flask.g.mdk_status = 0

    def answered(self, response: flask.Response) -> flask.Response:
        flask.g.mdk_status = response.status_code
        return response

    def end(self, error: BaseException | None) -> None:
        interaction: Interaction | None = flask.g.pop("mdk_interaction", None)
        if interaction is None:
            return  # A handler before ours has answered the request.
        status = flask.g.pop("mdk_status", 0)
        try:
            if error is None and status >= FAILED_FROM:
                interaction.fail(f"answered with HTTP {status}")
            interaction.__exit__(type(error) if error else None, error, None)
        finally:
            interaction.session.__exit__()


class MDKLoggingHandler(MDKHandler):
    """Sends standard logging to the MDK, in the session of the request that logs."""

    def __init__(self, mdk: MDK, level: int | str = logging.NOTSET) -> None:
        super().__init__(mdk, _request_session, level)


def _request_session() -> Any:
    return flask.g.get("mdk_session") if flask.has_app_context() else None
