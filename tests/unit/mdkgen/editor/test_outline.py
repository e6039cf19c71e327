"""mdkgen.editor.outline: what stands in a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import pytest

from mdkgen import syntax
from mdkgen.editor.outline import Entry, outline
from mdkgen.lsp.answers import OUTLINE
from mdkgen.parser import parse
from mdkgen.source import read_folder

ROOT = Path(__file__).parents[4]
SPECS = {name: text for folder in ("spec", "examples/jobs/spec") for name, text in read_folder(ROOT / folder).items()}
TEXT = """mdkspec 1
namespace shop
version 1.0

const MOST: int = 3
type Count = int >= 0
open enum Kind { ONE TWO = "two" }
/// Asked.
@allow(MDK5101, "short")
message Ask as "ask" { what: string many: Count = 1 }
record Kept { kind: Kind }

protocol Shop {
  roles buyer, seller
  roles_doc
}
"""


def shown(entries: Iterable[Entry]) -> list[Any]:
    """Keyword and name, and below them what is inside."""
    return [(one.keyword, one.name, shown(one.inner)) if one.inner else (one.keyword, one.name) for one in entries]


def test_a_file_as_a_tree() -> None:
    """In its order, each by the language's own word, as far as the file can be read."""
    file, _ = parse(TEXT, "shop.mdkspec")
    assert shown(outline(file)) == [
        ("const", "MOST"),
        ("type", "Count"),
        ("enum", "Kind", [("member", "ONE"), ("member", "TWO")]),
        ("message", "Ask", [("field", "what"), ("field", "many")]),
        ("record", "Kept", [("field", "kind")]),
    ]


def test_protocols_have_roles_and_states() -> None:
    """Deliveries, hooks and states stand where they are written; `always` has no name."""
    texts = read_folder(ROOT / "examples/chat/spec")
    (name,) = texts
    tree = shown(outline(parse(texts[name], name)[0]))
    inner = {one[1]: one[2] for one in tree if len(one) == 3}
    assert ("delivery", "posts") in inner["Talk"]
    states = [("hook", "is_free"), ("hook", "members"), ("state", "Door"), ("state", "Inside")]
    assert ("role", "room", states) in inner["Chat"]
    assert tree[-1] == ("scenario", "a post that was not acknowledged comes again")


@pytest.mark.parametrize("name", sorted(SPECS))
def test_what_is_inside_stands_inside(name: str) -> None:
    """As editors want it: a name within its whole, a child within its parent, none over its neighbour."""

    def look(entries: Iterable[Entry], begin: tuple[int, int], end: tuple[int, int]) -> None:
        for one in entries:
            whole, named = one.whole, one.named
            assert begin <= (whole.line, whole.column) <= (named.line, named.column)
            assert (named.end_line, named.end_column) <= (whole.end_line, whole.end_column) <= end
            assert one.keyword in OUTLINE
            look(one.inner, (whole.line, whole.column), (whole.end_line, whole.end_column))

    text = SPECS[name]
    found = outline(parse(text, name)[0])
    assert found
    look(found, (1, 1), (text.count("\n") + 1, 1))


def test_every_kind_of_declaration_has_an_entry() -> None:
    """In MDK's own specs each kind that the syntax has occurs."""
    kinds = {type(one) for name, text in SPECS.items() for one in parse(text, name)[0].declarations}
    assert kinds == {*get_args(syntax.Declaration)}
