"""Tests of mdk_runtime.integrations.logging."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mdk_runtime.integrations.logging import MDKHandler
from mdk_runtime.session import LoggedMessageId
from unit.mdk_runtime.fakes import log_lines, make_mdk, queued


@contextmanager
def logger_with(handler: logging.Handler) -> Iterator[logging.Logger]:
    """A logger that only this handler listens to."""
    logger = logging.getLogger("app.part")
    logger.setLevel(1)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        logger.propagate = True


def test_levels_and_format() -> None:
    """Levels are mapped, also those that only the application knows; the category is the logger, arguments are put in."""
    mdk = make_mdk()
    session = mdk.session()
    session.trace("DEBUG")
    with logger_with(MDKHandler(mdk, lambda: session)) as logger:
        for level in (10, 20, 30, 40, 50, 5, 25, 35, 99):
            logger.log(level, "at %d", level)
    assert [line[1:] for line in log_lines(queued(mdk))] == [
        ("DEBUG", "app.part", "at 10"),
        ("INFO", "app.part", "at 20"),
        ("WARN", "app.part", "at 30"),
        ("ERROR", "app.part", "at 40"),
        ("CRITICAL", "app.part", "at 50"),
        ("DEBUG", "app.part", "at 5"),
        ("INFO", "app.part", "at 25"),
        ("WARN", "app.part", "at 35"),
        ("CRITICAL", "app.part", "at 99"),
    ]


def test_sessions() -> None:
    """The current session is used; where there is none, one of the handler's own."""
    mdk = make_mdk()
    with logger_with(MDKHandler(mdk)) as logger:
        logger.info("own")
        with mdk.session() as session:
            logger.info("current")
        logger.info("own")
    traces = [item[0].trace_id for item in queued(mdk) if isinstance(item, tuple)]
    assert traces[1] == session.trace_id
    assert traces[0] == traces[2] != traces[1]


def test_emit_answers_an_id() -> None:
    """`emit` answers where the message stands."""
    mdk = make_mdk()
    record = logging.LogRecord("n", logging.INFO, "f", 1, "text", None, None)
    logged = MDKHandler(mdk).emit(record)
    assert isinstance(logged, LoggedMessageId)


def test_a_record_that_cannot_be_formatted(capsys: pytest.CaptureFixture[str]) -> None:
    """As with every handler, logging that fails does not break what logs."""
    mdk = make_mdk()
    record = logging.LogRecord("n", logging.INFO, "f", 1, "%d", ("x",), None)
    assert MDKHandler(mdk).emit(record) is None
    assert "--- Logging error ---" in capsys.readouterr().err
    assert queued(mdk) == []


def test_no_endless_loop() -> None:
    """What is logged where the I/O is done is not sent: it would log again."""
    mdk = make_mdk()
    with logger_with(MDKHandler(mdk)) as logger:
        mdk.intake.muted_context().run(logger.info, "from the log path")
    assert queued(mdk) == []
