"""Judges recorded conversations by the spec: which frame was not legal where it was sent, and in which line it stands.

A recording has one JSON object a line. Lines with `data` are frames: `dir` says who sent it (`c2s` the connecting side,
`s2c` the accepting one, or the name of a role), `conn` on which connection; other lines are left out.
With `--role` only what one side sent is judged, as where its peer in the recording was no implementation under test.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from mdkspec_runtime.monitor import Monitor
from mdkspec_runtime.tables import Role
from mdkspec_runtime.testing.examples import add_protocol, roles_of


class Finding(NamedTuple):
    """What is wrong in a line."""

    line: int
    sender: str
    """The role that sent it."""
    problem: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of the command."""
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--role", help="judge only what this side sent; both by default")
    add_protocol(parser)


async def run(arguments: argparse.Namespace, package: ModuleType, spec: Mapping[str, Any]) -> int:
    """Check every file; 1 if anything was found."""
    roles = roles_of(package, arguments.protocol, arguments.role)
    connector = next(role for role in roles.values() if role.connects)
    acceptor = next(role for role in roles.values() if not role.connects)
    status = 0
    for file in arguments.files:
        frames = 0
        try:
            for finding in findings(file.read_text(encoding="utf-8"), connector, acceptor):
                if finding.problem and arguments.role in (None, finding.sender):
                    status = 1
                    print(f"{file}:{finding.line}: {finding.problem}")
                frames += 1
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error
        print(f"{file}: {frames} frame{'' if frames == 1 else 's'}")
    return status


def findings(text: str, connector: Role, acceptor: Role) -> Iterator[Finding]:
    """Every frame of a recording, with what is wrong with it, or nothing.

    Raises:
        ValueError: A line is no JSON object, or has a frame of nobody.
    """
    senders = {
        "c2s": connector.role,
        "s2c": acceptor.role,
        connector.role: connector.role,
        acceptor.role: acceptor.role,
    }
    monitors: dict[object, Monitor] = {}
    for number, line in enumerate(text.split("\n"), start=1):  # JSON may hold what `splitlines` takes for an end
        frame = _entry(line, number)
        data = frame.get("data")
        if not isinstance(data, str) or frame.get("kind", "text") != "text":
            continue
        sender = senders.get(str(frame.get("dir")))
        if sender is None:
            known = ", ".join(dict.fromkeys(senders))
            raise ValueError(f"line {number} does not say who sent it: dir is {frame.get('dir')!r}; known are {known}")
        monitor = monitors.setdefault(frame.get("conn"), Monitor(connector, acceptor))
        yield Finding(number, sender, monitor.observe(sender, data) or "")


def _entry(line: str, number: int) -> dict[str, Any]:
    try:
        entry: Any = json.loads(line) if line.strip() else {}
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        raise ValueError(f"line {number} is no JSON object")
    made: dict[str, Any] = entry  # pyright: ignore[reportUnknownVariableType]  # JSON
    return made
