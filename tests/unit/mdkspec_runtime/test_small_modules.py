"""Errors, parameters, backoff and enums, word by word."""

from __future__ import annotations

import math

import pytest

from mdkspec_runtime import errors
from mdkspec_runtime.parameters import checked_parameters
from mdkspec_runtime.reconnect import Backoff, no_jitter
from mdkspec_runtime.step import NOTHING, allowed, step
from mdkspec_runtime.tables import Reconnect, Scope
from unit.mdkspec_runtime.toy import CLIENT_WORK, SERVER_TALK, Handler, Hello, Mood


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.IllegalCall("sit", "Work", "Idle", ["rest"]), "the call 'sit' is not allowed in state 'Idle' of Work; allowed: rest"),
        (errors.IllegalCall("sit", "Work", None, []), "the call 'sit' is not allowed while Work is not live; allowed: nothing"),
        (errors.IllegalMessage("Post", "Work", "Idle", ["Beat", "Sit"]), "Post is not allowed in state 'Idle' of Work; allowed: Beat, Sit"),
        (errors.UnsendableMessage("Post", "ttl: nan"), "Post cannot be sent: ttl: nan"),
        (errors.UnknownMessage("x" * 300), f"unknown message type {'x' * 200!r}"),
        (errors.MalformedMessage("why", b"{"), "malformed message: why"),
        (errors.RequestFailed("ask", "timeout"), "the request 'ask' failed: no answer came in time"),
    ],
)  # fmt: skip
def test_texts_are_made_from_fields(error: errors.ProtocolRuntimeError, text: str) -> None:
    """Every text of the engine's errors."""
    assert str(error) == text
    assert isinstance(error, errors.ProtocolRuntimeError)


@pytest.mark.parametrize("value", [0, -1.0, math.nan, math.inf, True])
def test_parameters_are_numbers_above_zero(value: float) -> None:
    """A period of 0 would never let a loop end."""
    with pytest.raises(ValueError, match=rf"the parameter 'beat' is {value!r}; expected a finite number above 0"):
        checked_parameters({"beat": 1.0}, {"beat": value})


def test_parameters_are_those_of_the_spec() -> None:
    """Others are refused; what is not given keeps its default."""
    with pytest.raises(TypeError, match="the specification has no parameter 'beet'; it has: beat, rest"):
        checked_parameters({"rest": 1.0, "beat": 1.0}, {"beet": 1.0})
    assert checked_parameters({"rest": 1.0, "beat": 1.0}, {"beat": 3}) == {"rest": 1.0, "beat": 3}


def test_waits_grow_to_the_longest() -> None:
    """First, times the factor, never over the longest; back to the first when proved."""
    backoff = Backoff(Reconnect(first_s=1.0, longest_s=16.0, factor=2.0, jitter=0.2), no_jitter)
    assert [backoff.wait_s() for _ in range(7)] == [1, 2, 4, 8, 16, 16, 16]
    backoff.proved()
    assert backoff.wait_s() == 1


def test_unknown_members_equal_their_string_only() -> None:
    """As keys and in comparisons an unknown value stands for its string; it is never remembered."""
    loud = Mood("very loud")
    assert loud == "very loud"
    assert {"very loud": 1}[loud] == 1
    assert loud != Mood("other")
    assert loud is not Mood("very loud")
    with pytest.raises(ValueError, match="5 is not a valid Mood"):
        Mood(5)  # type: ignore[arg-type]  # what is no string is refused


def test_step_runs_nothing_and_chooses_by_guards() -> None:
    """`step` only chooses; timers, enter and lapses that no table has do nothing."""
    handler = Handler()
    scope = Scope(handler, {}, {})
    first, second = SERVER_TALK.states["Door"]["recv Hello"]
    assert step(SERVER_TALK, "Door", "recv Hello", scope, (Hello(name="a"),)) is first
    handler.is_open = False
    assert step(SERVER_TALK, "Door", "recv Hello", scope, (Hello(name="a"),)) is second
    assert step(SERVER_TALK, "Inside", "enter", scope) is NOTHING
    assert not handler.told
    with pytest.raises(errors.IllegalMessage):
        step(SERVER_TALK, "Inside", "recv Hello", scope, (Hello(name="a"),))


def test_allowed_lists_the_state_before_always() -> None:
    """In the order of the spec, each once."""
    assert allowed(CLIENT_WORK, "Busy", "call") == ("sit", "remind", "nod", "rest", "want", "forget")
    assert allowed(CLIENT_WORK, None, "recv") == ()
