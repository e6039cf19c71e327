"""The spec folders that an editor has open, and what it is shown of them.

A folder is the unit, as everywhere: its files are read from the disk, and the editor's own texts stand in for those
that are open. While somebody types, what one file says is checked; verification and lint follow when nothing was
typed for `IDLE_S`, and on saving.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from mdkgen.diagnostics import Diagnostic
from mdkgen.editor.edits import Edit
from mdkgen.editor.folder import Analysis, SpecFolder
from mdkgen.editor.symbols import Index, Occurrence
from mdkgen.lint.config import Config, ConfigError, config_for
from mdkgen.model import Span, Spec
from mdkgen.plugins import Plugin, RuleSet, rule_sets
from mdkgen.project import project_of
from mdkgen.source import SUFFIX, ConfigurationError, NoSpecError, as_lines, read_file

IDLE_S = 0.4
"""So long after the last keystroke, what takes longer is worked out."""

SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}


@dataclass
class Open:
    """A spec folder of which something is open."""

    path: Path
    folder: SpecFolder
    config: Config
    theirs: list[Plugin[RuleSet]]
    analysis: Analysis
    unreadable: dict[str, str]
    """Files of which nothing is known, and why."""
    spec: Spec | None = None
    """The last one without errors."""
    shown: set[str] = field(default_factory=set[str])
    """Files that have findings on the screen."""
    timer: asyncio.TimerHandle | None = None


class Server(LanguageServer):
    """The server, and the folders that are open."""

    def __init__(self) -> None:
        super().__init__("mdkgen", "1")  # pyright: ignore[reportUnknownMemberType]  # pygls does not say all its types
        self.folders: dict[Path, Open] = {}

    def at(self, uri: str) -> tuple[Open, str]:
        """The folder of a document, and the document's name in it."""
        path = Path(to_fs_path(uri) or uri)
        found = self.folders.get(path.parent)
        if found is None:
            texts, unreadable = _texts(path.parent)
            folder = SpecFolder(texts)
            config, theirs = self.configuration(path.parent)
            found = Open(path.parent, folder, config, theirs, folder.analyse(), unreadable)
            self.folders[path.parent] = found
        return found, path.name

    def configuration(self, folder: Path) -> tuple[Config, list[Plugin[RuleSet]]]:
        """Of lint; what is wrong with it is said, and the default taken."""
        try:
            project = project_of(folder)
            return config_for(folder), rule_sets(project.rules, str(project.file))
        except (ConfigError, ConfigurationError) as error:
            self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, f"mdkgen: {error}"))
            return Config(), []

    def changed(self, uri: str) -> None:
        """A text is another one: check it now, verify when nothing more is typed."""
        opened, name = self.at(uri)
        opened.folder.texts[name] = as_lines(self.workspace.get_text_document(uri).source)
        opened.unreadable.pop(name, None)  # the editor can read it
        self.check(opened, fully=False)
        if opened.timer is not None:
            opened.timer.cancel()
        opened.timer = asyncio.get_running_loop().call_later(IDLE_S, self.check, opened)

    def read(self, opened: Open, *, closed: str = "") -> None:
        """Read the folder again, but for what is open in the editor: there its own texts count."""
        opened.folder.texts, opened.unreadable = _texts(opened.path)
        for one in self.workspace.text_documents.values():
            path = Path(to_fs_path(one.uri) or "")
            if path.parent == opened.path and path.name != closed:
                opened.folder.texts[path.name] = as_lines(one.source)
                opened.unreadable.pop(path.name, None)
        self.check(opened)

    def check(self, opened: Open, *, fully: bool = True) -> None:
        """Work out what is wrong, and show it."""
        try:
            opened.analysis = opened.folder.analyse(
                verifying=fully, config=opened.config if fully else None, theirs=opened.theirs
            )
        except ConfigurationError as error:  # a plugin's rule failed
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"mdkgen: {error}"))
            opened.theirs = []
            return
        opened.spec = opened.analysis.spec or opened.spec
        by_file: dict[str, list[types.Diagnostic]] = {name: [] for name in opened.shown}
        for one in opened.analysis.diagnostics:
            by_file.setdefault(one.span.file, []).append(self.finding(opened, one))
        for name, reason in opened.unreadable.items():
            begin = types.Range(types.Position(0, 0), types.Position(0, 1))
            by_file.setdefault(name, []).append(
                types.Diagnostic(begin, reason, severity=SEVERITIES["error"], source="mdkgen")
            )
        for name, shown in by_file.items():
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(_uri(opened, name), shown))
        opened.shown = {name for name, found in by_file.items() if found}

    # --- places -----------------------------------------------------------------------------------

    def range(self, opened: Open, span: Span) -> types.Range:
        """A place as the client counts."""
        codec = self.workspace.position_codec
        made = types.Range(
            types.Position(max(0, span.line - 1), max(0, span.column - 1)),
            types.Position(max(0, span.end_line - 1), max(0, span.end_column - 1)),
        )
        return codec.range_to_client_units(lines_of(opened, span.file), made)

    def place(self, opened: Open, name: str, position: types.Position) -> tuple[int, int]:
        """A place of the client's as line and column."""
        found = self.workspace.position_codec.position_from_client_units(lines_of(opened, name), position)
        return found.line + 1, found.character + 1

    def finding(self, opened: Open, one: Diagnostic) -> types.Diagnostic:
        """A finding as the client shows it; the way to it as related places."""
        rows = [one.message, *([f"expected: {one.expected}"] if one.expected else [])]
        rows += [f"hint: {one.hint}"] if one.hint else []
        related = [
            types.DiagnosticRelatedInformation(self.location(opened, step.span or one.span), f"{number}. {step.text}")
            for number, step in enumerate(one.trace, 1)
        ]
        return types.Diagnostic(
            range=self.range(opened, one.span),
            message="\n".join([*rows, *one.notes]),
            severity=SEVERITIES[one.severity],
            code=one.code,
            source="mdkgen",
            related_information=related or None,
        )

    def location(self, opened: Open, span: Span) -> types.Location:
        """A place with its file."""
        return types.Location(_uri(opened, span.file), self.range(opened, span))

    def name_at(
        self, document: types.TextDocumentIdentifier, position: types.Position
    ) -> tuple[Open, Index, Occurrence] | None:
        """The name at a place."""
        opened, name = self.at(document.uri)
        index = Index(opened.analysis.files)
        found = index.at(opened.analysis.real, name, *self.place(opened, name, position))
        return None if found is None else (opened, index, found)

    def edits(self, opened: Open, edits: list[Edit]) -> types.WorkspaceEdit:
        """Changes as the client makes them."""
        changes: dict[str, list[types.TextEdit]] = {}
        for one in edits:
            uri = _uri(opened, one.span.file)
            changes.setdefault(uri, []).append(types.TextEdit(self.range(opened, one.span), one.text))
        return types.WorkspaceEdit(changes=changes)


def lines_of(opened: Open, name: str) -> list[str]:
    """The lines of a file as all positions count them, and one behind the last."""
    return [*opened.folder.texts.get(name, "").split("\n"), ""]


def _texts(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What can be read of a folder, and by name what is wrong with the rest. One that is new has no files yet."""
    texts: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            texts[path.name] = as_lines(read_file(path, folder))
        except NoSpecError as error:
            unreadable[path.name] = error.reason
    return texts, unreadable


def _uri(opened: Open, name: str) -> str:
    return from_fs_path(str(opened.path / name)) or ""
