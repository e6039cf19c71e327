"""The pipeline: spec files in, diagnostics and generated files out. Reads the spec folder, writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mdkgen.checker import check
from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Spec
from mdkgen.parser import parse
from mdkgen.syntax import File
from mdkgen.verify import verify

SUFFIX = ".mdkspec"


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


class NoSpecError(Exception):
    """The folder cannot be compiled because there is nothing to read in it."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        self.reason = reason
        super().__init__(f"{folder}: {reason}")


def compile_folder(folder: Path) -> Compilation:
    """Parse, check and verify all .mdkspec files of a folder.

    Raises:
        NoSpecError: The folder does not exist, holds no spec, or one of its files cannot be read.
    """
    return compile_texts(read_folder(folder))


def read_folder(folder: Path) -> dict[str, str]:
    """The texts of a spec folder by file name, sorted."""
    if not folder.is_dir():
        raise NoSpecError(folder, "no such folder; give the folder that holds the .mdkspec files")
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise NoSpecError(folder, f"no {SUFFIX} file in it")
    try:
        return {path.name: path.read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise NoSpecError(folder, f"cannot be read: {error}") from error


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
