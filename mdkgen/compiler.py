"""The pipeline: texts of a spec folder in, model and diagnostics out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mdkgen import memory
from mdkgen.allow import check_annotations, unused, without_allowed
from mdkgen.checker import check
from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Spec
from mdkgen.source import NoSpecError, read_folder
from mdkgen.syntax import Allow, File

if TYPE_CHECKING:  # Lint is run when it is asked for.
    from mdkgen.check.declared import KeptDeclared
    from mdkgen.lint import Config
    from mdkgen.plugins import Plugin, RuleSet

__all__ = [
    "Compilation",
    "NoSpecError",
    "compile_folder",
    "compile_parsed",
    "compile_texts",
    "lint_texts",
    "read_folder",
    "with_lint",
]


@dataclass(frozen=True, slots=True)
class Compilation:
    """What came of a spec folder."""

    texts: Mapping[str, str]
    """Source by file name, for the diagnostics' carets."""
    spec: Spec | None
    """None if there are errors."""
    diagnostics: tuple[Diagnostic, ...]
    files: tuple[File, ...] = ()
    """The syntax trees of the files that parsed."""
    used: tuple[Allow, ...] = ()
    """Allowances that a warning needed."""

    @property
    def failed(self) -> bool:
        """True if anything found is an error."""
        return any(one.severity == "error" for one in self.diagnostics)


def compile_folder(folder: Path) -> Compilation:
    """Parse, check and verify all .mdkspec files of a folder; NoSpecError if there is nothing to read."""
    return compile_texts(read_folder(folder))


UNCOVERED = "MDK5306"
"""The rule that wants a scenario for every transition."""
REMEMBERED = (memory.verify, memory.play)
"""Verification and scenarios, unless it is known that they find nothing."""


def compile_texts(texts: Mapping[str, str], *, verifying: bool = True, remembering: bool = False) -> Compilation:
    """The same on texts by file name; verification runs only if asked for, on a spec that is otherwise right.

    With `remembering`, what `mdkgen.memory` knows is not done again.
    """
    parsed = memory.parse_files(texts) if remembering else [_parse(texts[name], name) for name in sorted(texts)]
    checks = REMEMBERED if remembering else (_verify, _play)
    return compile_parsed(texts, parsed, checks=checks if verifying else ())


def _parse(text: str, name: str) -> tuple[File, list[Diagnostic]]:
    from mdkgen.parser import parse  # whoever remembers may need no parser

    return parse(text, name)


def _verify(spec: Spec) -> list[Diagnostic]:
    from mdkgen.verify import verify

    return verify(spec)


def _play(spec: Spec) -> list[Diagnostic]:
    from mdkgen.scenarios.check import check as check_scenarios

    return check_scenarios(spec)


def compile_parsed(
    texts: Mapping[str, str],
    parsed: Sequence[tuple[File, list[Diagnostic]]],
    *,
    checks: Sequence[Callable[[Spec], list[Diagnostic]]],
    kept: KeptDeclared | None = None,
) -> Compilation:
    """The same on files that are read, sorted by name, each with its syntax errors.

    `checks` are of a spec that has no errors yet, one after the other: verification, then its scenarios.
    """
    files = [file for file, _ in parsed]
    diagnostics = [one for _, found in parsed for one in found]
    used: list[Allow] = []
    spec, more = check(files, kept)
    if diagnostics:
        diagnostics = sorted([*diagnostics, *more], key=lambda one: (one.span.file, one.span.line, one.span.column))
        return Compilation(texts, None, tuple(diagnostics), tuple(files))
    diagnostics = [*more, *check_annotations(files)]
    spec = None if diagnostics else spec
    for look in checks:
        if spec is not None:
            found, allowed = without_allowed(look(spec), files)
            diagnostics += found
            used += allowed
            if any(one.severity == "error" for one in diagnostics):
                spec = None
    return Compilation(texts, spec, tuple(diagnostics), tuple(files), tuple(used))


def lint_texts(
    texts: Mapping[str, str], config: Config, theirs: Sequence[Plugin[RuleSet]] = (), *, remembering: bool = False
) -> Compilation:
    """The same, and what the lint rules find in a spec that has no errors."""
    return with_lint(compile_texts(texts, remembering=remembering), config, theirs)


def with_lint(compilation: Compilation, config: Config, theirs: Sequence[Plugin[RuleSet]] = ()) -> Compilation:
    """A compilation, and what the lint rules find in it if it has no errors."""
    from mdkgen.lint import lint
    from mdkgen.lint.config import EVERYTHING

    if compilation.spec is None:
        return compilation
    linted = [*lint(compilation.spec, compilation.files, EVERYTHING, theirs)]
    allowed = {arg.text for file in compilation.files for one in file.allows for arg in one.written.args[:1]}
    if config.enables(UNCOVERED) or UNCOVERED in allowed:  # playing all scenarios takes a moment
        from mdkgen.scenarios.check import uncovered

        linted += uncovered(compilation.spec)
    everything, used = without_allowed(linted, compilation.files)
    enabled = [one for one in everything if config.enables(one.code)]
    enabled += unused(compilation.files, [*used, *compilation.used])
    found = (*compilation.diagnostics, *enabled)
    return replace(compilation, diagnostics=found)
