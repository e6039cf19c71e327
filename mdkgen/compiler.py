"""The pipeline: texts of a spec folder in, model and diagnostics out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mdkgen.checker import check
from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Spec
from mdkgen.parser import parse
from mdkgen.source import NoSpecError, read_folder
from mdkgen.syntax import File
from mdkgen.verify import verify

__all__ = ["Compilation", "NoSpecError", "compile_folder", "compile_texts", "read_folder"]


@dataclass(frozen=True, slots=True)
class Compilation:
    """What came of a spec folder."""

    texts: Mapping[str, str]
    """Source by file name, for the diagnostics' carets."""
    spec: Spec | None
    """None if there are errors."""
    diagnostics: tuple[Diagnostic, ...]

    @property
    def failed(self) -> bool:
        """True if anything found is an error."""
        return any(one.severity == "error" for one in self.diagnostics)


def compile_folder(folder: Path) -> Compilation:
    """Parse, check and verify all .mdkspec files of a folder; NoSpecError if there is nothing to read."""
    return compile_texts(read_folder(folder))


def compile_texts(texts: Mapping[str, str]) -> Compilation:
    """The same on texts by file name; verification runs only on a spec that is otherwise right."""
    diagnostics: list[Diagnostic] = []
    files: list[File] = []
    for name in sorted(texts):
        file, found = parse(texts[name], name)
        diagnostics += found
        if file is not None:
            files.append(file)
    spec = None
    if not diagnostics:
        spec, diagnostics = check(files)
    if spec is not None:
        diagnostics = [*diagnostics, *verify(spec)]
        if any(one.severity == "error" for one in diagnostics):
            spec = None
    return Compilation(texts, spec, tuple(diagnostics))
