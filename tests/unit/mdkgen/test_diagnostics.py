"""mdkgen.diagnostics: a finding as it is shown, and texts that no editor would make."""

from __future__ import annotations

import time

import pytest

from mdkgen.compiler import compile_texts
from mdkgen.diagnostics import WIDTH_MAX, error, render
from mdkgen.model import Span

HEADER = "mdkspec 1\nnamespace x\nversion 1.0\n"


def found(text: str) -> list[str]:
    """What is found in one file, as it is shown."""
    return [render(one, text) for one in compile_texts({"x.mdkspec": text}).diagnostics]


def test_a_long_line_is_shown_around_its_fault() -> None:
    """A screen's width of it, with the carets under the place."""
    text = "x" * 5000 + "HERE" + "y" * 5000
    _, source, carets, *_ = render(error("MDK1001", "odd", Span("x", 1, 5001, 1, 5005)), text).splitlines()
    assert len(source) <= WIDTH_MAX + len("1 | ")
    at = carets.index("^")
    assert source[at : at + 4] == "HERE"
    assert carets.count("^") == 4
    assert render(error("MDK1001", "odd", Span("x", 1, 1, 1, 9000)), text).count("^") <= WIDTH_MAX


@pytest.mark.parametrize("odd", ["\x0c", "\x0b", "\x85", "\u2028", "\x1c"])
def test_only_line_feeds_end_lines(odd: str) -> None:
    """Other characters that Python takes for line ends shift no line, and none reaches a terminal raw."""
    (text,) = found(f"{HEADER}// a{odd}b\nrecord A {{ {odd if odd == chr(12) else ''} x: strnig }}")
    assert text.splitlines()[0].startswith("x.mdkspec:5:")
    assert "record A" in text.splitlines()[1]
    assert "strnig" in text.splitlines()[1]
    assert odd not in text


def test_an_endless_word_is_cut_in_the_text() -> None:
    """The message repeats its beginning."""
    (text,) = found("/" * 1000)
    assert text.splitlines()[0] == f"x.mdkspec:1:1: error[MDK1002]: unexpected '{'/' * 40}...'"


@pytest.mark.parametrize(
    "body",
    [
        "// a comment\nrecord A { x: int }\n",
        "// a comment { with a brace\n\n// and record B\n/// doc\nrecord A { x: int }",
        "// nothing else\n",
        "record A { x: int } // record B {\nrecord C { y: int }\n// the end",
    ],
)
def test_comments_may_stand_anywhere(body: str) -> None:
    """Behind the header, between declarations, at the end, whatever they hold."""
    assert found(HEADER + body) == []


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "record A { x: " + "list<" * 3000 + "int" + ">" * 3000 + " }",
        HEADER + "const A: int = " + "1 * " * 3000 + "1",
        HEADER + "const A: list<any> = " + "[" * 3000 + "]" * 3000,
        HEADER + "record A { x: any = " + "{a = " * 3000 + "1" + "}" * 3000 + " }",
        HEADER + "const A: int = " + "9" * 5000,
        HEADER + "const A: seconds = " + "9" * 5000 + "s",
        "mdkspec " + "9" * 5000 + "\nnamespace x\nversion 1.0\n",
        HEADER + "{" * 20000,
        HEADER + "record " * 20000,
        '"' * 50000,
        "mdkspec " * 20000,
        HEADER + "/// a\n" * 20000,
        HEADER + "\n".join(f"record R{n} {{ x: R{(n + 1) % 1000} }}" for n in range(1000)),
        HEADER + "recrod A { }\n" * 1000,
    ],
    ids=lambda text: text.removeprefix(HEADER)[:24],
)
def test_hostile_texts_are_answered_soon(text: str) -> None:
    """Findings, no exception, and no time that grows with the square of the text."""
    begun = time.perf_counter()
    assert found(text)
    assert time.perf_counter() - begun < 10


@pytest.mark.parametrize("closing", ["", " | null"])
def test_a_long_chain_of_records_is_no_fault(closing: str) -> None:
    """Longer than Python's stack: each record after those that it names."""
    chain = [f"record R{n} {{ x?: R{n + 1}{closing} }}" for n in range(1200)]
    spec = compile_texts({"x.mdkspec": HEADER + "\n".join(chain) + "\nrecord R1200 { x: int }"}).spec
    assert spec is not None
    assert [one.name for one in spec.records] == [f"R{n}" for n in reversed(range(1201))]
