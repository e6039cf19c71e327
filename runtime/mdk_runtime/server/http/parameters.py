"""What a query string says, checked whole."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.requests import Request

from mdk_runtime.core.levels import LEVELS
from mdk_runtime.server.options import DURATIONS, Unreadable, did_you_mean, scaled
from mdk_runtime.storage.answers import Filter
from mdk_runtime.storage.errors import BadQuery

LIMIT_MAX = 1000
ROW_NAMES = ("trace", "service", "level", "text", "since", "until", "environment", "node", "category", "failed")
TIME_EXPECTED = "milliseconds since 1970, a time such as 2026-11-25T13:00:00Z, or 15m, 2h, 1d for so long ago"
TEXT_CHARS_MAX = 1000


class Parameters:
    """Of one request.

    Args:
        request: Whose query string it is.
        known: The names that it may have; another one is a mistake of the caller, and not passed over.

    Raises:
        BadQuery: There is another one, or one twice.
    """

    def __init__(self, request: Request, known: Sequence[str]) -> None:
        self._values: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name not in known:
                raise BadQuery("a parameter", name, f"one that is known; {did_you_mean(name, known)}")
            if name in self._values:
                raise BadQuery(name, value, "it once")
            if len(value) > TEXT_CHARS_MAX:
                raise BadQuery(name, value, f"{TEXT_CHARS_MAX} characters at most")
            self._values[name] = value

    def text(self, name: str) -> str | None:
        """As it is; None if it is not given, or empty."""
        return self._values.get(name) or None

    def number(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number in a range."""
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
            raise BadQuery(name, text, f"a number from {low} to {high}")
        return int(text)

    def limit(self, default: int) -> int:
        """How many items."""
        return self.number("limit", default, low=1, high=LIMIT_MAX)

    def flag(self, name: str) -> bool | None:
        """True, false or not given."""
        text = self.text(name)
        if text not in (None, "true", "false"):
            raise BadQuery(name, text, "true or false")
        return None if text is None else text == "true"

    def time_ms(self, name: str) -> int | None:
        """A time, in ms since the epoch."""
        text = self.text(name)
        if text is None:
            return None
        if text.isascii() and text.isdigit() and len(text) < 16:
            return int(text)
        try:
            return int((time.time() - scaled(text, DURATIONS)) * 1000)
        except Unreadable:
            pass
        try:
            # In a query string `+` is a blank.
            at = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
            return max(0, int((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() * 1000))
        except (ValueError, OverflowError) as error:
            raise BadQuery(name, text, TIME_EXPECTED) from error

    def level(self) -> str | None:
        """One of the five."""
        level = self.text("level")
        if level is not None and level.upper() not in LEVELS:
            raise BadQuery("level", level, f"one of {', '.join(LEVELS)}")
        return level.upper() if level is not None else None

    def filter(self) -> Filter:
        """Which rows are meant."""
        return Filter(
            trace_id=self.text("trace"),
            service=self.text("service"),
            level=self.level(),
            text=self.text("text"),
            since_ms=self.time_ms("since"),
            until_ms=self.time_ms("until"),
            environment=self.text("environment"),
            node=self.text("node"),
            category=self.text("category"),
            failed=self.flag("failed"),
        )
