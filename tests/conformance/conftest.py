"""What the suite that both kinds of clients run needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conformance.clients import KINDS, Make
from mdk_runtime.config import Config
from service.scripted_server import ScriptedServer, scripted_server


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def make(request: pytest.FixtureRequest) -> Make:
    """Makes clients of one kind."""
    return request.param.make  # type: ignore[no-any-return]  # of KINDS


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A running scripted server."""
    with scripted_server() as server:
        yield server


@pytest.fixture
def config(server: ScriptedServer) -> Config:
    """Leads to that server."""
    return Config(server_url=server.url, token="tok")
