"""mdkgen.editor: definition, references, rename, hover, completion and fixes, on our own specs and on small ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from mdkgen.compiler import compile_texts, lint_texts
from mdkgen.editor.completion import complete
from mdkgen.editor.edits import Edit, Fix, RenameError, applied, fixes, rename
from mdkgen.editor.folder import Analysis, SpecFolder
from mdkgen.editor.hover import hover
from mdkgen.editor.symbols import Index, Symbol
from mdkgen.lint.config import EVERYTHING
from mdkgen.model import Spec
from mdkgen.rules import texts_of
from mdkgen.source import read_folder

ROOT = Path(__file__).parents[4]
SPECS = {name: read_folder(ROOT / name) for name in ("spec", "examples/chat/spec", "examples/jobs/spec")}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def _read(texts: Mapping[str, str], *, linted: bool = False) -> tuple[Analysis, Index]:
    analysis = SpecFolder(texts).analyse(verifying=True, config=EVERYTHING if linted else None)
    return analysis, Index(analysis.files)


def _changed(texts: Mapping[str, str], edits: list[Edit]) -> dict[str, str]:
    return {name: applied(text, [one for one in edits if one.span.file == name]) for name, text in texts.items()}


@pytest.mark.parametrize("folder", sorted(SPECS))
def test_every_symbol_can_be_renamed(folder: str) -> None:
    """All at once would be a new spec; each by itself leaves no error, and the wire as it was: the same JSON is written."""
    texts = SPECS[folder]
    analysis, index = _read(texts)
    assert analysis.spec is not None
    symbols = dict.fromkeys(one.symbol for one in index.occurrences)
    assert len(symbols) > 20
    for number, symbol in enumerate(symbols):
        if number % 30 and folder == "spec":
            continue  # of the largest, every thirtieth
        name = "Renamed" + symbol.name if symbol.name[0].isupper() else "renamed_" + symbol.name
        try:
            edits = rename(analysis, index, symbol, name)
        except RenameError:
            # The name of a variable that is told is the name of an event's argument, which other transitions share.
            assert symbol.kind == "variable", symbol
            continue
        made = compile_texts(_changed(texts, edits), verifying=False)
        assert made.diagnostics == (), (symbol, made.diagnostics)
        assert made.spec is not None
        assert _wire(made.spec) == _wire(analysis.spec), symbol


def _wire(spec: Spec) -> list[tuple[str, list[str]]]:
    """What stands on the wire, whatever it is called in the spec."""
    structs = [(one.wire, [field.wire for field in one.fields]) for one in spec.messages]
    records = [("", [field.wire for field in one.fields]) for one in spec.records]
    return (
        sorted(structs) + sorted(records) + sorted(("", [member.value for member in one.members]) for one in spec.enums)
    )


CHAT = SPECS["examples/chat/spec"]


def _symbol(index: Index, kind: str, name: str) -> Symbol:
    found = dict.fromkeys(one.symbol for one in index.occurrences if (one.symbol.kind, one.symbol.name) == (kind, name))
    return next(iter(found))


def test_a_rename_that_would_be_wrong_is_refused() -> None:
    """A name that is none, and one that something else has; the text says what would be wrong."""
    analysis, index = _read(CHAT)
    with pytest.raises(RenameError, match="'a b' is not a name: letters, digits and _, not a digit first"):
        rename(analysis, index, _symbol(index, "declaration", "Said"), "a b")
    with pytest.raises(RenameError, match=r"with the name Join: chat.mdkspec:\d+: 'Join' is declared twice"):
        rename(analysis, index, _symbol(index, "declaration", "Said"), "Join")


def test_a_field_keeps_its_key_on_the_wire() -> None:
    """Renaming is of the name in Python: `as` keeps the old key, and every use follows."""
    analysis, index = _read(CHAT)
    text = _changed(CHAT, rename(analysis, index, _symbol(index, "field", "author"), "by"))["chat.mdkspec"]
    assert 'by as "author": string' in text
    assert "Said(by = author, text = text)" in text


def test_every_name_of_a_spec_is_known() -> None:
    """Each reference has a definition: nothing is named that nothing declares."""
    for texts in SPECS.values():
        _, index = _read(texts)
        for one in index.occurrences:
            assert any(each.defines for each in index.of(one.symbol)), one


def test_hover_shows_declaration_doc_example_and_legal_states() -> None:
    """Of a message everything; of a state what it takes and whence it is reached."""
    analysis, index = _read(CHAT)
    text = hover(analysis, index, _symbol(index, "declaration", "Welcome"), analysis.spec)
    assert text.startswith('```mdkspec\nmessage Welcome as "welcome" {')
    assert '"kind": "welcome",\n  "members": [' in text
    assert "The member takes it in Joining of Chat." in text
    assert "The room sends it in Door of Chat." in text
    state = hover(analysis, index, _symbol(index, "state", "Inside"), analysis.spec)
    assert "The member: takes recv Bye; reached from Joining." in state
    assert "`author` on the wire; required" in hover(analysis, index, _symbol(index, "field", "author"), analysis.spec)
    assert "required; sensitive" in hover(analysis, index, _symbol(index, "field", "member"), analysis.spec)


@pytest.mark.parametrize(
    ("typed", "there", "absent"),
    [
        ("role server { start state Up { rec|", {"recv", "enter", "after"}, {"record", "Ping"}),
        ("role server { start state Up { recv |", {"Ping", "Pong"}, {"int", "recv"}),
        ("role server { start state Up { recv Ping(m) -> |", {"send", "goto", "tell", "hangup"}, {"recv"}),
        ("role server { start state Up { recv Ping(m) -> send |", {"Ping", "Pong"}, {"goto"}),
        ("role server { start state Up { recv Ping(m) -> send Pong(|", {"n", "m"}, {"goto"}),
        ("role server { start state Up { recv Ping(m) -> send Pong(n = m.|", {"n"}, {"send", "Ping"}),
        ("role server { start state Up { recv Ping(m) when |", {"m", "is_good", "busy", "not"}, {"goto"}),
        ("role server { start state Up { recv Ping(m) -> do |", {"is_good"}, {"Ping"}),
        ("role server { start state Up { recv Ping(m) -> set |", {"busy"}, {"is_good"}),
        ("role server { start state Up { ignore |", {"Ping"}, {"busy"}),
        ("role server { start state Up { recv Ping -> goto |", {"Up", "Down"}, {"Ping"}),
        ("role server { hook x(a: |", {"string", "int", "list"}, {"recv"}),
        ("role server { start state Up { } } // |", set(), {"recv"}),
        ("role server { @|", {"allow", "sensitive"}, {"state", "Ping"}),
        ("record R { @sens|", {"sensitive"}, {"Ping"}),
    ],
)  # fmt: skip
def test_completion_offers_what_fits(typed: str, there: set[str], absent: set[str]) -> None:
    """Keywords that the grammar takes there, names of the kind that belongs there, though the text is unfinished."""
    whole = texts_of(
        "role server {\n  hook is_good() -> bool\n  connection flag busy = false\n"
        "  start state Up { recv Ping(m) when is_good() and busy -> send Pong(), set busy  ignore Ping }\n  state Down { }\n}"
    )["example.mdkspec"]
    folder = SpecFolder({"example.mdkspec": whole})
    folder.analyse()
    at = whole.index("role server {")
    before = whole[:at] + typed.replace("|", "")
    folder.texts["example.mdkspec"] = before + "\n"
    folder.analyse()
    found = {
        one.label
        for one in complete(folder, "example.mdkspec", before.count("\n") + 1, len(before.split("\n")[-1]) + 1)
    }
    assert there <= found, there - found
    assert not absent & found


@pytest.mark.parametrize(
    ("folder", "typed", "there", "absent"),
    [
        ("chat", "part More of |", {"Chat"}, {"Talk", "Inside"}),
        ("chat", "part More of Chat live in |", {"Inside", "Joining"}, {"Chat"}),
        ("chat", "part More of Chat live in Inside { delivery more { from |", {"member", "room"}, {"Chat"}),
        ("chat", "part More of Chat live in Inside { delivery more { from room message |", {"Post"}, {"room"}),
        ("chat", "protocol Other { parts |", {"Talk"}, {"Chat"}),
        ("jobs", "part Working of Jobs live in Up { role queue { start state Up { lapse |", {"work"}, {"Jobs"}),
        ("chat", "part Talk of Chat live in Inside { role member { start state Up { recv Said(m) -> tell |", {"said"}, {"Said"}),
    ],
)  # fmt: skip
def test_completion_knows_the_other_declarations(folder: str, typed: str, there: set[str], absent: set[str]) -> None:
    """Protocols, states and roles of theirs, parts, leases and events, each where it may stand."""
    ((file, text),) = SPECS[f"examples/{folder}/spec"].items()
    opened = SpecFolder({file: text})
    opened.analyse()
    before = f"{text}\n{typed.replace('|', '')}"
    opened.texts[file] = before + "\n"
    opened.analyse()
    found = {one.label for one in complete(opened, file, before.count("\n") + 1, len(before.split("\n")[-1]) + 1)}
    assert there <= found, there - found
    assert not absent & found


def test_a_declaration_begins_with_its_words() -> None:
    """Between declarations the grammar's own words, and the header's where there is nothing yet."""
    folder = SpecFolder({"a.mdkspec": "mdkspec 1\nnamespace a\nversion 1.0\n\nrecord A { a: int }\n\n"})
    folder.analyse()
    labels = {one.label for one in complete(folder, "a.mdkspec", 6, 1)}
    assert {"record", "message", "protocol", "part", "open", "closed", "const"} <= labels
    folder.texts["a.mdkspec"] = ""
    assert [one.label for one in complete(folder, "a.mdkspec", 1, 1)] == ["mdkspec"]


def _fixed(texts: Mapping[str, str], code: str, title: str) -> dict[str, str]:
    """The texts after one fix of the first finding with a code."""
    analysis, _ = _read(texts, linted=True)
    found = next(one for one in analysis.diagnostics if one.code == code)
    chosen: Fix = next(one for one in fixes(analysis, found) if one.title == title)
    return _changed(texts, list(chosen.edits))


@pytest.mark.parametrize(
    ("example", "code", "title"),
    [
        ("record A { a: strnig }", "MDK2002", "Change to string"),
        ("record A { a: int; b: int }", "MDK1001", "Remove the semicolon"),
        ("role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }\nrole server { start state Up { recv Ping -> send Pong(), goto Down } state Down { } }", "MDK4001", "Ignore Ping here"),
        ("role client { start state Up { every 10s -> send Ping()  recv Pong -> tell answered() } }\nrole server {\n  start state Up { recv Ping -> send Pong(), goto Down }\n  state Down {\n  }\n}", "MDK4001", "Handle Ping here"),
        ('role server {\n  @allow(MDK5107, "no more")\n  start state Up { recv Ping -> send Pong() }\n}', "MDK5001", "Remove the unused @allow"),
        ("role server {\n  start state up { recv Ping -> send Pong() }\n}", "MDK5101", "Allow MDK5101 here"),
        ("role server {\n  start state Up { recv Ping -> send Pong() }\n}", "MDK5203", "Add a doc"),
    ],
)  # fmt: skip
def test_a_fix_takes_its_finding_away(example: str, code: str, title: str) -> None:
    """After it, that finding is gone, and no error has come."""
    texts = texts_of(example)
    before = lint_texts(texts, EVERYTHING).diagnostics
    after = lint_texts(_fixed(texts, code, title), EVERYTHING).diagnostics
    assert sum(one.code == code for one in after) < sum(one.code == code for one in before)
    errors = [one for one in after if one.severity == "error"]
    assert [one for one in errors if one.message not in {each.message for each in before}] == []
