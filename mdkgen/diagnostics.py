"""What the compiler has to say about a spec, and how it is shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mdkgen.model import Span

WIDTH_MAX = 160
"""Characters of a source line that are shown, around the place at fault."""


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step of a way to what is wrong.

    `kind` is one of `mdkgen.configuration.KINDS`, `role` who acts (empty: the link), `name` the message, call or lease.
    """

    text: str
    kind: str
    role: str
    name: str
    span: Span | None
    """The transition that is taken."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `message` says what is wrong with which values, `expected` what would have been right."""

    code: str
    severity: Literal["error", "warning", "note"]
    message: str
    span: Span
    expected: str = ""
    hint: str = ""
    notes: tuple[str, ...] = ()
    trace: tuple[TraceStep, ...] = ()
    """A shortest way to what is wrong."""
    other: Span | None = None
    """The place that the message names by its line."""


def error(
    code: str, message: str, span: Span, *, expected: str = "", hint: str = "", other: Span | None = None
) -> Diagnostic:
    """An error."""
    return Diagnostic(code, "error", message, span, expected, hint, other=other)


def render(diagnostic: Diagnostic, text: str) -> str:
    """The finding as lines: file:line:column, the source line with carets, what was expected, hints."""
    span = diagnostic.span
    head = f"{span.file}:{span.line}:{span.column}: {diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"
    lines = text.split("\n")  # as positions are counted; `splitlines` would end lines at form feeds, too
    shown = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    line = "".join(character if character.isprintable() else " " for character in shown)
    end = span.end_column if span.end_line == span.line else len(line) + 1
    from_ = max(0, span.column - 1 - WIDTH_MAX // 2) if len(line) > WIDTH_MAX else 0
    width = min(max(1, end - span.column), from_ + WIDTH_MAX - span.column + 1)
    carets = " " * (span.column - 1 - from_) + "^" * width
    gutter = f"{span.line} | "
    rows = [head, gutter + line[from_ : from_ + WIDTH_MAX], " " * (len(gutter) - 2) + "| " + carets]
    rows += [f"  expected: {diagnostic.expected}"] if diagnostic.expected else []
    rows += [f"  hint: {diagnostic.hint}"] if diagnostic.hint else []
    rows += [f"  note: {note}" for note in diagnostic.notes]
    return "\n".join(rows)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean recv?`, or nothing if no known word is near."""
    near = difflib.get_close_matches(word, sorted(set(known) - {word}), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""
