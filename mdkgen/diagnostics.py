"""What the compiler has to say about a spec, and how it is shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mdkgen.model import Span

CODES = {
    "MDK1001": "the text is not a declaration of the language",
    "MDK1002": "the file does not begin with edition, namespace and version",
    "MDK1003": "the files of a folder disagree in namespace or version",
    "MDK2001": "two things have one name",
    "MDK2002": "a name that nothing declares",
    "MDK2003": "a value of the wrong type",
    "MDK2004": "two messages have one type name on the wire",
    "MDK2005": "two fields have one key on the wire",
    "MDK2006": "a name that Python or the generated stub needs for itself",
    "MDK2007": "a required field is missing",
    "MDK2008": "a record that contains itself without end",
    "MDK2009": "a wrong number of arguments",
    "MDK3001": "a protocol lacks something it must say",
    "MDK3002": "a role without exactly one start state",
    "MDK3003": "`goto` to a state that does not exist",
    "MDK3004": "a part is live in a state that does not exist",
    "MDK3005": "two parts use one message",
    "MDK3006": "a guarded transition without one that catches the rest",
    "MDK3007": "a call that a state neither takes nor ignores",
    "MDK3008": "two `tell` of one name disagree",
    "MDK3009": "a transition that can never be reached behind another",
    "MDK3010": "a lease or flag used against its scope",
    "MDK3011": "a message that no machine sends, or none takes",
    "MDK3012": "a part that its protocol does not list, or lists without declaring it",
    "MDK3013": "a delivery or request whose messages do not fit",
    "MDK3014": "something that is said twice, or in the wrong place",
    "MDK4001": "a message may arrive in a state that neither takes nor ignores it",
    "MDK4002": "there are too many configurations to verify them all",
    "MDK4003": "a state that no order of events reaches",
    "MDK4004": "a transition that no order of events takes",
}
"""1xxx parsing, 2xxx names and types, 3xxx machines, 4xxx verification."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `message` says what is wrong with which values, `expected` what would have been right."""

    code: str
    severity: Literal["error", "warning"]
    message: str
    span: Span
    expected: str = ""
    hint: str = ""
    notes: tuple[str, ...] = ()


def error(code: str, message: str, span: Span, *, expected: str = "", hint: str = "") -> Diagnostic:
    """An error."""
    return Diagnostic(code, "error", message, span, expected, hint)


def render(diagnostic: Diagnostic, text: str) -> str:
    """The finding as lines: file:line:column, the source line with carets, what was expected, hints."""
    span = diagnostic.span
    head = f"{span.file}:{span.line}:{span.column}: {diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"
    lines = text.splitlines()
    shown = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    line = shown.replace("\t", " ")
    end = span.end_column if span.end_line == span.line else len(line) + 1
    carets = " " * (span.column - 1) + "^" * max(1, end - span.column)
    gutter = f"{span.line} | "
    rows = [head, gutter + line, " " * (len(gutter) - 2) + "| " + carets]
    rows += [f"  expected: {diagnostic.expected}"] if diagnostic.expected else []
    rows += [f"  hint: {diagnostic.hint}"] if diagnostic.hint else []
    rows += [f"  note: {note}" for note in diagnostic.notes]
    return "\n".join(rows)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean recv?`, or nothing if no known word is near."""
    near = difflib.get_close_matches(word, sorted(set(known) - {word}), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""
