"""mdkgen.lint and `@allow`: which rules hold, and exceptions with their reasons."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mdkgen.cli import main
from mdkgen.compiler import compile_texts, lint_texts
from mdkgen.lint import Config
from mdkgen.lint.config import ConfigError, config_for, config_of

ROOT = Path(__file__).parents[3]
HEADER = "mdkspec 1\nnamespace example\nversion 1.0\n"


def _codes(text: str, config: Config | None = None) -> list[str]:
    return [one.code for one in lint_texts({"x.mdkspec": HEADER + text}, config or Config()).diagnostics]


@pytest.mark.parametrize("folder", ["spec", "examples/chat/spec", "examples/jobs/spec"])
def test_our_specs_are_clean(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As pyproject.toml configures it."""
    assert main(["lint", str(ROOT / folder)]) == 0
    assert "lint-clean" in capsys.readouterr().out


def test_findings_fail_and_notes_do_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1 for a warning; a note is shown only."""
    folder = tmp_path / "spec"
    shutil.copytree(ROOT / "examples/chat/spec", folder)
    (tmp_path / "pyproject.toml").write_text('[tool.mdkgen.lint]\ncategories = ["minimal"]\nenable = ["MDK5304"]\n')
    file = folder / "chat.mdkspec"
    file.write_text(file.read_text() + '\nmessage Whisper as "whisper" { }\n')
    assert main(["lint", str(folder)]) == 1
    assert "warning[MDK5003]: no part sends or takes the message Whisper" in capsys.readouterr().err
    (tmp_path / "pyproject.toml").write_text('[tool.mdkgen.lint]\ncategories = []\nenable = ["MDK5304"]\n')
    assert main(["lint", str(folder)]) == 0


def test_what_nothing_uses_is_named_where_it_stands() -> None:
    """Flags, leases and params: the line that is to go, not the role or protocol around it."""
    text = (ROOT / "examples/chat/spec/chat.mdkspec").read_text()
    text = text.replace(
        "  role member {\n", "  param idle: int = 1\n  role member {\n    session flag met = false\n", 1
    )
    text = text.replace("  role room {\n", "  role room {\n    connection lease seats\n", 1)
    lines = text.split("\n")
    found = lint_texts({"x.mdkspec": text}, Config()).diagnostics
    assert [lines[one.span.line - 1].strip() for one in found] == [
        "param idle: int = 1",
        "session flag met = false",
        "connection lease seats",
    ]


def test_an_allowance_covers_what_it_stands_before() -> None:
    """A field's covers the field, a declaration's all that is in it; the next one is not covered."""
    field = 'record A { @allow(MDK5107, "minutes") ttl: float }\n'
    whole = '@allow(MDK5107, "minutes")\nrecord B { ttl: float }\n'
    only = Config(frozenset(), frozenset(("MDK5107",)))
    assert _codes(field + whole, only) == []
    assert _codes(field + "record B { ttl: float }\n", only) == ["MDK5107"]


def test_an_allowance_of_a_disabled_rule_is_not_unused() -> None:
    """Whether it is needed does not depend on who looks."""
    text = '@allow(MDK5301, "opaque to us")\nrecord A { properties: map<any> = {} }\n'
    assert _codes(text, Config(frozenset())) == []
    assert _codes(text.replace("map<any>", "map<string>"), Config(frozenset())) == ["MDK5001"]


def test_a_warning_of_the_verifier_can_be_allowed() -> None:
    """It is left out of check, and the allowance counts as used in lint."""
    text = (ROOT / "tests/golden/bad/verify_never_fires.mdkspec").read_text()
    allowed = text.replace("recv Pong -> tell odd()", '@allow(MDK4004, "for older peers") recv Pong -> tell odd()')
    assert [one.code for one in compile_texts({"x.mdkspec": text}).diagnostics] == ["MDK4004"]
    assert [one.code for one in lint_texts({"x.mdkspec": allowed}, Config()).diagnostics] == []


@pytest.mark.parametrize(
    ("annotation", "code", "message"),
    [
        ("@allow(MDK5004)", "MDK5002", "an @allow without a reason"),
        ('@allow(MDK5004, " ")', "MDK5002", "an @allow without a reason"),
        ('@allow(MDK2001, "why")', "MDK5002", "MDK2001 is not the code of a warning or of a lint rule"),
        ('@allow(MDK9999, "why")', "MDK5002", "MDK9999 is not the code of a warning or of a lint rule"),
        ('@alow(MDK5004, "why")', "MDK2002", "unknown annotation @alow"),
    ],
)
def test_a_wrong_annotation_is_an_error(annotation: str, code: str, message: str) -> None:
    """Errors cannot be allowed, and nothing is allowed without a reason."""
    found = compile_texts({"x.mdkspec": f"{HEADER}{annotation}\nrecord A {{ }}\n"}).diagnostics
    assert [(one.code, one.message) for one in found] == [(code, message)]


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"category": []}, "does not know category; it knows categories, enable, disable"),
        ({"categories": "strict"}, "wants a list of strings for categories"),
        ({"categories": ["sloppy"]}, "does not know the category sloppy; there are minimal, standard, docs, strict"),
        ({"disable": ["MDK4001"]}, "names MDK4001, which is no lint rule"),
    ],
)
def test_a_wrong_configuration_says_what_is_wrong(table: dict[str, object], text: str) -> None:
    """And where."""
    with pytest.raises(ConfigError) as raised:
        config_of(table, "pyproject.toml")
    assert str(raised.value) == f"pyproject.toml: [tool.mdkgen.lint] {text}"


def test_a_wrong_configuration_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, also when the file is not TOML."""
    shutil.copytree(ROOT / "examples/chat/spec", tmp_path / "spec")
    (tmp_path / "pyproject.toml").write_text("[tool")
    assert main(["lint", str(tmp_path / "spec")]) == 2
    assert "pyproject.toml: [tool.mdkgen.lint] cannot be read: " in capsys.readouterr().err


def test_the_nearest_table_counts(tmp_path: Path) -> None:
    """A pyproject.toml without the table is passed by; standard includes minimal."""
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.mdkgen.lint]\ncategories = ["standard"]\ndisable = ["MDK5101"]\n')
    (tmp_path / "a/pyproject.toml").write_text("[project]\nname = 'x'\n")
    config = config_for(inner)
    assert config.categories == {"minimal", "standard"}
    assert not config.enables("MDK5101")
    assert config.enables("MDK5102")
    assert not config.enables("MDK5201")
