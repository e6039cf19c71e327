"""mdkgen.vectors.driven: what a peer can bring about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mdkgen.compiler import compile_texts
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
