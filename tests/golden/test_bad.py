"""Every bad spec in bad/ is found out: its first lines are the diagnostics that it must get, all of them, in order."""

from __future__ import annotations

from pathlib import Path

import pytest

import mdkgen.explore
from mdkgen.compiler import compile_texts
from mdkgen.diagnostics import render
from mdkgen.model import Span

FOLDER = Path(__file__).parent / "bad"
SPECS = sorted(FOLDER.glob("*.mdkspec"))


def _expected(text: str) -> list[str]:
    return [line[3:] for line in text.splitlines() if line.startswith("// MDK")]


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_bad_spec_gets_its_diagnostics(path: Path) -> None:
    """Code, line, column and message are as the file's first lines say; nothing more, nothing less."""
    text = path.read_text(encoding="utf-8")
    compilation = compile_texts({path.name: text})
    found = [f"{one.code} {one.span.line}:{one.span.column} {one.message}" for one in compilation.diagnostics]
    assert found == _expected(text)
    assert (compilation.spec is None) == compilation.failed


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_diagnostic_points_at_its_place(path: Path) -> None:
    """The text shows file:line:column, the source line, carets under it, and what would have been right."""
    text = path.read_text(encoding="utf-8")
    for one in compile_texts({path.name: text}).diagnostics:
        head, source, carets, *rest = render(one, text).splitlines()
        assert head.startswith(f"{path.name}:{one.span.line}:{one.span.column}: {one.severity}[{one.code}]: ")
        assert source == f"{one.span.line} | {text.splitlines()[one.span.line - 1]}"
        assert carets.index("^") == source.index("|") + 1 + one.span.column
        assert rest, f"{one.code} says neither what was expected nor a hint"


def test_files_that_disagree_in_their_header_are_reported() -> None:
    """All files of a folder have one namespace and one version."""
    texts = {
        "a.mdkspec": "mdkspec 1\nnamespace one\nversion 1.0\n",
        "b.mdkspec": "mdkspec 1\nnamespace two\nversion 1.1\n",
    }
    found = compile_texts(texts).diagnostics
    assert [(one.code, one.span, one.message) for one in found] == [
        ("MDK1003", Span("b.mdkspec", 2, 11, 2, 14), "namespace two in a folder whose first file says one"),
        ("MDK1003", Span("b.mdkspec", 3, 9, 3, 12), "version 1.1 in a folder whose first file says 1.0"),
    ]


def test_a_spec_that_is_too_large_to_verify_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exploration ends at its bound with a warning, and reports nothing as unreachable."""
    monkeypatch.setattr(mdkgen.explore, "CONFIGURATIONS_MAX", 5)
    spec = (Path(__file__).parents[2] / "examples/chat/spec/chat.mdkspec").read_text(encoding="utf-8")
    compilation = compile_texts({"chat.mdkspec": spec})
    assert compilation.spec is not None
    assert [(one.code, one.severity) for one in compilation.diagnostics] == [("MDK4002", "warning")]
