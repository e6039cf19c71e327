"""Tests of mdk_runtime.core.client.breaker."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mdk_runtime.core.client.breaker import Breaker, Breakers, BreakerSettings, BreakerState

SETTINGS = BreakerSettings()


def tripped(now: float = 0.0) -> Breaker:
    """A breaker that has just opened."""
    breaker = Breaker(SETTINGS)
    for _ in range(SETTINGS.failures):
        breaker.failure(now=now)
    return breaker


def test_third_failure_in_a_row_opens() -> None:
    """Two failures do nothing, the third takes the address out."""
    breaker = Breaker(SETTINGS)
    assert [breaker.failure(now=0.0) for _ in range(3)] == [False, False, True]
    assert not breaker.available(now=0.0)


def test_success_starts_the_count_over() -> None:
    """After a success it takes three failures again."""
    breaker = Breaker(SETTINGS)
    breaker.failure(now=0.0)
    breaker.failure(now=0.0)
    assert breaker.success() is False
    assert [breaker.failure(now=0.0) for _ in range(3)] == [False, False, True]


def test_out_for_thirty_seconds() -> None:
    """Out at 29 s, to be tried again at 30.1 s, whether or not anybody ticks."""
    breaker = tripped()
    assert not breaker.available(now=29.0)
    assert breaker.tick(now=29.0) is False
    assert breaker.available(now=30.1)
    assert breaker.tick(now=30.1) is True
    assert breaker.state is BreakerState.OFFERED
    assert breaker.available(now=30.1)


def test_one_probe_at_a_time() -> None:
    """An offered probe is handed out once; while it is out, nobody else gets through."""
    breaker = tripped()
    breaker.tick(now=31.0)
    assert breaker.take(now=31.0) is True
    assert breaker.take(now=31.0) is False
    assert not breaker.available(now=60.0)


def test_probe_that_is_never_reported() -> None:
    """A probe of which nothing is heard for the retry time is offered again."""
    breaker = tripped()
    breaker.tick(now=31.0)
    breaker.take(now=31.0)
    assert breaker.deadline == 61.0
    assert breaker.tick(now=61.0) is True
    assert breaker.take(now=61.0) is True


def test_probe_decides() -> None:
    """A success of the probe closes, a failure opens for another 30 s."""
    breaker = tripped()
    breaker.tick(now=31.0)
    breaker.take(now=31.0)
    breaker.failure(now=32.0)
    assert (breaker.state, breaker.retry_at) == (BreakerState.OUT, 62.0)
    breaker.tick(now=62.0)
    breaker.take(now=62.0)
    assert breaker.success() is True
    assert breaker.state is BreakerState.CLOSED


def test_success_closes_at_once() -> None:
    """A success of a call that was under way when the breaker opened closes it."""
    breaker = tripped()
    assert breaker.success() is True
    assert breaker.available(now=0.0)


def test_recording_counts_and_never_trips() -> None:
    """With the recording policy everything is counted and nothing taken out."""
    breaker = Breaker(BreakerSettings(trips=False))
    for _ in range(10):
        assert breaker.failure(now=0.0) is False
    breaker.success()
    assert (breaker.failures, breaker.successes, breaker.available(now=0.0)) == (10, 1, True)


@given(st.lists(st.sampled_from(["success", "failure", "tick", "take", "wait"]), max_size=60))
def test_never_two_probes_and_never_stuck(steps: list[str]) -> None:
    """However it is used: a take needs an offer of its own, and an open breaker always has a deadline or an offer."""
    breaker, now, offers = Breaker(SETTINGS), 0.0, 0
    for step in steps:
        if step == "wait":
            now += 7.0
        elif step == "success":
            breaker.success()
        elif step == "failure":
            breaker.failure(now=now)
        elif step == "tick":
            offers += breaker.tick(now=now)
        else:
            offers -= breaker.take(now=now)
        assert offers >= 0
        if breaker.state in (BreakerState.OUT, BreakerState.PROBING):
            assert breaker.deadline is not None
            assert breaker.deadline <= now + SETTINGS.retry_after_s


def test_breakers_keep_a_deadline_for_what_is_out() -> None:
    """The earliest retry is the deadline; a tick offers what is due and nothing else."""
    breakers = Breakers(SETTINGS)
    assert breakers.deadline is None
    for address, at in (("a", 0.0), ("b", 5.0)):
        for _ in range(3):
            breakers.failure(address, now=at)
    assert breakers.deadline == 30.0
    assert breakers.tick(now=31.0) == ["a"]
    assert breakers.state("a") is BreakerState.OFFERED
    assert breakers.deadline == 35.0
    assert breakers.take("a", now=31.0)
    assert breakers.deadline == 35.0
    breakers.success("b")
    assert breakers.deadline == 61.0
    assert breakers.available("nobody", now=0.0)
    assert breakers.state("nobody") is BreakerState.CLOSED
    assert not breakers.available("a", now=31.0)


def test_records_of_nobody_go() -> None:
    """A clean record is dropped with its address; one that keeps an address out stays."""
    breakers = Breakers(SETTINGS)
    breakers.success("clean")
    clean = breakers.of("clean")
    breakers.forget("clean")
    assert breakers.of("clean") is not clean
    for _ in range(3):
        breakers.failure("bad", now=0.0)
    breakers.forget("bad")
    assert not breakers.available("bad", now=0.0)
