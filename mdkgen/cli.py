"""`mdkgen`: the command line. The one module of the compiler that prints and exits.

Exit status: 0 fine, 1 findings, 2 wrong usage, 70 a bug of mdkgen, 130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from mdkgen.source import ConfigurationError, NoSpecError, as_lines, read_file, read_folder, spec_files

if TYPE_CHECKING:  # Imported where they are used: most of a short run would be imports.
    from mdkgen.compiler import Compilation
    from mdkgen.diagnostics import Diagnostic
    from mdkgen.plugins import Plugin, RuleSet

FINE, FINDINGS, USAGE, BUG, INTERRUPTED = 0, 1, 2, 70, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and not hasattr(arguments, "tool"):
        known = f"`mdkgen {arguments.chosen} --help` says what there is"
        parser.error(f"unrecognized arguments: {' '.join(rest)}; {known}")
    arguments.rest = rest
    collecting = gc.isenabled()
    gc.disable()  # a run is over before there is anything worth collecting
    try:
        return _run(arguments)
    finally:
        if collecting:
            gc.enable()


def _run(arguments: argparse.Namespace) -> int:
    """Run a command, and turn what it raises into a line and a status."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # which a test's stand-in may lack
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # as stderr: a terminal without UTF-8 is no reason to fail
    try:
        status = int(arguments.run(arguments))
        if not getattr(sys.stdout, "closed", True):  # None where there is none; a language server closes its own
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `mdkgen ir spec | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINDINGS
    except ModuleNotFoundError as error:
        if error.name not in ("lark", "jinja2", "pygments"):
            raise
        print(f'mdkgen: {error.name} is missing; run: pip install "mdk[gen]"', file=sys.stderr)
        return USAGE
    except (NoSpecError, ConfigurationError) as error:
        print(f"mdkgen: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"mdkgen: {error.filename or getattr(arguments, 'spec', '')}: {error.strerror or error}", file=sys.stderr)
        return USAGE
    except Exception as error:  # no traceback reaches a user; the text asks for a report instead
        print(f"mdkgen: this is a bug of mdkgen, not of your spec: {type(error).__name__}: {error}", file=sys.stderr)
        return BUG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mdkgen", description="Check a protocol and generate its Python package.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="chosen")
    check = commands.add_parser("check", help="report every error of a spec folder")
    _add_spec(check, run=_check)
    check = commands.add_parser("lint", help="report what is right and may yet be regretted, as pyproject.toml says")
    _add_spec(check, run=_lint)
    verify = commands.add_parser("verify", help="every order in which both sides and a link that breaks can meet")
    _add_spec(verify, run=_verify)
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
    _add_spec(breaking, run=_breaking)
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
    generate = commands.add_parser("generate", help="write the generated packages")
    generate.add_argument("spec", type=Path, help="folder with .mdkspec files")
    generate.add_argument("out", type=Path, help="folder that holds the generated packages, and nothing else")
    emit = "what to make, such as python,js; else what pyproject.toml says in [tool.mdkgen], else python"
    generate.add_argument("--emit", metavar="NAMES", help=emit)
    mode = generate.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing; fail, with a diff, if anything would change")
    mode.add_argument("--diff", action="store_true", help="write nothing; print what would change")
    generate.set_defaults(run=_generate)
    templates = commands.add_parser(
        "templates", help="the templates of the emitters, and the blocks that a project may replace"
    )
    templates.add_argument("action", choices=("list", "export"), help="all with their blocks, or the text of one")
    templates.add_argument("name", nargs="?", help="of the one to export, such as python/messages.py.j2")
    templates.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER", help="at or below its pyproject.toml"
    )
    templates.set_defaults(run=_templates)
    docs = commands.add_parser(
        "docs", help="write the documentation: NAME.md with Mermaid, NAME.html with its own diagrams"
    )
    docs.add_argument("spec", type=Path, help="folder with .mdkspec files")
    docs.add_argument("out", type=Path, help="folder to write to")
    docs.add_argument("--name", default="protocol", help="of the files; protocol by default")
    docs.add_argument("--only", choices=("html", "markdown"), help="only this one")
    docs.add_argument("--pieces", action="store_true", help="style and script as files beside the page")
    docs.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    docs.set_defaults(run=_docs)
    exports = commands.add_parser("export", help="write the protocol in a form that other tools read")
    exports.add_argument("form", choices=("asyncapi", "jsonschema", "mermaid", "dot"))
    exports.add_argument("spec", type=Path, help="folder with .mdkspec files")
    exports.add_argument("out", type=Path, help="folder to write to")
    exports.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    exports.set_defaults(run=_export)
    init = commands.add_parser("init", help="start a new protocol: a spec, a client, a server, and tests that pass")
    init.add_argument("folder", type=Path, help="a new or empty folder; its name becomes the protocol's")
    init.set_defaults(run=_init)
    colours = commands.add_parser("textmate", help="print the grammar that colours specs in VS Code and other editors")
    colours.set_defaults(run=_textmate)
    language = commands.add_parser("lsp", help="a language server, on standard input and output, for editors")
    language.set_defaults(run=_lsp)
    vectors = commands.add_parser("vectors", help="print what any implementation of the spec must do, as JSON")
    vectors.add_argument("spec", type=Path, help="folder with .mdkspec files")
    vectors.set_defaults(run=_vectors)
    _add_tools(commands)
    export = commands.add_parser("ir", help="print the checked model as JSON")
    export.add_argument("spec", type=Path, nargs="?", help="folder with .mdkspec files")
    export.add_argument("--describe", action="store_true", help="say what the JSON holds, as a Markdown document")
    export.set_defaults(run=_ir)
    return parser


TOOLS = {
    "mock": (
        "play one side from the spec alone",
        """what it plays:
  --role ROLE   which side
  --protocol NAME   of a spec with several; else the one that has the role
  --url URL     where to connect, for the connecting side
  --port PORT   where to listen, for the accepting side; any by default; it prints its URL
  --seed N      the same seed, the same values
  --every S     deliver and ask so often; 1 by default, 0 for never""",
    ),
    "conform": (
        "drive an implementation through what its peer can bring about",
        """what it drives:
  URL           ws://host:port/path of an accepting implementation, or where a connecting one will connect to
  --role ROLE   which side the implementation plays
  --protocol NAME   of a spec with several; else the one that has the role
  --say MESSAGE=JSON   fields to send in a message; may come several times
  --cases N     so many of the cases, taken evenly; all by default
  --at-once N   connections at a time, to an accepting side; programs that will connect, of a connecting one; 1 by default
  --quiet-s S   silence after which all has been said; 0.3 by default
  --due-s S     to wait for a message that must come, or the end; 5 by default
  --answer-s S  to wait for what only the application begins or owes; 2 by default
  --timers-s S  the longest timer to wait for; 12 by default
  --within-s S  to wait for a connecting side each time; 30 by default
  --junit FILE  write the results as JUnit XML""",
    ),
    "trace-check": (
        "judge recorded conversations: FILE.jsonl ...",
        """what it reads:
  FILE.jsonl ...   a JSON object a line: `data` is a frame, `dir` its sender (c2s, s2c or a role), `conn` its connection
  --role ROLE      judge only what this side sent; both by default
  --protocol NAME  of a spec with several; else the one that has the role""",
    ),
}
"""Of the engine; what each is for, and what it takes beside the spec."""


def _add_tools(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # pyright: ignore[reportPrivateUsage]  # argparse has no public name for it
    """Commands that the engine carries out; what they take beside the spec is its to read."""
    for name, (text, needs) in TOOLS.items():
        tool = commands.add_parser(
            name,
            help=text,
            usage=f"mdkgen {name} --spec FOLDER ...",
            epilog=needs,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        tool.add_argument("--spec", type=Path, required=True, help="folder with .mdkspec files")
        tool.set_defaults(run=_tool, tool=name)


def _add_spec(command: argparse.ArgumentParser, *, run: Callable[[argparse.Namespace], int]) -> None:
    """A command that reads a spec folder and reports findings."""
    command.add_argument("spec", type=Path, help="folder with .mdkspec files")
    output = command.add_mutually_exclusive_group()
    output.add_argument(
        "--output", choices=("text", "json", "sarif", "github"), default="text", help="how to print the findings"
    )
    output.add_argument("--json", action="store_const", const="json", dest="output", help="the same as --output json")
    command.set_defaults(run=run)


def _check(arguments: argparse.Namespace) -> int:
    _rule_sets(arguments.spec)
    compilation = _compile(read_folder(arguments.spec))
    _show(arguments, compilation.diagnostics, compilation.texts)
    if not compilation.failed and arguments.output == "text":
        print(f"{arguments.spec}: {len(compilation.texts)} files, no errors")
    return FINDINGS if compilation.failed else FINE


def _lint(arguments: argparse.Namespace) -> int:
    from mdkgen.compiler import lint_texts
    from mdkgen.lint.config import ConfigError, config_for

    theirs = _rule_sets(arguments.spec)
    try:
        config = config_for(arguments.spec)
    except ConfigError as error:
        print(f"mdkgen: {error}", file=sys.stderr)
        return USAGE
    compilation = lint_texts(read_folder(arguments.spec), config, theirs, remembering=True)
    _show(arguments, compilation.diagnostics, compilation.texts)
    bad = [one for one in compilation.diagnostics if one.severity != "note"]
    if not bad and arguments.output == "text":
        print(f"{arguments.spec}: {len(compilation.texts)} files, lint-clean")
    return FINDINGS if bad else FINE


def _verify(arguments: argparse.Namespace) -> int:
    _rule_sets(arguments.spec)
    from mdkgen.allow import without_allowed
    from mdkgen.verify import verification

    compilation = _compile(read_folder(arguments.spec), verify=False)
    if compilation.spec is None:
        _show(arguments, compilation.diagnostics, compilation.texts)
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
        _show(arguments, found, compilation.texts)
    if arguments.output == "text" and not (arguments.mermaid or arguments.pytest):
        for explored in result.explored:
            print(explored)
    return FINDINGS if any(one.severity != "note" for one in found) else FINE


def _promote(arguments: argparse.Namespace) -> int:
    from mdkgen.scenarios.promote import as_scenario
    from mdkgen.verify import verification

    compilation = _compile(read_folder(arguments.spec), verify=False)
    _report(compilation, arguments.spec)
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

    compilation = _compile(read_folder(arguments.spec))
    if compilation.spec is None:
        _show(arguments, compilation.diagnostics, compilation.texts)
        return FINDINGS
    try:
        old = baseline(arguments.against, arguments.spec)
    except BaselineError as error:
        print(f"mdkgen: {error}", file=sys.stderr)
        return USAGE
    comparison = compare(old, compilation.spec)
    changes = comparison.of(arguments.level or LEVELS)
    _show(arguments, [one.diagnostic for one in changes], compilation.texts)
    if arguments.output == "text":
        print(f"{arguments.spec} against {arguments.against}: {len(changes)} changes; {comparison.verdict}")
    return FINDINGS if any(one.diagnostic.severity == "error" for one in changes) else FINE


def _format(arguments: argparse.Namespace) -> int:
    from mdkgen.formatter import format_text

    paths = [path for one in arguments.spec for path in ([one] if one.is_file() else spec_files(one))]
    status, changed = FINE, 0
    for path in paths:
        written = read_file(path, path.parent)
        text = as_lines(written)
        compilation = _compile_syntax({path.name: text})
        if compilation:
            _print_findings(compilation, {path.name: text}, path.parent.as_posix())
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
    print(f"{len(paths)} files, {changed} {'would change' if arguments.check else 'changed'}")
    return status


def _compile_syntax(texts: dict[str, str]) -> list[Diagnostic]:
    """Syntax errors alone: a spec that does not compile can still be formatted."""
    from mdkgen.parser import parse

    return [one for name, text in texts.items() for one in parse(text, name)[1]]


def _explain(arguments: argparse.Namespace) -> int:
    from mdkgen.diagnostics import did_you_mean
    from mdkgen.explain import all_pages, page
    from mdkgen.rules import all_rules, rule

    if not arguments.all:
        _rule_sets(Path())
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


def _generate(arguments: argparse.Namespace) -> int:
    from mdkgen.emitters import emit, wanted
    from mdkgen.stamp import is_current, remember

    texts = read_folder(arguments.spec)
    chosen = wanted(arguments.spec, arguments.emit)
    plain = not (arguments.check or arguments.diff)
    count = is_current(texts, chosen.key, chosen.sources(), arguments.out) if plain else None
    if count is not None:
        print(f"{arguments.out}: {count} files, 0 changed")
        return FINE
    _rule_sets(arguments.spec)
    compilation = _compile(texts)
    _report(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    files = emit(compilation.spec, chosen)
    if not plain:
        return _compare(arguments, files)
    from mdkgen.output import write

    written, strangers = write(files, arguments.out)
    _report_strangers(strangers, arguments.out)
    print(f"{arguments.out}: {len(files)} files, {len(written)} changed")
    if not compilation.diagnostics:
        remember(texts, chosen.key, chosen.sources(), files)
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
    from mdkgen.ir import describe, to_json

    if arguments.describe:
        print(describe(), end="")
        return FINE
    if arguments.spec is None:
        print("mdkgen ir: give the folder that holds the .mdkspec files, or --describe", file=sys.stderr)
        return USAGE
    compilation = _compile(read_folder(arguments.spec))
    _report(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    print(to_json(compilation.spec), end="")
    return FINE


def _tool(arguments: argparse.Namespace) -> int:
    from mdkgen.tools import run_tool

    compilation = _compile(read_folder(arguments.spec))
    _report(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    return run_tool(compilation.spec, arguments.tool, arguments.rest)


def _docs(arguments: argparse.Namespace) -> int:
    compilation = _compile(read_folder(arguments.spec))
    _report(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    files: dict[str, str] = {}
    if arguments.only != "html":
        from mdkgen.documents.markdown import render as render_markdown

        files[f"{arguments.name}.md"] = render_markdown(compilation.spec)
    if arguments.only != "markdown":
        from mdkgen.documents.page import render as render_page

        files |= render_page(compilation.spec, name=arguments.name, alone=not arguments.pieces)
    return _put(files, arguments.out, check=arguments.check)


def _export(arguments: argparse.Namespace) -> int:
    compilation = _compile(read_folder(arguments.spec))
    _report(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    if arguments.form == "asyncapi":
        from mdkgen.documents.asyncapi import render
    elif arguments.form == "jsonschema":
        from mdkgen.documents.schema import render
    elif arguments.form == "mermaid":
        from mdkgen.documents.diagrams import mermaid as render
    else:
        from mdkgen.documents.diagrams import graphs as render
    return _put(render(compilation.spec), arguments.out, check=arguments.check)


def _put(files: Mapping[str, str], out: Path, *, check: bool) -> int:
    """Write files whose text has changed, or only say which would."""
    from mdkgen.output import differing, put

    if check:
        changed = differing(files, out)
        for name in changed:
            print(f"{out / name}: differs")
        return FINDINGS if changed else FINE
    written, strangers = put(files, out)
    _report_strangers(strangers, out)
    print(f"{out}: {len(files)} files, {len(written)} changed")
    return FINDINGS if strangers else FINE


def _report_strangers(strangers: Sequence[str], out: Path) -> None:
    for name in strangers:
        print(f"mdkgen: {out / name}: not made by mdkgen, left alone; move it elsewhere", file=sys.stderr)


def _vectors(arguments: argparse.Namespace) -> int:
    from mdkgen.vectors.render import render

    compilation = _compile(read_folder(arguments.spec))
    _report(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    print("".join(render(compilation.spec).values()), end="")
    return FINE


def _rule_sets(folder: Path) -> list[Plugin[RuleSet]]:
    """The lint rules of plugins that the project of a folder names."""
    from mdkgen.project import project_of

    project = project_of(folder)
    if not project.rules:
        return []
    from mdkgen.plugins import rule_sets

    return rule_sets(project.rules, str(project.file))


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
        from mdkgen.lsp import serve
    except ModuleNotFoundError as error:
        if error.name not in ("pygls", "lsprotocol"):
            raise
        print(f'mdkgen: {error.name} is missing; run: pip install "mdk[lsp]"', file=sys.stderr)
        return USAGE
    gc.enable()  # this run is a long one
    serve()
    return FINE


def _templates(arguments: argparse.Namespace) -> int:
    from mdkgen.emitters import wanted
    from mdkgen.templating import below, blocks

    shelves = wanted(arguments.project).shelves()
    known = below(shelves)
    if arguments.action == "list" or arguments.name is None:
        for name, path in known.items():
            print(f"{name}: {', '.join(blocks(path))}")
        return FINE
    if arguments.name not in known:
        print(f"mdkgen: there is no template {arguments.name!r}; see: mdkgen templates list", file=sys.stderr)
        return USAGE
    print(known[arguments.name].read_text(encoding="utf-8"), end="")
    return FINE


def _compile(texts: dict[str, str], *, verify: bool = True) -> Compilation:
    from mdkgen.compiler import compile_texts

    return compile_texts(texts, verifying=verify, remembering=True)


def _report(compilation: Compilation, folder: Path) -> None:
    _print_findings(compilation.diagnostics, compilation.texts, folder.as_posix())


def _print_findings(found: Sequence[Diagnostic], texts: Mapping[str, str], folder: str) -> None:
    if found:  # A fast run has none.
        from mdkgen.reports import report

        print(report("text", found, texts, folder), end="", file=sys.stderr)


def _show(arguments: argparse.Namespace, found: Sequence[Diagnostic], texts: Mapping[str, str]) -> None:
    """The findings as `--output` says: text for people goes to standard error."""
    if arguments.output == "text":
        _print_findings(found, texts, arguments.spec.as_posix())
        return
    from mdkgen.reports import report

    print(report(arguments.output, found, texts, arguments.spec.as_posix()), end="")
