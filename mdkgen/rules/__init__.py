"""Every rule of the compiler, by code."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from mdkgen.rules.rule import Rule, texts_of

__all__ = ["Rule", "all_rules", "own_rules", "rule", "texts_of", "use"]

_THEIRS: dict[str, Rule] = {}
"""Of the plugins that the project names."""


def all_rules() -> dict[str, Rule]:
    """All rules, ours in order of their codes, then those of plugins."""
    return {**own_rules(), **_THEIRS} if _THEIRS else own_rules()


def use(rules: Iterable[Rule]) -> None:
    """From here on these rules of plugins, and no others, stand beside ours."""
    _THEIRS.clear()
    _THEIRS.update((one.code, one) for one in rules)


@cache
def own_rules() -> dict[str, Rule]:
    """Our rules in order of their codes; imported here, because only few commands want them."""
    from mdkgen.rules import behaviour, errors, lint, source, verification, wire

    modules = (errors, verification, lint, wire, behaviour, source)
    return {one.code: one for module in modules for one in module.RULES}


def rule(code: str) -> Rule | None:
    """One rule, however its code is written: MDK4001, mdk4001, 4001."""
    return all_rules().get(f"MDK{code}" if code.isdigit() else code.upper())
