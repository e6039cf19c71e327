"""Remembers what was generated from what, so that nothing is done again when nothing has changed.

The memory is a file in the user's cache folder, named after a hash of the compiler's own files, of the spec and of the
emitters that ran;
it holds a hash of every generated file. Another one for each output folder says what was written there. Without them everything still works, only
slower.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import cast

SOURCES = (".py", ".j2", ".lark", ".js", ".ts")
"""Of these the compiler is made, and a plugin."""
KEPT_MAX = 100
"""Memories kept of each kind; a run makes and reads some 30 of one kind at most, the templates."""


def cache_folder() -> Path | None:
    """Where mdkgen may keep what it can make anew; None if there is no such place."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  # never raises
    folder = Path(base) / "mdkgen"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def is_current(texts: Mapping[str, str], key: str, sources: Iterable[Path], out: Path) -> int | None:
    """How many files the output folder has, if they are all just what these texts make; None if that is not known.

    Args:
        texts: The spec.
        key: What else decides what is made, as text: the emitters and their options.
        sources: Files that decide, too: templates of the project, plugins.
        out: The output folder.
    """
    place = _place(texts, key, sources)
    if place is None:
        return None
    try:
        remembered = json.loads(place.read_text(encoding="utf-8"))
        present = {path.relative_to(out).as_posix(): _hash(path.read_bytes()) for path in _files(out)}
    except (OSError, ValueError):
        return None
    return len(present) if present == remembered else None


def remember(texts: Mapping[str, str], key: str, sources: Iterable[Path], files: Mapping[str, str]) -> None:
    """These texts make these files."""
    place = _place(texts, key, sources)
    if place is None:
        return
    _keep(place, {path: _hash(text.encode()) for path, text in files.items()})


def keep(place: Path, data: bytes) -> None:
    """Put a memory into its file; where that cannot be, the next run does the work again."""
    temporary = place.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        temporary.write_bytes(data)
        temporary.replace(place)
        forget_oldest(place.parent, place.name.partition("-")[0])


def forget_oldest(folder: Path, kind: str) -> None:
    """Of the memories of a kind only the newest stay: each version of the compiler and of a spec makes its own."""
    with suppress(OSError):
        kept = sorted(folder.glob(f"{kind}-*"), key=lambda path: path.stat().st_mtime)
        for old in kept[:-KEPT_MAX]:
            old.unlink(missing_ok=True)


def _keep(place: Path, hashes: Mapping[str, str]) -> None:
    keep(place, json.dumps(hashes).encode())


def is_sound(texts: Mapping[str, str]) -> bool:
    """Whether these very texts were checked before, and nothing was found in them."""
    place = _sound(texts)
    return place is not None and place.is_file()


def remember_sound(texts: Mapping[str, str]) -> None:
    """Nothing is wrong with these texts."""
    place = _sound(texts)
    if place is not None:
        keep(place, b"")


def edited(out: Path, files: Iterable[str]) -> set[str]:
    """Of the files in an output folder those that somebody has changed since they were generated there.

    What any run that is remembered has made is nobody's change: another revision may have been checked out.
    """
    place = _place_of(out)
    known = {} if place is None else _loaded(place)
    changed: dict[str, str] = {}
    for name in files:
        path = out / name
        if name in known and path.is_file() and (now := _hash(path.read_bytes())) != known[name]:
            changed[name] = now
    if changed and place is not None:
        made = {one for memory in place.parent.glob("made-*.json") for one in _loaded(memory).values()}
        changed = {name: now for name, now in changed.items() if now not in made}
    return set(changed)


def remember_written(out: Path, files: Mapping[str, str]) -> None:
    """An output folder holds these now."""
    place = _place_of(out)
    if place is not None:
        _keep(place, {path: _hash(text.encode()) for path, text in files.items()})


@cache
def compiler_digest() -> str:
    """A hash of the compiler's own files."""
    digest = sha256()
    own = Path(__file__).parent
    for path in sorted(own.rglob("*")):
        if path.suffix in SOURCES:
            digest.update(path.relative_to(own).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sound(texts: Mapping[str, str]) -> Path | None:
    made = _place(texts, "check", ())
    return None if made is None else made.with_name(made.name.replace("made-", "checked-"))


def _place(texts: Mapping[str, str], key: str, sources: Iterable[Path]) -> Path | None:
    folder = cache_folder()
    if folder is None:
        return None
    digest = sha256(compiler_digest().encode())
    digest.update(key.encode() + b"\0")
    for path in sources:
        if path.suffix in SOURCES:
            digest.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    for name, text in sorted(texts.items()):
        digest.update(name.encode() + b"\0" + text.encode("utf-8", "surrogatepass") + b"\0")
    return folder / f"made-{digest.hexdigest()[:32]}.json"


def _place_of(out: Path) -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / f"out-{_hash(str(out.resolve()).encode())[:32]}.json"


def _loaded(place: Path) -> dict[str, str]:
    try:
        loaded: object = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, str]", loaded) if isinstance(loaded, dict) else {}


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()
