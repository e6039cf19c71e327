"""The pipeline: texts of a spec folder in, model and diagnostics out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mdkgen.allow import check_annotations, unused, without_allowed
from mdkgen.checker import check
from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Spec
from mdkgen.parser import parse
from mdkgen.source import NoSpecError, read_folder
from mdkgen.syntax import Allow, File
from mdkgen.verify import verify

if TYPE_CHECKING:  # Lint is run when it is asked for.
    from mdkgen.lint import Config

__all__ = ["Compilation", "NoSpecError", "compile_folder", "compile_texts", "lint_texts", "read_folder"]


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


def compile_texts(texts: Mapping[str, str], *, verifying: bool = True) -> Compilation:
    """The same on texts by file name; verification runs only if asked for, on a spec that is otherwise right."""
    diagnostics: list[Diagnostic] = []
    files: list[File] = []
    for name in sorted(texts):
        file, found = parse(texts[name], name)
        diagnostics += found
        files.append(file)
    used: list[Allow] = []
    spec, more = check(files)
    if diagnostics:
        diagnostics = sorted([*diagnostics, *more], key=lambda one: (one.span.file, one.span.line, one.span.column))
        return Compilation(texts, None, tuple(diagnostics), tuple(files))
    diagnostics = [*more, *check_annotations(files)]
    spec = None if diagnostics else spec
    if spec is not None and verifying:
        diagnostics, used = without_allowed(verify(spec), files)
        if any(one.severity == "error" for one in diagnostics):
            spec = None
    return Compilation(texts, spec, tuple(diagnostics), tuple(files), tuple(used))


def lint_texts(texts: Mapping[str, str], config: Config) -> Compilation:
    """The same, and what the lint rules find in a spec that has no errors."""
    from mdkgen.lint import lint
    from mdkgen.lint.config import EVERYTHING

    compilation = compile_texts(texts)
    if compilation.spec is None:
        return compilation
    everything, used = without_allowed(lint(compilation.spec, compilation.files, EVERYTHING), compilation.files)
    enabled = [one for one in everything if config.enables(one.code)]
    enabled += unused(compilation.files, [*used, *compilation.used])
    return Compilation(texts, compilation.spec, (*compilation.diagnostics, *enabled), compilation.files)
