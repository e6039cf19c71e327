"""A way that the verifier found, as a scenario: with the messages in their order, and times from the spec."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.diagnostics import Diagnostic, TraceStep
from mdkgen.model import Part, Protocol, Spec
from mdkgen.model_walk import alphabet, transitions_of
from mdkgen.scenarios.values import shown
from mdkgen.traces import protocol_of

MADE = {"connect": "connection made", "lost": "connection lost"}


def as_scenario(found: Diagnostic, spec: Spec) -> str:
    """The text. It goes on to what is wrong: where the spec is mended, it is played as it should be, or says what is left to write."""
    protocol = protocol_of(found.span, spec)
    part = _part_of(found, protocol)
    title = f"{found.code}: {found.message}".replace("\\", "\\\\").replace('"', '\\"')
    roles = (protocol.connector, protocol.acceptor)
    lines: list[str] = []
    for step in found.trace:
        lines += [one for one in _step(step, part, roles) if one]
    while lines and lines[0] == MADE["connect"]:
        lines.pop(0)  # a scenario begins so
    body = "".join(f"  {line}\n" for line in lines)
    return f'scenario "{title}" for {part.name} {{\n{body}}}\n'


def _part_of(found: Diagnostic, protocol: Protocol) -> Part:
    """The part in which the last step stands that is not the protocol's own."""
    parts = protocol.parts
    for step in reversed(found.trace):
        for part in parts[1:]:
            called = {call.name for machine in part.machines for call in machine.calls}
            if step.name in alphabet(part) or (step.kind == "call" and step.name in called):
                return part
    return parts[0]


def _step(step: TraceStep, part: Part, roles: tuple[str, str]) -> Iterator[str]:
    if step.kind in MADE:
        yield MADE[step.kind]
    elif step.kind in ("receive", "late") and step.name in alphabet(part):
        yield f"{roles[1 - roles.index(step.role)]} -> {step.role}: {step.name}"
    elif step.kind == "call" and step.name in {one.name for one in part.machine(step.role).calls}:
        yield f"{step.role} calls {step.name}"
    elif step.kind == "timer":
        yield from _timer(step, part)
    elif step.kind == "send":
        yield from _sent(step, part)


def _timer(step: TraceStep, part: Part) -> Iterator[str]:
    for one in transitions_of(part.machine(step.role)):
        if one.span == step.span and one.trigger.delay_s is not None:
            yield f"pass {shown(one.trigger.delay_s)}"


def _sent(step: TraceStep, part: Part) -> Iterator[str]:
    """What a side sends by itself: of a delivery or a request."""
    for delivery in part.deliveries:
        if step.name in delivery.packets:
            yield f"{step.role} delivers {delivery.name}"
        elif step.name in delivery.acks:
            yield f"{step.role} acknowledges {delivery.name}"
    for request in part.requests:
        if step.name == request.message:
            yield f"{step.role} asks {request.name}"
        elif step.name == request.reply:
            yield f"{step.role} answers {request.name}"
