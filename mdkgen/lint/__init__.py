"""Rules of taste and foresight, over a spec that is right."""

from __future__ import annotations

from collections.abc import Sequence

from mdkgen import syntax
from mdkgen.diagnostics import Diagnostic
from mdkgen.lint import documented, naming, timing, types, usage
from mdkgen.lint.config import Config
from mdkgen.model import Spec

__all__ = ["Config", "lint"]


def lint(spec: Spec, files: Sequence[syntax.File], config: Config) -> list[Diagnostic]:
    """What the enabled rules find, sorted by place; `@allow` is the caller's matter."""
    found = [
        *naming.check(spec, files),
        *usage.check(spec),
        *types.check(spec),
        *timing.check(spec),
        *documented.check(files),
    ]
    return sorted(
        (one for one in found if config.enables(one.code)),
        key=lambda one: (one.span.file, one.span.line, one.span.column, one.code, one.message),
    )
