"""A file cut into its declarations, so that each can be parsed by itself.

Cutting needs no grammar: strings, comments and braces are enough, and a file full of errors can still be cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

KEYWORDS = ("const", "type", "record", "message", "open", "closed", "protocol", "part", "face", "scenario")
"""The words with which a declaration begins."""

_MARGIN = rf"\n(?!(?:{'|'.join(KEYWORDS)})\b)"
"""The end of a line behind which no declaration seems to begin."""

_AT = rf"@(?:[^\S\n]|{_MARGIN})*"
"""What stands before the name of an annotation, which may be on another line."""

PIECE = re.compile(
    rf'(?P<string>"(?:\\.|[^"\\\n])*")|(?P<doc>///[^\n]*|{_AT}[A-Za-z_]\w*(?:\s*\((?:"(?:\\.|[^"\\\n])*"|//[^\n]*+|[^()"/])*+\))?)|(?P<comment>//[^\n]*)|(?P<brace>[{{}}])|(?P<word>[A-Za-z_]\w*)|(?P<newline>\n)|(?P<other>[^\s])'
)

_INNER = re.compile(
    rf'(?:[^"/@{{}}\n]++|"(?:\\.|[^"\\\n])*+"|//[^\n]*+|{_AT}[A-Za-z_]\w*\s*\((?:"(?:\\.|[^"\\\n])*"|//[^\n]*+|[^()"/])*+\)'
    rf"|{_MARGIN}|[\"/@])*+"
)
"""What inside braces decides nothing: all but braces, and a keyword at the left margin."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file; line and column of its begin count from 0."""

    text: str
    line: int
    column: int
    unclosed: bool
    """True if it ended because the next declaration began at the left margin inside its braces."""


_COMMENT = re.compile(r"//(?!/)[^\n]*")

_HEADER = re.compile(r"(\s|//[^\n]*\n)*mdkspec\s+\S+\s+namespace\s+\S+\s+version\s+\S+")


def split(text: str) -> list[Chunk]:
    """The header, then one chunk a declaration, in order. Blank pieces are left out."""
    chunks = _Cuts(text).chunks()
    header = _HEADER.match(text)
    if header is not None and _COMMENT.sub("", chunks[0].text[header.end() :]).strip():
        chunks[:1] = _halves(chunks[0], header.end())
    return [chunk for chunk in chunks if _says_something(chunk.text)]


def _says_something(text: str) -> bool:
    """Whether there is anything but comments."""
    return any(match.lastgroup not in ("comment", "newline") for match in PIECE.finditer(text))


def _halves(chunk: Chunk, at: int) -> list[Chunk]:
    """The first chunk of a file, cut in two: what begins behind the header is no declaration, but not header either."""
    rest = chunk.text[at:]
    at += len(rest) - len(rest.lstrip())
    line = chunk.text.count("\n", 0, at)
    column = at - (chunk.text.rfind("\n", 0, at) + 1)
    return [Chunk(chunk.text[:at], 0, 0, unclosed=False), Chunk(chunk.text[at:], line, column, chunk.unclosed)]


class _Cuts:
    def __init__(self, text: str) -> None:
        self.text = text
        self.starts: list[tuple[int, bool]] = [(0, False)]
        self.depth = 0
        self.doc_start: int | None = None
        """Where the run of docs before the next declaration begins."""
        self.fresh = False
        """Nothing but docs and comments since the last closing brace at depth 0."""

    def chunks(self) -> list[Chunk]:
        line_start = True
        match = PIECE.search(self.text)
        while match is not None:
            kind, at = match.lastgroup, match.end()
            if kind == "newline":
                line_start = True
            else:
                if kind != "comment":
                    margin = match.start() == 0 or self.text[match.start() - 1] == "\n"
                    self._piece(match, margin=margin, line_start=line_start)
                line_start = False
            if self.depth > 0 and kind != "newline":
                inner = _INNER.match(self.text, at)
                at = inner.end() if inner is not None else at
            match = PIECE.search(self.text, at)
        return self._cut()

    def _piece(self, match: re.Match[str], *, margin: bool, line_start: bool) -> None:
        kind, text, at = match.lastgroup, match.group(), match.start()
        if kind == "doc":
            if self.depth == 0 and self.doc_start is None:
                self.doc_start = at
            return
        begins = kind == "word" and text in KEYWORDS and self._is_declaration(match)
        if begins and margin and self.depth > 0:
            self._start(at, unclosed=True)
        elif self.depth == 0 and (self.fresh or (begins and line_start)):
            self._start(self.doc_start if self.doc_start is not None else at, unclosed=False)
        self.doc_start = None
        self.fresh = False
        if text == "{" and kind == "brace":
            self.depth += 1
        elif text == "}" and kind == "brace":
            self.depth = max(0, self.depth - 1)
            self.fresh = self.depth == 0

    def _is_declaration(self, match: re.Match[str]) -> bool:
        """Whether a name follows on the same line: `record X`, but not a field `record: string`."""
        return re.match(r"[ \t]+[A-Za-z_\"]", self.text[match.end() : match.end() + 40]) is not None

    def _start(self, at: int, *, unclosed: bool) -> None:
        self.depth = 0
        if at > self.starts[-1][0]:
            self.starts.append((at, unclosed))

    def _cut(self) -> list[Chunk]:
        ends = [start for start, _ in self.starts[1:]] + [len(self.text)]
        after = [unclosed for _, unclosed in self.starts[1:]] + [False]
        result: list[Chunk] = []
        line, position, begin = 0, 0, 0
        for (start, _), end, unclosed in zip(self.starts, ends, after, strict=True):
            line += self.text.count("\n", position, start)
            begin = max(begin, self.text.rfind("\n", position, start) + 1)  # of the line
            position = start
            column = start - begin
            result.append(Chunk(self.text[start:end], line, column, unclosed))
        return result
