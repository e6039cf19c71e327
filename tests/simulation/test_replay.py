"""What the verifier finds goes wrong in the real stubs too: its trace as a pytest is red, and green when the spec is mended."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from mdkgen.compiler import compile_texts, read_folder
from mdkgen.model import Spec
from mdkgen.output import write
from mdkgen.render import render
from mdkgen.replays import as_pytest
from mdkgen.rules import all_rules, texts_of
from mdkgen.verify import verification
from mdkspec_runtime import IllegalCall
from mdkspec_runtime.testing.replay import Replay, ReplayError

ROOT = Path(__file__).parents[2]


def _spec(texts: dict[str, str]) -> Spec:
    spec = compile_texts(texts, verifying=False).spec
    assert spec is not None
    return spec


def _run(folder: Path, spec: Spec, test: str) -> subprocess.CompletedProcess[str]:
    """The package of a spec, verified or not, and a test of it, in a process of their own."""
    write(render(spec), folder)
    (folder / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "test_it.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=150)


REPEATED = (
    "role client { hook is_first() -> bool\n  start state Up { every 1s -> send Ping()  recv Pong -> tell answered() } }\n"
    "role server {\n  start state Up { recv Ping -> send Pong(), goto Done }\n  state Done { call again() -> goto Up MORE }\n"
    "}"
).replace("call again() -> goto Up MORE }", "after 9s -> hangup MORE }")


def test_a_trace_is_red_and_then_green(tmp_path: Path) -> None:
    """The test fails with the very message as long as Done does not take it."""
    wrong = _spec(texts_of(REPEATED.replace("MORE", "")))
    (found,) = [one for one in verification(wrong).diagnostics if one.code == "MDK4001"]
    test = as_pytest(found, wrong)
    red = _run(tmp_path / "wrong", wrong, test)
    assert red.returncode == 1, red.stdout + red.stderr
    assert "IllegalMessage" in red.stdout
    mended = _spec(texts_of(REPEATED.replace("MORE", " ignore Ping")))
    green = _run(tmp_path / "mended", mended, test)
    assert green.returncode == 0, green.stdout + green.stderr


def test_the_text_of_a_replay() -> None:
    """A line for each step, and nothing that a formatter would change."""
    wrong = _spec(texts_of(all_rules()["MDK4001"].bad))
    (found,) = [one for one in verification(wrong).diagnostics if one.code == "MDK4001"]
    text = as_pytest(found, wrong)
    assert text.splitlines()[text.splitlines().index("def test_mdk4001_1() -> None:") :] == [
        "def test_mdk4001_1() -> None:",
        f'    """Not so: {found.message}."""',
        "    replay = Replay(PClient, PServer, messages)",
        "    replay.connect()",
        '    replay.timer("client")',
        '    replay.timer("client")',
        '    replay.receive("server", "Ping")',
        '    replay.receive("server", "Ping")',
        "    assert replay.offences == []",
    ]


def _mdk(*, is_ours: bool = False) -> Replay:
    client, server = (importlib.import_module(f"mdk_protocol.{role}") for role in ("client", "server"))
    messages = importlib.import_module("mdk_protocol.messages")
    return Replay(client.SessionClient, server.SessionServer, messages, {"is_ours": is_ours})


def test_every_way_of_mdk_that_ends_with_a_lost_message_can_be_gone() -> None:
    """The notes of MDK's own verification: each trace, in the real stubs, without an offence."""
    spec = _spec(read_folder(ROOT / "spec"))
    notes = [one for one in verification(spec).diagnostics if one.trace]
    assert len(notes) > 3
    for one in notes:
        lines = [line.strip() for line in as_pytest(one, spec).splitlines() if line.startswith("    replay.")]
        assert any(_goes(lines, is_ours=is_ours) for is_ours in (False, True)), (one.message, lines)


def _goes(lines: list[str], *, is_ours: bool) -> bool:
    """Whether all steps can be taken, if the server's hook answers so, and nobody sends what is not taken."""
    replay = _mdk(is_ours=is_ours)
    try:
        for line in lines:
            exec(line, {"replay": replay})
    except (ReplayError, IllegalCall):
        return False
    return replay.offences == []


def test_a_delivery_is_acknowledged() -> None:
    """Steps that no transition takes."""
    replay = _mdk()
    replay.connect()
    replay.receive("server", "Open")
    replay.receive("client", "Open")
    replay.deliver("client", "logs", "Log")
    replay.receive("server", "Log")
    replay.acknowledge("server", "logs")
    replay.receive("client", "LogAck")
    replay.cut()
    replay.connect()
    replay.receive("server", "Open")
    with pytest.raises(ReplayError, match="no Log is on its way to the server"):
        replay.receive("server", "Log")
    assert replay.offences == []


def test_a_side_that_fails_says_why() -> None:
    """Rubbish until it gives up; what it says arrives, and the peer sees the end."""
    replay = _mdk()
    replay.connect()
    replay.receive("server", "Open")
    replay.fail("server")
    replay.receive("client", "Close")
    assert [name for role, name, _ in replay.told if role == "client"][-1] == "closed"
    with pytest.raises(ReplayError, match="nothing of logs is left to acknowledge"):
        replay.acknowledge("server", "logs")
