"""What commands have in common: a spec that is read, and findings that are shown as `--output` says."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mdkgen.source import read_folder

if TYPE_CHECKING:  # Imported where they are used: most of a short run would be imports.
    from mdkgen.compiler import Compilation
    from mdkgen.diagnostics import Diagnostic
    from mdkgen.model import Spec
    from mdkgen.plugins import Plugin, RuleSet

FINE, FINDINGS, USAGE = 0, 1, 2
"""Exit statuses."""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # pyright: ignore[reportPrivateUsage]  # argparse has no public name for it
"""To which a group of commands adds its own."""


def counted(count: int, what: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def add_spec(command: argparse.ArgumentParser, *, run: Callable[[argparse.Namespace], int]) -> None:
    """A command that reads a spec folder and reports findings."""
    command.add_argument("spec", type=Path, help="folder with .mdkspec files")
    output = command.add_mutually_exclusive_group()
    output.add_argument(
        "--output", choices=("text", "json", "sarif", "github"), default="text", help="how to print the findings"
    )
    output.add_argument("--json", action="store_const", const="json", dest="output", help="the same as --output json")
    command.set_defaults(run=run)


def compiled(texts: dict[str, str], *, verify: bool = True) -> Compilation:
    """What comes of texts; what is known of them from before is not done again."""
    from mdkgen.compiler import compile_texts

    return compile_texts(texts, verifying=verify, remembering=True)


def rules_of(folder: Path) -> list[Plugin[RuleSet]]:
    """The lint rules of plugins that the project of a folder names."""
    from mdkgen.project import project_of

    project = project_of(folder)
    if not project.rules:
        return []
    from mdkgen.plugins import rule_sets

    return rule_sets(project.rules, str(project.file))


def checked(folder: Path) -> Spec | None:
    """The spec of a folder; None, with its errors on standard error, if it has any."""
    compilation = compiled(read_folder(folder))
    report_to_people(compilation, folder)
    return compilation.spec


def report_to_people(compilation: Compilation, folder: Path) -> None:
    """All findings, on standard error."""
    print_findings(compilation.diagnostics, compilation.texts, folder.as_posix())


def print_findings(found: Sequence[Diagnostic], texts: Mapping[str, str], folder: str) -> None:
    """The same of texts that need not compile."""
    if found:  # A fast run has none.
        from mdkgen.reports import report

        print(report("text", found, texts, folder), end="", file=sys.stderr)


def show(arguments: argparse.Namespace, found: Sequence[Diagnostic], texts: Mapping[str, str]) -> None:
    """The findings as `--output` says: text for people goes to standard error."""
    if arguments.output == "text":
        print_findings(found, texts, arguments.spec.as_posix())
        return
    from mdkgen.reports import report

    print(report(arguments.output, found, texts, arguments.spec.as_posix()), end="")
