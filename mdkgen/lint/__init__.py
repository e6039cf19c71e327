"""Rules of taste and foresight, over a spec that is right."""

from __future__ import annotations

from collections.abc import Sequence

from mdkgen import syntax
from mdkgen.diagnostics import Diagnostic
from mdkgen.lint import documented, naming, timing, types, usage
from mdkgen.lint.config import Config
from mdkgen.model import Spec
from mdkgen.plugins import Plugin, RuleSet, findings

__all__ = ["Config", "lint"]


def lint(
    spec: Spec, files: Sequence[syntax.File], config: Config, theirs: Sequence[Plugin[RuleSet]] = ()
) -> list[Diagnostic]:
    """What the enabled rules find, ours and theirs, sorted by place; `@allow` is the caller's matter."""
    found = [
        *naming.check(spec, files),
        *usage.check(spec),
        *types.check(spec),
        *timing.check(spec),
        *documented.check(files),
        *(one for plugin in theirs for one in findings(plugin, spec)),
    ]
    return sorted(
        (one for one in found if config.enables(one.code)),
        key=lambda one: (one.span.file, one.span.line, one.span.column, one.code, one.message),
    )
