"""A way to what is wrong, for people: as numbered lines with what stands in the spec, and as a sequence diagram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mdkgen.diagnostics import TraceStep
from mdkgen.model import Protocol, Span, Spec


def as_text(trace: Sequence[TraceStep], texts: Mapping[str, str], folder: str) -> list[str]:
    """`1. client receives Open   spec/session.mdkspec:34: recv Open(m) -> tell opened(m)`."""
    width = max((len(one.text) for one in trace), default=0)
    rows: list[str] = []
    for number, one in enumerate(trace, 1):
        place = ""
        if one.span is not None:
            lines = texts.get(one.span.file, "").split("\n")
            shown = lines[one.span.line - 1].strip() if one.span.line <= len(lines) else ""
            place = f"   {folder + '/' if folder else ''}{one.span.file}:{one.span.line}: {shown}"
        rows.append(f"{number:>3}. {one.text.ljust(width) if place else one.text}{place}")
    return rows


def protocol_of(span: Span, spec: Spec) -> Protocol:
    """The protocol in which a place stands; the first if it stands in none."""
    for protocol in spec.protocols:
        for part in protocol.parts:
            if part.span.file == span.file and part.span.line <= span.line <= part.span.end_line:
                return protocol
    return spec.protocols[0]


def as_mermaid(trace: Sequence[TraceStep], roles: tuple[str, str]) -> str:
    """A `sequenceDiagram`; a message is drawn when it arrives."""
    rows = ["sequenceDiagram", *(f"  participant {role}" for role in roles)]
    for one in trace:
        if one.kind in ("receive", "late", "unknown"):
            sender = roles[1 - roles.index(one.role)]
            ends = {"receive": "", "late": " (late, discarded)", "unknown": " (unknown)"}[one.kind]
            rows.append(f"  {sender}->>{one.role}: {one.name}{ends}")
        elif not one.role:
            rows.append(f"  Note over {roles[0]},{roles[1]}: {one.text}")
        else:
            rows.append(f"  Note over {one.role}: {one.text.removeprefix(one.role).lstrip(': ')}")
    return "\n".join(rows) + "\n"
