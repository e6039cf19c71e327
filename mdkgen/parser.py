"""Text to syntax tree: every syntax error of a file in one run, and never an exception."""

# Lark's types are incomplete.
# pyright: basic

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from lark import Lark, Token, Tree
from lark import __version__ as lark_version
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.lexer import Pattern, PatternStr

from mdkgen import syntax
from mdkgen.builder import Builder
from mdkgen.chunks import KEYWORDS, Chunk, split
from mdkgen.diagnostics import Diagnostic, did_you_mean, error
from mdkgen.habits import habit
from mdkgen.model import Span
from mdkgen.stamp import cache_folder, forget_oldest

EDITION = 1
"""The edition of the language that this compiler reads."""

WORDS = {
    "NAME": "a name",
    "STRING": "a string",
    "INT": "a whole number",
    "NUMBER": "a number",
    "DURATION": "a duration such as 10s",
    "SIZE": "a size such as 16MiB",
    "BOOL": "true or false",
    "NULL": "null",
    "OPTIONAL": "'?'",
    "FIXED": "'fixed'",
    "EACH": "'each'",
    "START": "'start'",
    "HOT": "'hot'",
    "POLICY": "'unknown', 'illegal' or 'malformed'",
    "RESERVED": "'reserved'",
    "OPENNESS": "'open enum' or 'closed enum'",
    "SCOPE": "'session', 'connection' or 'shared'",
    "OVERFLOW": "'drop_oldest' or 'drop_newest'",
    "DOES": "'calls', 'delivers', 'acknowledges', 'asks' or 'answers'",
    "COMPARISON": "'==', '!=', '<' or '>'",
    "BOUND": "'>=' or '<='",
    "OPERATOR": "'*' or '/'",
    "DOC": "",
    "$END": "the end",
}
"""Terminals of the grammar that are not one fixed word, as an error calls them."""

NUMBERS = ("INT", "NUMBER", "DURATION", "SIZE")

WORD = re.compile(r"[A-Za-z_]\w*")

BLANK = re.compile(r"\s+|//[^\n]*")

FOUND_MAX = 40
"""Characters of an unexpected word that an error repeats."""

EXPECTED_MAX = 8
"""An error names at most so many of the words that would have been right."""


ERRORS_MAX = 20
"""Syntax errors reported of one declaration: past them the rest is guesswork."""

FILE_ERRORS_MAX = 100
"""Syntax errors reported of a file: who has more has another kind of file there."""

HEADER = ("mdkspec", "namespace", "version")

DEPTH_MAX = 100
"""Levels of a declaration's tree: what is written by hand has about fifteen, and everything behind the parser may recurse."""

DIGITS_MAX = 18
"""Digits before the point: such a whole number has 64 bits."""


Reader = Callable[[Chunk, str, str], tuple[Any, list[Diagnostic], list[syntax.Allow]]]
"""`parse_chunk`, or who remembers what it answered."""


def parse(text: str, file: str, *, read: Reader | None = None) -> tuple[syntax.File, list[Diagnostic]]:
    """The syntax tree of a file, as far as it can be read, and all its syntax errors.

    Args:
        text: What stands in the file.
        file: Its name for positions, relative to the spec folder.
        read: Reads the header or a declaration; an editor remembers most of them.
    """
    read = read or parse_chunk
    header, *chunks = split(text) or [Chunk("", 0, 0, unclosed=False)]
    tree, diagnostics, _ = read(header, "header", file)
    allows: list[syntax.Allow] = []
    declarations: list[syntax.Declaration] = []
    missing: set[str] = set()
    for chunk in chunks:
        if len(diagnostics) >= FILE_ERRORS_MAX:
            span = Span(file, chunk.line + 1, chunk.column + 1, chunk.line + 1, chunk.column + 2)
            message = f"{len(diagnostics)} syntax errors; from here on nothing is read"
            diagnostics.append(error("MDK1001", message, span, expected="a file in this language"))
            missing.update(WORD.findall(text))
            break
        declaration, found, allowed = read(chunk, "decl", file)
        diagnostics += found
        allows += allowed
        if declaration is not None:
            declarations.append(declaration)
        else:
            missing.update(WORD.findall(chunk.text))
    if tree is None:
        nowhere = syntax.Name("", Span(file, 1, 1, 1, 1))
        tree = syntax.Header(EDITION, nowhere, nowhere, nowhere.span)
    elif tree.edition != EDITION:
        message = f"edition {tree.edition} of the language is not known to this compiler"
        diagnostics.insert(0, error("MDK1002", message, tree.span, expected=f"mdkspec {EDITION}"))
    broken = frozenset(missing)
    return syntax.File(file, tree, tuple(declarations), tuple(allows), broken, bool(diagnostics)), diagnostics


def terminals(names: Iterable[str]) -> set[str]:
    """The words that terminals of the grammar stand for; of a name or number, none."""
    found: set[str] = set()
    for terminal in _grammar().terminals:
        if terminal.name in names:
            found.update(_words(terminal.pattern))
    return found


def _words(pattern: Pattern) -> list[str]:
    """The words of a pattern such as `(open|closed)`, before what must follow them."""
    if isinstance(pattern, PatternStr):
        return [pattern.value]
    head = re.match(r"\(?([a-z_]+(?:\|[a-z_]+)*)\)?(?:\\b|$)", pattern.value)
    return head[1].split("|") if head is not None else []


def keywords() -> list[str]:
    """Every word of the language that is none of a spec's own, from the grammar."""
    return sorted(one for one in terminals(terminal.name for terminal in _grammar().terminals) if one.isidentifier())


def parse_chunk(chunk: Chunk, start: str, file: str) -> tuple[Any, list[Diagnostic], list[syntax.Allow]]:
    """A header or declaration, or the syntax errors in it, and its annotations."""
    builder = Builder(file, chunk.line, chunk.column)
    problems = _Problems(chunk)
    try:
        tree = _grammar().parse(chunk.text, start=start, on_error=problems.add)
    except UnexpectedInput:
        tree = None
    if tree is None or problems.found:
        return None, [_syntax_error(problem, chunk, start, builder) for problem in problems.found], []
    found = list(_beyond_limits(tree, builder))
    return (None, found, []) if found else (builder.transform(tree), [], builder.allows)


class _Problems:
    """The syntax errors of one chunk. What cannot be read is skipped, word by word, until something fits again."""

    def __init__(self, chunk: Chunk) -> None:
        self._text = chunk.text
        self._skipped_to = 0
        self._line = 0
        self.found: list[UnexpectedInput] = []

    def add(self, problem: UnexpectedInput) -> bool:
        """Note a problem, unless it only follows from the one before; whether to go on."""
        if isinstance(problem, UnexpectedToken) and problem.token.type == "$END":
            if not self.found:
                self.found.append(problem)
            return False  # What is missing at the end was there before something was skipped.
        at = problem.pos_in_stream or 0
        follows = not BLANK.sub("", self._text[self._skipped_to : at]) or problem.line == self._line
        if not self.found or not follows or self._is_misspelt(problem):
            self.found.append(problem)
            _ = problem.accepts if isinstance(problem, UnexpectedToken) else ()  # lark asks its parser, which moves on
        token = getattr(problem, "token", None)
        self._skipped_to = at + (len(token) if isinstance(token, Token) else 1)
        self._line = problem.line
        return len(self.found) < ERRORS_MAX

    def _is_misspelt(self, problem: UnexpectedInput) -> bool:
        """Whether a line begins with nearly a keyword: that does not follow from what was wrong before."""
        token = getattr(problem, "token", None)
        begins = problem.line != self._line and isinstance(token, Token) and token.type == "NAME"
        return begins and bool(did_you_mean(str(token), ("enter", "recv", "call", "after", "every", "lapse", "ignore")))


def _beyond_limits(tree: Tree[Token], builder: Builder) -> Iterator[Diagnostic]:
    """What the grammar lets pass and nothing can be made of: too deep, too long a number, a string that is none."""
    level: list[Tree[Token] | Token | None] = [tree]
    for _ in range(DEPTH_MAX):
        for one in level:
            if isinstance(one, Token):
                yield from _bad_token(one, builder)
        level = [child for one in level if isinstance(one, Tree) for child in one.children]
        if not level:
            return
    first = next(one for one in level if one is not None)
    yield error("MDK1001", "nested too deeply", builder.span(first if isinstance(first, Token) else first.meta),
                expected=f"at most {DEPTH_MAX} levels, of which operators in a row count one each")  # fmt: skip


def _bad_token(token: Token, builder: Builder) -> Iterator[Diagnostic]:
    if token.type in NUMBERS and re.match(rf"-?\d{{{DIGITS_MAX + 1}}}", token):
        shown = f"{token[:DIGITS_MAX]}..."
        yield error("MDK2003", f"{shown} is too large", builder.span(token), expected=f"at most {DIGITS_MAX} digits")
    if token.type == "STRING":
        try:
            json.loads(token, strict=False).encode()
        except ValueError:  # an escape that JSON does not have, or half a surrogate pair
            expected = r"the escapes of JSON: \" \\ \/ \b \f \n \r \t \u0000"
            yield error("MDK1001", "the string has an escape that is none", builder.span(token), expected=expected)


# --- errors ---------------------------------------------------------------------------------------


def _syntax_error(problem: UnexpectedInput, chunk: Chunk, start: str, builder: Builder) -> Diagnostic:
    span, found = _where(problem, chunk, builder)
    expected = _expected(problem, chunk, start)
    word = found if found.isidentifier() else ""
    code = "MDK1002" if start == "header" else "MDK1001"
    if not found:
        message = "the text ends inside a declaration" if start == "decl" else "the file does not begin as it must"
    else:
        message = f"unexpected {found if len(found) <= FOUND_MAX else found[:FOUND_MAX] + '...'!r}"
    at = problem.pos_in_stream or 0
    hint = "" if start == "header" and word in HEADER else _hint(found, word, expected, chunk, at)
    shown = [one for one in expected if one][:EXPECTED_MAX]
    more = ", ..." if len(expected) > EXPECTED_MAX else ""
    if start == "header":
        return error(code, message, span, expected=f"mdkspec {EDITION}, namespace NAME, version 1.0", hint=hint)
    return error(
        code,
        message,
        span,
        expected=" or ".join([", ".join(shown[:-1]), *shown[-1:]]).removeprefix(" or ") + more,
        hint=hint,
    )


def _where(problem: UnexpectedInput, chunk: Chunk, builder: Builder) -> tuple[Span, str]:
    """The span of what was not expected, and its text; empty at the end."""
    token = getattr(problem, "token", None)
    if isinstance(token, Token) and token.type != "$END":
        return builder.span(token), str(token)
    if isinstance(problem, UnexpectedCharacters):
        character = chunk.text[problem.pos_in_stream or 0 :][:1]
        at = Token("CHARACTER", character, line=problem.line, column=problem.column)
        return builder.span(at), character
    kept = chunk.text.rstrip()
    last = kept.count("\n")
    column = len(kept) - (kept.rfind("\n") + 1)
    return builder.span(Token("END", "", line=last + 1, column=column + 1)), ""


def _expected(problem: UnexpectedInput, chunk: Chunk, start: str) -> list[str]:
    """The words that would have been right, keywords quoted; a place for a name does not list every keyword."""
    accepted: set[str] = set()
    if isinstance(problem, UnexpectedToken):
        accepted = set(problem.accepts or problem.expected or ())
    elif isinstance(problem, UnexpectedCharacters):
        accepted = accepted_before(chunk.text[: problem.pos_in_stream or 0], start) or set(problem.allowed or ())
    patterns = {terminal.name: terminal.pattern for terminal in _grammar().terminals}
    fixed = [patterns[name].value for name in sorted(accepted) if isinstance(patterns.get(name), PatternStr)]
    words = [word for word in fixed if not (word.isalpha() and "NAME" in accepted)]
    others = [WORDS.get(name, name) for name in sorted(accepted) if not isinstance(patterns.get(name), PatternStr)]
    if "NAME" in accepted:
        others = [
            one
            for one in others
            if one not in {WORDS[key] for key in ("POLICY", "OPENNESS", "SCOPE", "START", "HOT", "EACH")}
        ]
    return [f"'{word}'" for word in words if word not in WORDS.values()] + [one for one in others if one]


def accepted_before(text: str, start: str) -> set[str]:
    """What could follow a text that is right as far as it goes."""
    try:
        parser = _grammar().parse_interactive(text, start=start)
        parser.exhaust_lexer()
        return set(parser.accepts())  # type: ignore[no-untyped-call]  # lark annotates only its other half
    except UnexpectedInput:
        return set()


def _hint(found: str, word: str, expected: list[str], chunk: Chunk, at: int) -> str:
    if chunk.unclosed and not found:
        return "a '}' is missing before the next declaration"
    known = habit(chunk.text, at, names="a name" in expected) if found else ""
    if known or not word:
        return known
    plain = [one.strip("'") for one in expected]
    near = did_you_mean(word, [one for one in plain if one.isidentifier()])
    return near or ("" if word in _language() else did_you_mean(word, [*KEYWORDS, "enum"]))


@cache
def _language() -> frozenset[str]:
    """All words of the language: none of them is a misspelt other one."""
    patterns = (one.pattern for one in _grammar().terminals)
    return frozenset(
        str(one.value) for one in patterns if isinstance(one, PatternStr) and str(one.value).isidentifier()
    )


def whole_tree(text: str, start: str) -> Tree[Token]:
    """The tree of a header or declaration with every word in it, for the formatter; UnexpectedInput if it does not parse."""
    return _grammar(words=True).parse(text, start=start)


# --- the grammar ----------------------------------------------------------------------------------


@cache
def _grammar(*, words: bool = False) -> Lark:
    """The grammar's tables, from the user's cache folder where that works: building them takes 0.2 s.

    With `words`, trees keep their keywords and braces.
    """
    text = (Path(__file__).parent / "grammar.lark").read_text(encoding="utf-8")
    place = _cache_file(text, words=words)
    if place is not None:
        logging.getLogger("lark").setLevel(logging.CRITICAL)  # a broken cache is made anew, which nobody needs to know
        try:
            is_new = not place.exists()
            made = _build(text, cache_file=str(place), words=words)
            if is_new:
                forget_oldest(place.parent, "grammar")
            return made
        except Exception:  # noqa: S110  # whatever is wrong with a cache, the grammar can be built without it
            pass
    return _build(text, cache_file=None, words=words)


def _build(text: str, *, cache_file: str | None, words: bool) -> Lark:
    return Lark(
        text,
        parser="lalr",
        propagate_positions=True,
        maybe_placeholders=True,
        start=["header", "decl"],
        cache=cache_file or False,
        keep_all_tokens=words,
    )


def _cache_file(text: str, *, words: bool) -> Path | None:
    """Where the tables are kept; None if there is no place for them."""
    folder = cache_folder()
    key = sha256(f"{lark_version} {words} {text}".encode()).hexdigest()[:16]
    return None if folder is None else folder / f"grammar-{key}.pickle"
