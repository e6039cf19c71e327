"""What came of a scenario: findings, what is drawn of it, and what each side did, as the generated tests replay it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Scenario, Span
from mdkgen.vectors.conversations import Came, changes, expected, written
from mdkgen.vectors.interpreter import Interpreter


@dataclass(frozen=True, slots=True)
class Drawn:
    """One thing of a sequence diagram: an arrow if `to` is given, a note at `role`, or one over both sides."""

    kind: str
    role: str
    to: str
    text: str
    detail: str = ""


@dataclass
class Played:
    """What came of a scenario."""

    scenario: Scenario
    roles: tuple[str, str]
    found: list[Diagnostic] = field(default_factory=list[Diagnostic])
    drawn: list[Drawn] = field(default_factory=list[Drawn])
    hooks: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    fired: set[Span] = field(default_factory=set[Span])
    """Transitions that were taken."""
    came: dict[str, tuple[Interpreter, list[Came]]] = field(default_factory=dict[str, tuple[Interpreter, list[Came]]])
    """For each role who played it, and its inputs with all that came of them."""

    @cached_property
    def sides(self) -> dict[str, list[dict[str, Any]]]:
        """For each role its inputs with all that must come of them, as in `vectors.json`."""
        return {role: [*_steps(player, came)] for role, (player, came) in self.came.items()}


def _steps(player: Interpreter, came: list[Came]) -> Iterator[dict[str, Any]]:
    before: dict[str, Any] = {}
    for one in came:
        changed, before = changes(before, expected(player, one))
        yield {**written(player.values, one), **({"expect": changed} if changed else {})}
