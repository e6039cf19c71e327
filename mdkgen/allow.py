"""`@allow(CODE, "reason")`: an exception to a rule, where it is needed, with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mdkgen import syntax
from mdkgen.diagnostics import Diagnostic, did_you_mean, error
from mdkgen.model import Span

ALLOWABLE = ("MDK4002", "MDK4004", "MDK4009", "MDK4010", "MDK4011")
"""Warnings of the verifier that may be allowed, beside all lint rules."""
LINT = ("minimal", "standard", "docs", "strict")
"""The categories of lint rules."""


def check_annotations(files: Iterable[syntax.File]) -> list[Diagnostic]:
    """Annotations that mean nothing."""
    return [problem for file in files for one in file.allows for problem in _problems(one.written)]


def _problems(one: syntax.Annotation) -> list[Diagnostic]:
    if one.name.text == "sensitive":
        problem = "takes nothing" if one.args else "stands before no field"
        expected = "@sensitive before a field of a record or message"
        return [error("MDK2002", f"@sensitive {problem}", one.span, expected=expected)]
    if one.name.text != "allow":
        hint = did_you_mean(one.name.text, ["allow", "sensitive"])
        message = f"unknown annotation @{one.name.text}"
        return [error("MDK2002", message, one.name.span, expected='@allow(CODE, "reason") or @sensitive', hint=hint)]
    reason = one.args[1].text.strip() if len(one.args) == 2 else ""
    if not reason:
        return [error("MDK5002", "an @allow without a reason", one.span, expected='@allow(CODE, "reason")')]
    code = one.args[0].text
    if not may_allow(code):
        message = f"{code} is not the code of a warning or of a lint rule"
        return [error("MDK5002", message, one.args[0].span, expected="a code such as MDK5004 or MDK4004")]
    return []


def may_allow(code: str) -> bool:
    """Whether a code can be allowed at all."""
    from mdkgen.rules import all_rules  # only a spec with an @allow needs the rules

    known = all_rules().get(code)
    return known is not None and (code in ALLOWABLE or known.category in LINT)


def without_allowed(
    found: Sequence[Diagnostic], files: Iterable[syntax.File]
) -> tuple[list[Diagnostic], list[syntax.Allow]]:
    """What is not allowed, and the allowances that were needed for the rest."""
    allows = [one for file in files for one in file.allows if len(one.written.args) == 2]
    kept: list[Diagnostic] = []
    used: list[syntax.Allow] = []
    for diagnostic in found:
        matching = [one for one in allows if _covers(one, diagnostic)]
        if diagnostic.severity == "error" or not matching:
            kept.append(diagnostic)
        used += matching
    return kept, used


def _covers(one: syntax.Allow, diagnostic: Diagnostic) -> bool:
    return one.written.args[0].text == diagnostic.code and _inside(diagnostic.span, one.extent)


def _inside(span: Span, extent: Span) -> bool:
    begin, end = (extent.line, extent.column), (extent.end_line, extent.end_column)
    return span.file == extent.file and begin <= (span.line, span.column) < end


def unused(files: Iterable[syntax.File], used: Sequence[syntax.Allow]) -> list[Diagnostic]:
    """Allowances that no finding needed."""
    return [
        Diagnostic(
            "MDK5001",
            "warning",
            f"nothing here needs @allow({one.written.args[0].text})",
            one.written.span,
            expected="no such line",
        )
        for file in files
        for one in file.allows
        if one not in used
    ]
