"""`mdkgen`: the command line. The one module of the compiler that prints and exits.

Exit status: 0 fine, 1 findings, 2 wrong usage, 70 a bug of mdkgen.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mdkgen.compiler import Compilation, NoSpecError, compile_folder
from mdkgen.diagnostics import Diagnostic, render

FINE, FINDINGS, USAGE, BUG = 0, 1, 2, 70


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except NoSpecError as error:
        print(f"mdkgen: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"mdkgen: {error.filename or arguments.spec}: {error.strerror or error}", file=sys.stderr)
        return USAGE
    except Exception as error:  # no traceback reaches a user; the text asks for a report instead
        print(f"mdkgen: this is a bug of mdkgen, not of your spec: {type(error).__name__}: {error}", file=sys.stderr)
        return BUG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mdkgen", description="Check a protocol and generate its Python package.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="report every error of a spec folder")
    check.add_argument("spec", type=Path, help="folder with .mdkspec files")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.set_defaults(run=_check)
    generate = commands.add_parser("generate", help="write the generated packages")
    generate.add_argument("spec", type=Path, help="folder with .mdkspec files")
    generate.add_argument("out", type=Path, help="folder that holds the generated packages, and nothing else")
    mode = generate.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing; fail, with a diff, if anything would change")
    mode.add_argument("--diff", action="store_true", help="write nothing; print what would change")
    generate.set_defaults(run=_generate)
    export = commands.add_parser("ir", help="print the checked model as JSON")
    export.add_argument("spec", type=Path, help="folder with .mdkspec files")
    export.set_defaults(run=_ir)
    return parser


def _check(arguments: argparse.Namespace) -> int:
    compilation = compile_folder(arguments.spec)
    if arguments.json:
        print(json.dumps([_plain(one, arguments.spec) for one in compilation.diagnostics], indent=1))
    else:
        _report(compilation, arguments.spec)
        if not compilation.failed:
            print(f"{arguments.spec}: {len(compilation.texts)} files, no errors")
    return FINDINGS if compilation.failed else FINE


def _generate(arguments: argparse.Namespace) -> int:
    compilation = compile_folder(arguments.spec)
    _report(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    try:
        from mdkgen.render import render as render_files
    except ModuleNotFoundError as error:
        return _without_extra(error)
    from mdkgen.output import compare, write

    files = render_files(compilation.spec)
    if arguments.check or arguments.diff:
        differences = compare(files, arguments.out)
        for one in differences:
            print(f"{arguments.out / one.path}: {one.kind}\n{one.diff}", end="")
        if differences and arguments.check:
            print(f"mdkgen: {len(differences)} files differ; run: mdkgen generate {arguments.spec} {arguments.out}")
        return FINDINGS if differences and arguments.check else FINE
    written, strangers = write(files, arguments.out)
    for path in strangers:
        print(f"mdkgen: {arguments.out / path}: not made by mdkgen, left alone; move it elsewhere", file=sys.stderr)
    print(f"{arguments.out}: {len(files)} files, {len(written)} changed")
    return FINDINGS if strangers else FINE


def _ir(arguments: argparse.Namespace) -> int:
    from mdkgen.ir import to_json

    compilation = compile_folder(arguments.spec)
    _report(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    print(to_json(compilation.spec), end="")
    return FINE


def _report(compilation: Compilation, folder: Path) -> None:
    for one in compilation.diagnostics:
        print(f"{folder.as_posix()}/" + render(one, compilation.texts[one.span.file]), file=sys.stderr)


def _plain(one: Diagnostic, folder: Path) -> dict[str, object]:
    return {
        "code": one.code,
        "severity": one.severity,
        "file": f"{folder.as_posix()}/{one.span.file}",
        "line": one.span.line,
        "column": one.span.column,
        "message": one.message,
        "expected": one.expected,
        "hint": one.hint,
        "notes": list(one.notes),
    }


def _without_extra(error: ModuleNotFoundError) -> int:
    print(f'mdkgen: {error.name} is missing; run: pip install "mdk[gen]"', file=sys.stderr)
    return USAGE
