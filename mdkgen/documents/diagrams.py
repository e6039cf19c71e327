"""All diagrams of a spec as files: Mermaid, or dot for Graphviz."""

from __future__ import annotations

import re

from mdkgen.documents.facts import Diagram, diagram_of
from mdkgen.documents.mermaid import dot, sequence_diagram, state_diagram
from mdkgen.model import Spec
from mdkgen.output import made_from
from mdkgen.scenarios.check import play_all


def mermaid(spec: Spec) -> dict[str, str]:
    """`PART.ROLE.mmd` for each machine, `PART.TITLE.mmd` for each scenario."""
    said = f"%% {made_from(spec.namespace)}\n"
    files = {f"{name}.mmd": said + state_diagram(diagram) for name, diagram in _machines(spec)}
    for played in play_all(spec):
        title = re.sub(r"[^a-z0-9]+", "-", played.scenario.name.lower()).strip("-")
        files[f"{played.scenario.part}.{title}.mmd"] = said + sequence_diagram(played)
    return files


def graphs(spec: Spec) -> dict[str, str]:
    """`PART.ROLE.dot` for each machine."""
    said = f"// {made_from(spec.namespace)}\n"
    return {f"{name}.dot": said + dot(name, diagram) for name, diagram in _machines(spec)}


def _machines(spec: Spec) -> list[tuple[str, Diagram]]:
    parts = [part for protocol in spec.protocols for part in protocol.parts]
    return [(f"{part.name}.{machine.role}", diagram_of(machine)) for part in parts for machine in part.machines]
