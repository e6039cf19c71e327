"""The server's own log: lines for people or JSON for machines, and no token in either."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TextIO

SEES_REQUESTS: Final = {
    "uvicorn": logging.ERROR,  # It warns of each request that is none, and does not say whose.
    "websockets": logging.WARNING,
    "h11": logging.WARNING,
    "asyncio": logging.WARNING,
    "mdk.server.link.websockets": logging.WARNING,
}
"""Loggers of libraries that would log whole requests, and with them tokens, at their lower levels: what is left of them."""

SPARED: Final = "mdk.server.link"
"""The logger of what single clients do wrong: one that comes back for ever would fill a disk."""
WARNINGS_MAX: Final = 100
"""Of it, in an hour."""
HOUR_S: Final = 3600.0

CONTROLS: Final = {
    code: f"\\u{code:04x}" for code in (*range(32), *range(127, 160), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
}
"""Controls of C0 and C1, ends of lines, and what turns the direction of a text around: as JSON escapes them."""
CONTROLS_IN_LINES: Final = {code: shown for code, shown in CONTROLS.items() if chr(code) not in "\n\t"}

_SECRETS: Final = (
    # An original writes blanks into its token as they are, so what follows up to the end of the URL goes, too.
    (re.compile(r"""(\btoken=)[^"'\r\n]*?(?=&[a-z_]+=| HTTP/|["'\r\n]|$)""", re.IGNORECASE), r"\1[hidden]"),
    (re.compile(r"""(Bearer\s+|mdk_token=)[^\s"';,]+""", re.IGNORECASE), r"\1[hidden]"),
    (re.compile(r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*"), "[hidden]"),  # A JWT, wherever it stands.
)


def redacted(text: str) -> str:
    """The text without what looks like a token. A second line of defence: our own code logs none."""
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return text


class Sparing(logging.Filter):
    """Lets so many warnings through in an hour, and says how many it held back; errors are let through.

    Args:
        now: Seconds on any clock that does not go back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._until = float("-inf")
        """The end of the hour that is counted."""
        self._count = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """True if it is to be written."""
        if record.levelno != logging.WARNING:
            return True
        now = self._now()
        if now >= self._until:
            held_back = self._count - WARNINGS_MAX
            self._until, self._count = now + HOUR_S, 0
            if held_back > 0:
                record.msg = f"{record.msg}; {held_back} more warnings of this kind were not written"
        self._count += 1
        if self._count == WARNINGS_MAX:
            record.msg = f"{record.msg}; no more of these are written for an hour"
        return self._count <= WARNINGS_MAX


class TextFormatter(logging.Formatter):
    """A line for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the library's name
        """On one line, whatever names it holds: nobody writes lines of his own into the log, or speaks to a terminal."""
        return super().formatMessage(record).translate(CONTROLS)

    def format(self, record: logging.LogRecord) -> str:
        """Without tokens."""
        return redacted(super().format(record)).translate(CONTROLS_IN_LINES)


class JSONFormatter(logging.Formatter):
    """An object on one line: `time` (UTC), `level`, `logger`, `message`, and `exception` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Without tokens."""
        content = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        if record.exc_info:
            content["exception"] = redacted(self.formatException(record.exc_info))
        return json.dumps(content, ensure_ascii=False).translate(CONTROLS)


def configure_logging(log_format: str, log_level: str, stream: TextIO | None = None) -> None:
    """Write to stderr, or to a stream. What was set up before is replaced."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONFormatter() if log_format == "json" else TextFormatter())
    logging.basicConfig(level=log_level.upper(), handlers=[handler], force=True)
    for name, level in SEES_REQUESTS.items():
        logging.getLogger(name).setLevel(level)
    spared = logging.getLogger(SPARED)
    spared.filters = [one for one in spared.filters if not isinstance(one, Sparing)]
    spared.addFilter(Sparing())
