"""Running servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service import servers
from service.access import SECRET
from service.scripted_server import ScriptedServer, scripted_server
from service.servers import ServerProcess


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with an HTTP port, without keys."""
    with servers.server(tmp_path, "--http") as started:
        yield started


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with an HTTP port, with a key."""
    (tmp_path / "one.key").write_bytes(SECRET)
    with servers.server(tmp_path, "--http", "--key", str(tmp_path / "one.key"), "--log-level", "debug") as started:
        yield started


@pytest.fixture
def server_process(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server without keys, and without an HTTP port."""
    with servers.server(tmp_path) as started:
        yield started


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A running scripted server."""
    with scripted_server() as started:
        yield started
