"""The server's own log."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO

import pytest

from mdk_runtime.server.reporting import (
    HOUR_S,
    SEES_REQUESTS,
    SPARED,
    WARNINGS_MAX,
    Sparing,
    configure_logging,
    redacted,
)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers = []
    levels = {name: logging.getLogger(name).level for name in SEES_REQUESTS}
    spared = logging.getLogger(SPARED)
    filters = list(spared.filters)
    yield
    spared.filters = filters
    root.handlers, root.level = handlers, level
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET /rtp?token=S3CRET HTTP/1.1", "GET /rtp?token=[hidden] HTTP/1.1"),
        ("GET /rtp?x=1&token=S3 CR ET&limit=3 HTTP/1.1", "GET /rtp?x=1&token=[hidden]&limit=3 HTTP/1.1"),
        ("Origin: ws://h/rtp?token=S3 CRET#x", "Origin: ws://h/rtp?token=[hidden]"),
        ("'Authorization: Bearer S3CRET'", "'Authorization: Bearer [hidden]'"),
        ("Cookie: mdk_token=S3CRET; a=b", "Cookie: mdk_token=[hidden]; a=b"),
        ("it was eyJhbGciOi.eyJzdWIi.S3CRET-_x there", "it was [hidden] there"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_no_token_is_shown(text: str, shown: str) -> None:
    """In whatever form a library may log one, the originals' blanks and all."""
    assert redacted(text) == shown


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_message_is_one_line(log_format: str) -> None:
    """Whatever a client calls itself: no line of its own, nothing that a terminal obeys. A traceback has lines."""
    stream = StringIO()
    configure_logging(log_format, "info", stream)
    logging.getLogger("mdk.x").warning("of %s", "a\n2026-11-25 INFO mdk.server: all is well\r\x1b[2J\x9b\u2028\u202eü")
    (line,) = stream.getvalue().splitlines()
    assert line.endswith("ü") if log_format == "text" else json.loads(line)["message"].endswith("\u202eü")
    if log_format == "text":
        assert line.endswith(r"of a\u000a2026-11-25 INFO mdk.server: all is well\u000d\u001b[2J\u009b\u2028\u202eü")
    try:
        raise ValueError("\x1b[2J")
    except ValueError:
        logging.getLogger("mdk.x").exception("failed")
    assert "\x1b" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) > 3 or log_format == "json"


def test_lines_for_people_and_for_machines() -> None:
    """Time, level, who, what; an exception too, and never a token."""
    stream = StringIO()
    configure_logging("json", "info", stream)
    try:
        raise ValueError("token=S3CRET")
    except ValueError:
        logging.getLogger("mdk.x").exception("it ü failed: %s", "Bearer S3CRET")
    logging.getLogger("mdk.x").debug("unseen")
    (line,) = stream.getvalue().splitlines()
    content = json.loads(line)
    assert content["message"] == "it ü failed: Bearer [hidden]"
    assert (content["level"], content["logger"], content["time"][10]) == ("ERROR", "mdk.x", "T")
    assert content["time"].endswith("+00:00")
    assert "ValueError" in content["exception"]
    stream = StringIO()
    configure_logging("text", "debug", stream)
    logging.getLogger("mdk.x").debug("seen, Bearer S3CRET")
    assert stream.getvalue().endswith(" DEBUG   mdk.x: seen, Bearer [hidden]\n")
    assert "S3CRET" not in line + stream.getvalue()


def test_libraries_that_see_requests_are_quiet() -> None:
    """At the lowest level of the server, too."""
    configure_logging("text", "debug", sys.stderr)
    assert all(not logging.getLogger(f"{name}.x").isEnabledFor(logging.INFO) for name in SEES_REQUESTS)


def test_warnings_of_single_clients_are_bounded() -> None:
    """So many in an hour, then their number; errors, and what other parts say, are written all the same."""
    now = 0.0
    stream = StringIO()
    configure_logging("text", "info", stream)
    configure_logging("text", "info", stream)
    logger = logging.getLogger(SPARED)
    (sparing,) = [one for one in logger.filters if isinstance(one, Sparing)]
    sparing._now = lambda: now  # pyright: ignore[reportPrivateUsage]
    for number in range(WARNINGS_MAX + 50):
        logger.warning("100%% of frame %d", number)
    logger.error("an error")
    lines = stream.getvalue().splitlines()
    assert len(lines) == WARNINGS_MAX + 1
    assert lines[-2].endswith(f"100% of frame {WARNINGS_MAX - 1}; no more of these are written for an hour")
    assert lines[-1].endswith("an error")
    now = HOUR_S
    logger.warning("frame %d", 7)
    assert stream.getvalue().splitlines()[-1].endswith("frame 7; 50 more warnings of this kind were not written")
    now = 2 * HOUR_S
    logger.warning("frame %d", 8)
    assert stream.getvalue().splitlines()[-1].endswith("frame 8")


def test_requests_that_are_none_are_no_lines() -> None:
    """Uvicorn warns of each, and does not say whose it is: whoever reaches the port could fill a disk."""
    stream = StringIO()
    configure_logging("text", "debug", stream)
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application")
    assert [line.rpartition(": ")[2] for line in stream.getvalue().splitlines()] == ["Exception in ASGI application"]
