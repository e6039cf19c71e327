"""What stands in a file, as a tree: declarations, their fields and members, roles and their states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mdkgen import syntax
from mdkgen.model import Span


@dataclass(frozen=True, slots=True)
class Entry:
    """One name; `keyword` is the word of the language for what it is."""

    name: str
    keyword: str
    whole: Span
    """All of it, `named` included."""
    named: Span
    """Its name alone."""
    inner: tuple[Entry, ...] = ()


def outline(file: syntax.File) -> list[Entry]:
    """The declarations of a file in their order. Spans are as parsed: the caller moves them to the file as it is."""
    return [_declaration(one) for one in file.declarations]


def _declaration(one: syntax.Declaration) -> Entry:
    match one:
        case syntax.Record():
            fields = tuple(_entry(each.name, "field", each.span) for each in one.fields)
            return _entry(one.name, "record" if one.wire is None else "message", one.span, fields)
        case syntax.Enum():
            members = tuple(_entry(each.name, "member", each.name.span) for each in one.members)
            return _entry(one.name, "enum", one.span, members)
        case syntax.Part():
            keyword = "protocol" if one.of is None else "part"
            return _entry(one.name, keyword, one.span, (*_items(one), *map(_role, one.roles)))
        case syntax.Newtype():
            return _entry(one.name, "type", one.span)
        case syntax.Const() | syntax.Face() | syntax.Scenario():
            return _entry(one.name, type(one).__name__.lower(), one.span)


def _items(part: syntax.Part) -> Iterator[Entry]:
    for item in part.items:
        if item.kind in ("param", "delivery", "request"):
            yield _entry(item.values[0], item.kind, item.span)


def _role(role: syntax.Role) -> Entry:
    hooks = tuple(_entry(one.name, "hook", one.span) for one in role.hooks)
    states = tuple(_entry(one.name, "state", one.span) for one in role.states if one.name is not None)
    return _entry(role.name, "role", role.span, hooks + states)


def _entry(name: syntax.Name, keyword: str, span: Span, inner: tuple[Entry, ...] = ()) -> Entry:
    """A span begins behind the words before it (`start`, `@allow`) or at its name: an editor wants the name inside."""
    begin = min((span.line, span.column), (name.span.line, name.span.column))
    end = max((span.end_line, span.end_column), (name.span.end_line, name.span.end_column))
    return Entry(name.text, keyword, Span(span.file, *begin, *end), name.span, inner)
