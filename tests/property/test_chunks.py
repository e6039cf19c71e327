"""mdkgen.chunks: a file is cut where a look at each of its words would cut it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mdkgen import chunks
from mdkgen.chunks import PIECE, Chunk, split

SPECS = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parents[2].glob("spec/*.mdkspec"))]
PIECES = [
    *('"', "\n", "{", "}", "//", "///", "@a(", "(", ")", "@", "/", "\\", "x", "1", " ", "é"),
    *("record ", "message X ", "open enum Y", "\nrecord A {", "\nconst", '"a"', "\nopen: string", "\n\n", "\npart P"),
]


class _Plain(chunks._Cuts):
    """Looks at every word and sign, also inside braces."""

    def chunks(self) -> list[Chunk]:
        line_start = True
        for match in PIECE.finditer(self.text):
            if match.lastgroup == "newline":
                line_start = True
                continue
            if match.lastgroup != "comment":
                margin = match.start() == 0 or self.text[match.start() - 1] == "\n"
                self._piece(match, margin=margin, line_start=line_start)
            line_start = False
        return self._cut()


@st.composite
def torn(draw: st.DrawFn) -> str:
    """A piece of a real spec with something odd in it."""
    text = draw(st.sampled_from(SPECS))
    begin = draw(st.integers(0, len(text)))
    text = text[begin : begin + draw(st.integers(0, 800))]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(PIECES)) + text[at + draw(st.integers(0, 3)) :]
    return text


@settings(max_examples=300, deadline=None)
@given(st.one_of(torn(), st.lists(st.sampled_from(PIECES), max_size=30).map("".join)))
@example("record A {\nrecord B { }\n")
@example('record A { a: string = "\nrecord B { }"\n')
@example("\nrecord A {@\nrecord A {")
@example("record A {@\nrecord(x) {\nrecord B {")
def test_what_is_skipped_inside_braces_cuts_nothing(text: str) -> None:
    """The same chunks, with the same places, as without skipping."""
    found = chunks._Cuts(text).chunks()
    assert found == _Plain(text).chunks()
    assert "".join(one.text for one in found) == text
    for one in split(text):
        assert text.split("\n")[one.line][one.column :].startswith(one.text.split("\n")[0])
