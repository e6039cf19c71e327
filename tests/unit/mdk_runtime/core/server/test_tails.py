"""What somebody who looks on is shown: what fits, merged, bounded, and counted where it is not shown."""

from __future__ import annotations

import pytest

from mdk_protocol.messages import Environment, Level, Log, LogFilter, SharedContext, TailBegin, TailLogs
from mdk_runtime.core.server.tails import LOGS_MAX, TEXT_CHARS_MAX, Tail, fitting


def log(text: str = "hello", level: str = "INFO", trace: str = "t1", environment: str = "sandbox") -> Log:
    """A log of node n1, in category c."""
    context = SharedContext(trace_id=trace, environment=Environment(name=environment))
    return Log(context=context, text=text, level=Level(level), node="n1", category="c")


class Shown:
    """A tail, and what was taken of it."""

    def __init__(self, begin: TailBegin | None = None) -> None:
        self.tail = Tail(begin or TailBegin())
        self.messages: list[TailLogs] = []

    def offer(self, *texts: str) -> None:
        """Logs with these texts were stored."""
        for text in texts:
            self.tail.offer(log(text), "")

    def flush(self, now: float) -> None:
        """Take what has gathered."""
        message = self.tail.take(now=now)
        if message is not None:
            self.messages.append(message)

    @property
    def counts(self) -> list[tuple[int, int]]:
        """Of each message: logs shown and skipped."""
        return [(len(message.logs), message.skipped) for message in self.messages]


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (LogFilter(), True),
        (LogFilter(level=Level.INFO), True),
        (LogFilter(level=Level.DEBUG), True),
        (LogFilter(level=Level.WARN), False),
        (LogFilter(service="shop"), True),
        (LogFilter(service="cart"), False),
        (LogFilter(environment="sandbox"), True),
        (LogFilter(environment="live"), False),
        (LogFilter(node="n1"), True),
        (LogFilter(node="n2"), False),
        (LogFilter(trace="t1"), True),
        (LogFilter(trace="t2"), False),
        (LogFilter(category="c"), True),
        (LogFilter(category="d"), False),
        (LogFilter(text="GR\u00dcN"), True),
        (LogFilter(text="rot"), False),
        (LogFilter(level=Level.INFO, service="shop", trace="t1", text="gr"), True),
        (LogFilter(level=Level.INFO, service="cart", trace="t1", text="gr"), False),
    ],
)
def test_a_log_fits_if_it_fits_everything_that_is_given(wanted: LogFilter, fits: bool) -> None:
    """Level: this one and those above; text: within, whatever the case; the rest: the same."""
    assert fitting(wanted)(log("es ist gr\u00fcn"), "shop") is fits


def test_a_level_that_nobody_knows_is_below_all() -> None:
    """It is shown to those who ask for no level."""
    odd = log(level="LOUD")
    assert fitting(LogFilter())(odd, "")
    assert not fitting(LogFilter(level=Level.DEBUG))(odd, "")


def test_what_gathers_is_shown_in_one_message() -> None:
    """In order; nothing gathered, nothing shown."""
    shown = Shown()
    shown.flush(0.0)
    shown.offer("a", "b")
    shown.flush(0.1)
    shown.flush(0.2)
    assert [[each.text for each in message.logs] for message in shown.messages] == [["a", "b"]]


def test_what_comes_too_fast_is_counted() -> None:
    """As many in a second as were asked for; the rest is a number."""
    shown = Shown(TailBegin(per_second_max=10))
    shown.offer(*["x"] * 25)
    shown.flush(0.0)
    shown.flush(0.5)
    shown.offer(*["x"] * 7)
    shown.flush(0.5)
    assert shown.counts == [(10, 15), (5, 2)]


def test_a_message_is_bounded_in_count_and_size() -> None:
    """A tail that nobody takes from for long, or that is full of long texts, stays small."""
    shown = Shown(TailBegin(per_second_max=10**9))
    shown.offer(*["x"] * (LOGS_MAX + 3))
    shown.flush(1.0)
    shown.offer(*["x" * (TEXT_CHARS_MAX // 2)] * 3)
    shown.flush(2.0)
    assert shown.counts == [(LOGS_MAX, 3), (2, 1)]


def test_a_rate_of_nothing_is_one() -> None:
    """Who asks for no logs in a second is shown one at a time, not an error for ever."""
    shown = Shown(TailBegin(per_second_max=-5))
    shown.offer("x", "x")
    shown.flush(0.0)
    assert shown.counts == [(1, 1)]
