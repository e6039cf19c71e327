"""Templates of the emitters, each of whose blocks a project or a plugin may replace.

Folders are searched in order: the project's, then the emitters' own. A template that extends its own name extends the
one of that name below it, so it replaces single blocks and keeps the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from mdkgen.stamp import cache_folder, forget_oldest

SUFFIX = ".j2"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Templates in a folder; `prefix/name` is how they are asked for."""

    prefix: str
    folder: Path

    def path(self, name: str) -> Path | None:
        """The file of a template, if it is here."""
        inside = name.removeprefix(self.prefix)
        path = self.folder / inside
        return path if name.startswith(self.prefix) and ".." not in Path(inside).parts and path.is_file() else None

    def names(self) -> list[str]:
        """All that is here."""
        found = (one.relative_to(self.folder).as_posix() for one in self.folder.rglob(f"*{SUFFIX}"))
        return sorted(self.prefix + name for name in found)


class Templates:
    """Renders templates, strict about what is missing.

    Args:
        shelves: Where they are, the first that has a name before the next.
        filters: What the templates may call.
        variables: What every template sees.
    """

    def __init__(
        self,
        shelves: Sequence[Shelf],
        *,
        filters: Mapping[str, Callable[..., Any]] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> None:
        cache = cache_folder()
        self._variables = dict(variables or {})
        self._jinja = _Environment(
            loader=_Loader(shelves),
            bytecode_cache=None if cache is None else _Bytecode(str(cache), "template-%s"),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        own: dict[str, Any] = self._jinja.filters  # its own type knows only the filters that come with it
        own.update(filters or {})

    def __call__(self, name: str, /, **variables: Any) -> str:
        """The text that a template makes."""
        return self._jinja.get_template(name).render(**{**self._variables, **variables})


class _Bytecode(jinja2.FileSystemBytecodeCache):
    """Compiled templates in the user's cache folder; one that cannot be kept is compiled again."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep one."""
        with suppress(OSError):
            super().dump_bytecode(bucket)
            forget_oldest(Path(self.directory), "template")


class _Environment(jinja2.Environment):
    """Names that templates give one another may begin with the number of the shelf where the search begins."""

    def join_path(self, template: str, parent: str) -> str:
        """What `extends` and `include` name: the template itself, if it names itself, on a shelf further down."""
        loader = self.loader
        assert isinstance(loader, _Loader), "this environment is made with one"
        number, name = loader.found(parent)
        return f"{number + 1}:{name}" if template == name else template


class _Loader(jinja2.BaseLoader):
    def __init__(self, shelves: Sequence[Shelf]) -> None:
        self._shelves = shelves

    def found(self, template: str) -> tuple[int, str]:
        """On which shelf a template is, and its name there."""
        number, _, name = template.rpartition(":")
        for index in range(int(number or 0), len(self._shelves)):
            if self._shelves[index].path(name) is not None:
                return index, name
        raise jinja2.TemplateNotFound(name)

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """What Jinja asks a loader for."""
        number, name = self.found(template)
        path = self._shelves[number].path(name)
        assert path is not None, "just found"
        return path.read_text(encoding="utf-8"), str(path), None


def below(shelves: Sequence[Shelf]) -> dict[str, Path]:
    """Every template by name, and the file that a project's own would extend: the last that has it."""
    found: dict[str, Path] = {}
    for shelf in shelves:
        for name in shelf.names():
            path = shelf.path(name)
            assert path is not None, "its shelf has just named it"
            found[name] = path
    return dict(sorted(found.items()))


def blocks(path: Path) -> list[str]:
    """The blocks of a template, in order."""
    return re.findall(r"{% block (\w+) %}", path.read_text(encoding="utf-8"))
