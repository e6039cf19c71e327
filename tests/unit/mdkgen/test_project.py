"""What stands around a spec: pyproject.toml, templates, the cache, git; whatever is wrong there is said in a line, with status 2."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import mdkgen.commands.checking
from mdkgen.cli import main

ROOT = Path(__file__).parents[3]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the chat's spec in it, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(ROOT / "examples/chat/spec", tmp_path / "project/spec")
    return tmp_path / "project"


WRONG = [
    ("emit = 3", "tool.mdkgen.emit is a list of names, not 3"),
    ('emit = ["pyton"]', "there is no emitter 'pyton'; there are: python, js, vectors; no installed package announces it under mdkgen.emitters"),
    ('rules = ["house"]', "'house': PROJECT names it in tool.mdkgen.rules; no package announces it under mdkgen.rules"),
    ('templates = "nowhere"', "tool.mdkgen.templates is a folder beside it, not 'nowhere'"),
    ('emit = ["python"]\noptions = {python = 1}', "tool.mdkgen.options has a table for each emitter, not {'python': 1}"),
    ("emit = [", "Invalid value (at end of document)"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), WRONG, ids=["type", "emitter", "rules", "templates", "options", "toml"])
def test_a_wrong_configuration_is_said_with_its_file(
    text: str, problem: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is written."""
    file = project / "pyproject.toml"
    file.write_text(f"[tool.mdkgen]\n{text}\n")
    assert main(["generate", str(project / "spec"), str(project / "out")]) == 2
    shown = capsys.readouterr().err
    assert problem.replace("PROJECT", str(file)) in shown
    assert str(file) in shown
    assert not (project / "out").exists()


@pytest.mark.parametrize(
    "text", ['[tool]\nmdkgen = {emit = ["python", "js"]}', '[tool]\nmdkgen.emit = ["python", "js"]']
)
def test_the_table_may_be_written_in_any_way(text: str, project: Path) -> None:
    """As TOML has it."""
    (project / "pyproject.toml").write_text(text)
    assert main(["generate", str(project / "spec"), str(project / "out")]) == 0
    assert (project / "out/js/index.js").is_file()


def test_a_file_without_tools_says_nothing(project: Path) -> None:
    """Whatever it is that it calls so."""
    (project / "pyproject.toml").write_text('tool = "mdkgen"\n')
    assert main(["check", str(project / "spec")]) == 0


def test_a_configuration_that_is_no_text_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no bug of the compiler."""
    file = project / "pyproject.toml"
    file.write_bytes(b"[tool.mdkgen]\n# \xff\n")
    for command in ("check", "lint"):
        assert main([command, str(project / "spec")]) == 2
        assert capsys.readouterr().err == f"mdkgen: {file} is not UTF-8: byte 16, invalid start byte\n"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ('{% extends "python/nothing.py.j2" %}', "TemplateNotFound: python/nothing.py.j2"),
        ('{% extends "python/package.py.j2" %}{% block', "TemplateSyntaxError: "),
        ("{{ nothing }}", "UndefinedError: 'nothing' is undefined"),
    ],
    ids=["nothing to extend", "syntax", "undefined"],
)
def test_a_template_that_cannot_be_rendered_is_said_with_its_folder(
    template: str, problem: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And nothing is written."""
    (project / "pyproject.toml").write_text('[tool.mdkgen]\ntemplates = "templates"\n')
    (project / "templates/python").mkdir(parents=True)
    (project / "templates/python/package.py.j2").write_text(template)
    assert main(["generate", str(project / "spec"), str(project / "out")]) == 2
    assert f"mdkgen: a template in {project / 'templates'}: {problem}" in capsys.readouterr().err
    assert not (project / "out").exists()


def test_without_a_cache_everything_works(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twice, as nothing is remembered."""
    (project / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(project / "file"))
    for changed in ("10 changed", "0 changed"):
        assert main(["check", str(project / "spec")]) == 0
        assert main(["generate", str(project / "spec"), str(project / "out"), "--emit", "python"]) == 0
        assert capsys.readouterr().out.endswith(f"out: 10 files, {changed}\n")


def test_git_may_be_missing(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so, and not that a file is."""
    monkeypatch.setenv("PATH", str(project))
    assert main(["breaking", str(project / "spec"), "--against", "git:HEAD"]) == 2
    assert capsys.readouterr().err == "mdkgen: --against git:HEAD: git is not on the path\n"


def test_an_interrupt_ends_quietly(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 130, no traceback."""

    def interrupted(folder: Path) -> dict[str, str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(mdkgen.commands.checking, "read_folder", interrupted)
    assert main(["check", str(project / "spec")]) == 130
    assert capsys.readouterr().err == ""
