"""Text to syntax tree: every syntax error of a file in one run, and never an exception."""

# Lark's types are incomplete.
# pyright: basic

from __future__ import annotations

import logging
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from lark import Lark, Token, Tree
from lark import __version__ as lark_version
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.lexer import PatternStr

from mdkgen import syntax
from mdkgen.builder import Builder
from mdkgen.chunks import KEYWORDS, Chunk, split
from mdkgen.diagnostics import Diagnostic, did_you_mean, error
from mdkgen.model import Span
from mdkgen.stamp import cache_folder

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
    "OPENNESS": "'open enum' or 'closed enum'",
    "SCOPE": "'session', 'connection' or 'shared'",
    "OVERFLOW": "'drop_oldest' or 'drop_newest'",
    "COMPARISON": "a comparison",
    "BOUND": "'>=' or '<='",
    "OPERATOR": "'*' or '/'",
    "DOC": "",
    "$END": "the end",
}
"""Terminals of the grammar that are not one fixed word, as an error calls them."""

EXPECTED_MAX = 8
"""An error names at most so many of the words that would have been right."""


def parse(text: str, file: str) -> tuple[syntax.File | None, list[Diagnostic]]:
    """The syntax tree of a file, or all its syntax errors.

    Args:
        text: What stands in the file.
        file: Its name for positions, relative to the spec folder.
    """
    header, *chunks = split(text) or [Chunk("", 0, 0, unclosed=False)]
    tree, diagnostics, _ = _parse_chunk(header, "header", file)
    allows: list[syntax.Allow] = []
    declarations: list[syntax.Declaration] = []
    for chunk in chunks:
        declaration, found, allowed = _parse_chunk(chunk, "decl", file)
        diagnostics += found
        allows += allowed
        if declaration is not None:
            declarations.append(declaration)
    if isinstance(tree, syntax.Header) and tree.edition != EDITION:
        message = f"edition {tree.edition} of the language is not known to this compiler"
        diagnostics.insert(0, error("MDK1002", message, tree.span, expected=f"mdkspec {EDITION}"))
    if diagnostics or not isinstance(tree, syntax.Header):
        return None, diagnostics
    return syntax.File(file, tree, tuple(declarations), tuple(allows)), []


def keywords() -> list[str]:
    """Every fixed word of the language, from the grammar."""
    patterns = [terminal.pattern for terminal in _grammar().terminals]
    return sorted({one.value for one in patterns if isinstance(one, PatternStr) and one.value.isalpha()})


def _parse_chunk(chunk: Chunk, start: str, file: str) -> tuple[Any, list[Diagnostic], list[syntax.Allow]]:
    builder = Builder(file, chunk.line, chunk.column)
    try:
        tree = _grammar().parse(chunk.text, start=start)
    except UnexpectedInput as problem:
        return None, [_syntax_error(problem, chunk, start, builder)], []
    except RecursionError:
        span = Span(file, chunk.line + 1, chunk.column + 1, chunk.line + 1, chunk.column + 2)
        return None, [error("MDK1001", "nested too deeply", span)], []
    return builder.transform(tree), [], builder.allows


# --- errors ---------------------------------------------------------------------------------------


def _syntax_error(problem: UnexpectedInput, chunk: Chunk, start: str, builder: Builder) -> Diagnostic:
    span, found = _where(problem, chunk, builder)
    expected = _expected(problem, chunk, start)
    word = found if found.isidentifier() else ""
    code = "MDK1002" if start == "header" else "MDK1001"
    if not found:
        message = "the text ends inside a declaration" if start == "decl" else "the file does not begin as it must"
    else:
        message = f"unexpected {found!r}"
    hint = _hint(found, word, expected, chunk)
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
        accepted = _accepted_before(chunk.text[: problem.pos_in_stream or 0], start) or set(problem.allowed or ())
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


def _accepted_before(text: str, start: str) -> set[str]:
    """What could follow a text that is right as far as it goes."""
    try:
        parser = _grammar().parse_interactive(text, start=start)
        parser.exhaust_lexer()
        return set(parser.accepts())  # type: ignore[no-untyped-call]  # lark annotates only its other half
    except UnexpectedInput:
        return set()


def _hint(found: str, word: str, expected: list[str], chunk: Chunk) -> str:
    if found == ";":
        return "mdkspec has no semicolons"
    if chunk.unclosed and not found:
        return "a '}' is missing before the next declaration"
    plain = [one.strip("'") for one in expected]
    near = did_you_mean(word, [one for one in plain if one.isidentifier()] or [*KEYWORDS, "enum"]) if word else ""
    if near or not word:
        return near
    return did_you_mean(word, KEYWORDS)


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
            return _build(text, cache_file=str(place), words=words)
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
