"""Whatever the text, the compiler answers with a tree or with diagnostics that point into it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mdkgen.compiler import compile_texts
from mdkgen.diagnostics import render

SPECS = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parents[2].glob("spec/*.mdkspec"))]
PIECES = [
    *"{}()[]<>|=:,.;?*/-\"'",
    *(
        "@x(",
        "->",
        "//",
        "///",
        "\n",
        " ",
        "record",
        "state",
        "recv",
        "goto",
        "1s",
        "16MiB",
        "null",
        "é",
        "\x00",
        "\ufeff",
    ),
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A real spec with a few pieces put in, taken out or doubled."""
    text = draw(st.sampled_from(SPECS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        match draw(st.sampled_from(["insert", "delete", "double"])):
            case "insert":
                text = text[:at] + draw(st.sampled_from(PIECES)) + text[at:]
            case "delete":
                text = text[:at] + text[at + length :]
            case _:
                text = text[: at + length] + text[at:]
    return text


def _check(text: str) -> None:
    compilation = compile_texts({"x.mdkspec": text})
    assert compilation.spec is not None or compilation.failed
    lines = text.split("\n")
    for one in compilation.diagnostics:
        assert 1 <= one.span.line <= len(lines) + 1
        assert one.span.column >= 1
        assert render(one, text)


@settings(max_examples=150, deadline=None)
@given(mutated())
def test_a_mutated_spec_never_breaks_the_compiler(text: str) -> None:
    """Near misses: every stage is reached, none raises."""
    _check(text)


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    """Rubbish, too."""
    _check(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map(" ".join))
def test_words_of_the_language_in_any_order_are_answered(body: str) -> None:
    """Behind a right header, so that the declarations are parsed."""
    _check("mdkspec 1\nnamespace x\nversion 1.0\n" + body)


def test_comments_behind_an_open_annotation_take_no_time() -> None:
    """What is not closed is read once, not in every way in which its comments could be cut."""
    text = "mdkspec 1\nnamespace x\nversion 1.0\n@allow(\n" + "// a comment of some words\n" * 200 + "record A { }\n"
    assert compile_texts({"x.mdkspec": text}).failed
