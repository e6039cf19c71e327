"""mdkgen.editor.folder: what an editor is told after each keystroke is what the compiler says."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest

from mdkgen.check.declared import Declared, check_declared
from mdkgen.check.names import Names
from mdkgen.compiler import compile_texts, with_lint
from mdkgen.diagnostics import Diagnostic
from mdkgen.editor.folder import SpecFolder
from mdkgen.lint.config import EVERYTHING
from mdkgen.source import read_folder
from mutants import mutants, scenarios_of

ROOT = Path(__file__).parents[4]
MDK = read_folder(ROOT / "spec")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def _shown(found: tuple[Diagnostic, ...]) -> list[Diagnostic]:
    return sorted(found, key=lambda one: (one.span.file, one.span.line, one.span.column, one.code, one.message))


def _edit(texts: dict[str, str], rng: random.Random) -> None:
    """Something that somebody may type: a character gone, a line twice, gone or new, two lines changed about."""
    name = rng.choice(sorted(texts))
    lines = texts[name].split("\n")
    at = rng.randrange(len(lines))
    match rng.randrange(5):
        case 0:
            column = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:column] + lines[at][column + 1 :]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            del lines[at]
        case 3:
            lines.insert(at, "")
        case _:
            other = rng.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
    texts[name] = "\n".join(lines)


@pytest.mark.parametrize("seed", range(12))
def test_after_any_edits_it_says_what_the_compiler_says(seed: int) -> None:
    """The same findings, texts and places as a compilation from nothing, though hardly anything is read anew."""
    rng = random.Random(seed)
    folder = SpecFolder(MDK)
    assert folder.analyse(verifying=True).diagnostics == ()
    for _ in range(6):
        _edit(folder.texts, rng)
        wanted = compile_texts(folder.texts, verifying=False)
        assert list(folder.analyse().diagnostics) == _shown(wanted.diagnostics)
        if rng.random() < 0.5:
            folder.texts = dict(MDK)


@pytest.mark.parametrize("seed", range(4))
def test_what_was_explored_before_changes_no_verdict(seed: int) -> None:
    """Handlers of the machines go and come back, one after another: the findings of a verification from nothing."""
    rng = random.Random(seed)
    folder = SpecFolder(MDK)
    for _ in range(4):
        name = rng.choice(sorted(MDK))
        lines = MDK[name].split("\n")
        handlers = [at for at, line in enumerate(lines) if line.strip().startswith(("recv ", "enter ", "ignore "))]
        if handlers:
            del lines[rng.choice(handlers)]
        folder.texts[name] = "\n".join(lines)
        wanted = compile_texts(folder.texts)
        assert list(folder.analyse(verifying=True).diagnostics) == _shown(wanted.diagnostics)
        if rng.random() < 0.5:
            folder.texts[name] = MDK[name]


@cache
def _mutants() -> list[dict[str, str]]:
    """MDK's texts with one change of a machine each, and with their scenarios."""
    scenarios = {name: scenarios_of(text) for name, text in MDK.items()}
    return [{name: text + scenarios[name] for name, text in one.texts} for one in mutants() if one.folder == "spec"]


def _retyped(texts: dict[str, str], rng: random.Random) -> dict[str, str]:
    """The same with a change that changes nothing, above a machine or in it."""
    name = rng.choice(sorted(texts))
    before = rng.choice(["\nscenario ", "\n    recv ", "\n  role ", "\nmessage "])
    return {**texts, name: texts[name].replace(before, f"\n// {rng.random()}{before}", 1)}


@pytest.mark.parametrize("seed", range(4))
def test_whatever_was_typed_before_it_says_what_a_new_folder_says(seed: int) -> None:
    """One change of a machine after another, with scenarios: all findings with their ways, as of a folder just opened."""
    rng = random.Random(seed)
    folder = SpecFolder(MDK)
    codes: set[str] = set()
    for _ in range(6):
        folder.texts = dict(rng.choice([*rng.sample(_mutants(), 4), MDK]))
        for texts in (folder.texts, _retyped(folder.texts, rng)):
            folder.texts = texts
            found = folder.analyse(verifying=True)
            fresh = SpecFolder(texts).analyse(verifying=True)
            assert found.diagnostics == fresh.diagnostics == tuple(_shown(compile_texts(texts).diagnostics))
            codes |= {one.code for one in found.diagnostics}
    assert codes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("record A {\n  a: int\n\n  a: int\n}", "the field 'a' stands here twice, first in line 7"),
        ('open enum E {\n  a = "line 2"\n  b = "line 2"\n}', "the value 'line 2' stands here twice, first in line 7"),
        ("record A { }\n\nrecord A { }", "'A' is declared twice, first in a.mdkspec, line 6"),
    ],
)
def test_a_line_in_a_text_is_one_of_the_file(text: str, message: str) -> None:
    """Though what it stands in is read by itself, and nothing is read again to know it."""
    folder = SpecFolder({"a.mdkspec": f"mdkspec 1\nnamespace example\nversion 1.0\n\n\n{text}\n"})
    found = folder.analyse().diagnostics
    assert (found[0].message, found[0].other) == (message, compile_texts(folder.texts).diagnostics[0].other)


def test_verification_and_lint_are_placed_too() -> None:
    """With the ways there: all places are real ones."""
    folder = SpecFolder(MDK)
    name = "session.mdkspec"
    folder.texts[name] = folder.texts[name].replace("\n", "\n\n", 3)
    line = next(one for one in folder.texts[name].splitlines() if one.strip().startswith("recv Close"))
    folder.texts[name] = folder.texts[name].replace(line + "\n", "", 1)
    found = folder.analyse(verifying=True, config=EVERYTHING).diagnostics
    wanted = with_lint(compile_texts(folder.texts), EVERYTHING).diagnostics
    assert list(found) == _shown(wanted)
    assert any(one.trace for one in found)


def test_two_declarations_that_are_alike_are_two_places() -> None:
    """The second is reported, where it stands."""
    text = "mdkspec 1\nnamespace example\nversion 1.0\n\nrecord A { a: int }\n\nrecord A { a: int }\n"
    folder = SpecFolder({"a.mdkspec": text})
    found = folder.analyse().diagnostics
    assert [(one.code, one.span.line) for one in found] == [("MDK2001", 7)]
    assert found[0].message == "'A' is declared twice, first in a.mdkspec, line 5"


def test_what_was_read_is_forgotten_when_it_is_gone() -> None:
    """The memory is as large as the texts, however long somebody types."""
    folder = SpecFolder({"a.mdkspec": "mdkspec 1\nnamespace example\nversion 1.0\n"})
    for number in range(50):
        folder.texts["a.mdkspec"] = f"mdkspec 1\nnamespace example\nversion 1.0\nrecord A {{ a{number}: int }}\n"
        folder.analyse()
    assert len(folder._pieces) == 2
    assert len(folder.good) == 1


def test_types_are_checked_again_only_when_one_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit of a machine leaves them alone, what is wrong with them included; one of a type or of its place does not."""
    checked: list[Names] = []

    def counted(names: Names) -> Declared:
        checked.append(names)
        return check_declared(names)

    monkeypatch.setattr("mdkgen.check.declared.check_declared", counted)
    name = "discovery.mdkspec"
    wrong = {**MDK, name: MDK[name] + "\nrecord Wrong { it: Unknown = 1 }\n"}
    machine = {**wrong, name: wrong[name].replace("    recv ", "    // typed\n    recv ", 1)}
    types = {**wrong, name: wrong[name].replace("it: Unknown", "it: string")}
    gone = {one: text for one, text in machine.items() if one != name}
    folder = SpecFolder(wrong)
    counts: list[int] = []
    for texts in (wrong, machine, wrong, types, types, gone, MDK):
        folder.texts, before = texts, len(checked)
        found = folder.analyse().diagnostics
        counts.append(len(checked) - before)
        assert found == tuple(_shown(compile_texts(texts, verifying=False).diagnostics))
    assert counts == [1, 0, 0, 1, 0, 1, 1]
