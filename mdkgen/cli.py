"""`mdkgen`: the command line. The one module of the compiler that prints and exits.

Exit status: 0 fine, 1 findings, 2 wrong usage, 70 a bug of mdkgen.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mdkgen.source import NoSpecError, read_folder

if TYPE_CHECKING:  # Imported where they are used: most of a short run would be imports.
    from mdkgen.compiler import Compilation
    from mdkgen.diagnostics import Diagnostic

FINE, FINDINGS, USAGE, BUG = 0, 1, 2, 70


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except ModuleNotFoundError as error:
        if error.name not in ("lark", "jinja2"):
            raise
        print(f'mdkgen: {error.name} is missing; run: pip install "mdk[gen]"', file=sys.stderr)
        return USAGE
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
    compilation = _compile(read_folder(arguments.spec))
    if arguments.json:
        print(json.dumps([_plain(one, arguments.spec) for one in compilation.diagnostics], indent=1))
    else:
        _report(compilation, arguments.spec)
        if not compilation.failed:
            print(f"{arguments.spec}: {len(compilation.texts)} files, no errors")
    return FINDINGS if compilation.failed else FINE


def _generate(arguments: argparse.Namespace) -> int:
    from mdkgen.stamp import is_current, remember

    texts = read_folder(arguments.spec)
    plain = not (arguments.check or arguments.diff)
    count = is_current(texts, arguments.out) if plain else None
    if count is not None:
        print(f"{arguments.out}: {count} files, 0 changed")
        return FINE
    compilation = _compile(texts)
    _report(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    from mdkgen.render import render

    files = render(compilation.spec)
    if not plain:
        return _compare(arguments, files)
    from mdkgen.output import write

    written, strangers = write(files, arguments.out)
    for path in strangers:
        print(f"mdkgen: {arguments.out / path}: not made by mdkgen, left alone; move it elsewhere", file=sys.stderr)
    print(f"{arguments.out}: {len(files)} files, {len(written)} changed")
    if not compilation.diagnostics:
        remember(texts, files)
    return FINDINGS if strangers else FINE


def _compare(arguments: argparse.Namespace, files: dict[str, str]) -> int:
    from mdkgen.output import compare

    differences = compare(files, arguments.out)
    for one in differences:
        print(f"{arguments.out / one.path}: {one.kind}\n{one.diff}", end="")
    if differences and arguments.check:
        print(f"mdkgen: {len(differences)} files differ; run: mdkgen generate {arguments.spec} {arguments.out}")
    return FINDINGS if differences and arguments.check else FINE


def _ir(arguments: argparse.Namespace) -> int:
    from mdkgen.ir import to_json

    compilation = _compile(read_folder(arguments.spec))
    _report(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    print(to_json(compilation.spec), end="")
    return FINE


def _compile(texts: dict[str, str]) -> Compilation:
    from mdkgen.compiler import compile_texts

    return compile_texts(texts)


def _report(compilation: Compilation, folder: Path) -> None:
    from mdkgen.diagnostics import render

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
