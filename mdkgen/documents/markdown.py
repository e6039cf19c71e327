"""The documentation as one Markdown file with Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mdkgen.documents.facts import Examples, diagram_of, legal_lines
from mdkgen.documents.mermaid import sequence_diagram, state_diagram
from mdkgen.documents.words import actions_text, expr_text, guard_text, trigger_text
from mdkgen.model import Enum, Field, Machine, Message, Part, Protocol, Record, Spec
from mdkgen.model_walk import alphabet
from mdkgen.output import made_from
from mdkgen.scenarios.check import play_all
from mdkgen.scenarios.played import Played


def render(spec: Spec) -> str:
    """The whole document."""
    played = play_all(spec)
    blocks: list[str] = [f"<!-- {made_from(spec.namespace)} -->"]
    for protocol in spec.protocols:
        blocks += _protocol(spec, protocol, [one for one in played if one.scenario.protocol == protocol.name])
    blocks += ["## Records and enums"] if spec.records or spec.enums else []
    types: list[Record | Enum] = [*spec.records, *spec.enums]
    blocks += [block for one in types for block in _type(one)]
    return "\n\n".join(blocks) + "\n"


def _protocol(spec: Spec, protocol: Protocol, played: Sequence[Played]) -> Iterator[str]:
    yield f"# {protocol.name} {spec.version}"
    yield protocol.doc or f"Between {protocol.connector} and {protocol.acceptor}."
    yield f"The {protocol.connector} connects to the {protocol.acceptor} by WebSocket on `{protocol.path}`; frames are JSON objects, `{protocol.tag}` names the message."
    examples = Examples(spec)
    for part in protocol.parts:
        root = part is protocol.parts[0]
        yield "## The connection" if root else f"## {part.name}"
        yield from [part.doc] if part.doc and not root else []
        yield from [f"Live in {', '.join(part.live_in)}."] if part.live_in else []
        yield from _facts(part)
        for machine in part.machines:
            yield from _machine(machine)
        for one in played:
            if one.scenario.part == part.name:
                yield f"### Scenario: {one.scenario.name}"
                yield from [one.scenario.doc] if one.scenario.doc else []
                yield f"```mermaid\n{sequence_diagram(one)}```"
        own = alphabet(part)
        for message in spec.messages:
            if message.name in own:
                yield from _message(protocol, message, examples)


def _facts(part: Part) -> Iterator[str]:
    rows = [
        f"- `param {one.name}` = {expr_text(one.default)}{f': {one.doc}' if one.doc else ''}" for one in part.params
    ]
    rows += [
        f"- Delivery `{one.name}`: `{one.message}` from the {one.sender}, numbered by `{one.number}` from {one.first}, acknowledged by `{one.ack}`"
        f" {one.ack_mode}; up to {one.count_max} or {one.size_bytes_max} bytes wait, {one.overflow.replace('_', ' ')}."
        for one in part.deliveries
    ]
    rows += [
        f"- Request `{one.name}`: `{one.message}` from the {one.sender}, answered by `{one.reply}` within {expr_text(one.timeout_s)}, {one.pending_max} at a time."
        for one in part.requests
    ]
    if rows:
        yield "\n".join(rows)


def _machine(machine: Machine) -> Iterator[str]:
    yield f"### The {machine.role}"
    yield f"```mermaid\n{state_diagram(diagram_of(machine))}```"
    rows = ["| state | when | then |", "|---|---|---|"]
    for name, transitions in [("always", machine.always), *((one.name, one.transitions) for one in machine.states)]:
        for one in transitions:
            guard = f" when {guard_text(one)}" if one.guard is not None else ""
            rows.append(
                f"| {name} | {_code(trigger_text(one.trigger) + guard)} | {', '.join(map(_code, actions_text(one)))} |"
            )
    quiet = [state for state in machine.states if state.ignores]
    rows += [f"| {state.name} | {', '.join(map(_code, state.ignores))} | ignored |" for state in quiet]
    if len(rows) > 2:
        yield "\n".join(rows)


def _message(protocol: Protocol, message: Message, examples: Examples) -> Iterator[str]:
    yield f"### `{message.name}` as `{message.wire}`"
    yield from [message.doc] if message.doc else []
    legal = [f"- {line}" for line in legal_lines(protocol, message.name)]
    also = [f"- also read as {', '.join(map(_code, message.also))}"] if message.also else []
    if legal or also:
        yield "\n".join([*(["Taken by:", ""] if legal else []), *legal, *also])
    yield from _fields(message.fields)
    yield f"```json\n{examples.text(message)}\n```"


def _fields(fields: Sequence[Field]) -> Iterator[str]:
    if fields:
        rows = ["| field | type | |", "|---|---|---|"]
        rows += [f"| `{one.wire}` | {_code(str(one.type))} | {_said(one)} |" for one in fields]
        yield "\n".join(rows)


def _said(one: Field) -> str:
    default = "" if one.default is None else f"default `{expr_text(one.default)}`"
    presence = {"required": "required", "optional": "may be absent", "default": default}[one.presence]
    fixed = ", always written so" if one.fixed else ""
    secret = ", sensitive" if one.sensitive else ""
    return f"{presence}{fixed}{secret}{f'. {one.doc}' if one.doc else ''}".replace("|", "\\|")


def _type(one: Record | Enum) -> Iterator[str]:
    yield f"### `{one.name}`"
    yield from [one.doc] if one.doc else []
    if isinstance(one, Record):
        yield from _fields(one.fields)
        return
    kept = "other values are kept" if one.open else "other values are refused"
    yield f"{', '.join(_code(member.value) for member in one.members)}; {kept}."


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")
