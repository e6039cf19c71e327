"""Commands that judge a spec: check, lint, verify, promote, breaking."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mdkgen.commands.findings import (
    FINDINGS,
    FINE,
    USAGE,
    Commands,
    add_spec,
    compiled,
    counted,
    report_to_people,
    rules_of,
    show,
)
from mdkgen.source import read_folder


def add(commands: Commands) -> None:
    """Check, lint, verify, promote and breaking."""
    check = commands.add_parser("check", help="report every error of a spec folder")
    add_spec(check, run=_check)
    check = commands.add_parser("lint", help="report what is right and may yet be regretted, as pyproject.toml says")
    add_spec(check, run=_lint)
    verify = commands.add_parser("verify", help="every order in which both sides and a link that breaks can meet")
    add_spec(verify, run=_verify)
    verify.add_argument(
        "--pytest", action="store_true", help="print the ways to what was found as tests of the package"
    )
    verify.add_argument("--mermaid", action="store_true", help="print the ways to what was found as sequence diagrams")
    promote = commands.add_parser("promote", help="print the ways to what `verify` finds as scenarios")
    promote.add_argument("spec", type=Path, help="folder with .mdkspec files")
    promote.add_argument(
        "code", nargs="?", default="", help="only findings with this code, such as MDK4001; else all that are no notes"
    )
    promote.set_defaults(run=_promote)
    breaking = commands.add_parser("breaking", help="what a new version breaks, and which side may be upgraded first")
    add_spec(breaking, run=_breaking)
    breaking.add_argument(
        "--against",
        required=True,
        metavar="git:REV|FILE|DIR|package:NAME",
        help="the older version: a revision, a spec.json, a folder with either, an installed package",
    )
    breaking.add_argument(
        "--level",
        action="append",
        choices=("wire", "behaviour", "source", "docs"),
        help="show only this level; may be repeated",
    )


def _check(arguments: argparse.Namespace) -> int:
    from mdkgen.stamp import is_sound, remember_sound

    plugins, texts = rules_of(arguments.spec), read_folder(arguments.spec)
    failed = False
    if plugins or not is_sound(texts):
        compilation = compiled(texts)
        show(arguments, compilation.diagnostics, texts)
        failed = compilation.failed
        if not plugins and not compilation.diagnostics:
            remember_sound(texts)
    else:
        show(arguments, (), texts)
    if not failed and arguments.output == "text":
        print(f"{arguments.spec}: {counted(len(texts), 'file')}, no errors")
    return FINDINGS if failed else FINE


def _lint(arguments: argparse.Namespace) -> int:
    from mdkgen.compiler import lint_texts
    from mdkgen.lint.config import ConfigError, config_for

    theirs = rules_of(arguments.spec)
    try:
        config = config_for(arguments.spec)
    except ConfigError as error:
        print(f"mdkgen: {error}", file=sys.stderr)
        return USAGE
    compilation = lint_texts(read_folder(arguments.spec), config, theirs, remembering=True)
    show(arguments, compilation.diagnostics, compilation.texts)
    bad = [one for one in compilation.diagnostics if one.severity != "note"]
    if not bad and arguments.output == "text":
        print(f"{arguments.spec}: {counted(len(compilation.texts), 'file')}, lint-clean")
    return FINDINGS if bad else FINE


def _verify(arguments: argparse.Namespace) -> int:
    rules_of(arguments.spec)
    from mdkgen.allow import without_allowed
    from mdkgen.verify import verification

    compilation = compiled(read_folder(arguments.spec), verify=False)
    if compilation.spec is None:
        show(arguments, compilation.diagnostics, compilation.texts)
        return FINDINGS
    result = verification(compilation.spec)
    found, _ = without_allowed(result.diagnostics, compilation.files)
    if arguments.pytest:
        from mdkgen.replays import as_pytest

        traced = [one for one in found if one.trace and one.severity != "note"]
        print("\n".join(as_pytest(one, compilation.spec, number) for number, one in enumerate(traced, 1)), end="")
    elif arguments.mermaid:
        from mdkgen.traces import as_mermaid, protocol_of

        for one in found:
            if one.trace:
                protocol = protocol_of(one.span, compilation.spec)
                print(f"%% {one.code} {one.message}\n" + as_mermaid(one.trace, (protocol.connector, protocol.acceptor)))
    else:
        show(arguments, found, compilation.texts)
    if arguments.output == "text" and not (arguments.mermaid or arguments.pytest):
        for explored in result.explored:
            print(explored)
    return FINDINGS if any(one.severity != "note" for one in found) else FINE


def _promote(arguments: argparse.Namespace) -> int:
    from mdkgen.scenarios.promote import as_scenario
    from mdkgen.verify import verification

    compilation = compiled(read_folder(arguments.spec), verify=False)
    report_to_people(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    found = [one for one in verification(compilation.spec).diagnostics if one.trace]
    wanted = arguments.code.upper()
    for one in found:
        if one.code == wanted or (not wanted and one.severity != "note"):
            print(as_scenario(one, compilation.spec))
    return FINE


def _breaking(arguments: argparse.Namespace) -> int:
    from mdkgen.breaking import LEVELS, compare
    from mdkgen.breaking.baseline import BaselineError, baseline

    compilation = compiled(read_folder(arguments.spec))
    if compilation.spec is None:
        show(arguments, compilation.diagnostics, compilation.texts)
        return FINDINGS
    try:
        old = baseline(arguments.against, arguments.spec)
    except BaselineError as error:
        print(f"mdkgen: {error}", file=sys.stderr)
        return USAGE
    comparison = compare(old, compilation.spec)
    changes = comparison.of(arguments.level or LEVELS)
    show(arguments, [one.diagnostic for one in changes], compilation.texts)
    if arguments.output == "text":
        print(f"{arguments.spec} against {arguments.against}: {counted(len(changes), 'change')}; {comparison.verdict}")
    return FINDINGS if any(one.diagnostic.severity == "error" for one in changes) else FINE
