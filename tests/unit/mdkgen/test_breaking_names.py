"""What is called otherwise in a new version, and what hides behind a new name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mdkgen.breaking import Comparison, compare
from mdkgen.compiler import compile_texts
from mdkgen.model import Spec

ROOT = Path(__file__).parents[3]
JOBS = re.sub(r"\nscenario .*", "", (ROOT / "examples/jobs/spec/jobs.mdkspec").read_text(), flags=re.DOTALL)
WORKING = JOBS[JOBS.index("/// Work goes out") :]
ANY_ORDER, FLAG_DAY = "compatible: upgrade in any order", "flag day: old and new do not work together, in either order"
CLIENTS_FIRST = "upgrade every client first: an old client does not work with a new queue"


def _spec(text: str) -> Spec:
    compilation = compile_texts({"a.mdkspec": text})
    assert compilation.spec is not None, compilation.diagnostics
    return compilation.spec


def _after(*edits: tuple[str, str]) -> Comparison:
    text = JOBS
    for was, now in edits:
        assert re.search(was, text), was
        text = re.sub(was, now, text)
    return compare(_spec(JOBS), _spec(text))


def _codes(comparison: Comparison, *levels: str) -> set[str]:
    return {one.diagnostic.code for one in comparison.of(levels)}


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        ((r"\bclient\b", "worker"), "MDK6301"),
        ((r"\bJobs\b", "Work"), "MDK6301"),
        ((r"\bresults\b", "outcomes"), "MDK6303"),
        ((r"request take\b", "request fetch"), "MDK6303"),
        ((r"\bwork_max\b", "limit"), "MDK6304"),
    ],
    ids=["role", "protocol", "delivery", "request", "param"],
)
def test_another_name_is_for_programs_alone(edit: tuple[str, str], code: str) -> None:
    """No peer sees what roles, protocols, deliveries, requests and params are called; whoever uses the stubs does."""
    comparison = _after(edit)
    assert comparison.verdict == ANY_ORDER
    assert _codes(comparison, "wire", "behaviour") == set()
    assert _codes(comparison, "source") == {code}


@pytest.mark.parametrize(
    ("edits", "code", "verdict"),
    [
        ([(r"\bJobs\b", "Work"), ('path: "/jobs"', 'path: "/work"')], "MDK6115", FLAG_DAY),
        ([(r"\bclient\b", "worker"), (r"ResultAck.number upto", "ResultAck.number each")], "MDK6205", FLAG_DAY),
        ([(r"\bWorking\b", "Doing"), (r"ResultAck.number upto", "ResultAck.number each")], "MDK6205", FLAG_DAY),
        ([(r"\bresults\b", "outcomes"), (r"number number from 1", "number number from 0")], "MDK6207", FLAG_DAY),
    ],
    ids=["protocol", "role", "part", "delivery"],
)
def test_a_new_name_hides_no_other_change(edits: list[tuple[str, str]], code: str, verdict: str) -> None:
    """What was renamed is compared all the same."""
    comparison = _after(*edits)
    assert _codes(comparison, "wire", "behaviour") == {code}
    assert comparison.verdict == verdict


def test_a_part_that_is_gone_takes_no_messages() -> None:
    """Its messages are illegal now where they are still known, and nobody acknowledges its deliveries."""
    comparison = _after((r"parts Submitting, Working", "parts Submitting"), (re.escape(WORKING), ""))
    assert _codes(comparison, "wire", "behaviour") == {"MDK6201", "MDK6206"}
    texts = {one.diagnostic.message for one in comparison.changes}
    assert "old client, new queue: the queue may receive Take in state Up of Jobs" in texts
    assert comparison.verdict == CLIENTS_FIRST


MOVING = """
mdkspec 1
namespace moving
version 1.0
message Go as "go" {{ }}
message Note as "note" {{ }}
message Other as "other" {{ }}
protocol P {{
  transport websocket {{ path: "/", tag: "type", message_max: 64KiB }}
  roles client connects, server accepts
  parts Early, Late
  unknown message -> drop
  illegal message -> drop
  malformed message -> drop
  reconnect 1s .. 2s x 2 jitter 0
  role client {{ start state New {{ call go() -> send Go(), goto Up }}  state Up {{ ignore go }} }}
  role server {{ start state New {{ recv Go -> goto Up }}  state Up {{ ignore Go }} }}
}}
part Early of P live in New, Up {{ {0} }}
part Late of P live in Up {{ {1} }}
"""
TALK = "role client {{ start state S {{ call {1}() -> send {0}() }} }} role server {{ start state S {{ recv {0} -> tell {1}ed() }} }}"


def test_a_message_of_another_part_is_taken_in_other_states() -> None:
    """Earlier than before: an old server does not take it yet. Later: an old client sends it too early."""
    note, other = TALK.format("Note", "note"), TALK.format("Other", "other")
    early, late = _spec(MOVING.format(note, other)), _spec(MOVING.format(other, note))
    for old, new in ((early, late), (late, early)):
        comparison = compare(old, new)
        moved = [one for one in comparison.of(["behaviour"]) if one.diagnostic.message.startswith("Note is taken in ")]
        (change,) = moved
        assert change.diagnostic.code == "MDK6201"
        assert change.breaks == ({"old connector"} if old is early else {"new connector"})
    text = {one.diagnostic.message for one in compare(early, late).changes}
    assert "Note is taken in Late, live in Up now, was in Early, live in New, Up" in text


def test_a_protocol_that_is_gone_leaves_its_peers_alone() -> None:
    """Where another one is there as well, it is not taken for it."""
    other = JOBS[JOBS.index("/// A queue of jobs") :]
    both = JOBS + re.sub(r"\b(Jobs|Submitting|Working)\b", r"\1Too", other).replace('"/jobs"', '"/too"')
    comparison = compare(_spec(both), _spec(JOBS))
    assert comparison.verdict == FLAG_DAY
    assert "MDK6115" in _codes(comparison, "wire")


def test_a_verdict_on_two_protocols_names_the_roles_of_neither() -> None:
    """Who has to go first may be called otherwise in each."""
    other = JOBS[JOBS.index("/// A queue of jobs") :].replace('"/jobs"', '"/too"')
    for name in ("Submit", "Submitted", "Take", "Taken", "Result", "ResultAck", "Bye"):
        other = re.sub(rf"\b{name}\b", f"{name}Too", other)
        message = re.search(rf"message {name} as [^}}]*}}", JOBS)
        assert message is not None
        other += message[0].replace(f'message {name} as "', f'message {name}Too as "too.')
    both = JOBS + re.sub(r"\b(Jobs|Submitting|Working)\b", r"\1Too", other)
    comparison = compare(_spec(both), _spec(both.replace('as "take" {', 'as "take" { more: int ')))
    assert comparison.verdict == (
        "upgrade every connecting side first: an old connecting side does not work with a new accepting side"
    )


@pytest.mark.parametrize(
    ("was", "now", "verdict"),
    [("int", "Digit", CLIENTS_FIRST), ("Digit", "int", None), ("list<int>", "list<Digit>", CLIENTS_FIRST)],
)
def test_bounds_that_come_with_another_type_are_bounds(was: str, now: str, verdict: str | None) -> None:
    """Clients send it: bounds that come want them first, bounds that go want the queues first."""
    text = JOBS.replace("record Job {", "type Digit = int >= 0 <= 9\nrecord Job {")
    message = 'message Submit as "submit" {{ more?: {0} '
    begin = 'message Submit as "submit" {'
    comparison = compare(
        _spec(text.replace(begin, message.format(was))), _spec(text.replace(begin, message.format(now)))
    )
    assert _codes(comparison, "wire", "behaviour") == {"MDK6110"}
    assert comparison.verdict == (verdict or "upgrade every queue first: a new client does not work with an old queue")


def test_a_member_of_an_open_enum_that_is_written_otherwise() -> None:
    """Nothing is refused, and yet what older peers write has lost its name."""
    text = JOBS.replace("record Job {", 'record Job {\n  kind: Kind = "A"')
    old, new = (text + f"open enum Kind {{ A  B{value} }}\n" for value in ("", ' = "b"'))
    (change,) = compare(_spec(old), _spec(new)).of(["wire"])
    assert change.diagnostic.message == "Kind.B is 'b' now: 'B', which older peers write, has no name"
    assert change.breaks == frozenset()
