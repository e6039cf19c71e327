"""Captures of the original client (datawire-mdk 2.0.37): one JSON object a line, see wire/README.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "wire"


@dataclass(frozen=True)
class Frame:
    """One text frame of a capture."""

    file: str
    line: int
    connection: int
    from_client: bool
    t: float
    text: str

    @property
    def id(self) -> str:
        """For the test's name."""
        return f"{self.file}:{self.line}"


def names() -> list[str]:
    """The captures' names."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


def frames(name: str) -> list[Frame]:
    """All text frames of a capture, in order."""
    found: list[Frame] = []
    for number, line in enumerate((FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines(), start=1):
        entry = json.loads(line)
        if entry.get("kind") == "text" and entry["dir"] in ("c2s", "s2c"):
            from_client = entry["dir"] == "c2s"
            found.append(Frame(name, number, entry["conn"], from_client, entry["t"], entry["data"]))
    return found


def contexts(name: str) -> list[str]:
    """Every encoded session context that appears in a capture as a value of the client's API."""
    texts: list[str] = []
    for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        value = json.loads(line).get("value")
        if isinstance(value, str) and value.startswith("{") and "traceId" in value:
            texts.append(value)
    return texts
