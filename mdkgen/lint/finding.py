"""A lint finding, with the severity that its rule has."""

from __future__ import annotations

from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Span
from mdkgen.rules import all_rules


def finding(code: str, message: str, span: Span, *, expected: str = "") -> Diagnostic:
    """One finding of a rule."""
    return Diagnostic(code, all_rules()[code].severity, message, span, expected)
