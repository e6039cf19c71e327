"""A spec folder while it is edited: only the declaration that changed is parsed again.

A declaration is kept with positions relative to its own begin, in a file of its own name, so that it stays good when
something above it grows; `real` turns such a place into one of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mdkgen import memory, syntax
from mdkgen.chunks import Chunk
from mdkgen.compiler import Compilation, compile_parsed, compile_texts, with_lint
from mdkgen.diagnostics import Diagnostic, TraceStep
from mdkgen.model import Span, Spec
from mdkgen.parser import parse, parse_chunk

if TYPE_CHECKING:
    from mdkgen.lint import Config
    from mdkgen.plugins import Plugin, RuleSet
    from mdkgen.verify import Kept

_MARK = "\x1f"
"""Between the name of a file and the number of a declaration; no file is called so."""
_NAMES_A_LINE = re.compile(r"\bline \d")

Key = tuple[str, str, int, bool, str, int]
Piece = tuple[Any, list[Diagnostic], list[syntax.Allow]]


@dataclass(frozen=True)
class Analysis:
    """What is known of a folder's texts at one moment. Places are real ones, except in `files` and `spec`."""

    texts: Mapping[str, str]
    diagnostics: tuple[Diagnostic, ...]
    spec: Spec | None
    """None if there are errors."""
    files: tuple[syntax.File, ...]
    begins: Mapping[str, int] = field(default_factory=dict[str, int])
    """By the name of a declaration's own file: how many lines stand before it."""

    def real(self, span: Span) -> Span:
        """A place in the file itself."""
        name, mark, _ = span.file.partition(_MARK)
        if not mark:
            return span
        lines = self.begins[span.file]
        return Span(name, span.line + lines, span.column, span.end_line + lines, span.end_column)


class SpecFolder:
    """The texts of one folder, as the editor has them."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(texts)
        self._pieces: dict[Key, tuple[str, Piece]] = {}
        """Declarations that were read, of the texts as they were last analysed."""
        self._count = 0
        self._explored: Kept = {}
        """Explorations of the machines as they were last verified."""
        self.good: dict[tuple[str, str], syntax.Declaration] = {}
        """The last version of each declaration that could be read, by file and name; for completion in a broken one."""

    def analyse(
        self, *, verifying: bool = False, config: Config | None = None, theirs: Sequence[Plugin[RuleSet]] = ()
    ) -> Analysis:
        """Everything wrong with the texts. Verification and, with a `config`, lint are asked for: they take longer."""
        pieces, begins = dict[Key, tuple[str, Piece]](), dict[str, int]()
        parsed = [self._parsed(name, pieces, begins) for name in sorted(self.texts)]
        self._pieces = pieces
        checks = (partial(memory.verify, kept=self._explored), memory.play) if verifying else ()
        compilation = compile_parsed(self.texts, parsed, checks=checks)
        if config is not None:
            compilation = with_lint(compilation, config, theirs)
        made = Analysis(dict(self.texts), (), compilation.spec, compilation.files, begins)
        return replace(made, diagnostics=self._real(made, compilation, verifying=verifying, config=config))

    def _parsed(
        self, name: str, pieces: dict[Key, tuple[str, Piece]], begins: dict[str, int]
    ) -> tuple[syntax.File, list[Diagnostic]]:
        def read(chunk: Chunk, start: str, file: str) -> Piece:
            key = (chunk.text, start, chunk.column, chunk.unclosed, file, 0)
            while key in pieces:  # the same declaration twice is wrong, and two places nevertheless
                key = (*key[:5], key[5] + 1)
            if key not in self._pieces:
                self._count += 1
                own = f"{file}{_MARK}{self._count}"
                self._pieces[key] = own, parse_chunk(replace(chunk, line=0), start, own)
            pieces[key] = self._pieces[key]
            own, (tree, found, allows) = pieces[key]
            begins[own] = chunk.line
            return tree, [*found], [*allows]  # the parser adds to what it gets

        file, found = parse(self.texts[name], name, read=read)
        for one in file.declarations:
            self.good[name, one.name.text] = one
        return file, found

    def _real(
        self, made: Analysis, compilation: Compilation, *, verifying: bool, config: Config | None
    ) -> tuple[Diagnostic, ...]:
        found = compilation.diagnostics
        if any(_NAMES_A_LINE.search(one.message) or _MARK in one.message for one in found):
            # A text names a line, which is not known in a declaration kept by itself: once more, from the beginning.
            exact = compile_texts(self.texts, verifying=verifying)
            found = (with_lint(exact, config) if config is not None else exact).diagnostics
        return tuple(sorted((_moved(made, one) for one in found), key=_order))


def _moved(made: Analysis, one: Diagnostic) -> Diagnostic:
    trace = tuple(_step(made, step) for step in one.trace)
    return replace(one, span=made.real(one.span), trace=trace)


def _step(made: Analysis, step: TraceStep) -> TraceStep:
    return step if step.span is None else replace(step, span=made.real(step.span))


def _order(one: Diagnostic) -> tuple[str, int, int, str, str]:
    return one.span.file, one.span.line, one.span.column, one.code, one.message
