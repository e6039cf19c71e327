"""Diagrams as Mermaid and as Graphviz's dot."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.documents.facts import END, Diagram
from mdkgen.scenarios.played import Played


def state_diagram(diagram: Diagram) -> str:
    """A `stateDiagram-v2`; what stays in a state is a loop."""
    return "\n".join(["stateDiagram-v2", f"  [*] --> {diagram.start}", *_rows(diagram)]) + "\n"


def _rows(diagram: Diagram) -> Iterator[str]:
    for name, lines in diagram.states:
        if lines:
            yield f"  {name} --> {name}: {_label(lines)}"
        elif name != diagram.start:
            yield f"  state {name}"
    for edge in diagram.edges:
        yield f"  {edge.source} --> {edge.target or '[*]'}: {_label(edge.labels)}"


def _label(lines: tuple[str, ...]) -> str:
    return "<br/>".join(line.replace(";", ",").replace("#", "").replace(":", " ") for line in lines)


def sequence_diagram(played: Played) -> str:
    """A `sequenceDiagram` of a scenario."""
    first, second = played.roles
    rows = ["sequenceDiagram", f"  participant {first}", f"  participant {second}"]
    for one in played.drawn:
        text = one.text.replace(";", ",").replace("#", "")
        if one.kind == "arrive":
            rows.append(f"  {one.role}->>{one.to}: {text}{f' ({one.detail})' if one.detail else ''}")
        elif one.kind == "call":
            rows.append(f"  Note over {one.role}: {text}")
        elif one.kind == "told":
            rows.append(f"  Note over {one.role}: told {text}")
        elif one.kind == "state":
            rows.append(f"  Note over {one.role}: in {text}")
        else:
            rows.append(f"  Note over {first},{second}: {text}")
    return "\n".join(rows) + "\n"


def dot(name: str, diagram: Diagram) -> str:
    """A graph for Graphviz."""
    rows = [f'digraph "{name}" {{', "  rankdir=LR", '  node [shape=box, style=rounded, fontname="sans-serif"]']
    rows += [
        '  edge [fontname="sans-serif", fontsize=10]',
        '  "start" [shape=point]',
        '  "end" [shape=doublecircle, label=""]',
    ]
    for state, lines in diagram.states:
        rows.append(f'  "s_{state}" [label="{_dot(state, *lines)}"]')
    rows.append(f'  "start" -> "s_{diagram.start}"')
    for edge in diagram.edges:
        target = "end" if edge.target == END else f"s_{edge.target}"
        rows.append(f'  "s_{edge.source}" -> "{target}" [label="{_dot(*edge.labels)}"]')
    return "\n".join([*rows, "}"]) + "\n"


def _dot(*lines: str) -> str:
    return "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
