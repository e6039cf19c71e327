"""What has no doc."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mdkgen import syntax
from mdkgen.diagnostics import Diagnostic
from mdkgen.lint.finding import finding
from mdkgen.model import Span


def check(files: Sequence[syntax.File]) -> Iterator[Diagnostic]:
    """Declarations, fields, and what the application calls or answers."""
    for file in files:
        for one in file.declarations:
            if not one.doc and not isinstance(one, syntax.Scenario):  # whose name is a title
                kind = type(one).__name__.lower()
                yield _missing("MDK5201", f"the {kind} {one.name.text}", one.name.span)
            if isinstance(one, syntax.Record):
                for field in one.fields:
                    if not field.doc:
                        yield _missing("MDK5202", f"{one.name.text}.{field.name.text}", field.name.span)
            elif isinstance(one, syntax.Part):
                yield from _part(one)


def _missing(code: str, what: str, span: Span) -> Diagnostic:
    return finding(code, f"{what} has no doc", span, expected="/// What it is for.")


def _part(part: syntax.Part) -> Iterator[Diagnostic]:
    for item in part.items:
        if item.kind in ("param", "delivery", "request") and not item.doc:
            yield _missing("MDK5203", f"the {item.kind} {item.values[0].text}", item.span)
    for role in part.roles:
        for hook in role.hooks:
            if not hook.doc:
                yield _missing("MDK5203", f"the hook {hook.name.text}", hook.name.span)
        for state in role.states:
            if state.name is not None and not state.doc:
                yield _missing("MDK5203", f"the state {state.name.text} of the {role.name.text}", state.name.span)
