"""mdkgen.verify: bounds, ways to what is wrong, and what `mdkgen verify` prints."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mdkgen.cli import main
from mdkgen.compiler import compile_texts, read_folder
from mdkgen.reports import report
from mdkgen.rules import all_rules, texts_of
from mdkgen.traces import as_mermaid
from mdkgen.verify import Verification, verification
from second_protocol import clock

ROOT = Path(__file__).parents[3]


def _verified(example: str) -> Verification:
    spec = compile_texts(texts_of(example), verifying=False).spec
    assert spec is not None
    return verification(spec)


def _codes(example: str) -> list[str]:
    return [one.code for one in _verified(example).diagnostics]


def test_the_bound_follows_from_the_longest_burst() -> None:
    """Three messages in one step need a queue of four; the other side's queue has the least, two."""
    example = "role client { start state Up { every 1s -> send Ping(), send Ping(), send Ping()  recv Pong -> tell answered() } }"
    (explored,) = _verified(example).explored
    assert explored.bounds == (4, 2)
    assert explored.bound_reached
    assert re.fullmatch(r"P: \d+ configurations in \d+ ms; queues of 4 and 2 messages, reached", str(explored))


def test_a_trace_is_a_shortest_way_with_lines_of_the_spec() -> None:
    """Each step names what it takes; the text shows the line."""
    texts = texts_of(all_rules()["MDK4001"].bad)
    (found,) = compile_texts(texts).diagnostics
    assert [(one.kind, one.role, one.name) for one in found.trace] == [
        ("connect", "", ""),
        ("timer", "client", ""),
        ("timer", "client", ""),
        ("receive", "server", "Ping"),
        ("receive", "server", "Ping"),
    ]
    text = report("text", [found], texts, "spec")
    second = next(row for row in text.splitlines() if row.startswith("    2. "))
    assert re.fullmatch(r"    2\. client: every +spec/example\.mdkspec:18: role client \{ start state Up .*", second)
    assert "    5. server receives Ping\n" in text  # Nothing there takes it.


def test_a_trace_as_a_diagram() -> None:
    """Messages are arrows where they arrive; the link and the applications are notes."""
    (found,) = compile_texts(texts_of(all_rules()["MDK4001"].bad)).diagnostics
    assert as_mermaid(found.trace, ("client", "server")) == (
        "sequenceDiagram\n  participant client\n  participant server\n"
        "  Note over client,server: connect\n  Note over client: every\n  Note over client: every\n"
        "  client->>server: Ping\n  client->>server: Ping\n"
    )


def test_a_trace_is_a_code_flow_of_sarif() -> None:
    """Code scanners step through it."""
    found = compile_texts(texts_of(all_rules()["MDK4001"].bad)).diagnostics
    result = json.loads(report("sarif", found, {}, "spec"))["runs"][0]["results"][0]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [one["location"]["message"]["text"] for one in steps][:2] == ["connect", "client: every"]
    assert steps[1]["location"]["physicalLocation"]["region"] == {"startLine": 18}


def test_answers_that_multiply_are_a_flood() -> None:
    """No configuration comes again, because there are more messages each time."""
    example = (
        "role client { start state Up { every 1s -> send Ping()  recv Pong -> send Ping() } }\n"
        "role server { start state Up { recv Ping -> send Pong(), send Pong() } }"
    )
    (found,) = _verified(example).diagnostics
    assert (found.code, found.message) == ("MDK4006", "in P each Ping brings about more of its kind, without end")
    assert found.trace[-1].text == "server receives Ping"


def test_answers_may_multiply_from_state_to_state() -> None:
    """A `goto` in each of them hides nothing."""
    pongs = "recv Ping -> send Pong(), send Pong(), goto"
    example = (
        "role client { start state Up { every 1s -> send Ping()  recv Pong -> send Ping() } }\n"
        f"role server {{ start state Up {{ {pongs} B }} state B {{ {pongs} Up }} }}"
    )
    assert _codes(example) == ["MDK4006"]


def test_what_is_ignored_between_the_answers_ends_no_flood() -> None:
    """No data decides that it is: only what a guard over data may take or not interrupts."""
    example = (
        "role client { start state Up { every 9s -> send Pong()  recv Ping -> send Pong(), send Ping()  ignore Pong } }\n"
        "role server { start state Up { ignore Ping  recv Pong -> send Ping(), send Ping() } }"
    )
    assert _codes(example) == ["MDK4006"]
    around = (
        "role client { start state Up { after 9s -> send Pong()  recv Ping -> send Pong(), send Ping()  ignore Pong } }\n"
        "role server { start state Up { ignore Ping  recv Pong -> send Ping() } }"
    )
    assert _codes(around)[0] == "MDK4006"


def test_many_answers_are_no_flood_if_they_end() -> None:
    """Where the answers are ignored, or counted by states, or the next state says nothing."""
    pongs = "recv Ping -> send Pong(), send Pong(), send Pong()"
    client = "role client { start state Up { every 1s -> send Ping()  recv Pong -> tell answered() } }\n"
    assert _codes(client + f"role server {{ start state Up {{ {pongs} }} }}") == []
    client = "role client { start state Up { after 1s -> send Ping()  recv Pong -> send Ping() } }\n"
    server = f"role server {{ start state Up {{ {pongs}, goto B }} state B {{ {pongs}, goto C }} state C {{ ignore Ping  every 1s -> send Pong() }} }}"
    assert "MDK4006" not in _codes(client.replace("after 1s -> send Ping()", "enter -> send Ping()") + server)


LAPSING = """
role client { start state Up { every 10s -> send Ping()  recv Pong -> goto Done } state Done { every 5s -> send Ping() } }
role server { SCOPE lease asks
  ALWAYS { lapse asks(key) -> send Pong() }
  start state Up { recv Ping -> lease asks["one"] for 5s } }
"""


@pytest.mark.parametrize("scope", ["connection", "session"])
def test_a_lapse_in_always_is_explored_as_one_in_a_state(scope: str) -> None:
    """What it sends may come where nobody takes it."""
    example = LAPSING.replace("SCOPE", scope)
    if scope == "session":  # which only the connecting side may have
        example = example.replace("client", "other").replace("server", "client").replace("other", "server")
    found = _verified(example.replace("ALWAYS", "always")).diagnostics
    assert [one.code for one in found] == ["MDK4001"]
    assert "may receive Pong in state Done of P" in found[0].message
    assert [
        (one.text.partition(": ")[2], one.span.line) for one in found[0].trace if one.kind == "timer" and one.span
    ] == [("lapse asks", 16)] * 2


def test_a_lapse_whose_guard_is_never_true_is_never_taken() -> None:
    """One of a shared lease, which no connection sees, is not judged."""
    server = (
        "role server { connection flag on = false\n connection lease asks\n"
        '  start state Up { recv Ping -> send Pong(), lease asks["one"] for 5s\n'
        "  lapse asks(key) when on -> tell late()\n  lapse asks(key) -> tell gone() } }"
    )
    found = _verified(server).diagnostics
    assert [(one.code, one.message) for one in found] == [
        ("MDK4004", "the server never comes to take this `lapse` in P"),
    ]


def test_a_timer_that_fires_once_fires_once() -> None:
    """As long as its state goes on; what it sends comes once, and then both may wait."""
    once = "role client { start state Up { recv Pong -> tell answered()  after 5s -> send Ping() } }\n"
    once = once.replace("} }", "every 9s -> tell alive() } }")
    assert _codes(once + "role server { start state Up { recv Ping -> send Pong(), goto B } state B { } }") == []
    once = once.replace("every 9s -> tell alive() ", "")
    waits = "role server { start state Up { recv Ping -> goto B } state B { recv Ping -> send Pong() } }"
    found = _verified(once + waits).diagnostics
    assert found[0].code == "MDK4005"
    assert [one.text for one in found[0].trace] == ["connect", "client: after", "server receives Ping"]


def test_a_timer_fires_again_when_its_state_is_entered_again() -> None:
    """By `goto`, by a new connection, and when the part is live again."""
    client = "role client { start state Up { recv Pong -> goto Up  after 5s -> send Ping() } }\n"
    server = "role server { start state Up { recv Ping -> send Pong(), goto B } state B { ignore Pong } }"
    found = next(one for one in _verified(client + server).diagnostics if one.code == "MDK4001")
    assert (found.code, [one.text for one in found.trace].count("client: after")) == ("MDK4001", 2)


def test_each_step_names_the_transition_that_it_takes() -> None:
    """Of several timers, leases and guards the one that leads there."""
    client = (
        "role client {\n  hook more() -> bool\n  start state Up {\n    recv Pong -> tell answered()\n"
        "    after 5s -> tell slow()\n    after 7s -> send Ping(), goto B\n    call go() when more() -> tell going()\n"
        "    call go() -> send Ping(), send Ping()\n  }\n  state B { recv Pong -> goto Up  ignore go } }\n"
    )
    server = "role server { start state Up { recv Ping -> send Pong(), goto C } state C { } }"
    found = [one for one in _verified(client + server).diagnostics if one.code == "MDK4001"]
    lines = {step.text: step.span.line for one in found for step in one.trace if step.span}
    spec = compile_texts(texts_of(client + server), verifying=False).spec
    assert spec is not None
    (go,) = [
        one.span.line
        for state in spec.protocols[0].parts[0].machines[0].states
        for one in state.transitions
        if one.trigger.kind == "call" and one.guard is None
    ]
    assert lines["client calls go"] == go
    slow = client.replace(
        "call go() when more() -> tell going()\n    call go() -> send Ping(), send Ping()\n", ""
    ).replace("  ignore go", "")
    (found_slow,) = [one for one in _verified(slow + server).diagnostics if one.code == "MDK4001"]
    after = [step.span.line for step in found_slow.trace if step.text == "client: after" and step.span]
    assert after == [go - 2, go - 2]


def test_a_hot_state_is_not_judged_by_half_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it was cut short, and nothing that it cannot know."""
    example = (
        "role client { start hot state Up { every 1s -> send Ping()  recv Pong -> send Ping(), goto B }"
        "  hot state B { recv Pong -> send Ping(), goto Up } }"
    )
    for most in range(1, 12):
        monkeypatch.setattr("mdkgen.explore.CONFIGURATIONS_MAX", most)
        assert _codes(example) == ["MDK4002"]


DELIVERING = """message Note as "note" { n?: int }
message NoteAck as "noteack" { n: int }
message Notes as "notes" { notes: list<Note> }
message NotesAck as "notesack" { n: int }
delivery notes { from client  message Note  number n from 0  ack NoteAck.n each
  batch Notes.notes of 5 ack NotesAck.n upto in Up  resend on connect  buffer 9 or 1MiB drop_oldest }
role client { start state Up { ignore Pong } }
role server { start state Up { recv Note(m) -> tell noted(m)  ignore Ping } }
"""


def test_a_delivery_that_always_packs_needs_no_acknowledgement_of_single_messages() -> None:
    """Where it does not, it does."""
    assert _codes(DELIVERING) == []
    before = DELIVERING.replace(
        "start state Up { ignore Pong }", "start state A { recv Pong -> goto Up } state Up { ignore Pong }"
    )
    before = before.replace("ignore Ping }", "ignore Ping  every 1s -> send Pong() }")
    assert [one.message for one in _verified(before).diagnostics if one.code == "MDK4008"] == [
        "no NoteAck ever reaches the client: notes keeps all it sends"
    ]


def test_a_guard_over_data_may_end_a_flood() -> None:
    """It is the application's to say so."""
    example = (
        "role client { hook again() -> bool\n  start state Up { every 1s -> send Ping()  recv Pong when again() -> send Ping()"
        "  ignore Pong } }"
    )
    assert _codes(example) == []


def test_a_state_that_enters_itself_is_found_before_it_is_tried() -> None:
    """Also by a detour."""
    example = (
        "role server { start state Up { recv Ping -> send Pong(), goto A }\n"
        "  state A { enter -> goto B  ignore Ping } state B { enter -> goto A  ignore Ping } }"
    )
    (found,) = _verified(example).diagnostics
    assert (found.code, found.message) == ("MDK4006", "the server enters A of P again and again, without end")


def test_messages_may_flow_while_a_hot_state_is_never_left() -> None:
    """A livelock: the client asks and is answered for ever, and Busy stays."""
    example = (
        "role server {\n  start state Up { recv Ping -> send Pong(), goto Busy }\n"
        "  hot state Busy { recv Ping -> send Pong() }\n}"
    )
    (found,) = _verified(example).diagnostics
    assert found.code == "MDK4007"
    assert found.message == "the server may come into the hot state Busy of P and never leave it"
    assert [one.text for one in found.trace] == ["connect", "client: every", "server receives Ping"]


def test_a_hot_state_that_the_connection_ends_is_left() -> None:
    """Hanging up leads out of it."""
    example = (
        "role server {\n  start state Up { recv Ping -> send Pong(), goto Busy }\n"
        "  hot state Busy { recv Ping -> send Pong()  after 1min -> hangup }\n}"
    )
    assert [code for code in _codes(example) if code != "MDK4011"] == []


def test_what_a_delivery_carries_is_no_orphan() -> None:
    """It is sent again."""
    texts = read_folder(ROOT / "spec")
    spec = compile_texts(texts, verifying=False).spec
    assert spec is not None
    lost = {one.message.split()[0] for one in verification(spec).diagnostics if one.code == "MDK4011"}
    assert "Active" in lost
    assert lost.isdisjoint({"Log", "LogAck", "InteractionEvent", "Close"})


def test_verify_prints_the_bound_states_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each part; notes do not fail."""
    assert main(["verify", str(ROOT / "spec")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines][:1] == ["Session with Discovery"]
    assert all(re.search(r": \d+ configurations in \d+ ms; queues of \d and \d messages", line) for line in lines)


def test_verify_fails_on_what_it_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1; as a diagram if asked."""
    for name, text in texts_of(all_rules()["MDK4005"].bad).items():
        (tmp_path / name).write_text(text)
    assert main(["verify", str(tmp_path)]) == 1
    assert (
        "error[MDK4005]: both sides wait for the other: the client in Up and the server in Up"
        in capsys.readouterr().err
    )
    assert main(["verify", "--mermaid", str(tmp_path)]) == 1
    assert "%% MDK4005" in capsys.readouterr().out


SECOND = clock(
    member="start state Waiting { call ask() -> send Tick()  recv Tock -> tell told()  recv Bye -> hangup }",
    tower="start state Up { recv Tick -> send Tock(), goto Done  recv Bye -> hangup }  state Done { recv Bye -> hangup }",
)


def test_what_is_found_in_the_second_protocol_is_written_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a diagram with its roles, as a pytest of its stubs, as a scenario of its own."""
    (tmp_path / "chat.mdkspec").write_text((ROOT / "examples/chat/spec/chat.mdkspec").read_text("utf-8"))
    (tmp_path / "clock.mdkspec").write_text(SECOND)
    assert main(["verify", "--mermaid", str(tmp_path)]) == 1
    drawn = capsys.readouterr().out
    assert "  member->>tower: Tick\n" in drawn[drawn.index("%% MDK4001") :]
    assert main(["verify", "--pytest", str(tmp_path)]) == 1
    written = capsys.readouterr().out
    assert "from chat_protocol.clock_tower import ClockTower\n" in written
    assert 'replay.receive("tower", "Tick")' in written
    assert main(["promote", str(tmp_path), "MDK4001"]) == 0
    assert (
        'of Clock, where it is neither taken nor ignored" for Clock {\n  member calls ask\n' in capsys.readouterr().out
    )
