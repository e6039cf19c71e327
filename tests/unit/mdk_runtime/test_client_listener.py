"""What a client's core reports, and who learns of it."""

from __future__ import annotations

import logging

import pytest
from msgspec import UNSET

from mdk_protocol import messages
from unit.mdk_runtime.fakes import make_mdk


def test_close_is_logged_with_all_it_says(caplog: pytest.LogCaptureFixture) -> None:
    """A server's error is logged at ERROR with code, title, detail and id; a plain close is not an error."""
    one = make_mdk()
    caplog.set_level(logging.INFO)
    one.core.closed(messages.ProtocolError(code="bad", title="Bad thing", detail="very", id="x17"))
    one.core.closed(messages.ProtocolError(code="bad"))
    one.core.closed(UNSET)
    assert [(record.name, record.levelname, record.message) for record in caplog.records] == [
        ("mdk.protocol", "ERROR", "the server closes the connection: code=bad title=Bad thing detail=very id=x17"),
        ("mdk.protocol", "ERROR", "the server closes the connection: code=bad title=- detail=- id=-"),
        ("mdk.protocol", "INFO", "the server closes the connection"),
    ]


def test_subscribers_are_apart(caplog: pytest.LogCaptureFixture) -> None:
    """A handler that raises does not keep messages from the others."""
    one = make_mdk()
    texts: list[str] = []

    def failing(message: messages.Log) -> None:
        raise RuntimeError(message.text)

    one.subscribe(failing)
    one.subscribe(lambda message: texts.append(message.text))
    one.core.log_received(messages.Log(text="hello"))
    assert texts == ["hello"]
    assert caplog.messages == ["a subscriber failed on a log message"]


def test_who_runs_a_process_learns_that_the_server_cannot_store(caplog: pytest.LogCaptureFixture) -> None:
    """In its log: log messages may get lost, and it is not this process's fault."""
    one = make_mdk()
    one.core.storing_changed(False)
    one.core.storing_changed(True)
    assert [(record.name, record.levelname, record.message) for record in caplog.records] == [
        (
            "mdk",
            "WARNING",
            "the server cannot store log messages at present; they wait here, and the oldest are dropped when they get"
            " too many",
        ),
        ("mdk", "WARNING", "the server stores log messages again"),
    ]
