"""Commands for whoever writes a spec: format, explain, init, textmate, lsp."""

from __future__ import annotations

import argparse
import gc
import sys
from difflib import unified_diff
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from mdkgen.commands.findings import FINDINGS, FINE, USAGE, Commands, counted, print_findings, rules_of
from mdkgen.source import as_lines, read_file, spec_files

if TYPE_CHECKING:
    from mdkgen.diagnostics import Diagnostic


def add(commands: Commands) -> None:
    """Format, explain, init, textmate and lsp."""
    layout = commands.add_parser("format", help="bring specs into the one layout")
    layout.add_argument("spec", type=Path, nargs="+", help="folders with .mdkspec files, or such files")
    layout.add_argument(
        "--check", action="store_true", help="write nothing; fail, with a diff, if anything would change"
    )
    layout.set_defaults(run=_format)
    explain = commands.add_parser("explain", help="say what a code means, with a wrong and a right example")
    explain.add_argument("code", nargs="?", default="", help="such as MDK4001")
    explain.add_argument("--all", action="store_true", help="every code, as one Markdown document")
    explain.set_defaults(run=_explain)
    init = commands.add_parser("init", help="start a new protocol: a spec, a client, a server, and tests that pass")
    init.add_argument("folder", type=Path, help="a new or empty folder; its name becomes the protocol's")
    init.set_defaults(run=_init)
    colours = commands.add_parser("textmate", help="print the grammar that colours specs in VS Code and other editors")
    colours.set_defaults(run=_textmate)
    language = commands.add_parser("lsp", help="a language server, on standard input and output, for editors")
    language.set_defaults(run=_lsp)


def _format(arguments: argparse.Namespace) -> int:
    from mdkgen.formatter import format_text

    paths = [path for one in arguments.spec for path in ([one] if one.is_file() else spec_files(one))]
    status, changed = FINE, 0
    for path in paths:
        written = read_file(path, path.parent)
        text = as_lines(written)
        compilation = _syntax_errors({path.name: text})
        if compilation:
            print_findings(compilation, {path.name: text}, path.parent.as_posix())
            status = FINDINGS
            continue
        made = format_text(text)
        if made == text:
            continue
        changed += 1
        if arguments.check:
            status = FINDINGS
            print("".join(unified_diff(text.splitlines(True), made.splitlines(True), str(path), "formatted")), end="")
        else:
            path.write_bytes(made.replace("\n", "\r\n" if "\r\n" in written else "\n").encode())
    print(f"{counted(len(paths), 'file')}, {changed} {'would change' if arguments.check else 'changed'}")
    return status


def _syntax_errors(texts: dict[str, str]) -> list[Diagnostic]:
    """Syntax errors alone: a spec that does not compile can still be formatted."""
    from mdkgen.parser import parse

    return [one for name, text in texts.items() for one in parse(text, name)[1]]


def _explain(arguments: argparse.Namespace) -> int:
    from mdkgen.diagnostics import did_you_mean
    from mdkgen.explain import all_pages, page
    from mdkgen.rules import all_rules, rule

    if not arguments.all:
        rules_of(Path())
    if arguments.all:
        print(all_pages(), end="")
        return FINE
    if not arguments.code:
        print("mdkgen explain: give a code, such as MDK4001, or --all", file=sys.stderr)
        return USAGE
    known = rule(arguments.code)
    if known is None:
        family = [code for code in all_rules() if code[:4] == arguments.code.upper()[:4]]
        hint = did_you_mean(arguments.code.upper(), family) or f"there are {len(all_rules())}, see --all"
        print(f"mdkgen: no rule has the code {arguments.code!r}; {hint}", file=sys.stderr)
        return USAGE
    print(page(known), end="")
    return FINE


def _init(arguments: argparse.Namespace) -> int:
    from mdkgen.starter import project

    files = project(arguments.folder)
    for path, text in files.items():
        place = arguments.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    print(f"{arguments.folder}: {len(files)} files; next: cd {quote(str(arguments.folder))} && make test")
    return FINE


def _textmate(arguments: argparse.Namespace) -> int:
    from mdkgen.highlight import textmate

    print(textmate(), end="")
    return FINE


def _lsp(arguments: argparse.Namespace) -> int:
    try:
        from mdkgen.lsp.answers import serve
    except ModuleNotFoundError as error:
        if error.name not in ("pygls", "lsprotocol"):
            raise
        print(f'mdkgen: {error.name} is missing; run: pip install "mdk[lsp]"', file=sys.stderr)
        return USAGE
    gc.enable()  # this run is a long one
    serve()
    return FINE
