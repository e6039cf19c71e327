"""`mdkgen lsp` as an editor knows it: the real process, spoken to over its standard input and output."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 60.0


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A copy of the jobs' and one more file, so that a rename crosses files."""
    folder = tmp_path / "spec"
    shutil.copytree(ROOT / "spec", folder)
    return folder


@pytest_lsp.fixture(  # type: ignore[untyped-decorator]  # pytest-lsp does not say its type
    config=ClientServerConfig(server_command=[sys.executable, "-m", "mdkgen", "lsp"])
)
async def client(lsp_client: LanguageClient, tmp_path: Path) -> AsyncIterator[None]:
    """A client that has said hello, and says goodbye."""
    parameters = types.InitializeParams(
        capabilities=client_capabilities("visual-studio-code"), root_uri=tmp_path.as_uri()
    )
    await lsp_client.initialize_session(parameters)
    yield
    await lsp_client.shutdown_session()


def _open(client: LanguageClient, path: Path) -> str:
    item = types.TextDocumentItem(path.as_uri(), "mdkspec", 1, path.read_text(encoding="utf-8"))
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    return path.as_uri()


def _type(client: LanguageClient, uri: str, version: int, text: str) -> None:
    change = types.TextDocumentContentChangeWholeDocument(text)
    document = types.VersionedTextDocumentIdentifier(version, uri)
    client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change]))


async def _codes(client: LanguageClient, uri: str, wanted: set[str]) -> list[types.Diagnostic]:
    """The findings of a file, when they are those; the test's own time limit ends a wait in vain."""
    while {str(one.code) for one in client.diagnostics.get(uri, [])} != wanted or uri not in client.diagnostics:
        await client.wait_for_notification(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    return [*client.diagnostics[uri]]


def _position(text: str, before: str) -> types.Position:
    """Just behind the first place where a text stands."""
    head = text[: text.index(before) + len(before)]
    return types.Position(head.count("\n"), len(head.rsplit("\n", 1)[-1]))


@pytest.mark.asyncio
async def test_findings_come_while_typing_and_verification_follows(client: LanguageClient, spec: Path) -> None:
    """A mistake at once, with its code and place; a missing `ignore` when nothing is typed, with the way there; then none."""
    path = spec / "session.mdkspec"
    text = path.read_text(encoding="utf-8")
    uri = _open(client, path)
    _type(client, uri, 2, text.replace("message Close", "message Close_", 1))
    await _codes(client, uri, {"MDK2002"})
    line = next(one for one in text.splitlines() if one.strip().startswith("recv Close"))
    _type(client, uri, 3, text.replace(line + "\n", "", 1))
    (found, *_) = await _codes(client, uri, {"MDK4001"})
    assert found.source == "mdkgen"
    assert found.related_information
    _type(client, uri, 4, text)
    assert await _codes(client, uri, set()) == []


@pytest.mark.asyncio
async def test_names_are_answered_across_files(client: LanguageClient, spec: Path) -> None:
    """Hover, definition, references and rename from one file into the others; a name that is taken is refused."""
    path = spec / "discovery.mdkspec"
    text = path.read_text(encoding="utf-8")
    uri = _open(client, path)
    document = types.TextDocumentIdentifier(uri)
    at = _position(text, "Node")
    hovered = await client.text_document_hover_async(types.HoverParams(document, at))
    assert hovered is not None
    assert isinstance(hovered.contents, types.MarkupContent)
    assert "record Node {" in hovered.contents.value
    defined = await client.text_document_definition_async(types.DefinitionParams(document, at))
    assert isinstance(defined, list)
    assert [one.uri.rsplit("/", 1)[-1] for one in defined if isinstance(one, types.Location)] == ["records.mdkspec"]
    context = types.ReferenceContext(include_declaration=True)
    found = await client.text_document_references_async(
        types.ReferenceParams(context=context, text_document=document, position=at)
    )
    assert found is not None
    assert len({one.uri for one in found}) > 1
    edit = await client.text_document_rename_async(
        types.RenameParams(text_document=document, position=at, new_name="Knoten")
    )
    assert edit is not None
    assert edit.changes is not None
    assert sum(map(len, edit.changes.values())) == len(found)
    with pytest.raises(Exception, match="with the name Log: "):
        await client.text_document_rename_async(types.RenameParams(text_document=document, position=at, new_name="Log"))


@pytest.mark.asyncio
async def test_completion_format_fixes_and_outline(client: LanguageClient, spec: Path) -> None:
    """Words that fit; the layout of the formatter; a fix for a misspelt word; what stands in the file."""
    path = spec / "tail.mdkspec"
    text = path.read_text(encoding="utf-8")
    uri = _open(client, path)
    document = types.TextDocumentIdentifier(uri)
    typed = text.replace("message ", "\n\nrecord  Ä { a: strnig }\nmessage ", 1).replace("Ä", "Zz")
    _type(client, uri, 2, typed)
    (found,) = await _codes(client, uri, {"MDK2002"})
    context = types.CodeActionContext([found])
    actions = await client.text_document_code_action_async(types.CodeActionParams(document, found.range, context))
    assert actions is not None
    assert [one.title for one in actions] == ["Change to string"]
    options = types.FormattingOptions(tab_size=2, insert_spaces=True)
    edits = await client.text_document_formatting_async(types.DocumentFormattingParams(document, options))
    assert edits is not None
    assert "\nrecord Zz { a: strnig }\n" in edits[0].new_text
    items = await client.text_document_completion_async(types.CompletionParams(document, _position(typed, "a: ")))
    assert isinstance(items, list)
    assert {"string", "list", "Node"} <= {one.label for one in items}
    outline = await client.text_document_document_symbol_async(types.DocumentSymbolParams(document))
    assert outline is not None
    (record,) = (one for one in outline if one.name == "Zz")
    assert isinstance(record, types.DocumentSymbol)
    assert [one.name for one in record.children or ()] == ["a"]


@pytest.mark.asyncio
async def test_places_are_counted_as_the_client_counts(client: LanguageClient, tmp_path: Path) -> None:
    """In UTF-16 units, where a character outside the basic plane is two."""
    path = tmp_path / "a.mdkspec"
    path.write_text(
        'mdkspec 1\nnamespace a\nversion 1.0\n\nrecord A { a: string = "🐎🐎"  b: strnig }\n', encoding="utf-8"
    )
    uri = _open(client, path)
    (found,) = await _codes(client, uri, {"MDK2002"})
    line = path.read_text(encoding="utf-8").split("\n")[4]
    assert found.range.start == types.Position(4, line.index("strnig") + 2)


@pytest.mark.asyncio
async def test_a_file_that_another_program_wrote_is_read(client: LanguageClient, spec: Path) -> None:
    """What the disk says counts for files that are not open."""
    uri = _open(client, spec / "discovery.mdkspec")
    other = spec / "records.mdkspec"
    other.write_text(other.read_text(encoding="utf-8").replace("record Node", "record Knot"), encoding="utf-8")
    event = types.FileEvent(other.as_uri(), types.FileChangeType.Changed)
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    await _codes(client, uri, {"MDK2002", "MDK2003"})


@pytest.mark.asyncio
async def test_names_are_coloured_by_what_they_are(client: LanguageClient, tmp_path: Path) -> None:
    """Places and lengths as the client counts, each from the one before."""
    folder = tmp_path / "one"
    folder.mkdir()
    file = folder / "a.mdkspec"
    file.write_text(
        'mdkspec 1\nnamespace a\nversion 1.0\nrecord Node { id: string }\nmessage Hi as "\U0001f40e" { node: Node }\n'
    )
    uri = _open(client, file)
    document = types.TextDocumentIdentifier(uri)
    found = await client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(document))
    assert found is not None
    numbers = [*found.data]
    places = [tuple(numbers[at : at + 5]) for at in range(0, len(numbers), 5)]
    assert [place[:3] for place in places] == [(3, 7, 4), (0, 7, 2), (1, 8, 2), (0, 13, 4), (0, 6, 4)]
    assert [place[4] for place in places] == [1, 1, 1, 1, 0]
    assert places[0][3] == places[4][3] != places[2][3]


HEAD = "mdkspec 1\nnamespace a\nversion 1.0\n"


@pytest.mark.asyncio
async def test_a_file_that_cannot_be_read_has_a_finding(client: LanguageClient, tmp_path: Path) -> None:
    """It says why; an editor that shows the file can read it, and then the finding goes."""
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "a.mdkspec").write_text(HEAD)
    broken = folder / "b.mdkspec"
    broken.write_bytes(HEAD.encode() + b"// \xff\n")
    _open(client, folder / "a.mdkspec")
    (found,) = await _codes(client, broken.as_uri(), {"None"})
    assert (found.message, found.source) == ("b.mdkspec is not UTF-8: byte 37, invalid start byte", "mdkgen")
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(broken.as_uri(), "mdkspec", 1, HEAD))
    )
    assert await _codes(client, broken.as_uri(), set()) == []


@pytest.mark.asyncio
async def test_line_ends_are_those_of_the_editor(client: LanguageClient, tmp_path: Path) -> None:
    """A text with CR LF keeps them when it is laid out; what Unicode takes for the end of a line is none."""
    file = tmp_path / "a.mdkspec"
    file.write_text(HEAD)
    text = HEAD + '/// a\u2028b\x0cc\nrecord A {  a: string = "x"  b: strnig }\n'
    uri = file.as_uri()
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "mdkspec", 1, text.replace("\n", "\r\n")))
    )
    (found,) = await _codes(client, uri, {"MDK2002"})
    assert found.range.start == types.Position(4, text.split("\n")[4].index("strnig"))
    options = types.FormattingOptions(2, insert_spaces=True)
    edits = await client.text_document_formatting_async(
        types.DocumentFormattingParams(types.TextDocumentIdentifier(uri), options)
    )
    assert edits is not None
    assert edits[0].new_text.count("\r\n") == edits[0].new_text.count("\n") > 4
    assert '\r\nrecord A { a: string = "x"  b: strnig }\r\n' in edits[0].new_text


@pytest.mark.asyncio
async def test_what_was_typed_and_never_saved_is_gone_when_it_is_closed(client: LanguageClient, tmp_path: Path) -> None:
    """Also of a file that is on no disk."""
    (tmp_path / "a.mdkspec").write_text(HEAD + "record A { b: B }\n")
    uri = _open(client, tmp_path / "a.mdkspec")
    await _codes(client, uri, {"MDK2002"})
    new = (tmp_path / "b.mdkspec").as_uri()
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(new, "mdkspec", 1, HEAD + "record B { }\n"))
    )
    await _codes(client, uri, {"MDK5004"})
    client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(new)))
    await _codes(client, uri, {"MDK2002"})


@pytest.mark.asyncio
async def test_another_configuration_counts_at_once(client: LanguageClient, tmp_path: Path) -> None:
    """Lint rules that pyproject.toml turns off are off when it is written."""
    (tmp_path / "pyproject.toml").write_text('[tool.mdkgen.lint]\ncategories = ["docs"]\n')
    (tmp_path / "a.mdkspec").write_text(HEAD + "record A { }\n")
    uri = _open(client, tmp_path / "a.mdkspec")
    found = await _codes(client, uri, {"MDK5201"})
    assert found
    (tmp_path / "pyproject.toml").write_text('[tool.mdkgen.lint]\ncategories = ["docs"]\ndisable = ["MDK5201"]\n')
    event = types.FileEvent((tmp_path / "pyproject.toml").as_uri(), types.FileChangeType.Changed)
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    assert await _codes(client, uri, set()) == []


@pytest.mark.asyncio
async def test_blocks_and_comments_fold(client: LanguageClient, tmp_path: Path) -> None:
    """Also in a text that is broken; braces in strings and comments are none."""
    file = tmp_path / "a.mdkspec"
    file.write_text(
        HEAD
        + '/// One {\n/// two\nrecord A {\n  // {\n  a: string = "}"\n}\n\nrecord B { b: int }\nrecord {\n  x\n\n}\n'
    )
    found = await client.text_document_folding_range_async(
        types.FoldingRangeParams(types.TextDocumentIdentifier(_open(client, file)))
    )
    assert found is not None
    folds = [(one.start_line, one.end_line, one.kind) for one in found]
    assert folds == [(3, 4, types.FoldingRangeKind.Comment), (5, 7, None), (11, 13, None)]


def test_a_goodbye_is_no_failure(tmp_path: Path) -> None:
    """A question about a text that is in no folder is answered; `shutdown` and `exit` end it with 0, and silently."""
    hello: dict[str, object] = {"processId": None, "rootUri": tmp_path.as_uri(), "capabilities": {}}
    place = {"textDocument": {"uri": "untitled:Untitled-1"}, "position": {"line": 0, "character": 0}}
    said: list[dict[str, object]] = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "initialized", "params": {}},
        {"id": 2, "method": "textDocument/hover", "params": place},
        {"id": 3, "method": "shutdown"},
        {"method": "exit"},
    ]
    frames = [json.dumps({"jsonrpc": "2.0", **one}).encode() for one in said]
    done = subprocess.run(
        [sys.executable, "-m", "mdkgen", "lsp"],
        input=b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(one), one) for one in frames),
        cwd=tmp_path, capture_output=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert b'"id":2,"jsonrpc":"2.0","result":null' in done.stdout.replace(b" ", b"")
    assert (done.returncode, done.stderr) == (0, b"")
