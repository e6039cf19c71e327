"""."""

from __future__ import annotations

from mdkgen.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
