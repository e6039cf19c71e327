"""Other versions of a spec: edited, generated into a temporary folder, imported beside the real package."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from mdkgen.compiler import Compilation, compile_texts, read_folder
from mdkgen.output import write
from mdkgen.render import render
from mutants import scenarios_of

ROOT = Path(__file__).parents[2]
_numbers = count(1)


@dataclass
class Edit:
    """One replacement in one file; the old text must stand there exactly once, however it is aligned."""

    file: str
    old: str
    new: str


@dataclass
class Recorder:
    """A handler that answers what the spec asks and remembers what it is told."""

    nodes: list[Any] = field(default_factory=list)
    told: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    package: Any = None
    properties: dict[str, Any] = field(default_factory=dict)

    def own_open(self) -> Any:
        """The plainest `open`."""
        return self.package.Open(properties=self.properties)

    def is_ours(self, m: Any) -> bool:
        """What the client says, or does not."""
        return bool(m.properties)

    def remember(self, node: Any) -> None:
        """Keep a node."""
        self.nodes.append(node)

    def own_nodes(self) -> list[Any]:
        """What was remembered."""
        return self.nodes

    def known_nodes(self) -> list[Any]:
        """Nothing: the tests look at what clients send."""
        return []

    def wanted(self) -> list[Any]:
        """Nothing of the table."""
        return []

    def breakers_not_closed(self) -> list[Any]:
        """All are closed."""
        return []

    def own_statistics(self) -> Any:
        """Nothing happened."""
        return self.package.Statistics()

    def is_whole(self, node: Any) -> bool:
        """Every node will do."""
        return True

    def lease_key(self, node: Any) -> str:
        """The service is enough here."""
        return str(node.service)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args: self.told.append((name, args))

    def names(self) -> list[str]:
        """What was told, in order."""
        return [name for name, _ in self.told]


def _plain(text: str) -> str:
    """Without what only aligns columns."""
    return re.sub(" +", " ", text)


def compiled(*edits: Edit, namespace: str = "mdk_protocol") -> Compilation:
    """The spec of MDK with edits, without its scenarios: they say what the spec does as it stands."""
    texts = {
        name: _plain(text.removesuffix(scenarios_of(text))).replace("namespace mdk_protocol", f"namespace {namespace}")
        for name, text in read_folder(ROOT / "spec").items()
    }
    for edit in edits:
        old = _plain(edit.old)
        assert texts[edit.file].count(old) == 1, edit
        texts[edit.file] = texts[edit.file].replace(old, edit.new)
    return compile_texts(texts)


def variant(folder: Path, *edits: Edit) -> Any:
    """The package that an edited spec of MDK makes, imported."""
    namespace = f"mdk_variant_{next(_numbers)}"
    compilation = compiled(*edits, namespace=namespace)
    assert compilation.spec is not None, compilation.diagnostics
    files = render(compilation.spec)
    write({path: text for path, text in files.items() if path.startswith(f"{namespace}/")}, folder)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(namespace)
    finally:
        sys.path.remove(str(folder))


@dataclass
class Pair:
    """A client and a server, perhaps of different packages, with a perfect link between them."""

    client: Any
    server: Any
    client_told: Recorder
    server_told: Recorder
    sent: list[tuple[str, bytes]] = field(default_factory=list)

    def flow(self, now: float) -> None:
        """Carry frames until nobody has any."""
        moved = True
        while moved:
            moved = False
            for name, source, target in (("client", self.client, self.server), ("server", self.server, self.client)):
                for frame in source.take_output():
                    self.sent.append((name, frame))
                    target.receive(frame, now=now)
                    moved = True


def connected(client_package: Any, server_package: Any, **properties: Any) -> Pair:
    """A pair that has said hello; the client with these properties."""
    client_told = Recorder(package=client_package, properties=properties)
    server_told = Recorder(package=server_package)
    shared = server_package.SessionServerShared(server_told)
    client = client_package.SessionClient(client_told)
    server = server_package.SessionServer(server_told, shared=shared)
    pair = Pair(client, server, client_told, server_told)
    client.start(now=0.0)
    server.connected(now=0.0)
    client.connected(now=0.0)
    pair.flow(0.0)
    return pair
