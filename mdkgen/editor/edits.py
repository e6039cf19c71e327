"""Changes of texts: rename, and the mechanical fixes of findings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mdkgen import syntax
from mdkgen.allow import may_allow
from mdkgen.compiler import compile_texts
from mdkgen.diagnostics import Diagnostic
from mdkgen.editor.folder import Analysis
from mdkgen.editor.symbols import Index, Occurrence, Symbol
from mdkgen.model import Span
from mdkgen.parser import keywords

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SUGGESTED = re.compile(r"did you mean (\w+)\?")
_HANDLER = re.compile(r"`(recv|ignore|call) (\w+)")
INDENT = "  "


class RenameError(Exception):
    """The new name cannot stand there; the text says why."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Text to put in the place of a span; an empty span inserts."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that takes a finding away, or a start of it."""

    title: str
    edits: tuple[Edit, ...]
    preferred: bool = False


def applied(text: str, edits: Iterable[Edit]) -> str:
    """A text after changes, which do not overlap."""
    begins = [0]
    for line in text.split("\n"):
        begins.append(begins[-1] + len(line) + 1)
    for one in sorted(edits, key=lambda one: (one.span.line, one.span.column), reverse=True):
        start = begins[one.span.line - 1] + one.span.column - 1
        end = begins[one.span.end_line - 1] + one.span.end_column - 1
        text = text[:start] + one.text + text[end:]
    return text


# --- rename ---------------------------------------------------------------------------------------


def rename(analysis: Analysis, index: Index, symbol: Symbol, name: str) -> list[Edit]:
    """The changes that give a symbol another name, everywhere; what is on the wire stays as it is.

    Raises:
        RenameError: It is no name, or the spec would have errors that it does not have now.
    """
    if not _NAME.fullmatch(name):
        raise RenameError(f"{name!r} is not a name: letters, digits and _, not a digit first")
    edits = [edit for one in index.of(symbol) for edit in _renamed(analysis, one, name)]
    texts = _changed(analysis.texts, edits)
    new = compile_texts(texts, verifying=False).diagnostics if analysis.spec is not None else ()
    if new:
        raise RenameError(f"with the name {name}: {new[0].span.file}:{new[0].span.line}: {new[0].message}")
    return edits


def _changed(texts: Mapping[str, str], edits: Iterable[Edit]) -> dict[str, str]:
    edits = list(edits)
    return {file: applied(text, [one for one in edits if one.span.file == file]) for file, text in texts.items()}


def _renamed(analysis: Analysis, one: Occurrence, name: str) -> Iterator[Edit]:
    span = analysis.real(one.span)
    written = one.written
    text = name
    if isinstance(written, syntax.Field) and written.wire is None:
        text = f'{name} as "{one.symbol.name}"'
    elif isinstance(written, syntax.Member) and written.value is None:
        text = f'{name} = "{one.symbol.name}"'
    yield Edit(span, text)


# --- fixes ----------------------------------------------------------------------------------------


def fixes(analysis: Analysis, one: Diagnostic) -> list[Fix]:
    """What may be done about a finding, the most likely first."""
    lines = analysis.texts.get(one.span.file, "").split("\n")
    return [*_suggestion(one), *_handlers(one, lines), *_by_code(one, lines), *_allowance(one, lines)]


def _suggestion(one: Diagnostic) -> Iterator[Fix]:
    found = _SUGGESTED.search(one.hint)
    if found is not None and one.span.line == one.span.end_line:
        yield Fix(f"Change to {found[1]}", (Edit(one.span, found[1]),), preferred=True)
    if "no semicolons" in one.hint:
        yield Fix("Remove the semicolon", (Edit(one.span, ""),), preferred=True)
    if "'}' is missing" in one.hint:
        yield Fix("Add the missing '}'", (Edit(_at(one.span, one.span.line, one.span.column), "\n}\n"),))


def _handlers(one: Diagnostic, lines: list[str]) -> Iterator[Fix]:
    """`ignore M` and `recv M` or `call f` for a state that takes neither."""
    if one.span.line == one.span.end_line and "{" not in lines[one.span.line - 1]:
        return
    end = _closing(one.span, lines)
    if end is None:
        return
    inner = INDENT + _indent(lines[one.span.line - 1])
    for kind, name in dict.fromkeys(_HANDLER.findall(one.expected)):
        binds = "(m)" if kind == "recv" else "()"
        told = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
        told = f"{told}_" if told in keywords() else told
        text = f"ignore {name}" if kind == "ignore" else f"{kind} {name}{binds} -> tell {told}{binds}"
        title = f"Ignore {name} here" if kind == "ignore" else f"Handle {name} here"
        if one.span.line == end.line:
            edit = Edit(end, f" {text} ")
        else:
            start = Span(one.span.file, end.line, 1, end.line, 1)
            edit = Edit(start, f"{inner}{text}\n")
        yield Fix(title, (edit,))


def _closing(span: Span, lines: list[str]) -> Span | None:
    """Just before the brace that ends a state."""
    line, column = span.end_line, span.end_column - 1
    if column < 1 or lines[line - 1][column - 1 : column] != "}":
        return None
    return Span(span.file, line, column, line, column)


def _by_code(one: Diagnostic, lines: list[str]) -> Iterator[Fix]:
    indent = _indent(lines[one.span.line - 1]) if one.span.line <= len(lines) else ""
    match one.code:
        case "MDK5001":
            yield Fix("Remove the unused @allow", (Edit(_whole_lines(one.span, lines), ""),), preferred=True)
        case "MDK5201" | "MDK5202" | "MDK5203":
            above = _at(one.span, one.span.line, 1)
            yield Fix("Add a doc", (Edit(above, f"{indent}/// What it is for.\n"),))
        case "MDK1002" if "mdkspec" in one.expected and not any(line.strip() for line in lines[: one.span.line - 1]):
            yield Fix("Add the header", (Edit(_at(one.span, 1, 1), "mdkspec 1\nnamespace example\nversion 1.0\n\n"),))
        case _:
            return


def _whole_lines(span: Span, lines: list[str]) -> Span:
    """The span, with the line's end if nothing else stands on its lines."""
    before = lines[span.line - 1][: span.column - 1]
    after = lines[span.end_line - 1][span.end_column - 1 :]
    if before.strip() or after.strip():
        return span
    return Span(span.file, span.line, 1, span.end_line + 1, 1)


def _allowance(one: Diagnostic, lines: list[str]) -> Iterator[Fix]:
    if one.severity == "error" or not may_allow(one.code) or one.code in ("MDK5001", "MDK5002"):
        return
    indent = _indent(lines[one.span.line - 1])
    above = _at(one.span, one.span.line, 1)
    yield Fix(f"Allow {one.code} here", (Edit(above, f'{indent}@allow({one.code}, "why it is right here")\n'),))


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" "))]


def _at(span: Span, line: int, column: int) -> Span:
    return Span(span.file, line, column, line, column)
