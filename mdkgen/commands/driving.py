"""Commands that the engine carries out on a running implementation or its recordings: mock, conform, trace-check."""

from __future__ import annotations

import argparse
from pathlib import Path

from mdkgen.commands.findings import FINDINGS, Commands, checked

TOOLS = {
    "mock": (
        "play one side from the spec alone",
        """what it plays:
  --role ROLE   which side
  --protocol NAME   of a spec with several; else the one that has the role
  --url URL     where to connect, for the connecting side
  --port PORT   where to listen, for the accepting side; any by default; it prints its URL
  --seed N      the same seed, the same values
  --every S     deliver and ask so often; 1 by default, 0 for never
  --calls NAMES   calls to make, as often: one,two; those that the state takes, in turn""",
    ),
    "conform": (
        "drive an implementation through what its peer can bring about",
        """what it drives:
  URL           ws://host:port/path of an accepting implementation, or where a connecting one will connect to
  --role ROLE   which side the implementation plays
  --protocol NAME   of a spec with several; else the one that has the role
  --say MESSAGE=JSON   fields to send in a message; may come several times
  --cases N     so many of the cases, taken evenly; all by default
  --at-once N   connections at a time, to an accepting side; programs that will connect, of a connecting one; 1 by default
  --quiet-s S   silence after which all has been said; 0.3 by default
  --due-s S     to wait for a message that must come, or the end; 5 by default
  --answer-s S  to wait for what only the application begins or owes; 2 by default
  --timers-s S  the longest timer to wait for; 12 by default
  --within-s S  to wait for a connecting side each time; 30 by default
  --junit FILE  write the results as JUnit XML""",
    ),
    "trace-check": (
        "judge recorded conversations: FILE.jsonl ...",
        """what it reads:
  FILE.jsonl ...   a JSON object a line: `data` is a frame, `dir` its sender (c2s, s2c or a role), `conn` its connection
  --role ROLE      judge only what this side sent; both by default
  --protocol NAME  of a spec with several; else the one that has the role""",
    ),
}
"""Of the engine; what each is for, and what it takes beside the spec."""


def add(commands: Commands) -> None:
    """Commands that the engine carries out; what they take beside the spec is its to read."""
    for name, (text, needs) in TOOLS.items():
        tool = commands.add_parser(
            name,
            help=text,
            usage=f"mdkgen {name} --spec FOLDER ...",
            epilog=needs,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        tool.add_argument("--spec", type=Path, required=True, help="folder with .mdkspec files")
        tool.set_defaults(run=_tool, tool=name)


def _tool(arguments: argparse.Namespace) -> int:
    from mdkgen.tools import run_tool

    spec = checked(arguments.spec)
    if spec is None:
        return FINDINGS
    return run_tool(spec, arguments.tool, arguments.rest)
