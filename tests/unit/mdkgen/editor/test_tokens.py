"""mdkgen.editor.tokens: what each name is."""

from __future__ import annotations

from pathlib import Path

from mdkgen.editor.folder import SpecFolder
from mdkgen.editor.symbols import Index
from mdkgen.editor.tokens import KINDS, tokens
from mdkgen.source import read_folder

ROOT = Path(__file__).parents[4]


def test_names_are_told_apart() -> None:
    """A message, a state, a call, a hook: each where it stands, in order, declared or not."""
    texts = read_folder(ROOT / "examples/chat/spec")
    (name,) = texts
    made = SpecFolder(texts).analyse()
    found = tokens(made, Index(made.files), name)
    lines = texts[name].splitlines()
    said = [
        (lines[one.span.line - 1][one.span.column - 1 : one.span.end_column - 1], one.kind, one.defines)
        for one in found
    ]
    assert said[:3] == [("Join", "message", True), ("name", "field", True), ("member", "field", True)]
    assert {("Chat", "part", True), ("room", "role", True), ("Door", "state", True), ("own_name", "hook", True)} <= {
        *said
    }
    assert {("Welcome", "message", False), ("Inside", "state", False), ("own_name", "hook", False)} <= {*said}
    assert ("say", "call", True) in said
    assert [one.span for one in found] == sorted((one.span for one in found), key=lambda span: (span.line, span.column))
    assert {kind for _, kind, _ in said} <= KINDS.keys()


def test_every_kind_of_declaration_is_known() -> None:
    """In MDK's own specs, across files."""
    texts = read_folder(ROOT / "spec")
    made = SpecFolder(texts).analyse()
    index = Index(made.files)
    kinds = {one.kind for name in texts for one in tokens(made, index, name)}
    assert {"message", "record", "enum", "newtype", "const", "part", "state", "call", "hook", "event", "lease"} <= kinds
