"""Remembers what was read and what was verified, so that a run after a small change does little.

Trees are kept by the text of their file, and that a protocol has no findings by the protocol without its places: a
change of docs or layout verifies nothing anew. Both lie in the user's cache folder; without it everything still works.
"""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import cast

from mdkgen.diagnostics import Diagnostic
from mdkgen.model import Spec
from mdkgen.stamp import KEPT_MAX, cache_folder, compiler_digest
from mdkgen.syntax import File

_PLACES = re.compile(r"\bspan=Span\([^()]*\)|\bdoc=(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")

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
        _write(place, pickle.dumps(made, pickle.HIGHEST_PROTOCOL))
    return list(made.values())


def verify(spec: Spec) -> list[Diagnostic]:
    """The errors and warnings of verification."""
    place = _place("sound", _PLACES.sub("", repr((spec.consts, spec.newtypes, spec.protocols))))
    if place is not None and place.is_file():
        return []
    from mdkgen import verify as verifier

    found = verifier.verify(spec)
    if place is not None and not found:
        _write(place, b"")
    return found


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


def _write(place: Path, data: bytes) -> None:
    temporary = place.with_suffix(f".{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(place)
        kept = [*place.parent.glob(f"{place.name.split('-')[0]}-*")]
        for old in sorted(kept, key=lambda path: path.stat().st_mtime)[:-KEPT_MAX]:
            old.unlink(missing_ok=True)
    except OSError:
        return  # The next run does the work again.
