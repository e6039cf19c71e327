"""`mdkgen lsp`: `mdkgen.editor` behind the Language Server Protocol. All that is decided is decided there.

A folder is the unit, as everywhere: its files are read from the disk, and the editor's own texts stand in for those
that are open. While somebody types, what one file says is checked; verification and lint follow when nothing was
typed for `IDLE_S`, and on saving.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from mdkgen.diagnostics import Diagnostic
from mdkgen.editor.completion import complete
from mdkgen.editor.edits import Edit, RenameError, fixes, rename
from mdkgen.editor.folder import Analysis, SpecFolder
from mdkgen.editor.folding import folds
from mdkgen.editor.hover import hover
from mdkgen.editor.outline import Entry, outline
from mdkgen.editor.symbols import Index, Occurrence
from mdkgen.editor.tokens import KINDS as TOKEN_KINDS
from mdkgen.editor.tokens import Token, tokens
from mdkgen.formatter import format_text
from mdkgen.lint.config import Config, ConfigError, config_for
from mdkgen.model import Span, Spec
from mdkgen.parser import parse
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
KINDS = {
    "keyword": types.CompletionItemKind.Keyword,
    "message": types.CompletionItemKind.Class,
    "record": types.CompletionItemKind.Struct,
    "enum": types.CompletionItemKind.Enum,
    "newtype": types.CompletionItemKind.TypeParameter,
    "type": types.CompletionItemKind.TypeParameter,
    "field": types.CompletionItemKind.Field,
    "state": types.CompletionItemKind.EnumMember,
    "hook": types.CompletionItemKind.Function,
    "call": types.CompletionItemKind.Method,
    "event": types.CompletionItemKind.Event,
    "variable": types.CompletionItemKind.Variable,
    "const": types.CompletionItemKind.Constant,
}
OUTLINE = {
    "message": types.SymbolKind.Class,
    "record": types.SymbolKind.Struct,
    "field": types.SymbolKind.Field,
    "enum": types.SymbolKind.Enum,
    "member": types.SymbolKind.EnumMember,
    "type": types.SymbolKind.TypeParameter,
    "const": types.SymbolKind.Constant,
    "protocol": types.SymbolKind.Namespace,
    "part": types.SymbolKind.Module,
    "param": types.SymbolKind.Variable,
    "delivery": types.SymbolKind.Property,
    "request": types.SymbolKind.Property,
    "role": types.SymbolKind.Interface,
    "hook": types.SymbolKind.Function,
    "state": types.SymbolKind.Object,
    "face": types.SymbolKind.Package,
    "scenario": types.SymbolKind.Event,
}

TOKENS = sorted({*TOKEN_KINDS.values()})
"""The kinds by which an editor colours; a token has the number of one."""


@dataclass
class _Open:
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
        self.folders: dict[Path, _Open] = {}

    def at(self, uri: str) -> tuple[_Open, str]:
        """The folder of a document, and the document's name in it."""
        path = Path(to_fs_path(uri) or uri)
        found = self.folders.get(path.parent)
        if found is None:
            texts, unreadable = _texts(path.parent)
            folder = SpecFolder(texts)
            config, theirs = self.configuration(path.parent)
            found = _Open(path.parent, folder, config, theirs, folder.analyse(), unreadable)
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

    def read(self, opened: _Open, *, closed: str = "") -> None:
        """Read the folder again, but for what is open in the editor: there its own texts count."""
        opened.folder.texts, opened.unreadable = _texts(opened.path)
        for one in self.workspace.text_documents.values():
            path = Path(to_fs_path(one.uri) or "")
            if path.parent == opened.path and path.name != closed:
                opened.folder.texts[path.name] = as_lines(one.source)
                opened.unreadable.pop(path.name, None)
        self.check(opened)

    def check(self, opened: _Open, *, fully: bool = True) -> None:
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

    def range(self, opened: _Open, span: Span) -> types.Range:
        """A place as the client counts."""
        codec = self.workspace.position_codec
        made = types.Range(
            types.Position(max(0, span.line - 1), max(0, span.column - 1)),
            types.Position(max(0, span.end_line - 1), max(0, span.end_column - 1)),
        )
        return codec.range_to_client_units(_lines(opened, span.file), made)

    def place(self, opened: _Open, name: str, position: types.Position) -> tuple[int, int]:
        """A place of the client's as line and column."""
        found = self.workspace.position_codec.position_from_client_units(_lines(opened, name), position)
        return found.line + 1, found.character + 1

    def finding(self, opened: _Open, one: Diagnostic) -> types.Diagnostic:
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

    def location(self, opened: _Open, span: Span) -> types.Location:
        """A place with its file."""
        return types.Location(_uri(opened, span.file), self.range(opened, span))

    def name_at(
        self, document: types.TextDocumentIdentifier, position: types.Position
    ) -> tuple[_Open, Index, Occurrence] | None:
        """The name at a place."""
        opened, name = self.at(document.uri)
        index = Index(opened.analysis.files)
        found = index.at(opened.analysis.real, name, *self.place(opened, name, position))
        return None if found is None else (opened, index, found)

    def edits(self, opened: _Open, edits: list[Edit]) -> types.WorkspaceEdit:
        """Changes as the client makes them."""
        changes: dict[str, list[types.TextEdit]] = {}
        for one in edits:
            uri = _uri(opened, one.span.file)
            changes.setdefault(uri, []).append(types.TextEdit(self.range(opened, one.span), one.text))
        return types.WorkspaceEdit(changes=changes)


def _lines(opened: _Open, name: str) -> list[str]:
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


def _uri(opened: _Open, name: str) -> str:
    return from_fs_path(str(opened.path / name)) or ""


def server() -> Server:
    """A server, with everything that it answers."""
    made = Server()
    _notifications(made)
    _questions(made)
    _changes(made)
    return made


def _notifications(made: Server) -> None:
    @made.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def opened(params: types.DidOpenTextDocumentParams) -> None:
        made.changed(params.text_document.uri)

    @made.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def changed(params: types.DidChangeTextDocumentParams) -> None:
        made.changed(params.text_document.uri)

    @made.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def saved(params: types.DidSaveTextDocumentParams) -> None:
        made.check(made.at(params.text_document.uri)[0])

    @made.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def closed(params: types.DidCloseTextDocumentParams) -> None:
        """What was typed and not saved counts no more."""
        found, name = made.at(params.text_document.uri)
        made.read(found, closed=name)

    @made.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def watched(params: types.DidChangeWatchedFilesParams) -> None:
        """Files that another program wrote, and pyproject.toml."""
        for found in made.folders.values():
            found.config, found.theirs = made.configuration(found.path)
            made.read(found)

    _ = (opened, changed, saved, closed, watched)


def _questions(made: Server) -> None:
    @made.feature(types.TEXT_DOCUMENT_HOVER)
    async def hovered(params: types.HoverParams) -> types.Hover | None:
        found = made.name_at(params.text_document, params.position)
        if found is None:
            return None
        opened, index, one = found
        text = hover(opened.analysis, index, one.symbol, opened.spec)
        content = types.MarkupContent(types.MarkupKind.Markdown, text)
        return types.Hover(content, made.range(opened, opened.analysis.real(one.span)))

    @made.feature(types.TEXT_DOCUMENT_DEFINITION)
    async def defined(params: types.DefinitionParams) -> list[types.Location] | None:
        found = made.name_at(params.text_document, params.position)
        if found is None:
            return None
        opened, index, one = found
        places = [each.span for each in index.of(one.symbol) if each.defines]
        return [made.location(opened, opened.analysis.real(span)) for span in places]

    @made.feature(types.TEXT_DOCUMENT_REFERENCES)
    async def referenced(params: types.ReferenceParams) -> list[types.Location] | None:
        found = made.name_at(params.text_document, params.position)
        if found is None:
            return None
        opened, index, one = found
        wanted = [each for each in index.of(one.symbol) if params.context.include_declaration or not each.defines]
        return [made.location(opened, opened.analysis.real(each.span)) for each in wanted]

    @made.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def outlined(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        opened, name = made.at(params.text_document.uri)
        file = next((one for one in opened.analysis.files if one.name == name), None)
        return [_symbol(made, opened, one) for one in (outline(file) if file is not None else ())]

    @made.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=[".", " ", "("]))
    async def completed(params: types.CompletionParams) -> list[types.CompletionItem]:
        opened, name = made.at(params.text_document.uri)
        found = complete(opened.folder, name, *made.place(opened, name, params.position))
        return [
            types.CompletionItem(
                one.label,
                kind=KINDS.get(one.kind, types.CompletionItemKind.Reference),
                detail=one.kind,
                documentation=one.doc or None,
                sort_text=f"{one.kind == 'keyword':d}{one.label}",
            )
            for one in found
        ]

    @made.feature(types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, types.SemanticTokensLegend(TOKENS, ["declaration"]))
    async def coloured(params: types.SemanticTokensParams) -> types.SemanticTokens:
        opened, name = made.at(params.text_document.uri)
        found = tokens(opened.analysis, Index(opened.analysis.files), name)
        return types.SemanticTokens(list(_encoded(made, found, _lines(opened, name))))

    @made.feature(types.TEXT_DOCUMENT_FOLDING_RANGE)
    async def folded(params: types.FoldingRangeParams) -> list[types.FoldingRange]:
        opened, name = made.at(params.text_document.uri)
        return [
            types.FoldingRange(one.first, one.last, kind=types.FoldingRangeKind.Comment if one.is_comment else None)
            for one in folds(opened.folder.texts.get(name, ""))
        ]

    _ = (hovered, defined, referenced, outlined, completed, coloured, folded)


def _encoded(made: Server, found: list[Token], lines: list[str]) -> Iterator[int]:
    """Five numbers a name: lines and columns from the one before, length, kind, and whether it is declared here."""
    line = column = 0
    for one in found:
        begin, end = (
            made.workspace.position_codec.position_to_client_units(lines, types.Position(one.span.line - 1, at - 1))
            for at in (one.span.column, one.span.end_column)
        )
        yield begin.line - line
        yield begin.character - (column if begin.line == line else 0)
        yield end.character - begin.character
        yield TOKENS.index(TOKEN_KINDS[one.kind])
        yield int(one.defines)
        line, column = begin.line, begin.character


def _symbol(made: Server, opened: _Open, one: Entry) -> types.DocumentSymbol:
    whole, name = (made.range(opened, opened.analysis.real(span)) for span in (one.whole, one.named))
    inner = [_symbol(made, opened, each) for each in one.inner]
    return types.DocumentSymbol(one.name, OUTLINE[one.keyword], whole, name, detail=one.keyword, children=inner)


def _changes(made: Server) -> None:
    @made.feature(types.TEXT_DOCUMENT_PREPARE_RENAME)
    async def prepared(params: types.PrepareRenameParams) -> types.Range | None:
        found = made.name_at(params.text_document, params.position)
        return None if found is None else made.range(found[0], found[0].analysis.real(found[2].span))

    @made.feature(types.TEXT_DOCUMENT_RENAME, types.RenameOptions(prepare_provider=True))
    async def renamed(params: types.RenameParams) -> types.WorkspaceEdit | None:
        found = made.name_at(params.text_document, params.position)
        if found is None:
            return None
        opened, index, one = found
        try:
            return made.edits(opened, rename(opened.analysis, index, one.symbol, params.new_name))
        except RenameError as error:
            raise JsonRpcException(str(error), code=types.LSPErrorCodes.RequestFailed) from error

    @made.feature(types.TEXT_DOCUMENT_FORMATTING)
    async def formatted(params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
        opened, name = made.at(params.text_document.uri)
        text = opened.folder.texts[name]
        if parse(text, name)[1]:
            return None  # what does not parse has no layout
        lines = text.split("\n")
        whole = Span(name, 1, 1, len(lines), len(lines[-1]) + 1)
        layout = format_text(text)
        if layout == text:
            return []
        ends = "\r\n" if "\r\n" in made.workspace.get_text_document(params.text_document.uri).source else "\n"
        return [types.TextEdit(made.range(opened, whole), layout.replace("\n", ends))]

    @made.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions([types.CodeActionKind.QuickFix]))
    async def fixed(params: types.CodeActionParams) -> list[types.CodeAction]:
        opened, name = made.at(params.text_document.uri)
        actions: list[types.CodeAction] = []
        for one in opened.analysis.diagnostics:
            place = made.range(opened, one.span)
            if one.span.file != name or place.start > params.range.end or place.end < params.range.start:
                continue
            actions += [
                types.CodeAction(
                    fix.title,
                    kind=types.CodeActionKind.QuickFix,
                    diagnostics=[made.finding(opened, one)],
                    is_preferred=fix.preferred,
                    edit=made.edits(opened, list(fix.edits)),
                )
                for fix in fixes(opened.analysis, one)
            ]
        return actions

    _ = (prepared, renamed, formatted, fixed)


def serve() -> None:
    """Answer on standard input and output until the editor goes."""
    server().start_io()
