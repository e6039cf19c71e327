"""Commands that write what comes of a spec: generate, templates, docs, export, vectors, ir."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mdkgen.commands.findings import (
    FINDINGS,
    FINE,
    USAGE,
    Commands,
    checked,
    compiled,
    counted,
    report_to_people,
    rules_of,
)
from mdkgen.source import read_folder


def add(commands: Commands) -> None:
    """Generate, templates, docs, export, vectors and ir."""
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
    vectors = commands.add_parser("vectors", help="print what any implementation of the spec must do, as JSON")
    vectors.add_argument("spec", type=Path, help="folder with .mdkspec files")
    vectors.set_defaults(run=_vectors)
    export = commands.add_parser("ir", help="print the checked model as JSON")
    export.add_argument("spec", type=Path, nargs="?", help="folder with .mdkspec files")
    export.add_argument("--describe", action="store_true", help="say what the JSON holds, as a Markdown document")
    export.set_defaults(run=_ir)


def _generate(arguments: argparse.Namespace) -> int:
    from mdkgen.emitters import emit, wanted
    from mdkgen.stamp import is_current, remember

    texts = read_folder(arguments.spec)
    chosen = wanted(arguments.spec, arguments.emit)
    plain = not (arguments.check or arguments.diff)
    count = is_current(texts, chosen.key, chosen.sources(), arguments.out) if plain else None
    if count is not None:
        print(f"{arguments.out}: {counted(count, 'file')}, 0 changed")
        return FINE
    rules_of(arguments.spec)
    compilation = compiled(texts)
    report_to_people(compilation, arguments.spec)
    if compilation.spec is None:
        return FINDINGS
    files = emit(compilation.spec, chosen)
    if not plain:
        return _compare(arguments, files)
    from mdkgen.output import write
    from mdkgen.stamp import edited, remember_written

    theirs = edited(arguments.out, files)
    written, strangers = write(files, arguments.out)
    remember_written(arguments.out, files)
    _report_strangers(strangers, arguments.out)
    for name in [name for name in written if name in theirs]:
        print(f"mdkgen: {arguments.out / name}: was changed since it was generated; it is overwritten", file=sys.stderr)
    print(f"{arguments.out}: {counted(len(files), 'file')}, {len(written)} changed")
    if not compilation.diagnostics:
        remember(texts, chosen.key, chosen.sources(), files)
    return FINDINGS if strangers else FINE


def _compare(arguments: argparse.Namespace, files: dict[str, str]) -> int:
    from mdkgen.output import compare

    differences = compare(files, arguments.out)
    for one in differences:
        print(f"{arguments.out / one.path}: {one.kind}\n{one.diff}", end="")
    if differences and arguments.check:
        differ = "1 file differs" if len(differences) == 1 else f"{len(differences)} files differ"
        print(f"mdkgen: {differ}; run: mdkgen generate {arguments.spec} {arguments.out}")
    return FINDINGS if differences and arguments.check else FINE


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


def _docs(arguments: argparse.Namespace) -> int:
    spec = checked(arguments.spec)
    if spec is None:
        return FINDINGS
    files: dict[str, str] = {}
    if arguments.only != "html":
        from mdkgen.documents.markdown import render as render_markdown

        files[f"{arguments.name}.md"] = render_markdown(spec)
    if arguments.only != "markdown":
        from mdkgen.documents.page import render as render_page

        files |= render_page(spec, name=arguments.name, alone=not arguments.pieces)
    return _put(files, arguments.out, check=arguments.check)


def _export(arguments: argparse.Namespace) -> int:
    spec = checked(arguments.spec)
    if spec is None:
        return FINDINGS
    if arguments.form == "asyncapi":
        from mdkgen.documents.asyncapi import render
    elif arguments.form == "jsonschema":
        from mdkgen.documents.schema import render
    elif arguments.form == "mermaid":
        from mdkgen.documents.diagrams import mermaid as render
    else:
        from mdkgen.documents.diagrams import graphs as render
    return _put(render(spec), arguments.out, check=arguments.check)


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
    print(f"{out}: {counted(len(files), 'file')}, {len(written)} changed")
    return FINDINGS if strangers else FINE


def _report_strangers(strangers: Sequence[str], out: Path) -> None:
    for name in strangers:
        print(f"mdkgen: {out / name}: not made by mdkgen, left alone; move it elsewhere", file=sys.stderr)


def _vectors(arguments: argparse.Namespace) -> int:
    from mdkgen.vectors.render import render

    spec = checked(arguments.spec)
    if spec is None:
        return FINDINGS
    print("".join(render(spec).values()), end="")
    return FINE


def _ir(arguments: argparse.Namespace) -> int:
    from mdkgen.ir import describe, to_json

    if arguments.describe:
        print(describe(), end="")
        return FINE
    if arguments.spec is None:
        print("mdkgen ir: give the folder that holds the .mdkspec files, or --describe", file=sys.stderr)
        return USAGE
    spec = checked(arguments.spec)
    if spec is None:
        return FINDINGS
    print(to_json(spec), end="")
    return FINE
