"""Scenarios as vectors: what each side of one is given and must do, in the form of `vectors.json`."""

from __future__ import annotations

import json
from typing import Any

from mdkgen.model import Spec
from mdkgen.scenarios.check import play_all


def entries(spec: Spec) -> list[dict[str, Any]]:
    """A conversation for each scenario and role."""
    made: list[dict[str, Any]] = []
    for played in play_all(spec):
        one = played.scenario
        for role in played.roles:
            place = {"name": one.name, "part": one.part, "protocol": one.protocol, "role": role}
            made.append({**place, "hooks": played.hooks[role], "steps": played.sides[role]})
    return made


def render(spec: Spec) -> str:
    """`scenarios.json`, an entry a line."""
    lines = ",\n".join(json.dumps(one, allow_nan=False) for one in entries(spec))
    return f'{{"conversations": [\n{lines}\n]}}\n'
