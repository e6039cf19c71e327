"""mdkgen.diagnostics: a finding as it is shown, and texts that no editor would make."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from counting import steps
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


HOSTILE: dict[str, Callable[[int], str]] = {
    "types in types": lambda n: HEADER + "record A { x: " + "list<" * n + "int" + ">" * n + " }",
    "a long product": lambda n: HEADER + "const A: int = " + "1 * " * n + "1",
    "lists in lists": lambda n: HEADER + "const A: list<any> = " + "[" * n + "]" * n,
    "maps in maps": lambda n: HEADER + "record A { x: any = " + "{a = " * n + "1" + "}" * n + " }",
    "a long number": lambda n: HEADER + "const A: int = " + "9" * n,
    "a long time": lambda n: HEADER + "const A: seconds = " + "9" * n + "s",
    "a high version": lambda n: "mdkspec " + "9" * n + "\nnamespace x\nversion 1.0\n",
    "braces": lambda n: HEADER + "{" * n,
    "words": lambda n: HEADER + "record " * n,
    "quotes": lambda n: '"' * n,
    "headers": lambda n: "mdkspec " * n,
    "comments": lambda n: HEADER + "/// a\n" * n,
    "a ring": lambda n: HEADER + "\n".join(f"record R{i} {{ x: R{(i + 1) % n} }}" for i in range(n)),
    "faults": lambda n: HEADER + "recrod A { }\n" * n,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_texts_are_answered(kind: str) -> None:
    """Findings and no exception, however long the text."""
    assert found(HOSTILE[kind](1000 if kind in ("a ring", "faults") else 20_000))


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_work_grows_no_faster_than_a_hostile_text(kind: str) -> None:
    """Five times the text is five times the work; if it were looked through for each part, eighteen times."""
    text = HOSTILE[kind]
    found(text(20))  # What is done once in a process.
    few, some, many = (steps(lambda size=size: found(text(size))) for size in (20, 100, 420))  # type: ignore[misc]  # binds it
    assert many - few < 8 * (some - few)


@pytest.mark.parametrize("closing", ["", " | null"])
def test_a_long_chain_of_records_is_no_fault(closing: str) -> None:
    """Longer than Python's stack: each record after those that it names."""
    chain = [f"record R{n} {{ x?: R{n + 1}{closing} }}" for n in range(1200)]
    spec = compile_texts({"x.mdkspec": HEADER + "\n".join(chain) + "\nrecord R1200 { x: int }"}).spec
    assert spec is not None
    assert [one.name for one in spec.records] == [f"R{n}" for n in reversed(range(1201))]
