"""mdkgen.memory: what is remembered saves time and changes nothing."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from mdkgen.compiler import compile_texts
from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Spec
from mdkgen.scenarios.check import check as scenarios_check
from mdkgen.source import read_folder
from mdkgen.stamp import KEPT_MAX
from mdkgen.verify import verify

ROOT = Path(__file__).parents[3]
CHAT = read_folder(ROOT / "examples/chat/spec")
(NAME,) = CHAT


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "mdkgen"


def _edited(before: str, after: str) -> dict[str, str]:
    assert before in CHAT[NAME]
    return {NAME: CHAT[NAME].replace(before, after)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("message Said", "/// Changed.\nmessage Said"),
        ("text: string\n", "text: strnig\n"),
        ("goto Inside", "goto Outside"),
        ("text: string\n", "text string\n"),
        ("recv Welcome(m) ->", "// recv Welcome(m) ->"),
    ],
)
def test_a_compilation_that_remembers_is_the_same(before: str, after: str) -> None:
    """After every edit the same diagnostics, places and model as without a memory, twice."""
    compile_texts(CHAT, remembering=True)
    texts = _edited(before, after)
    wanted = compile_texts(texts)
    for _ in range(2):
        found = compile_texts(texts, remembering=True)
        assert (found.diagnostics, found.spec, found.files) == (wanted.diagnostics, wanted.spec, wanted.files)


def test_a_change_of_docs_verifies_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places and docs do not decide what is verified; a machine does."""
    runs: list[str] = []

    def counted(spec: Spec) -> list[Diagnostic]:
        runs.append(spec.namespace)
        return verify(spec)

    monkeypatch.setattr("mdkgen.verify.verify", counted)
    compile_texts(CHAT, remembering=True)
    compile_texts(_edited("message Said", "/// Changed (twice): 'x'.\n\nmessage Said"), remembering=True)
    assert len(runs) == 1
    compile_texts(_edited("after 5s", "after 6s"), remembering=True)
    assert len(runs) == 2


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ("message Said", "/// Changed.\n\nmessage Said", 0),
        ("message Said", "record Unused { x: int }\nmessage Said", 0),
        ("text: string\n", "text: string\n  more: int = 3\n", 1),
        ('own_name = "Ada"', 'own_name = "Eve"', 1),
        ("after 5s", "after 6s", 1),
    ],
)
def test_only_what_a_scenario_is_played_with_plays_it_again(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str, again: int
) -> None:
    """The machines, the scenarios, and each type that they name; nothing else."""
    runs: list[str] = []

    def counted(spec: Spec) -> list[Diagnostic]:
        runs.append(spec.namespace)
        return scenarios_check(spec)

    compile_texts(CHAT, remembering=True)
    monkeypatch.setattr("mdkgen.scenarios.check.check", counted)
    found = compile_texts(_edited(before, after), remembering=True)
    assert found.diagnostics == compile_texts(_edited(before, after)).diagnostics
    assert len(runs) == again + 1


def test_a_finding_is_found_again(cache: Path) -> None:
    """Only that nothing was found is remembered: what is wrong is explored, and shown with its trace, each time."""
    texts = _edited("      recv Bye(m)     -> tell dismissed(m.reason), hangup\n", "")
    first = compile_texts(texts, remembering=True).diagnostics
    assert first == compile_texts(texts, remembering=True).diagnostics
    assert "MDK4001" in {one.code for one in first}
    assert list(cache.glob("sound-*")) == []


def test_a_memory_that_holds_something_else_is_not_believed(cache: Path) -> None:
    """Not a pickle, a pickle of something else, an unreadable file: read anew."""
    wanted = compile_texts(CHAT, remembering=True)
    (place,) = cache.glob("trees-*")
    for data in (b"", b"broken", pickle.dumps([1]), pickle.dumps({"x": 1})):
        place.write_bytes(data)
        assert compile_texts(CHAT, remembering=True).spec == wanted.spec


def test_what_is_kept_is_bounded(cache: Path) -> None:
    """The oldest go."""
    for number in range(KEPT_MAX + 5):
        compile_texts({f"{number}.mdkspec": CHAT[NAME]}, remembering=True)
    assert len(list(cache.glob("trees-*"))) == KEPT_MAX


def test_of_templates_and_grammars_the_oldest_go_as_well(cache: Path, tmp_path: Path) -> None:
    """A run writes them itself, through libraries that keep whatever they were given."""
    cache.mkdir()
    for kind in ("template", "grammar"):
        for number in range(KEPT_MAX + 5):
            old = cache / f"{kind}-{number}"
            old.touch()
            os.utime(old, (number, number))
    command = [sys.executable, "-m", "mdkgen", "generate", "examples/chat/spec", str(tmp_path / "out")]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache.parent)}
    subprocess.run(command, check=True, cwd=ROOT, env=environment, capture_output=True)
    for kind in ("template", "grammar"):
        kept = {path.name for path in cache.glob(f"{kind}-*")}
        assert len(kept) == KEPT_MAX
        assert f"{kind}-{KEPT_MAX + 4}" in kept
        assert f"{kind}-0" not in kept
