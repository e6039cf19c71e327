"""Remembers what was read and what was verified, so that a run after a small change does little.

Trees are kept by the text of their file, and that a protocol or its scenarios have no findings by what they are without
places: a change of docs or layout verifies and plays nothing anew. Both lie in the user's cache folder; without it everything still works.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Enum, Message, Record, Spec
from mdkgen.stamp import cache_folder, compiler_digest, keep
from mdkgen.syntax import File

if TYPE_CHECKING:
    from mdkgen.verify import Kept

_PLACES = re.compile(r"\bspan=Span\([^()]*\)|\bdoc=(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
_NAMES = re.compile(r"'(\w+)'")

Parsed = tuple[File, list[Diagnostic]]


def parse_files(texts: Mapping[str, str]) -> list[Parsed]:
    """The trees of all files, sorted by name, each with its syntax errors."""
    place = _place("trees", ",".join(sorted(texts)))
    known = {} if place is None else _read(place)
    made: dict[str, Parsed] = {}
    for name in sorted(texts):
        key = sha256(f"{name}\0{texts[name]}".encode("utf-8", "surrogatepass")).hexdigest()
        found = known.get(key)
        if found is None:
            from mdkgen.parser import parse  # a run that has read all before needs no parser

            found = parse(texts[name], name)
        made[key] = found
    if place is not None and made.keys() != known.keys():
        data = io.BytesIO()
        _Pickler(data, pickle.HIGHEST_PROTOCOL).dump(made)
        keep(place, data.getvalue())
    return list(made.values())


class _Pickler(pickle.Pickler):
    """Writes a dataclass as a call with its fields, which is read in half the time of its state."""

    def reducer_override(self, obj: object) -> Any:
        kind = type(obj)
        if not is_dataclass(kind):
            return NotImplemented
        return kind, tuple(getattr(obj, one.name) for one in fields(kind))


def verify(spec: Spec, kept: Kept | None = None) -> list[Diagnostic]:
    """The errors and warnings of verification; `kept` are explorations of this process."""

    def run() -> list[Diagnostic]:
        from mdkgen import verify as verifier

        return verifier.verify(spec, kept) if kept is not None else verifier.verify(spec)

    return _unless_sound("sound", _machines(spec), run)


def play(spec: Spec) -> list[Diagnostic]:
    """What does not go as a scenario says."""

    def run() -> list[Diagnostic]:
        from mdkgen.scenarios import check

        return check.check(spec)

    return _unless_sound("played", _conversations(spec), run)


def _unless_sound(kind: str, what: str, run: Callable[[], list[Diagnostic]]) -> list[Diagnostic]:
    place = _place(kind, what)
    if place is not None and place.is_file():
        return []
    found = run()
    if place is not None and not found:
        keep(place, b"")
    return found


_last: list[tuple[Spec, str]] = []
"""The machines of the last spec as text: it is asked for twice."""


def _machines(spec: Spec) -> str:
    """What verification looks at."""
    if not _last or _last[0][0] is not spec:
        _last[:] = [(spec, _text((spec.consts, spec.newtypes, spec.protocols)))]
    return _last[0][1]


def _conversations(spec: Spec) -> str:
    """What scenarios are played with: the machines, and every type that is named there or in such a type."""
    texts = [_machines(spec), _text(spec.scenarios)]
    types: list[Enum | Record | Message] = [*spec.enums, *spec.records, *spec.messages]
    left = {one.name: one for one in types}
    todo = [*texts]
    while todo:
        for name in _NAMES.findall(todo.pop()):
            if name in left:
                texts.append(_text(left.pop(name)))
                todo.append(texts[-1])
    return "\0".join(texts)


def _text(facts: object) -> str:
    """All of it but its places and docs."""
    return _PLACES.sub("", repr(facts))


def _place(kind: str, what: str) -> Path | None:
    folder = cache_folder()
    if folder is None:
        return None
    digest = sha256(f"{compiler_digest()}\0{what}".encode("utf-8", "surrogatepass")).hexdigest()
    return folder / f"{kind}-{digest[:32]}"


def _read(place: Path) -> dict[str, Parsed]:
    try:
        found = pickle.loads(place.read_bytes())  # noqa: S301  # our own, in the user's own folder
    except Exception:  # whatever is wrong with a cache, the files can be read without it
        return {}
    return cast("dict[str, Parsed]", found) if isinstance(found, dict) else {}
