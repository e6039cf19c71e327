"""Scenarios: what playing one sees, which transitions none takes, and traces of the verifier written as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdkgen.cli import main
from mdkgen.compiler import compile_texts
from mdkgen.model import Spec
from mdkgen.rules import texts_of
from mdkgen.scenarios.check import play_all, uncovered
from mdkgen.scenarios.played import Drawn
from mdkgen.scenarios.promote import as_scenario
from mdkgen.verify import verification
from mutants import mutants

ROLES = """role client { start state Up { call ask(n: int) -> send Ping(n = n)  recv Pong(m) -> tell answered(m.n) } }
role server { start state Up { recv Ping(m) when m.n == 0 -> hangup  recv Ping(m) -> send Pong(n = m.n)  after 1min -> hangup } }
"""


def _spec(scenario: str) -> Spec:
    compilation = compile_texts(texts_of(ROLES + scenario))
    assert compilation.spec is not None, [one.message for one in compilation.diagnostics]
    return compilation.spec


def test_what_is_drawn_is_what_happened() -> None:
    """Steps in order; what a role does by itself with the connection, too."""
    (played,) = play_all(
        _spec(
            'scenario "s" for P {\n  client calls ask(n = 2)\n  client -> server: Ping(n = 2)\n  server -> client: Pong\n  client told answered(n = 2)\n  pass 60s\n}'
        )
    )
    assert played.drawn == [
        Drawn("call", "client", "", "ask(n = 2)"),
        Drawn("arrive", "client", "server", "Ping", "n = 2"),
        Drawn("arrive", "server", "client", "Pong"),
        Drawn("told", "client", "", "answered(n = 2)"),
        Drawn("time", "", "", "60s pass"),
        Drawn("link", "", "", "the server hangs up"),
    ]


def test_transitions_that_no_scenario_takes_are_named() -> None:
    """By their place; a part without any scenario is named once."""
    spec = _spec(
        'scenario "s" for P {\n  client calls ask(n = 2)\n  client -> server: Ping\n  server -> client: Pong\n}'
    )
    assert [one.message for one in uncovered(spec)] == [
        "no scenario takes this recv of the server",
        "no scenario takes this after of the server",
    ]
    assert [one.message for one in uncovered(_spec(""))] == ["no scenario for P"]


def test_a_message_after_the_hang_up_is_lost() -> None:
    """What was sent to a side that has hung up never arrives, and the connection ends."""
    (played,) = play_all(
        _spec(
            'scenario "s" for P {\n  client calls ask(n = 0)\n  client calls ask(n = 1)\n  client -> server: Ping(n = 0)\n}'
        )
    )
    assert [one.text for one in played.drawn if one.kind == "link"] == ["the server hangs up"]


def test_promote_writes_the_way_to_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As a scenario with the finding for its name, and only findings of the code that is asked for."""
    roles = """role server { start state Up { recv Ping -> send Pong(), goto Done }  state Done { after 1s -> hangup } }
role client { start state Up { call ask() -> send Ping()  recv Pong -> tell answered() } }
"""
    ((name, text),) = texts_of(roles).items()
    (tmp_path / name).write_text(text)
    assert main(["promote", str(tmp_path)]) == 0
    written = capsys.readouterr().out
    assert written == (
        'scenario "MDK4001: the server may receive Ping in state Done of P, where it is neither taken nor ignored" for P {\n'
        "  client calls ask\n  client calls ask\n  client -> server: Ping\n  client -> server: Ping\n}\n\n"
    )
    assert main(["promote", str(tmp_path), "MDK4003"]) == 0
    assert capsys.readouterr().out == ""
    mended = roles.replace("after 1s -> hangup", "after 1s -> hangup  ignore Ping")
    found = compile_texts(texts_of(mended + written)).diagnostics
    assert [(one.code, one.expected) for one in found] == [("MDK4012", "server -> client: Pong{}")]


def test_the_way_to_anything_can_be_promoted() -> None:
    """Of whatever the verifier finds in a mutant, notes too: the scenario is one of the language, with names that there are."""
    promoted = 0
    words: set[str] = set()
    for number, mutant in enumerate(mutants()):
        if mutant.folder == "spec" and number % 4:
            continue  # of the largest, every fourth
        texts = dict(mutant.texts)
        spec = compile_texts(texts, verifying=False).spec
        if spec is None:
            continue
        for one in verification(spec).diagnostics:
            if one.trace and (one.severity != "note" or mutant.folder != "spec"):
                written = as_scenario(one, spec)
                found = compile_texts({**texts, mutant.file: texts[mutant.file] + "\n" + written}, verifying=False)
                assert found.diagnostics == (), (mutant.what, written, found.diagnostics)
                words |= set(written.split())
                promoted += 1
    assert promoted > 10
    assert words >= {"delivers", "calls", "asks", "pass", "->"}
