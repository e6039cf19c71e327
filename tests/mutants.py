"""Mutants of our specs: each transition, handler and ignore removed, each `goto` and handler redirected, in turn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mdkgen import syntax
from mdkgen.compiler import lint_texts, read_folder
from mdkgen.lint import Config
from mdkgen.model import Span
from mdkgen.parser import parse

ROOT = Path(__file__).parents[1]
SCENARIO = '\nscenario "'
FOLDERS = ("spec", "examples/chat/spec", "examples/jobs/spec")


@dataclass(frozen=True)
class Mutant:
    """One change."""

    folder: str
    file: str
    line: int
    what: str
    kind: str
    """`enter`, `recv`, `call`, `after`, `every` or `lapse` removed; `ignore`; `goto`; `another recv`."""
    texts: tuple[tuple[str, str], ...]

    def caught_by(self) -> set[str]:
        """The codes with which `mdkgen check` and `mdkgen lint` answer, of a spec without scenarios."""
        return {one.code for one in lint_texts(dict(self.texts), Config()).diagnostics}

    def is_caught_by_scenarios(self) -> bool:
        """Whether a scenario of the spec goes otherwise, or says what is no longer there."""
        texts = {name: text + scenarios_of(read_folder(ROOT / self.folder)[name]) for name, text in self.texts}
        return any(one.severity == "error" for one in lint_texts(texts, Config()).diagnostics)


def scenarios_of(text: str) -> str:
    """The scenarios of a file, which stand at its end."""
    _, mark, scenarios = text.partition(SCENARIO)
    return mark + scenarios


def mutants() -> Iterator[Mutant]:
    """All, in the order of folders, files and lines."""
    for folder in FOLDERS:
        texts = {name: text.partition(SCENARIO)[0] for name, text in read_folder(ROOT / folder).items()}
        for name, text in texts.items():
            tree, _ = parse(text, name)
            assert tree is not None
            for one in tree.declarations:
                if isinstance(one, syntax.Part):
                    for role in one.roles:
                        yield from _of_role(folder, name, texts, role)


def _of_role(folder: str, file: str, texts: dict[str, str], role: syntax.Role) -> Iterator[Mutant]:
    states = [state.name.text for state in role.states if state.name is not None]
    text = texts[file]
    messages = [name for one in texts.values() for name in re.findall(r"^message (\w+)", one, re.MULTILINE)]

    def made(span: Span, new: str, what: str, kind: str) -> Mutant:
        lines = text.splitlines(keepends=True)
        begin = sum(map(len, lines[: span.line - 1])) + span.column - 1
        end = sum(map(len, lines[: span.end_line - 1])) + span.end_column - 1
        changed = {**texts, file: text[:begin] + new + text[end:]}
        return Mutant(folder, file, span.line, what, kind, tuple(changed.items()))

    for state in role.states:
        for one in state.transitions:
            shown = " ".join(text.splitlines()[one.span.line - 1].split())
            yield made(one.span, "", f"without `{shown}`", one.trigger.kind)
            if one.trigger.kind == "recv" and one.trigger.name is not None:
                other = messages[(messages.index(one.trigger.name.text) + 1) % len(messages)]
                yield made(one.trigger.name.span, other, f"recv {other} in `{shown}`", "another recv")
            for action in one.actions:
                if action.kind == "goto":
                    for other in states:
                        if other != action.names[0].text:
                            what = f"goto {other} in `{shown}`"
                            yield made(action.names[0].span, other, what, "goto")
        names = list(state.ignores)
        for name in names:
            row = text.splitlines()[name.span.line - 1]
            if row.strip().startswith("ignore") and row.count("ignore ") == 1:
                span = Span(file, name.span.line, row.index("ignore") + 1, name.span.line, len(row.rstrip()) + 1)
                kept = [n.text for n in names if n is not name and n.span.line == name.span.line]
                new = f"ignore {', '.join(kept)}" if kept else ""
                yield made(span, new, f"without `ignore {name.text}`", "ignore")
