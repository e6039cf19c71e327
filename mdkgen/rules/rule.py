"""What a rule is: the one place that says what a code means, why it is there, and how wrong and right look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
Category = Literal[
    "error", "verification", "minimal", "standard", "docs", "strict", "wire", "behaviour", "source", "notice"
]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Examples are what a reader needs and no more: `texts_of` puts the rest around them. Those of a rule about two
    versions have the older one in `before`.
    """

    code: str
    title: str
    why: str
    bad: str
    good: str
    category: Category = "error"
    severity: Severity = "error"
    before: str = ""


HEADER = "mdkspec 1\nnamespace example\nversion 1.0\n"
MESSAGES = """
message Ping as "ping" { n?: int }
message Pong as "pong" { n?: int }
"""
PROTOCOL = """
protocol P {
  transport websocket { path: "/p", tag: "type", message_max: 1KiB }
  roles client connects, server accepts
  unknown message -> drop
  illegal message -> fail "illegal"
  malformed message -> fail "malformed"
  reconnect 1s .. 2s x 2
"""
ROLES = {
    "client": "role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }",
    "server": "role server { start state Up { recv Ping -> send Pong() } }",
}
FILE_MARK = "// file "


def texts_of(example: str) -> dict[str, str]:
    """An example as the files of a spec folder.

    What begins with `// file NAME` or `mdkspec` stands as it is. Otherwise the header is put before it; from the first line
    that begins with `role` or `delivery` on it is the inside of a protocol, whose usual lines, messages
    Ping and Pong, and the roles that it does not write are added.
    """
    example = example.strip("\n") + "\n"
    if example.startswith(FILE_MARK):
        files = [part.split("\n", 1) for part in example.split(FILE_MARK)[1:]]
        return {name.strip(): text for name, text in files}
    if "mdkspec" in example.split("\n", 1)[0]:
        return {"example.mdkspec": example}
    lines = example.splitlines()
    inside = next(
        (n for n, line in enumerate(lines) if line.startswith(("role ", "delivery ", "request ", "parts "))), None
    )
    if inside is None:
        return {"example.mdkspec": HEADER + example}
    outside = next(
        (n for n, line in enumerate(lines) if n > inside and line.startswith(("part ", "scenario "))), len(lines)
    )
    written = "\n".join(lines[inside:outside])
    missing = [text for role, text in ROLES.items() if f"role {role} " not in written]
    messages = [line for line in MESSAGES.splitlines() if line.split(" as ")[0] not in example]
    body = "\n".join([written, *missing])
    before, after = "\n".join(lines[:inside]), "\n".join(lines[outside:])
    text = "".join([HEADER, "\n".join(messages), "\n", before, PROTOCOL, body, "\n}\n", after, "\n"])
    return {"example.mdkspec": text}
