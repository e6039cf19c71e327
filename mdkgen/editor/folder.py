"""A spec folder while it is edited: only the declaration that changed is parsed again.

A declaration is kept with positions relative to its own begin, in a file of its own name, so that it stays good when
something above it grows; `real` turns such a place into one of the file.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from mdkgen import memory, syntax
from mdkgen.check.declared import KeptDeclared
from mdkgen.chunks import Chunk
from mdkgen.compiler import Compilation, compile_parsed, compile_texts, with_lint
from mdkgen.diagnostics import Diagnostic, TraceStep
from mdkgen.model import Span, Spec
from mdkgen.parser import parse, parse_chunk
from mdkgen.scenarios.check import check as check_scenarios
from mdkgen.verify import Kept, verify

if TYPE_CHECKING:
    from mdkgen.lint import Config
    from mdkgen.plugins import Plugin, RuleSet

_MARK = "\x1f"
"""Between the name of a file and the number of a declaration; no file is called so."""
_NAMES_A_LINE = re.compile(r"\bline \d")

_WORD = re.compile(r"\w+")

PIECES_MAX = 1000
"""Declarations whose words are remembered."""

Key = tuple[str, str, int, bool, str, int]
Piece = tuple[Any, list[Diagnostic], list[syntax.Allow]]
Look = Callable[[Spec], list[Diagnostic]]


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
        self._looks = _Looks()
        self._declared = KeptDeclared()
        self.good: dict[tuple[str, str], syntax.Declaration] = {}
        """The last version of each declaration that could be read, by file and name; for completion in a broken one."""

    def analyse(
        self, *, verifying: bool = False, config: Config | None = None, theirs: Sequence[Plugin[RuleSet]] = ()
    ) -> Analysis:
        """Everything wrong with the texts. Verification and, with a `config`, lint are asked for: they take longer."""
        with _uncollected():
            return self._analysed(verifying=verifying, config=config, theirs=theirs)

    def _analysed(self, *, verifying: bool, config: Config | None, theirs: Sequence[Plugin[RuleSet]]) -> Analysis:
        pieces, begins = dict[Key, tuple[str, Piece]](), dict[str, int]()
        parsed = [self._parsed(name, pieces, begins) for name in sorted(self.texts)]
        self._pieces = pieces
        checks = self._looks.at(_behaviour(pieces)) if verifying else ()
        compilation = compile_parsed(self.texts, parsed, checks=checks, kept=self._declared)
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
        if any(one.other is None and (_NAMES_A_LINE.search(one.message) or _MARK in one.message) for one in found):
            # A plugin's text names a line of a declaration that is kept by itself: once more, from the beginning.
            exact = compile_texts(self.texts, verifying=verifying)
            found = (with_lint(exact, config) if config is not None else exact).diagnostics
        return tuple(sorted((_moved(made, one) for one in found), key=_order))


@contextmanager
def _uncollected() -> Generator[None]:
    """Without Python's collector, which would look through a growing model again and again and find it in use."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


class _Looks:
    """Verification and playing, done again when something has changed that they look at."""

    def __init__(self) -> None:
        self._explored: Kept = {}
        """Explorations of the machines as they were last verified."""
        self._seen: tuple[syntax.Declaration, ...] = ()
        self._found: dict[str, list[Diagnostic]] = {}
        """What each found in what was seen."""

    def at(self, seen: tuple[syntax.Declaration, ...]) -> tuple[Look, ...]:
        """The checks of texts that say this of behaviour."""
        if len(seen) != len(self._seen) or any(a is not b for a, b in zip(seen, self._seen, strict=True)):
            self._seen, self._found = seen, {}
        return partial(self._look, "verify", self._verify), partial(self._look, "play", check_scenarios)

    def _verify(self, spec: Spec) -> list[Diagnostic]:
        """What other processes remember is of use as long as this one has explored nothing."""
        return verify(spec, self._explored) if self._explored else memory.verify(spec, self._explored)

    def _look(self, name: str, look: Look, spec: Spec) -> list[Diagnostic]:
        if name not in self._found:
            self._found[name] = look(spec)
        return self._found[name]


def _behaviour(pieces: Mapping[Key, tuple[str, Piece]]) -> tuple[syntax.Declaration, ...]:
    """What verification and scenarios look at: machines, scenarios, constants, and each type that is named in these.

    A declaration is the same object as long as its text is the same.
    """
    found: dict[int, syntax.Declaration] = {}
    types: dict[str, list[tuple[str, syntax.Declaration]]] = {}
    todo: list[str] = []
    for key, (_, (tree, _, _)) in pieces.items():
        if isinstance(tree, syntax.Record | syntax.Enum):
            types.setdefault(tree.name.text, []).append((key[0], tree))
        elif tree is not None and not isinstance(tree, syntax.Header | syntax.Face):
            found[id(tree)] = tree
            todo.append(key[0])
    while todo:
        for name in _words(todo.pop()) & types.keys():
            for text, tree in types.pop(name):
                found[id(tree)] = tree
                todo.append(text)
    return tuple(found.values())


@lru_cache(PIECES_MAX)
def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))


def _moved(made: Analysis, one: Diagnostic) -> Diagnostic:
    trace = tuple(_step(made, step) for step in one.trace)
    message, other = one.message, None
    if one.other is not None:
        other = made.real(one.other)
        before, _, after = message.replace(one.other.file, other.file).rpartition(f"line {one.other.line}")
        message = f"{before}line {other.line}{after}"
    return replace(one, span=made.real(one.span), message=message, trace=trace, other=other)


def _step(made: Analysis, step: TraceStep) -> TraceStep:
    return step if step.span is None else replace(step, span=made.real(step.span))


def _order(one: Diagnostic) -> tuple[str, int, int, str, str]:
    return one.span.file, one.span.line, one.span.column, one.code, one.message
