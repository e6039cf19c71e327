"""What counts as a failed request in Flask, and what its caller sends."""

from __future__ import annotations

import flask
import requests

from mdk.flask import mdk_setup
from mdk.requests import requests_session
from mdk.testing import FakeMDK
from mdk_runtime.session import current_session


def application(mdk: FakeMDK) -> flask.Flask:
    """Answers, refuses, breaks."""
    app = flask.Flask("test")
    mdk_setup(app, mdk=mdk)

    @app.get("/<int:status>")
    def answer(status: int) -> tuple[str, int]:
        return str(flask.g.mdk_session.trace_id), status

    @app.get("/breaks")
    def breaks() -> str:
        raise ValueError("on purpose")

    return app


def failures(mdk: FakeMDK) -> list[str]:
    """What failed interactions have said."""
    return [said.text.rpartition("\n")[2] for said in mdk.said if said.category == "interaction failure"]


def test_what_fails(fake_mdk: FakeMDK) -> None:
    """A status of 500 or more, and an unhandled exception: each once. A caller's own mistake does not."""
    client = application(fake_mdk).test_client()
    for path in ("/200", "/404", "/499", "/500", "/503", "/breaks"):
        client.get(path)
    assert failures(fake_mdk) == ["answered with HTTP 500", "answered with HTTP 503", "ValueError: on purpose"]
    assert len(fake_mdk.reported) == 6
    assert current_session() is None


def test_w3c_headers_in(fake_mdk: FakeMDK) -> None:
    """A caller that knows only OpenTelemetry keeps its trace."""
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    answer = application(fake_mdk).test_client().get("/200", headers={"traceparent": parent})
    assert answer.text == "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"


def test_all_headers_out(fake_mdk: FakeMDK) -> None:
    """Requests sends X-MDK-Context and the W3C headers beside it."""
    sent: list[requests.PreparedRequest] = []

    class Adapter(requests.adapters.HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *_: object, **__: object) -> requests.Response:
            sent.append(request)
            response = requests.Response()
            response.status_code = 200
            response.url = str(request.url)
            response.request = request
            return response

    with requests_session(fake_mdk.session()) as session:
        session.mount("http://", Adapter())
        session.get("http://x")
    assert {"X-MDK-Context", "traceparent", "tracestate"} <= set(sent[0].headers)
