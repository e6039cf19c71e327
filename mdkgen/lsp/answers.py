"""`mdkgen lsp`: `mdkgen.editor` behind the Language Server Protocol. All that is decided is decided there.

Each answer is a function of the server and the parameters; `FEATURES` says which answers what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from mdkgen.editor.completion import complete
from mdkgen.editor.edits import RenameError, fixes, rename
from mdkgen.editor.folding import folds
from mdkgen.editor.hover import hover
from mdkgen.editor.outline import Entry, outline
from mdkgen.editor.symbols import Index
from mdkgen.editor.tokens import KINDS as TOKEN_KINDS
from mdkgen.editor.tokens import Token, tokens
from mdkgen.formatter import format_text
from mdkgen.lsp.server import Open, Server, lines_of
from mdkgen.model import Span
from mdkgen.parser import parse

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


async def _opened(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    ls.changed(params.text_document.uri)


async def _changed(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    ls.changed(params.text_document.uri)


async def _saved(ls: Server, params: types.DidSaveTextDocumentParams) -> None:
    ls.check(ls.at(params.text_document.uri)[0])


async def _closed(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    """What was typed and not saved counts no more."""
    found, name = ls.at(params.text_document.uri)
    ls.read(found, closed=name)


async def _watched(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
    """Files that another program wrote, and pyproject.toml."""
    for found in ls.folders.values():
        found.config, found.theirs = ls.configuration(found.path)
        ls.read(found)


async def _hovered(ls: Server, params: types.HoverParams) -> types.Hover | None:
    found = ls.name_at(params.text_document, params.position)
    if found is None:
        return None
    opened, index, one = found
    text = hover(opened.analysis, index, one.symbol, opened.spec)
    content = types.MarkupContent(types.MarkupKind.Markdown, text)
    return types.Hover(content, ls.range(opened, opened.analysis.real(one.span)))


async def _defined(ls: Server, params: types.DefinitionParams) -> list[types.Location] | None:
    found = ls.name_at(params.text_document, params.position)
    if found is None:
        return None
    opened, index, one = found
    places = [each.span for each in index.of(one.symbol) if each.defines]
    return [ls.location(opened, opened.analysis.real(span)) for span in places]


async def _referenced(ls: Server, params: types.ReferenceParams) -> list[types.Location] | None:
    found = ls.name_at(params.text_document, params.position)
    if found is None:
        return None
    opened, index, one = found
    wanted = [each for each in index.of(one.symbol) if params.context.include_declaration or not each.defines]
    return [ls.location(opened, opened.analysis.real(each.span)) for each in wanted]


async def _outlined(ls: Server, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
    opened, name = ls.at(params.text_document.uri)
    file = next((one for one in opened.analysis.files if one.name == name), None)
    return [_symbol(ls, opened, one) for one in (outline(file) if file is not None else ())]


async def _completed(ls: Server, params: types.CompletionParams) -> list[types.CompletionItem]:
    opened, name = ls.at(params.text_document.uri)
    found = complete(opened.folder, name, *ls.place(opened, name, params.position))
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


async def _coloured(ls: Server, params: types.SemanticTokensParams) -> types.SemanticTokens:
    opened, name = ls.at(params.text_document.uri)
    found = tokens(opened.analysis, Index(opened.analysis.files), name)
    return types.SemanticTokens(list(_encoded(ls, found, lines_of(opened, name))))


async def _folded(ls: Server, params: types.FoldingRangeParams) -> list[types.FoldingRange]:
    opened, name = ls.at(params.text_document.uri)
    return [
        types.FoldingRange(one.first, one.last, kind=types.FoldingRangeKind.Comment if one.is_comment else None)
        for one in folds(opened.folder.texts.get(name, ""))
    ]


async def _prepared(ls: Server, params: types.PrepareRenameParams) -> types.Range | None:
    found = ls.name_at(params.text_document, params.position)
    return None if found is None else ls.range(found[0], found[0].analysis.real(found[2].span))


async def _renamed(ls: Server, params: types.RenameParams) -> types.WorkspaceEdit | None:
    found = ls.name_at(params.text_document, params.position)
    if found is None:
        return None
    opened, index, one = found
    try:
        return ls.edits(opened, rename(opened.analysis, index, one.symbol, params.new_name))
    except RenameError as error:
        raise JsonRpcException(str(error), code=types.LSPErrorCodes.RequestFailed) from error


async def _formatted(ls: Server, params: types.DocumentFormattingParams) -> list[types.TextEdit] | None:
    opened, name = ls.at(params.text_document.uri)
    text = opened.folder.texts[name]
    if parse(text, name)[1]:
        return None  # what does not parse has no layout
    lines = text.split("\n")
    whole = Span(name, 1, 1, len(lines), len(lines[-1]) + 1)
    layout = format_text(text)
    if layout == text:
        return []
    ends = "\r\n" if "\r\n" in ls.workspace.get_text_document(params.text_document.uri).source else "\n"
    return [types.TextEdit(ls.range(opened, whole), layout.replace("\n", ends))]


async def _fixed(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    opened, name = ls.at(params.text_document.uri)
    actions: list[types.CodeAction] = []
    for one in opened.analysis.diagnostics:
        place = ls.range(opened, one.span)
        if one.span.file != name or place.start > params.range.end or place.end < params.range.start:
            continue
        actions += [
            types.CodeAction(
                fix.title,
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[ls.finding(opened, one)],
                is_preferred=fix.preferred,
                edit=ls.edits(opened, list(fix.edits)),
            )
            for fix in fixes(opened.analysis, one)
        ]
    return actions


def _encoded(ls: Server, found: list[Token], lines: list[str]) -> Iterator[int]:
    """Five numbers a name: lines and columns from the one before, length, kind, and whether it is declared here."""
    line = column = 0
    for one in found:
        begin, end = (
            ls.workspace.position_codec.position_to_client_units(lines, types.Position(one.span.line - 1, at - 1))
            for at in (one.span.column, one.span.end_column)
        )
        yield begin.line - line
        yield begin.character - (column if begin.line == line else 0)
        yield end.character - begin.character
        yield TOKENS.index(TOKEN_KINDS[one.kind])
        yield int(one.defines)
        line, column = begin.line, begin.character


def _symbol(ls: Server, opened: Open, one: Entry) -> types.DocumentSymbol:
    whole, name = (ls.range(opened, opened.analysis.real(span)) for span in (one.whole, one.named))
    inner = [_symbol(ls, opened, each) for each in one.inner]
    return types.DocumentSymbol(one.name, OUTLINE[one.keyword], whole, name, detail=one.keyword, children=inner)


FEATURES: tuple[tuple[str, Callable[..., Any], Any], ...] = (
    (types.TEXT_DOCUMENT_DID_OPEN, _opened, None),
    (types.TEXT_DOCUMENT_DID_CHANGE, _changed, None),
    (types.TEXT_DOCUMENT_DID_SAVE, _saved, None),
    (types.TEXT_DOCUMENT_DID_CLOSE, _closed, None),
    (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, _watched, None),
    (types.TEXT_DOCUMENT_HOVER, _hovered, None),
    (types.TEXT_DOCUMENT_DEFINITION, _defined, None),
    (types.TEXT_DOCUMENT_REFERENCES, _referenced, None),
    (types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, _outlined, None),
    (types.TEXT_DOCUMENT_COMPLETION, _completed, types.CompletionOptions(trigger_characters=[".", " ", "("])),
    (types.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL, _coloured, types.SemanticTokensLegend(TOKENS, ["declaration"])),
    (types.TEXT_DOCUMENT_FOLDING_RANGE, _folded, None),
    (types.TEXT_DOCUMENT_PREPARE_RENAME, _prepared, None),
    (types.TEXT_DOCUMENT_RENAME, _renamed, types.RenameOptions(prepare_provider=True)),
    (types.TEXT_DOCUMENT_FORMATTING, _formatted, None),
    (types.TEXT_DOCUMENT_CODE_ACTION, _fixed, types.CodeActionOptions([types.CodeActionKind.QuickFix])),
)
"""What an editor asks, what answers, and with which options that is offered."""


def serve() -> None:
    """Answer on standard input and output until the editor goes."""
    server = Server()
    for asked, answer, options in FEATURES:
        server.feature(asked, options)(answer)
    server.start_io()
