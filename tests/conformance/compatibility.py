"""Reads docs/compatibility.md, the list of behaviours it must cover, and the test that each row names."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "compatibility.md"
BEHAVIOURS = Path(__file__).with_name("behaviours.txt")

_NUMBERED = re.compile(r"^(\d+)\. (.*?)(?: - (.*))?$")
_LETTERED = re.compile(r"^([a-z])\. (.*)$")
_TAGS = re.compile(r"\*\*((?:P\\?\*?|W|I)(?: (?:P\\?\*?|W|I))*)\*\*")


class Behaviour(NamedTuple):
    """One thing that the original does, or that is to be done better."""

    id: str
    tags: str
    """P: the public API shows it; W: the wire; P*: either shows it indirectly; + : to do better than the original."""
    text: str

    @property
    def is_wanted(self) -> bool:
        """Whether it must have a row: what is internal to the original need not."""
        return self.tags != "I"


class Row(NamedTuple):
    """One row of the table."""

    id: str
    text: str
    tests: list[str]
    remark: str


def read_study(text: str) -> list[Behaviour]:
    """The behaviours of the study from which the list was made, in its order."""
    found: list[Behaviour] = []
    better = False
    for line in _joined_lines(text):
        better = better or line.startswith("## To do better")
        if match := _LETTERED.match(line):
            found.append(Behaviour(match[1], "+" if better else "W", _plain(match[2])))
        elif match := _NUMBERED.match(line):
            head, rest = match[2], match[3]
            if tags := _TAGS.search(line):
                name = _TAGS.sub("", head if rest is not None else line.partition(". ")[2])
                entry = f"{name.strip()}: {rest}" if rest else name.strip()
                found.append(Behaviour(match[1], tags[1].replace("\\", ""), _plain(entry)))
    return found


def _joined_lines(text: str) -> list[str]:
    """An entry that goes on on indented lines is one line."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("  ") and lines and lines[-1]:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return lines


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", _TAGS.sub("", text).replace("|", "/")).strip()


def read_list() -> list[Behaviour]:
    """The behaviours, as this repository keeps them."""
    return [Behaviour(*line.split("\t")) for line in BEHAVIOURS.read_text().splitlines()]


def read_rows() -> list[Row]:
    """The table of behaviours in the document."""
    rows: list[Row] = []
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| ") and re.fullmatch(r"\d+|[a-z]", cells[0]):
            cells += [""] * (4 - len(cells))
            rows.append(Row(cells[0], cells[1], re.findall(r"`([^`]*::[^`]*)`", cells[2]), cells[3]))
    return rows


def read_names() -> list[tuple[str, str]]:
    """The table of names in the document: the original's, and ours."""
    found: list[tuple[str, str]] = []
    for line in DOCUMENT.read_text().splitlines():
        cells = [cell.strip(" `") for cell in line.strip().strip("|").split(" | ")]
        if line.startswith("| `") and len(cells) >= 2:
            found.append((cells[0], cells[1]))
    return found


def exists(node_id: str) -> bool:
    """Whether there is such a test; a parameter in brackets is not looked at."""
    file, _, name = node_id.partition("[")[0].partition("::")
    return name in _functions(ROOT / "tests" / file)


@cache
def _functions(path: Path) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds) and node.name.startswith("test_"))
