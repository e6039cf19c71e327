"""Hypothesis strategies for JSON's values, within what every reader can hold. Needs `hypothesis`."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

INTEGER_MAX = 2**53 - 1
"""The largest integer that a reader with double-precision numbers (JavaScript) holds exactly."""


def texts() -> st.SearchStrategy[str]:
    """Strings that UTF-8 can write: no lone surrogates."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def integers(at_least: int = -INTEGER_MAX, at_most: int = INTEGER_MAX) -> st.SearchStrategy[int]:
    """Integers that JSON carries safely."""
    return st.integers(at_least, at_most)


def numbers(at_least: float | None = None, at_most: float | None = None) -> st.SearchStrategy[float]:
    """Finite numbers: JSON has no others."""
    return st.floats(at_least, at_most, allow_nan=False, allow_infinity=False)


def json_values() -> st.SearchStrategy[Any]:
    """Any JSON value, nested a little."""
    scalars: st.SearchStrategy[Any] = st.one_of(st.none(), st.booleans(), integers(), numbers(), texts())
    return st.recursive(
        scalars,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts(), inner, max_size=3)),
        max_leaves=6,
    )
