"""Flask, with requests as the client."""

from __future__ import annotations

import time

import flask
import requests

import mdk
from mdk.flask import mdk_setup
from mdk.requests import requests_session
from service.applications import common

app = flask.Flask(__name__)
common.log_to(mdk_setup(app, timeout=common.TIMEOUT_S))
app.wsgi_app = common.WatchedWSGI(app.wsgi_app)  # type: ignore[method-assign]  # as Flask's guide has it


@app.before_request
def middleware() -> None:
    """Inside of ours, for it was added after it."""
    if flask.request.path == "/middleware":
        common.use()
        raise ValueError("in the middleware")


@app.get("/show")
def show() -> dict[str, object]:
    """The session."""
    time.sleep(0.01)
    assert mdk.current_session() is flask.g.mdk_session
    return common.shown()


@app.get("/uses")
def uses() -> str:
    """Works."""
    common.use()
    return "ok"


@app.get("/raises")
def raises() -> str:
    """Does not."""
    common.use()
    raise ValueError("on purpose")


@app.get("/refuses")
def refuses() -> tuple[str, int]:
    """Does not, either."""
    common.use()
    return "no", 503


@app.get("/streams")
def streams() -> flask.Response:
    """Piece by piece."""
    common.use()
    return flask.Response(common.pieces())


@app.get("/breaks")
def breaks() -> flask.Response:
    """Not to its end."""
    common.use()
    return flask.Response(flask.stream_with_context(common.broken_pieces()))


@app.get("/endless")
def endless() -> flask.Response:
    """Without one."""
    common.use()
    return flask.Response(common.endless_pieces())


@app.get("/calls")
def calls() -> tuple[str, int]:
    """Calls another server."""
    session = requests_session(flask.g.mdk_session)
    try:
        return session.get(flask.request.args["url"]).text, 200
    except requests.Timeout as error:
        return type(error).__name__, 504


@app.get("/logs")
def logs() -> str:
    """With standard logging."""
    common.log.info("logged")
    return "ok"


@app.get("/leftovers")
def leftovers() -> list[str]:
    """Of requests before."""
    return common.leftovers
