"""A page for every rule, made from its declaration."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.rules import Rule, own_rules

_KINDS = {
    "1": "The text",
    "2": "Names and types",
    "3": "Machines",
    "4": "Verification: client, server, and a link that breaks",
    "5": "Lint",
    "6": "Changes between versions",
}
_LEVELS = {
    "minimal": "lint, category minimal",
    "standard": "lint, category standard",
    "docs": "lint, category docs",
    "strict": "lint, category strict",
    "wire": "what is on the wire",
    "behaviour": "how the two sides behave",
    "source": "the generated Python",
    "notice": "what people read",
}
INTRODUCTION = """\
# Every code of mdkgen

Written by `mdkgen explain --all`; `mdkgen explain CODE` prints one page. Each example is run through the checker by a test: the wrong one
gets just this code, the right one none. An example that begins with `role` stands in a protocol P with roles client and
server, which have messages Ping and Pong; the whole is what `mdkgen.rules.texts_of` makes of it. A rule about two versions (MDK6xxx) has the
older one first; there the examples are compared at the rule's own level.
"""


def page(rule: Rule, *, depth: int = 1) -> str:
    """One rule, in Markdown."""
    level = _LEVELS.get(rule.category)
    kind = f"{rule.severity} ({level})" if level else rule.severity
    rows = [f"{'#' * depth} {rule.code}: {rule.title}", "", f"*{kind}*", "", rule.why, ""]
    if rule.before:
        rows += _example("Before:", rule.before)
    rows += _example("Wrong:", rule.bad)
    rows += _example("Right:", rule.good)
    return "\n".join(rows).rstrip() + "\n"


def _example(title: str, text: str) -> Iterator[str]:
    yield from (title, "", "```mdkspec", text.strip("\n"), "```", "")


def all_pages() -> str:
    """All our rules, as one document."""
    parts = [INTRODUCTION]
    last = ""
    for rule in own_rules().values():
        if rule.code[3] != last:
            last = rule.code[3]
            parts.append(f"## {_KINDS[last]}\n")
        parts.append(page(rule, depth=3))
    return "\n".join(parts)
