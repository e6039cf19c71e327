"""Tests of mdk_runtime.sources.synapse."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from mdk_protocol import messages
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.sources.synapse import FILE_BYTES_MAX, SynapseFolder, read_nodes


class Taker:
    """Keeps what a folder says."""

    def __init__(self) -> None:
        self.environment = Environment("mine")
        self.services: dict[str, list[str]] = {}
        self.calls = 0

    def replace_nodes(self, service: str, nodes: Iterable[messages.Node]) -> None:
        """Keep it."""
        self.calls += 1
        self.services[service] = [str(node.address) for node in nodes]


def write(path: Path, content: object, stamp: int) -> None:
    """Write a file whose time of change is the test's."""
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    os.utime(path, ns=(stamp, stamp))


def test_files_come_change_and_go(tmp_path: Path) -> None:
    """A file fills its service, a change replaces it, its end empties it; what has not changed is left alone."""
    taker = Taker()
    folder = SynapseFolder(str(tmp_path), taker)
    folder.look()
    write(tmp_path / "one.json", [{"host": "h", "port": 1}, {"host": "h", "port": 2, "name": "x"}], 1)
    write(tmp_path / "two.json", [], 1)
    write(tmp_path / "three.conf", [{"host": "h", "port": 1}], 1)
    folder.look()
    folder.look()
    assert (taker.services, taker.calls) == ({"one": ["h:1", "h:2"], "two": []}, 2)
    write(tmp_path / "one.json", [{"host": "h", "port": 3}], 2)
    folder.look()
    assert taker.services["one"] == ["h:3"]
    (tmp_path / "one.json").unlink()
    folder.look()
    assert taker.services["one"] == []


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "[{",
        "{}",
        "[5]",
        '[{"host": "h"}]',
        '[{"port": 5}]',
        '[{"host": "h", "port": "x"}]',
        " " * FILE_BYTES_MAX + "[]",
    ],
    ids=range(8),
)
def test_a_bad_file_changes_nothing(tmp_path: Path, bad: str, caplog: pytest.LogCaptureFixture) -> None:
    """A torn or wrong file leaves what was there, and is named in one warning."""
    taker = Taker()
    folder = SynapseFolder(str(tmp_path), taker)
    write(tmp_path / "one.json", [{"host": "h", "port": 1}], 1)
    folder.look()
    write(tmp_path / "one.json", bad, 2)
    folder.look()
    folder.look()
    assert taker.services["one"] == ["h:1"]
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path / 'one.json'} cannot be used, what it said before stays: ")
    write(tmp_path / "one.json", [{"host": "h", "port": 2}], 3)
    folder.look()
    assert taker.services["one"] == ["h:2"]


def test_a_folder_that_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A missing folder is said once, and used when it comes."""
    taker = Taker()
    folder = SynapseFolder(str(tmp_path / "later"), taker)
    folder.look()
    folder.look()
    assert len(caplog.messages) == 1
    (tmp_path / "later").mkdir()
    write(tmp_path / "later" / "one.json", [{"host": "h", "port": 1}], 1)
    folder.look()
    assert taker.services == {"one": ["h:1"]}


def test_nodes() -> None:
    """A node has version 1.0, no properties, and the MDK's own environment."""
    (node,) = read_nodes("s", '[{"host": "h", "port": 80, "extra": 1}]', Environment("c", "p"))
    assert node == messages.Node(
        id="synapse:h:80",
        service="s",
        version="1.0",
        address="h:80",
        environment=messages.Environment(name="c", fallback_name="p"),
    )
