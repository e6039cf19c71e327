"""`mdkgen format` changes the layout and nothing else."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark

from mdkgen import parser
from mdkgen.chunks import PIECE
from mdkgen.formatter import WIDTH, format_text
from mdkgen.model import Span
from mdkgen.parser import parse
from mdkgen.rules import all_rules, texts_of

ROOT = Path(__file__).parents[2]
FILES = [*sorted(ROOT.glob("spec/*.mdkspec")), *sorted(ROOT.glob("examples/*/spec/*.mdkspec"))]
TEXTS = [path.read_text(encoding="utf-8") for path in FILES]
HEADER = "mdkspec 1\nnamespace x\nversion 1.0\n"
WORD = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|->|\.\.|[<>=!]=|\d[\w.]*|\w+|\S')


def _plain(value: Any) -> Any:
    """A tree without its positions."""
    if isinstance(value, Span):
        return None
    if isinstance(value, tuple):
        return tuple(_plain(one) for one in value)
    if dataclasses.is_dataclass(value):
        return (type(value).__name__, *(_plain(getattr(value, one.name)) for one in dataclasses.fields(value)))
    return value


def _tree(text: str) -> Any:
    tree, found = parse(text, "x.mdkspec")
    assert not found
    return _plain((tree.header, tree.declarations, tree.allows))


def _comments(text: str) -> list[str]:
    return [one.group().rstrip() for one in PIECE.finditer(text) if one.lastgroup == "comment"]


def _holds(text: str) -> None:
    made = format_text(text)
    assert _tree(made) == _tree(text)
    assert format_text(made) == made
    assert sorted(_comments(made)) == sorted(_comments(text))


@st.composite
def laid_out_anew(draw: st.DrawFn) -> str:
    """A real spec whose words stand elsewhere, with comments between some of them."""
    words = WORD.findall(draw(st.sampled_from(TEXTS)))
    seed = Random(draw(st.integers(0, 10**9)))
    often = draw(st.sampled_from([0.02, 0.2]))
    text = ""
    for number, word in enumerate(words):
        text += word
        if word.startswith("//"):
            text += "\n"
        elif number > 6 and seed.random() < often:
            text += seed.choice([" // why\n", "\n", "\n\n\n", "  ", "\n  // because\n\n", "\t"])
        else:
            text += " "
    return text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_our_specs_are_in_the_one_layout(path: Path) -> None:
    """And none of their lines is too long."""
    text = path.read_text(encoding="utf-8")
    assert format_text(text) == text
    assert max(len(line) for line in text.splitlines() if "///" not in line) <= WIDTH


@settings(max_examples=60, deadline=None)
@given(laid_out_anew())
def test_layout_is_all_that_changes(text: str) -> None:
    """The tree and every comment stay, and a second run changes nothing."""
    assume(not parse(text, "x.mdkspec")[1])
    _holds(text)


GENERATED = Lark(
    (Path(parser.__file__).parent / "grammar.lark").read_text(encoding="utf-8"), start=["header", "decl"], parser="lalr"
)
EXPLICIT = {
    "NAME": st.sampled_from(["a", "Node", "value", "x1", "list_of"]),
    "DOC": st.sampled_from(["/// What it is.\n", "///\n"]),
    "COMMENT": st.sampled_from(["// note\n"]),
    "STRING": st.sampled_from(['"a"', '"->"', '"{ //"', '"\\""', '""']),
    "START": st.just("start "),
    "HOT": st.just("hot "),
    "RESERVED": st.just("reserved "),
    "WS": st.sampled_from([" ", "\n", "\n\n"]),
}


@settings(max_examples=80, deadline=None)
@given(from_lark(GENERATED, start="decl", explicit=EXPLICIT))
def test_whatever_the_grammar_makes_is_formatted(declaration: str) -> None:
    """Declarations that nobody would write; those whose words run into one another are left out."""
    text = HEADER + declaration
    assume(not parse(text, "x.mdkspec")[1])
    _holds(text)


@pytest.mark.parametrize("code", [one.code for one in all_rules().values() if one.code != "MDK1002"])
def test_the_examples_of_rules_are_formatted(code: str) -> None:
    """Small specs of every kind."""
    for text in texts_of(all_rules()[code].good).values():
        _holds(text)
