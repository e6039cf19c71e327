"""What a spec is made into: emitters by name, and which of them a project wants.

That is a fact of the project and not of the protocol, so it stands in the `pyproject.toml` of the project, and not in
the spec: `[tool.mdkgen]`, `emit = ["python", "js"]`. The command line may choose fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mdkgen.project import Project, project_of
from mdkgen.source import ConfigurationError

if TYPE_CHECKING:  # A run with nothing to do needs neither model nor plugins.
    from mdkgen.model import Spec
    from mdkgen.plugins import Emitter, Plugin
    from mdkgen.templating import Shelf

EMITTERS = {
    "python": "mdkgen.render",
    "js": "mdkgen.js.render",
    "vectors": "mdkgen.vectors.render",
}
"""Name to the module whose `render` makes its files."""
TEMPLATES = {"python": Path(__file__).parent / "templates", "js": Path(__file__).parent / "js/templates"}
"""Those of them that have templates, and where."""


@dataclass(frozen=True)
class Wanted:
    """The emitters to run, and what of the project they need."""

    names: tuple[str, ...]
    project: Project

    @cached_property
    def plugins(self) -> dict[str, Plugin[Emitter]]:
        """Those of the emitters that are not ours."""
        return {name: _plugin(name, str(self.project.file)) for name in self.names if name not in EMITTERS}

    def shelves(self) -> list[Shelf]:
        """The folders of templates, in the order in which they are searched."""
        from mdkgen.templating import Shelf

        shelves = [] if self.project.templates is None else [Shelf("", self.project.templates)]
        for name, plugin in self.plugins.items():
            if plugin.loaded.templates is not None:
                shelves.append(Shelf(f"{name}/", plugin.loaded.templates))
        return shelves + [Shelf(f"{name}/", folder) for name, folder in TEMPLATES.items()]

    def sources(self) -> Iterator[Path]:
        """The files that decide what is made, beside the spec and the compiler."""
        if self.project.templates is not None:
            yield from sorted(self.project.templates.rglob("*.j2"))
        for plugin in self.plugins.values():
            yield from plugin.sources()

    @property
    def key(self) -> str:
        """What else decides what is made, as text."""
        options = {name: self.project.options.get(name) for name in self.plugins}
        return ",".join(self.names) + (repr(options) if options else "")


def wanted(folder: Path, option: str | None = None) -> Wanted:
    """The emitters to run: those of the option, else of the nearest pyproject.toml at or above the spec that names any.

    Raises:
        ConfigurationError: There is no such emitter, or the file cannot be read.
    """
    project = project_of(folder)
    names, where = project.emit, str(project.file)
    if option is not None:
        names, where = tuple(name.strip() for name in option.split(",")), "--emit"
    chosen = Wanted(tuple(dict.fromkeys(names)), project)
    for name in chosen.names:
        if name not in EMITTERS:
            _check_plugin(name, where, project)
    return chosen


def _check_plugin(name: str, where: str, project: Project) -> None:
    """A name that is none of ours must be in the project's file: nothing that is merely installed is run."""
    _plugin(name, where)
    if name not in project.emit:
        raise ConfigurationError(
            f'{where}: {name!r} is a plugin; name it in pyproject.toml: [tool.mdkgen] emit = ["{name}"]'
        )


def _plugin(name: str, where: str) -> Plugin[Emitter]:
    from mdkgen import plugins

    found = plugins.find(plugins.EMITTERS, name, plugins.Emitter)
    if found is None:
        raise ConfigurationError(
            f"{where}: there is no emitter {name!r}; there are: {', '.join(EMITTERS)};"
            f" no installed package announces it under {plugins.EMITTERS}"
        )
    return found


def emit(spec: Spec, chosen: Wanted | Sequence[str]) -> dict[str, str]:
    """Every generated file: path relative to the output folder, and text.

    Raises:
        ConfigurationError: A plugin failed, or two emitters make one file.
    """
    if not isinstance(chosen, Wanted):
        chosen = Wanted(tuple(chosen), Project())
    files: dict[str, str] = {}
    for name in chosen.names:
        made = _ours(spec, name, chosen) if name in EMITTERS else _theirs(spec, name, chosen)
        twice = files.keys() & made.keys()
        if twice:
            raise ConfigurationError(f"emitter {name!r} makes {min(twice)}, which another one makes too")
        files.update(made)
    return files


def _ours(spec: Spec, name: str, chosen: Wanted) -> dict[str, str]:
    render = import_module(EMITTERS[name]).render
    if name not in TEMPLATES or chosen.project.templates is None:
        return cast("Callable[[Spec], dict[str, str]]", render)(spec)
    from jinja2 import TemplateError

    try:
        return cast("Callable[[Spec, Any], dict[str, str]]", render)(spec, chosen.shelves())
    except TemplateError as error:
        raise ConfigurationError(
            f"a template in {chosen.project.templates}: {type(error).__name__}: {error}"
        ) from error


def _theirs(spec: Spec, name: str, chosen: Wanted) -> dict[str, str]:
    from mdkgen.plugins import Job, files_of
    from mdkgen.templating import Templates

    plugin = chosen.plugins[name]
    job = Job(spec, chosen.project.options.get(name, {}), Templates(chosen.shelves()))
    return files_of(plugin, job)
