"""What is said of a name when the pointer rests on it: how it is declared, its doc, an example, where it is legal."""

from __future__ import annotations

import json
from collections.abc import Iterator

from mdkgen import syntax
from mdkgen.editor.folder import Analysis
from mdkgen.editor.symbols import Index, Occurrence, Symbol
from mdkgen.model import Machine, Send, Spec
from mdkgen.model_walk import structs_of
from mdkgen.vectors.values import Values

LINES_MAX = 12
"""Lines of a declaration that are shown."""


def hover(analysis: Analysis, index: Index, symbol: Symbol, spec: Spec | None) -> str:
    """Markdown.

    Args:
        analysis: The texts.
        index: Their names.
        symbol: What is pointed at.
        spec: The last model without errors, for the example and the states.
    """
    defined = next((one for one in index.of(symbol) if one.defines), None)
    rows: list[str] = []
    if defined is not None:
        rows += ["```mdkspec", *_declaration(analysis, defined), "```"]
        doc = getattr(defined.written, "doc", "")
        rows += ["", doc] if doc else []
    if spec is not None:
        rows += _meaning(symbol, spec)
    return "\n".join(rows)


def _declaration(analysis: Analysis, one: Occurrence) -> list[str]:
    """The lines in which a symbol is declared; of a protocol or part only the first."""
    name = analysis.real(one.span)
    span = analysis.real(getattr(one.written, "span", one.span))
    last = span.end_line
    if isinstance(one.written, syntax.Part | syntax.State) or one.symbol.kind == "role":
        last = name.line
    lines = analysis.texts[name.file].split("\n")[name.line - 1 : max(name.line, last)]
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    shown = [line[indent:].rstrip() for line in lines[:LINES_MAX]]
    return shown + (["..."] if len(lines) > LINES_MAX else [])


def _meaning(symbol: Symbol, spec: Spec) -> Iterator[str]:
    if symbol.kind == "declaration":
        values = Values(spec)
        if symbol.name in values.structs:
            example = values.wire(values.struct(symbol.name))
            yield from ("", "```json", json.dumps(example, indent=2, ensure_ascii=False), "```")
        if symbol.name in values.messages:
            yield from _traffic(symbol.name, spec)
    elif symbol.kind == "field":
        for struct in structs_of(spec):
            for field in struct.fields:
                if (struct.name, field.name) == (symbol.scope[0], symbol.name):
                    yield from (
                        "",
                        f"`{field.wire}` on the wire; {field.presence}{'; sensitive' if field.sensitive else ''}",
                    )
    elif symbol.kind == "state":
        yield from _state(symbol, spec)


def _traffic(name: str, spec: Spec) -> Iterator[str]:
    """In which states each role takes, ignores and sends a message."""
    for protocol in spec.protocols:
        for part in protocol.parts:
            for machine in part.machines:
                places: dict[str, list[str]] = {"takes": [], "ignores": [], "sends": []}
                for state in machine.states:
                    if any((one.trigger.kind, one.trigger.name) == ("recv", name) for one in state.transitions):
                        places["takes"].append(state.name)
                    elif name in state.ignores:
                        places["ignores"].append(state.name)
                    if any(_sends(action, name) for one in state.transitions for action in one.actions):
                        places["sends"].append(state.name)
                always = [one for one in machine.always if (one.trigger.kind, one.trigger.name) == ("recv", name)]
                if always:
                    places["takes"].append("every state")
                for verb, states in places.items():
                    if states:
                        yield from ("", f"The {machine.role} {verb} it in {', '.join(states)} of {part.name}.")
                for one in part.deliveries:
                    if name in (*one.packets, *one.acks) and machine.role == one.sender:
                        yield from ("", f"Of the delivery {one.name}, from the {one.sender}.")


def _sends(action: object, name: str) -> bool:
    return isinstance(action, Send) and action.message == name


def _state(symbol: Symbol, spec: Spec) -> Iterator[str]:
    for protocol in spec.protocols:
        for part in protocol.parts:
            for machine in part.machines:
                if symbol.scope not in ((part.name, machine.role), (part.name,)):
                    continue
                for state in machine.states:
                    if state.name != symbol.name:
                        continue
                    rows = [
                        f"{one.trigger.kind} {one.trigger.name}".strip()
                        for one in (*machine.always, *state.transitions)
                    ]
                    taken = ", ".join(dict.fromkeys(rows)) or "nothing"
                    ignored = f"; ignores {', '.join(state.ignores)}" if state.ignores else ""
                    comes = sorted(set(_origins(machine, state.name)))
                    way = f"; reached from {', '.join(comes)}" if comes else ""
                    yield from ("", f"The {machine.role}: takes {taken}{ignored}{way}.")


def _origins(machine: Machine, name: str) -> Iterator[str]:
    for state in machine.states:
        if any(one.target == name for one in state.transitions):
            yield state.name
    if any(one.target == name for one in machine.always):
        yield "every state"
