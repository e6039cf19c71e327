"""mdkgen.pretty: expressions laid out as a formatter leaves them."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from mdkgen.pretty import (
    WIDTH,
    Labelled,
    Node,
    assignment,
    call,
    dict_of,
    layout,
    list_of,
    quoted,
    signature,
    tuple_of,
)

LONG = "a" * 50


def test_what_fits_stays_on_its_line() -> None:
    """A group within the width is flat; a tuple of one keeps its comma."""
    assert layout(call("f", "a", Labelled("b=", tuple_of("1")))) == "f(a, b=(1,))"


def test_what_does_not_fit_is_opened_an_item_a_line() -> None:
    """Each item on its own line with a trailing comma, the closing bracket below the opening line."""
    text = assignment("X", call("f", LONG, LONG, LONG))
    assert text == f"X = f(\n    {LONG},\n    {LONG},\n    {LONG},\n)"


def test_the_comma_behind_counts() -> None:
    """A node that would fit without what follows it is opened all the same."""
    name = "f" + "a" * (WIDTH - 4)
    assert "\n" not in layout(call(name, "b"))
    assert "\n" in layout(call(name, "b"), tail=1)


def test_a_long_signature_is_opened() -> None:
    """The head of a method that is too long has a parameter a line."""
    text = signature("def f", ("self", f"{LONG}: int", f"b{LONG}: int"), "None", indent=4)
    assert text.splitlines()[1:] == [
        "        self,",
        f"        {LONG}: int,",
        f"        b{LONG}: int,",
        "    ) -> None:",
    ]


def test_strings_are_quoted_as_a_formatter_does() -> None:
    """Double quotes, unless the text has some."""
    assert [quoted("a"), quoted("it's"), quoted('say "x"')] == ['"a"', '"it\'s"', "'say \"x\"'"]


def nodes() -> st.SearchStrategy[Node]:
    """Trees of calls, tuples, lists and dictionaries over names."""
    names = st.from_regex(r"[a-z]{1,30}", fullmatch=True).map(lambda name: f"n_{name}")
    return st.recursive(
        names,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(lambda items: call("f", *items)),
            st.lists(inner, max_size=4).map(lambda items: tuple_of(*items)),
            st.lists(inner, max_size=4).map(lambda items: list_of(*items)),
            st.lists(st.tuples(names, inner), max_size=4).map(lambda items: dict_of(*items)),
        ),
        max_leaves=30,
    )


@settings(max_examples=10, deadline=None)
@given(st.lists(nodes(), min_size=20, max_size=40))
def test_a_formatter_changes_nothing(trees: list[Node]) -> None:
    """Whatever is laid out, ruff format leaves byte for byte."""
    text = "".join(assignment(f"X{number}", tree) + "\n" for number, tree in enumerate(trees))
    command = [sys.executable, "-m", "ruff", "format", "--line-length", str(WIDTH), "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, timeout=150)
    assert done.stdout == text
