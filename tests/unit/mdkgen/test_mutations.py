"""How good the checker is: every `recv` and `ignore` of our specs removed in turn, it must object."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mdkgen.compiler import compile_texts, read_folder

ROOT = Path(__file__).parents[3]
FOLDERS = ("spec", "examples/chat/spec", "examples/jobs/spec")
TAKES = re.compile(r"^ +(recv (?!.* when )|ignore ).*\n", re.MULTILINE)
"""Not those with a guard: without one of them, the transition without guard behind it takes the message."""


def _mutants() -> list[tuple[str, str, int, str]]:
    """Folder, file, line, and what was removed."""
    return [
        (folder, name, text.count("\n", 0, match.start()) + 1, match.group().strip())
        for folder in FOLDERS
        for name, text in read_folder(ROOT / folder).items()
        for match in TAKES.finditer(text)
    ]


@pytest.mark.parametrize(("folder", "file", "line", "removed"), _mutants(), ids=lambda value: str(value))
def test_a_missing_reception_is_found(folder: str, file: str, line: int, removed: str) -> None:
    """Nothing can be generated from a spec in which something that may come is not taken."""
    texts = read_folder(ROOT / folder)
    lines = texts[file].splitlines(keepends=True)
    assert lines[line - 1].strip() == removed
    texts[file] = "".join(lines[: line - 1] + lines[line:])
    compilation = compile_texts(texts)
    assert compilation.spec is None, f"{removed!r} can be removed unnoticed"
    assert {one.code for one in compilation.diagnostics} & {"MDK3006", "MDK3011", "MDK4001", "MDK4003"}
