"""mdkgen.vectors.driven: what a peer can bring about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mdkgen.compiler import compile_texts
from mdkgen.rules import texts_of
from mdkgen.source import read_folder
from mdkgen.vectors.driven import plan

ROOT = Path(__file__).parents[3]


def _plan(folder: str, role: str) -> dict[str, Any]:
    spec = compile_texts(read_folder(ROOT / folder), verifying=False).spec
    assert spec is not None
    return plan(spec, spec.protocols[0], role)


def _words(case: dict[str, Any]) -> list[str]:
    return [str(step.get("name") or step.get("what") or step["do"]) for step in case["steps"]]


@pytest.mark.parametrize(
    ("folder", "role", "left"),
    [
        ("examples/chat/spec", "room", ["call say"]),
        ("examples/chat/spec", "member", []),
        ("examples/jobs/spec", "queue", ["lapse work", "call hand_out", "call dismiss"]),
        ("examples/jobs/spec", "client", []),
    ],
)
def test_only_what_the_application_starts_is_in_no_case(folder: str, role: str, left: list[str]) -> None:
    """Every other transition is taken by a case, for one answer or another."""
    made = _plan(folder, role)
    taken = {
        source for case in made["cases"] for way in case["outcomes"] for outcome in way for source in outcome["takes"]
    }
    found = [f"{one['kind']} {one['name']}" for one in made["transitions"] if one["source"] not in taken]
    assert sorted(found) == sorted(left)


def test_every_message_is_tried_in_every_state() -> None:
    """A room gets each message at its door and inside, and rubbish."""
    sent = [tuple(_words(case)) for case in _plan("examples/chat/spec", "room")["cases"]]
    everything = {"Join", "Welcome", "Bye", "Post", "Posted", "Said", "malformed", "unknown"}
    assert {case[1] for case in sent if len(case) == 2} >= everything - {"Join"}
    assert {word for case in sent if case[1:2] == ("Join",) for word in case[2:]} >= everything


def test_what_was_delivered_comes_again_after_a_cut() -> None:
    """As far as where it is sent again, under the number that it had."""
    cases = _plan("examples/chat/spec", "member")["cases"]
    (cut,) = [case for case in cases if "cut" in _words(case)]
    assert _words(cut) == ["connect", "Welcome", "delivery", "cut", "connect", "Welcome"]
    assert cut["steps"][-1]["again"] == {"posts": {"post": ["number"]}}


def test_batches_are_acknowledged_to_the_end() -> None:
    """Two messages in one frame: any acknowledgement of the second or above will do."""
    cases = _plan("spec", "server")["cases"]
    steps = [step for case in cases for step in case["steps"] if step.get("upto")]
    assert steps
    assert all(step["number"] == 2 for step in steps)


GUARDED = """
record Item { n: int = 0  tags: list<string> = [] }
message Ping as "ping" { item as "theItem": Item = {}  more: map<any> = {}  maybe: float | null = null  mood: Mood = "CALM" }
open enum Mood { CALM LOUD }
role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }
role server { start state Up {
  recv Ping(m) when m.item.n >= 5 -> send Pong()
  recv Ping -> hangup
} }
"""


def _taken(said: dict[str, dict[str, Any]]) -> set[str]:
    spec = compile_texts(texts_of(GUARDED)).spec
    assert spec is not None
    made = plan(spec, spec.protocols[0], "server", said)
    guarded, other = (one["source"] for one in made["transitions"])
    takes = {one for case in made["cases"] for way in case["outcomes"] for step in way for one in step["takes"]}
    return {{guarded: "guarded", other: "other"}[one] for one in takes}


def test_what_is_said_decides_which_transition_is_taken() -> None:
    """A guard over data reads what `--say` gives, and the case expects what comes of that."""
    assert _taken({}) == {"other"}
    given = {"theItem": {"n": 7, "tags": ["a"]}, "more": {"x": [1]}, "maybe": None, "mood": "SLY"}
    assert _taken({"Ping": given}) == {"guarded"}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"item": {}}, "Ping has no key 'item'; it has: theItem, more, maybe, mood"),
        ({"theItem": {"n": "7"}}, "Ping.theItem: Item.n: '7' is not of its type"),
        ({"theItem": {"n": True}}, "Ping.theItem: Item.n: True is not of its type"),
        ({"theItem": {"tags": [1]}}, "Ping.theItem: Item.tags: 1 is not of its type"),
        ({"more": []}, "Ping.more: [] is not of its type"),
        ({"maybe": "x"}, "Ping.maybe: 'x' is not of its type"),
        ({"mood": 1}, "Ping.mood: 1 is not of its type"),
    ],
)
def test_what_is_said_must_be_what_the_message_has(given: dict[str, Any], problem: str) -> None:
    """ValueError names the place."""
    with pytest.raises(ValueError, match=re.escape(problem)):
        _taken({"Ping": given})
