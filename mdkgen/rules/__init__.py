"""Every rule of the compiler, by code."""

from __future__ import annotations

from functools import cache

from mdkgen.rules.rule import Rule, texts_of

__all__ = ["Rule", "all_rules", "rule", "texts_of"]


@cache
def all_rules() -> dict[str, Rule]:
    """All rules in order of their codes; imported here, because only few commands want them."""
    from mdkgen.rules import behaviour, errors, lint, source, verification, wire

    modules = (errors, verification, lint, wire, behaviour, source)
    return {one.code: one for module in modules for one in module.RULES}


def rule(code: str) -> Rule | None:
    """One rule, however its code is written."""
    return all_rules().get(code.upper())
