"""What may stand at the cursor: keywords as the grammar says, names of the kind that belongs there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from mdkgen import syntax
from mdkgen.chunks import split
from mdkgen.editor.folder import SpecFolder
from mdkgen.model import SCALARS
from mdkgen.parser import accepted_before, terminals

_WORD = re.compile(r"[A-Za-z_]\w*$")
_PART = re.compile(r"\b(?:protocol|part)\s+(\w+)")
_ROLE = re.compile(r"\brole\s+(\w+)\s*\{")
_BOUND = re.compile(r"\b(?:recv\s+(\w+)\s*\(\s*(\w+)\s*\))")
_PATH = re.compile(r"\b(\w+)((?:\.\w+)*)\.$")
_CONSTRUCT = re.compile(r"\b([A-Z]\w*)\s*\(([^()]*)$")
_PLACES = {
    "goto": "state", "recv": "message", "send": "struct", "tell": "event", "do": "hook", "set": "flag", "clear": "flag",
    "lease": "lease", "release": "lease", "lapse": "lease", "of": "protocol", "from": "role", "ignore": "message",
    "message": "message", "reply": "message", "ack": "message", "batch": "message", "parts": "part", "in": "in",
}  # fmt: skip
"""After these words stands a name of this kind."""


_ANNOTATIONS = {
    "allow": '`@allow(CODE, "reason")`: an exception to a rule of lint.',
    "sensitive": "Before a field: a secret, which is not shown in logs.",
}


class Completion(NamedTuple):
    """A word that may stand there."""

    label: str
    kind: str
    doc: str = ""


@dataclass(frozen=True)
class _Cursor:
    before: str
    """The declaration up to the word that is being written."""
    word: str

    @property
    def part(self) -> str:
        """In which protocol or part it is."""
        found = _PART.match(self.before.lstrip()) or _PART.search(self.before)
        return found[1] if found is not None else ""

    @property
    def role(self) -> str:
        """In which role's side of it."""
        found = [one[1] for one in _ROLE.finditer(self.before)]
        return found[-1] if found else ""


def complete(folder: SpecFolder, file: str, line: int, column: int) -> list[Completion]:
    """Everything that fits, keywords behind names; the editor filters by what is typed already."""
    cursor, start = _cursor(folder.texts[file], line, column)
    if cursor is None:
        return []
    if cursor.before.endswith("@"):
        return [Completion(one, "keyword", doc) for one, doc in _ANNOTATIONS.items()]
    accepted = accepted_before(cursor.before, start)
    declarations = list(folder.good.values())
    names = list(_names(cursor, declarations, accepted))
    words = sorted(one for one in terminals(accepted) if one.isidentifier())
    if "NAME" in accepted and accepted >= _name_words():
        words = [
            one for one in words if one not in terminals(_name_words())
        ]  # names there, as which they are rarely meant
    seen: dict[str, Completion] = {}
    for one in (*names, *(Completion(word, "keyword") for word in words)):
        seen.setdefault(one.label, one)
    return list(seen.values())


@cache
def _name_words() -> frozenset[str]:
    """The terminals that may stand where a name is wanted: most keywords."""
    return frozenset(accepted_before("const A: int = a.", "decl"))


def _cursor(text: str, line: int, column: int) -> tuple[_Cursor | None, str]:
    """What stands before the cursor in its own declaration; nothing inside a comment or string."""
    lines = text.split("\n")[:line]
    lines[-1] = lines[-1][: column - 1]
    if "//" in re.sub(r'"(?:\\.|[^"\\])*"', "", lines[-1]) or re.sub(r"\\.", "", lines[-1]).count('"') % 2:
        return None, ""
    before = "\n".join(lines)
    word = _WORD.search(before)
    before = before[: word.start()] if word is not None else before
    chunks = split(before)
    start = "header" if len(chunks) <= 1 and "version" not in before else "decl"
    last = chunks[-1].text if chunks else ""
    closed = last.rstrip().endswith("}") and last.count("{") == last.count("}")
    if closed or (start == "decl" and len(chunks) == 1):
        last = ""
    return _Cursor(last, word[0] if word is not None else ""), start


def _is_path(cursor: _Cursor) -> bool:
    return _PATH.search(cursor.before) is not None


def _names(
    cursor: _Cursor, declarations: Sequence[syntax.Declaration], accepted: Iterable[str]
) -> Iterator[Completion]:
    """The names that belong there."""
    if "NAME" not in accepted and not _is_path(cursor):
        return
    path = _PATH.search(cursor.before)
    if path is not None:
        yield from _fields(_type_of(cursor, declarations, path[1], path[2]), declarations)
        return
    previous = re.findall(r"[A-Za-z_]\w*|->|[^\s\w]", re.sub(r"//[^\n]*", "", cursor.before))[-30:]
    last = previous[-1] if previous else ""
    if last == "," and "ignore" in previous:
        last = "ignore"
    kind = _PLACES.get(last)
    if kind == "in":
        kind = "state" if "live" in previous or "batch" in previous else "hook"
    if (kind is None and last in (":", "<", "|", "each")) or (last == "->" and "hook" in previous[-12:]):
        kind = "type"
    if kind is not None:
        yield from _of_kind(kind, cursor, declarations)
        if last == "ignore":
            yield from _of_kind("call", cursor, declarations)
        return
    struct = _CONSTRUCT.search(cursor.before)
    if struct is not None and last in ("(", ","):
        yield from _fields(struct[1], declarations)
    if "->" in previous or last in ("when", "and", "not", "=", "(", ",", "after", "every", "for"):
        yield from _values(cursor, declarations)


def _of_kind(kind: str, cursor: _Cursor, declarations: Sequence[syntax.Declaration]) -> Iterator[Completion]:
    parts = [one for one in declarations if isinstance(one, syntax.Part)]
    here = [one for one in parts if one.name.text == cursor.part]
    roles = [role for part in here for role in part.roles if role.name.text == cursor.role]
    protocol = {part.of.text if part.of is not None else part.name.text for part in here}
    match kind:
        case "message" | "struct":
            for one in declarations:
                if isinstance(one, syntax.Record) and (one.wire is not None or kind == "struct"):
                    yield Completion(one.name.text, "message" if one.wire is not None else "record", one.doc)
        case "type":
            yield from (Completion(one, "type") for one in sorted(SCALARS))
            for one in declarations:
                if isinstance(one, syntax.Record | syntax.Enum | syntax.Newtype):
                    yield Completion(one.name.text, type(one).__name__.lower(), one.doc)
        case "protocol" | "part":
            for one in parts:
                if (one.of is None) == (kind == "protocol"):
                    yield Completion(one.name.text, kind, one.doc)
        case "role":
            for part in parts:
                if not protocol or part.name.text in protocol:
                    yield from (Completion(role.name.text, "role", role.doc) for role in part.roles)
        case "state":
            live = not cursor.role
            owners = [one for one in parts if one.name.text in protocol or not protocol] if live else []
            states = [state for part in owners for role in part.roles for state in role.states]
            states += [state for role in roles for state in role.states]
            yield from (Completion(one.name.text, "state", one.doc) for one in states if one.name is not None)
        case _:
            for role in roles:
                yield from _of_role(kind, role)


def _of_role(kind: str, role: syntax.Role) -> Iterator[Completion]:
    """What one side of a part declares, calls or is told."""
    transitions = [one for state in role.states for one in state.transitions]
    match kind:
        case "hook":
            yield from (Completion(one.name.text, "hook", one.doc) for one in role.hooks)
        case "flag":
            yield from (Completion(one.name.text, "flag") for one in role.flags)
        case "lease":
            yield from (Completion(one.name.text, "lease") for one in role.leases)
        case "call":
            for one in transitions:
                if one.trigger.kind == "call" and one.trigger.name is not None:
                    yield Completion(one.trigger.name.text, "call", one.doc)
        case "event":
            told = (action for one in transitions for action in one.actions if action.kind == "tell")
            yield from (Completion(one.names[0].text, "event") for one in told)
        case _:
            return


def _values(cursor: _Cursor, declarations: Sequence[syntax.Declaration]) -> Iterator[Completion]:
    """What an expression may name."""
    line = cursor.before.rsplit("\n", 1)[-1]
    for bound in _BOUND.finditer(line):
        yield Completion(bound[2], "variable", bound[1])
    for kind in ("hook", "flag"):
        yield from _of_kind(kind, cursor, declarations)
    for one in declarations:
        if isinstance(one, syntax.Part) and one.name.text == cursor.part:
            for item in one.items:
                if item.kind == "param":
                    yield Completion(item.values[0].text, "param", item.doc)
        if isinstance(one, syntax.Const):
            yield Completion(one.name.text, "const", one.doc)


def _type_of(cursor: _Cursor, declarations: Sequence[syntax.Declaration], first: str, rest: str) -> str:
    """The record or message that `m.node` is."""
    bound = [one for one in _BOUND.finditer(cursor.before) if one[2] == first]
    name = bound[-1][1] if bound else first
    for step in (one for one in rest.split(".") if one):
        found = next((f for f in _fields_of(name, declarations) if f.name.text == step), None)
        type_ = None if found is None else found.type
        while isinstance(type_, syntax.TypeOf):
            type_ = type_.inner
        name = type_.name.text if type_ is not None else ""
    return name


def _fields_of(name: str, declarations: Sequence[syntax.Declaration]) -> tuple[syntax.Field, ...]:
    found = (one for one in declarations if isinstance(one, syntax.Record) and one.name.text == name)
    return next((one.fields for one in found), ())


def _fields(name: str, declarations: Sequence[syntax.Declaration]) -> Iterator[Completion]:
    for one in _fields_of(name, declarations):
        yield Completion(one.name.text, "field", one.doc)
