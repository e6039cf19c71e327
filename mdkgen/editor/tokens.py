"""What each name of a file is, for editors that colour by meaning: a message is not a record, a hook is no call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mdkgen import syntax
from mdkgen.editor.folder import Analysis
from mdkgen.editor.symbols import Index, Occurrence, Symbol
from mdkgen.model import Span

KINDS = {
    "message": "class",
    "record": "struct",
    "enum": "enum",
    "newtype": "type",
    "const": "variable",
    "part": "namespace",
    "role": "interface",
    "state": "enumMember",
    "member": "enumMember",
    "field": "property",
    "call": "method",
    "hook": "function",
    "event": "event",
    "lease": "variable",
    "flag": "variable",
    "param": "parameter",
    "variable": "parameter",
}
"""Our kinds to those that the Language Server Protocol names."""


class Token(NamedTuple):
    """A name in a file; `kind` is one of `KINDS`."""

    span: Span
    kind: str
    defines: bool


def tokens(analysis: Analysis, index: Index, file: str) -> list[Token]:
    """The names of a file in their order, none of them twice."""
    kinds = {one.symbol: _declared(one) for one in index.occurrences if one.defines}
    found: dict[tuple[int, int], Token] = {}
    for one in index.occurrences:
        span = analysis.real(one.span)
        if span.file == file and span.line == span.end_line:
            for kind in _kinds(one.symbol, kinds):
                found.setdefault((span.line, span.column), Token(span, kind, one.defines))
    return [found[place] for place in sorted(found)]


def _kinds(symbol: Symbol, declared: dict[Symbol, str]) -> Iterator[str]:
    kind = declared.get(symbol, "") if symbol.kind == "declaration" else symbol.kind
    if kind in KINDS:
        yield kind


def _declared(one: Occurrence) -> str:
    match one.written:
        case syntax.Record():
            return "record" if one.written.wire is None else "message"
        case syntax.Enum():
            return "enum"
        case syntax.Newtype():
            return "newtype"
        case syntax.Const():
            return "const"
        case syntax.Part():
            return "part"
        case _:
            return ""
