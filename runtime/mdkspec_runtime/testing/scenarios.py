"""The scenarios of a spec as tests of the package that was generated from it, one for each role."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from mdkspec_runtime.testing.vectors import conversation_problems


@dataclass(frozen=True, slots=True)
class Scenario:
    """One role's side of a scenario: what it is given, and all that must come of it, under a clock that stands still between steps."""

    package: str
    name: str
    part: str
    role: str
    entry: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.part}: {self.name}: {self.role}"

    def problems(self) -> Iterator[str]:
        """What the stub does not do as the scenario says."""
        return conversation_problems(importlib.import_module(self.package), self.entry)

    def check(self) -> None:
        """Replay it on the stub; AssertionError with the step at which it does something else."""
        for problem in self.problems():
            raise AssertionError(f"{self}: {problem}")


def scenarios_of(package: str) -> list[Scenario]:
    """Every scenario of a generated package, for each role."""
    text = files(package).joinpath("scenarios.json").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = json.loads(text)["conversations"]
    return [Scenario(package, one["name"], one["part"], one["role"], one) for one in entries]
