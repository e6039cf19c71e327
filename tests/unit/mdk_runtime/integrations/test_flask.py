"""Tests of mdk_runtime.integrations.flask, on Flask's own test client."""

from __future__ import annotations

import logging

import flask
import pytest

from mdk_protocol import messages
from mdk_runtime.client import MDK
from mdk_runtime.integrations.flask import MDKLoggingHandler, mdk_setup
from mdk_runtime.session import Session, current_session
from unit.mdk_runtime.fakes import make_mdk, node_message, queued


def make_app(mdk: MDK, timeout: float | None = None) -> flask.Flask:
    """An application that resolves, answers with its session, and fails when asked to."""
    app = flask.Flask(__name__)
    assert mdk_setup(app, timeout, mdk) is mdk

    @app.route("/")
    def hello() -> dict[str, object]:
        session: Session = flask.g.mdk_session
        assert current_session() == session
        session.resolve("svc", "1.0")
        return {"trace": session.trace_id, "left": session.get_remaining_time()}

    @app.route("/fail")
    def fail() -> str:
        flask.g.mdk_session.resolve("svc", "1.0")
        raise ZeroDivisionError("by 0")

    @app.route("/inside")
    def inside() -> list[str]:
        """Makes another request, and a context that none came with: both share its `flask.g`."""
        session: Session = flask.g.mdk_session
        answer = app.test_client().get("/").json
        with app.test_request_context("/"):
            flask.url_for("hello")
        assert (current_session(), flask.g.mdk_session) == (session, session)
        session.resolve("svc", "1.0")
        return [session.trace_id, (answer or {})["trace"]]

    return app


@pytest.fixture
def mdk() -> MDK:
    """An MDK that knows a node."""
    mdk = make_mdk()
    mdk.core.node_active(node_message("svc", "a"))
    return mdk


def results(mdk: MDK) -> list[dict[str, int]]:
    """Of the interactions reported since."""
    return [item.results for item in queued(mdk) if isinstance(item, messages.InteractionEvent)]


def test_session_of_the_request(mdk: MDK) -> None:
    """A request's session is the caller's if it brings one, and a new one otherwise; afterwards there is none."""
    client = make_app(mdk).test_client()
    session = mdk.session()
    answer = client.get("/", headers={"x-mdk-context": session.inject()})
    assert answer.json == {"trace": session.trace_id, "left": None}
    fresh = client.get("/").json
    assert fresh is not None
    assert fresh["trace"] != session.trace_id
    assert current_session() is None


def test_a_request_inside_a_request(mdk: MDK) -> None:
    """Each has a session of its own, is an interaction of its own, and leaves the other's as it was."""
    answer = make_app(mdk).test_client().get("/inside").json
    assert answer is not None
    assert len(set(answer)) == 2
    assert current_session() is None
    assert results(mdk) == [{"id-a": 1}, {"id-a": 1}]


def test_timeout(mdk: MDK) -> None:
    """The default deadline holds, unless the caller's is sooner."""
    client = make_app(mdk, timeout=10.0).test_client()
    session = mdk.session()
    session.set_deadline(5.0)
    assert (client.get("/").json or {})["left"] == 10.0
    assert (client.get("/", headers={mdk.CONTEXT_HEADER: session.inject()}).json or {})["left"] == 5.0


def test_request_is_an_interaction(mdk: MDK) -> None:
    """A request that is answered worked; an unhandled exception failed, and is answered with 500."""
    client = make_app(mdk).test_client()
    assert client.get("/").status_code == 200
    assert results(mdk) == [{"id-a": 1}]
    assert client.get("/fail").status_code == 500
    assert results(mdk) == [{"id-a": 0}]
    assert client.get("/nowhere").status_code == 404
    assert results(mdk) == [{}]


def test_request_that_somebody_else_answers(mdk: MDK) -> None:
    """A request that is answered before it comes to us is no interaction."""
    app = flask.Flask(__name__)
    app.before_request(lambda: "early")
    mdk_setup(app, mdk=mdk)
    assert app.test_client().get("/").text == "early"
    assert results(mdk) == []


def test_logging_handler(mdk: MDK) -> None:
    """Inside a request its session is used, outside the handler's own."""
    app = make_app(mdk)
    handler = MDKLoggingHandler(mdk)
    logger = logging.getLogger("flask-test")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with app.test_request_context("/"):
            app.preprocess_request()
            session = flask.g.mdk_session
            logger.info("inside")
        logger.info("outside")
    finally:
        logger.removeHandler(handler)
    found = {item[6]: item[0] for item in queued(mdk) if isinstance(item, tuple)}
    assert found["inside"] is session
    assert found["outside"] is not session
