"""What was stored since the last pulse."""

from __future__ import annotations

from msgspec import UNSET

from mdk_protocol.messages import (
    Log,
    LogRate,
    Pulse,
    Rates,
    ServerState,
)
from mdk_runtime.core.server.news import CALLS_MAX, MINUTE_MS, SUMS_MAX, Fresh, News
from mdk_runtime.core.server.origin import Entry, Origin
from unit.mdk_runtime.core.server.raw_clients import call


def test_minutes_are_asked_for_when_something_came() -> None:
    """Those of the last hour, by the time of what came; each once."""
    news = News()
    log = Entry(Log(text="late", timestamp=70 * MINUTE_MS + 1), Origin())
    entries = [call(1), log, call(2, minute=20), call(3, minute=5000)]
    news.stored(entries, time_ms=100 * MINUTE_MS)
    assert news.minutes == {70, 100}
    assert news.minutes == {70, 100}
    news.sums_asked()
    assert news.minutes == set()


def test_what_is_new_is_taken_once() -> None:
    """The newest of very many calls; and sums, until there are others."""
    news = News()
    news.stored((call(number) for number in range(CALLS_MAX + 1)), time_ms=0)
    sums = Rates(logs=[], calls=[])
    assert not news.has_told(sums)
    first, second, third = news.take(sums), news.take(sums), news.take(Rates(logs=[], calls=[]))
    assert [one.uuid for one in first.calls] == [str(number) for number in range(1, CALLS_MAX + 1)]
    assert first.sums is sums
    assert (second.calls, second.sums, news.has_told(sums)) == ([], UNSET, False)
    assert third.sums == Rates(logs=[], calls=[])


def test_nothing_new_leaves_the_pulse_as_it_is() -> None:
    """The very object: it is made once for all who look alike."""
    pulse = Pulse(whole=True, server=ServerState(time=0, uptime=0.0, connections=0, nodes=0))
    assert News().take(UNSET).added_to(pulse) is pulse
    told = Fresh(
        [],
        Rates(
            logs=[
                LogRate(start=at, environment="e", service="s", version="1", levels={}) for at in range(SUMS_MAX + 1)
            ],
            calls=[],
        ),
    ).added_to(pulse)
    assert [rate.start for rate in told.log_rates] == list(range(1, SUMS_MAX + 1))
