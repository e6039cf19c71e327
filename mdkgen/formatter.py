"""The one layout of a spec. Every word and comment is kept; only blanks, line ends and a list's last comma change.

The text is parsed with all its words kept. Declarations, fields, states and transitions get a line each, a block is
indented by two, and the arrows of neighbouring transitions stand below one another. A block that was written on one line
stays there if it fits; what does not fit in `WIDTH` columns is broken behind `->` or at its commas.
"""

# Lark's types are incomplete.
# pyright: basic

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lark import Token, Tree

from mdkgen.chunks import PIECE, split
from mdkgen.parser import whole_tree

WIDTH = 120
INDENT = "  "
ARROW_COLUMN_MAX = 30
"""A trigger longer than this does not push its neighbours' arrows to the right."""
PASSES_MAX = 8
"""A comment that stood between words moves before its line, and what is beside it changes: once more, until it rests."""
BLOCKS = {
    *("record", "message", "enum", "protocol", "part", "delivery", "request", "role", "always", "state", "face"),
    *("transport", "face_from", "face_module", "scenario"),
}
COMMA_LISTS = {"transport", "face_from", "face_module"}

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    kind: str
    """Its terminal, or `NAME` where a keyword is a name."""
    rule: str
    """The rule in which it stands."""
    start: Place
    end: Place


def format_text(text: str) -> str:
    """The text in the one layout.

    Raises:
        lark.exceptions.UnexpectedInput: It does not parse.
    """
    for _ in range(PASSES_MAX):
        made = _Formatter(text).formatted()
        if made == text:
            break
        text = made
    return text


class _Formatter:
    def __init__(self, text: str) -> None:
        self.text = text
        self.comments = list(_comments(text))
        """Those that are not written yet, in order."""
        self.lines: list[str] = []
        self.last_line = 0
        """The line of the source on which the last thing that was written ended."""

    def formatted(self) -> str:
        header, *chunks = split(self.text)
        words = list(_words(whole_tree(header.text, "header"), header.line, header.column, "header"))
        for number in range(0, 6, 2):
            self._line(words[number : number + 2], 0)
        alone = True
        for chunk in chunks:
            tree = whole_tree(chunk.text, "decl")
            at = len(self.lines)
            self._item(tree, "", 0, (chunk.line, chunk.column))
            grown = len(self.lines) - at
            if (alone or grown > 1 + (self.lines[at] == "")) and self.lines[at] != "":
                self.lines.insert(at, "")
            alone = grown > 1 + (self.lines[at] == "")
        self._flush((10**9, 0), 0)
        return "\n".join(self.lines).strip("\n") + "\n"

    # --- lines ------------------------------------------------------------------------------------

    def _emit(self, text: str, depth: int, first_line: int, last_line: int, *, gap: bool = True) -> None:
        """One line; an empty one before it if the author left one there."""
        if (
            gap
            and self.lines
            and first_line - self.last_line > 1
            and not self.lines[-1].endswith("{")
            and self.lines[-1]
        ):
            self.lines.append("")
        self.lines.append((INDENT * depth + text).rstrip())
        self.last_line = last_line

    def _flush(self, until: Place, depth: int) -> None:
        """Write the comments that stand before a place."""
        while self.comments and self.comments[0][0] < until:
            (line, _), text, _ = self.comments.pop(0)
            self._emit(text, depth, line, line)

    def _line(self, words: list[_Word], depth: int, text: str | None = None, *, gap: bool = True) -> None:
        """Words as a line, with comments before and behind; comments between the words go before it."""
        self._flush(words[-1].end, depth)
        self._emit(text or _joined(words), depth, words[0].start[0], words[-1].end[0], gap=gap)
        beside = self.comments and self.comments[0][2] and self.comments[0][0][0] == words[-1].end[0]
        if beside and self._first_behind(words[-1].end):
            self.lines[-1] += "  " + self.comments.pop(0)[1]

    def _first_behind(self, end: Place) -> bool:
        """Whether nothing but blanks stands between a word and the next comment."""
        line, column = self.comments[0][0]
        return not self.text.split("\n")[line][end[1] : column].strip(" \t,")

    # --- items ------------------------------------------------------------------------------------

    def _item(self, tree: Tree[Token], pad: str, depth: int, offset: Place) -> None:
        """A declaration, field, state or transition: its docs, then itself."""
        lead, rest, rule = _parts(tree)
        for one in lead:
            self._line(list(_words(one, *offset, "lead")), depth)
        if rule in BLOCKS:
            self._block(rest, rule, depth, offset)
            return
        words = [word for one in rest for word in _words(one, *offset, rule)]
        whole = _arrow_padded(words, pad)
        commented = bool(self.comments) and words[0].end < self.comments[0][0] < words[-1].start
        if rule == "transition" and (commented or len(INDENT * depth + whole) > WIDTH):
            self._broken(rest, depth, offset)
        else:
            self._line(words, depth, whole)

    def _broken(self, rest: list[Any], depth: int, offset: Place) -> None:
        """A transition with a line for each action."""
        words = [word for one in rest for word in _words(one, *offset, "transition")]
        arrow = next(n for n, word in enumerate(words) if word.text == "->")
        self._line(words[: arrow + 1], depth)
        behind = [one for one in rest if not (isinstance(one, Token) and str(one) != ",")]
        actions: list[list[_Word]] = []
        for one in behind:
            these = list(_words(one, *offset, "transition"))
            if these[0].start < words[arrow].start:
                continue
            if isinstance(one, Token):
                actions[-1] += these
            else:
                actions.append(these)
        for action in actions:
            self._line(action, depth + 1, gap=False)

    def _block(self, rest: list[Any], rule: str, depth: int, offset: Place) -> None:
        opening = next(n for n, one in enumerate(rest) if isinstance(one, Token) and str(one) == "{")
        head = [word for one in rest[: opening + 1] for word in _words(one, *offset, rule)]
        inner = rest[opening + 1 : -1]
        words = [word for one in rest for word in _words(one, *offset, rule)]
        if self._fits(inner, rule, words, depth, offset):
            self._line(words, depth, self._on_one_line(head, inner, rule, offset))
            return
        self._line(head, depth)
        if rule in COMMA_LISTS:
            self._filled(inner, depth + 1, offset)
        else:
            pads = _pads(inner, offset, {line for (line, _), _, _ in self.comments})
            for one, pad in zip(inner, pads, strict=True):
                self._item(one, pad, depth + 1, offset)
        closing = words[-1]
        self._flush(closing.start, depth + 1)
        self._line([closing], depth, gap=False)

    def _fits(self, inner: list[Any], rule: str, words: list[_Word], depth: int, offset: Place) -> bool:
        """Whether a block may stand on one line: it did, nothing in it needs a line of its own, and there is room."""
        opening = _head(words)[-1]
        if any(opening.start < at < words[-1].start for at, _, _ in self.comments):
            return False
        if not inner:
            return True
        if opening.start[0] != words[-1].end[0] and rule not in COMMA_LISTS:
            return False
        if any(_needs_lines(one) for one in inner if isinstance(one, Tree)):
            return False
        return len(INDENT * depth + self._on_one_line(_head(words), inner, rule, offset)) <= WIDTH

    def _on_one_line(self, head: list[_Word], inner: list[Any], rule: str, offset: Place) -> str:
        pieces = [_joined(list(_words(one, *offset, rule))) for one in inner]
        if not pieces:
            return _joined(head) + " }"
        if rule in COMMA_LISTS:
            return f"{_joined(head)} {', '.join(piece for piece in pieces if piece != ',')} }}"
        return f"{_joined(head)} {(' ' if rule == 'enum' else '  ').join(pieces)} }}"

    def _filled(self, inner: list[Any], depth: int, offset: Place) -> None:
        """A list with commas over as many lines as it needs."""
        row: list[_Word] = []
        room = WIDTH - len(INDENT * depth)
        items = [one for one in inner if not (isinstance(one, Token) and str(one) == ",")]
        texts: list[str] = []
        for one in items:
            words = list(_words(one, *offset, "list"))
            if row and len(", ".join([*texts, _joined(words)])) + 1 > room:
                self._line(row, depth, ", ".join(texts) + ",", gap=False)
                row, texts = [], []
            row += words
            texts.append(_joined(words))
        if row:  # An empty list may still hold a comment.
            self._line(row, depth, ", ".join(texts) + ",", gap=False)


# --- trees ----------------------------------------------------------------------------------------


def _parts(tree: Any) -> tuple[list[Any], list[Any], str]:
    """Docs and annotations, the rest, and the rule, seen through `decl`."""
    children = [one for one in tree.children if one is not None]
    lead = [one for one in children if _is_lead(one)]
    rest = [one for one in children if not _is_lead(one)]
    if tree.data == "decl":
        (inner,) = rest
        return lead, [one for one in inner.children if one is not None], str(inner.data)
    return lead, rest, str(tree.data)


def _needs_lines(tree: Any) -> bool:
    """Whether an item cannot stand on its block's line: it has docs, or is a block with something in it."""
    lead, rest, rule = _parts(tree)
    return bool(lead) or (rule in BLOCKS - COMMA_LISTS and isinstance(rest[-2], Tree))


def _is_lead(one: Any) -> bool:
    return one.type == "DOC" if isinstance(one, Token) else one.data == "annotation"


def _words(node: Any, line: int, column: int, rule: str) -> Iterator[_Word]:
    """All words of a tree, with places in the file."""
    if isinstance(node, Tree):
        for child in node.children:
            if child is not None:
                yield from _words(child, line, column, str(node.data))
        return
    first, last = int(node.line), int(node.end_line)
    start = (first - 1 + line, int(node.column) - 1 + (column if first == 1 else 0))
    end = (last - 1 + line, int(node.end_column) - 1 + (column if last == 1 else 0))
    kind = "NAME" if rule == "name" else str(node.type)
    yield _Word(str(node).rstrip(), kind, rule, start, end)


def _head(words: list[_Word]) -> list[_Word]:
    """The words of a block up to its opening brace."""
    return words[: next(n for n, word in enumerate(words) if word.text == "{") + 1]


def _comments(text: str) -> Iterator[tuple[Place, str, bool]]:
    """Place, text, and whether something stands before it on its line, for each comment."""
    for match in PIECE.finditer(text):
        if match.lastgroup == "comment":
            begin = text.rfind("\n", 0, match.start()) + 1
            place = (text.count("\n", 0, begin), match.start() - begin)
            yield place, match.group().rstrip(), bool(text[begin : match.start()].strip())


# --- one line -------------------------------------------------------------------------------------

_TIGHT_BEFORE = {",", ")", "]", "?", ":", "."}
_TIGHT_AFTER = {"(", "[", ".", "@"}


def _joined(words: list[_Word]) -> str:
    text = ""
    for before, word in zip([None, *words], words, strict=False):
        text += word.text if before is None or _is_tight(before, word) else " " + word.text
    return text


def _is_tight(left: _Word, right: _Word) -> bool:
    if right.text in _TIGHT_BEFORE or left.text in _TIGHT_AFTER:
        return True
    if right.text in ("(", "["):
        return left.kind == "NAME" or (left.text in ("]", ")") and right.text == "[")
    if {left.rule, right.rule} & {"list_type", "map_type"} and (left.text in "<" or right.text in "<>"):
        return True
    inside = {"object"} & {left.rule if left.text == "{" else "", right.rule if right.text == "}" else ""}
    return bool(inside)


def _arrow_padded(words: list[_Word], pad: str) -> str:
    arrow = _arrow(words)
    if not pad or arrow is None:
        return _joined(words)
    return f"{_joined(words[:arrow])}{pad} {_joined(words[arrow:])}"


def _arrow(words: list[_Word]) -> int | None:
    return next((n for n, word in enumerate(words) if word.text == "->" and word.rule == "transition"), None)


def _pads(inner: list[Any], offset: Place, commented: set[int]) -> list[str]:
    """What to put before the arrow of each transition, so that those of neighbours stand below one another."""
    pads = [""] * len(inner)
    run: list[tuple[int, int]] = []
    last: int | None = None
    for number, one in enumerate(inner):
        lead, rest, rule = _parts(one)
        words = [word for part in rest for word in _words(part, *offset, rule)]
        begins = next(word for part in [*lead, *rest] for word in _words(part, *offset, rule)).start[0]
        if rule != "transition" or lead or last is None or begins - last != 1:
            _close_run(run, pads)
            run = []
        last = words[-1].end[0]
        if rule == "transition":
            length = len(_joined(words[: _arrow(words)]))
            if length <= ARROW_COLUMN_MAX:
                run.append((number, length))
    _close_run(run, pads)
    return pads


def _close_run(run: list[tuple[int, int]], pads: list[str]) -> None:
    widest = max((length for _, length in run), default=0)
    for number, length in run:
        pads[number] = " " * (widest - length)
