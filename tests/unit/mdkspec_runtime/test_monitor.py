"""The observer: which frames of a conversation were legal."""

from __future__ import annotations

import pytest

from mdkspec_runtime.monitor import Monitor
from unit.mdkspec_runtime.toy import CLIENT, SERVER

OPENING = [("client", '{"type":"hello","name":"ada"}'), ("server", '{"type":"welcome"}')]


def watched(*more: tuple[str, str]) -> list[str | None]:
    """What a monitor says to the opening and some frames more."""
    monitor = Monitor(CLIENT, SERVER)
    return [monitor.observe(sender, frame) for sender, frame in [*OPENING, *more]]


def test_a_legal_conversation_is_legal() -> None:
    """Posts, acks, beats, questions and answers, and a goodbye."""
    verdicts = watched(
        ("client", '{"type":"sit","seat":"a"}'),
        ("client", '{"type":"post","text":"x","number":0}'),
        ("server", '{"type":"posted","number":0}'),
        ("server", '{"type":"beat"}'),
        ("client", '{"type":"ask","request":1}'),
        ("server", '{"type":"answer","request":1}'),
        ("client", '{"type":"bye","code":"left"}'),
    )
    assert verdicts == [None] * 9


@pytest.mark.parametrize(
    ("sender", "frame"),
    [
        ("client", '{"type":"hello","name":"again"}'),
        ("server", '{"type":"welcome"}'),
        ("client", '{"type":"posted","number":0}'),
        ("server", '{"type":"post","number":0}'),
        ("server", "{"),
        ("server", '{"type":"future"}'),
    ],
)
def test_what_no_state_allows_is_found(sender: str, frame: str) -> None:
    """Out of place, in the wrong direction, malformed, unknown."""
    assert watched((sender, frame))[-1] is not None


def test_a_part_says_nothing_before_it_is_live() -> None:
    """A post before the welcome is out of place."""
    monitor = Monitor(CLIENT, SERVER)
    assert monitor.observe("client", '{"type":"post","number":0}') is not None


def test_states_that_are_reached_unseen_are_possible() -> None:
    """A client that rests does so by a call: the observer keeps both states in mind."""
    monitor = Monitor(CLIENT, SERVER)
    for sender, frame in OPENING:
        assert monitor.observe(sender, frame) is None
    assert monitor.states("client", "Work") == {"Busy", "Idle"}
    assert monitor.states("server", "Talk") == {"Inside"}


def test_what_was_in_flight_when_one_side_hung_up_is_no_offence() -> None:
    """Nobody reads it any more, so nothing is wrong with it."""
    monitor = Monitor(CLIENT, SERVER)
    bye = ("client", '{"type":"bye","code":"left"}')
    said = [*OPENING, bye, ("server", '{"type":"beat"}'), ("server", '{"type":"welcome"}')]
    assert [monitor.observe(sender, frame) for sender, frame in said] == [None] * 5
