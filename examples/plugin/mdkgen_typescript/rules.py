"""A lint rule of our own."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Spec
from mdkgen.plugins import RuleSet
from mdkgen.rules import Rule

ACME001 = Rule(
    "ACME001",
    "a message whose name on the wire has no prefix",
    "Our broker routes by what stands before the first dot.",
    'message Ping as "ping" {}',
    'message Ping as "acme.ping" {}',
    "standard",
    "warning",
)


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Messages without a dot in their name."""
    for one in spec.messages:
        if "." not in one.wire:
            message = f"{one.name} is {one.wire!r} on the wire, without a prefix"
            yield Diagnostic("ACME001", "warning", message, one.span, expected=f'as "acme.{one.wire}"')


RULES = RuleSet((ACME001,), check)
