"""Questions, their answers, and what comes instead of one."""

from __future__ import annotations

import pytest

from mdkspec_runtime import RequestFailed
from unit.mdkspec_runtime.toy import (
    Answer,
    Ask,
    exchange,
    joined,
)


def test_a_reply_finds_its_question() -> None:
    """Answers may come in any order; each is given to the one who asked."""
    client, _, server, handler = joined()
    answers: list[str] = []
    for text in ("one", "two"):
        client.request(
            "ask",
            Ask(text=text),
            lambda reply, text=text: answers.append(f"{text}: {reply.text}"),  # type: ignore[misc]  # bound early
            lambda error: None,
            now=0.0,
        )
    exchange(client, server)
    questions = [event[1] for event in handler.told]
    assert [question.request for question in questions] == [1, 2]
    for question in reversed(questions):
        server.reply("ask", question, Answer(text=question.text.upper()), now=0.0)
    exchange(client, server)
    assert answers == ["two: TWO", "one: ONE"]
    assert (len(client.pending("ask")), client.deadline) == (0, None)


def test_a_request_fails_in_three_ways() -> None:
    """`full` and `lost` are said at once if nothing can be asked; `timeout` when no answer comes."""
    client, _, _, _ = joined()
    failures: list[str] = []

    def ask() -> None:
        client.request("ask", Ask(), lambda reply: None, lambda error: failures.append(str(error)), now=0.0)

    ask()
    ask()
    ask()
    assert failures == ["the request 'ask' failed: too many questions wait for their answers already"]
    client.tick(now=3.0)
    assert failures[1:] == ["the request 'ask' failed: no answer came in time"] * 2
    ask()
    client.lost(now=0.0)
    ask()
    assert (
        failures[3:] == ["the request 'ask' failed: there is no connection, or it was lost before the answer came"] * 2
    )


def test_late_replies_are_counted() -> None:
    """An answer to what timed out, or to nothing, is no offence."""
    client, _, _, _ = joined()
    client.request("ask", Ask(), lambda reply: None, lambda error: None, now=0.0)
    client.tick(now=3.0)
    client.receive('{"type":"answer","request":1}', now=4.0)
    client.receive('{"type":"answer"}', now=4.0)
    assert client.pending("ask").late_replies == 2
    assert not client.hanging_up


def test_a_reply_after_the_connection_says_nothing() -> None:
    """The asker has been told `lost` already."""
    _, _, server, _ = joined()
    server.lost(now=0.0)
    server.reply("ask", Ask(request=1), Answer(), now=0.0)
    assert server.counters.unsent == 1


def test_an_error_in_a_callback_of_a_request_does_not_stop_the_others() -> None:
    """On `lost` everyone who waits is told, then the error comes out."""
    client, _, _, _ = joined()
    told: list[str] = []

    def fail(error: RequestFailed) -> None:
        told.append(error.reason)
        raise ValueError("application")

    client.request("ask", Ask(), lambda reply: None, fail, now=0.0)
    client.request("ask", Ask(), lambda reply: None, lambda error: told.append("second"), now=0.0)
    with pytest.raises(ValueError, match="application"):
        client.lost(now=0.0)
    assert told == ["lost", "second"]
    assert client.state("Talk") is None
