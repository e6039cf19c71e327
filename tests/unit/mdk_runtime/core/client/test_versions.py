"""Tests of mdk_runtime.core.client.versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdk_runtime.core.client.versions import version_matches

number = st.integers(0, 1000)


@given(number, number, number, number)
def test_minor_decides_within_a_major(major: int, requested: int, actual: int, patch: int) -> None:
    """Within a major, a version answers requests for its own minor and smaller ones, whatever the patches."""
    assert version_matches(f"{major}.{requested}.{patch}", f"{major}.{actual}") is (requested <= actual)
    assert version_matches(f"{major}.{requested}", f"{major}.{actual}.{patch}") is (requested <= actual)


@given(number, number, number, number)
def test_majors_keep_apart(major: int, other: int, requested: int, actual: int) -> None:
    """Another major never answers, with or without minors."""
    if major != other:
        assert not version_matches(f"{major}.{requested}", f"{other}.{actual}")
        assert not version_matches(f"{major}", f"{other}")


@pytest.mark.parametrize(
    ("requested", "actual", "matches"),
    [
        ("1.0", "1.0.0", True),
        ("1.0", "1.4", True),
        ("1.0", "2.0", False),
        ("1.4", "1.3", False),
        ("1", "1.9", True),
        ("1.1", "1", False),
        ("1.x", "1.0", True),
        ("x", "1.0", False),
        ("x", "x.3", True),
        ("\u0661.0", "1.0", True),
        (None, "3.1", True),
        ("", None, True),
        ("1.0", None, False),
    ],
)
def test_examples(requested: str | None, actual: str | None, matches: bool) -> None:
    """The examples of the protocol's description, and what is no number."""
    assert version_matches(requested, actual) is matches
