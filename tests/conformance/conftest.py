"""What the suite that both kinds of clients run needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from conformance.clients import KINDS, Make
from mdk_runtime import base_client
from mdk_runtime import client as threads
from mdk_runtime.aio import client as aio
from mdk_runtime.config import Config
from service.scripted_server import ScriptedServer, scripted_server


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def make(request: pytest.FixtureRequest) -> Make:
    """Makes clients of one kind."""
    return request.param.make  # type: ignore[no-any-return]  # of KINDS


@pytest.fixture(autouse=True)
def stop_within(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """How long stop() may take; so long that a slow machine says all of its goodbyes, unless a test says otherwise."""

    def set_to(seconds: float) -> None:
        for module in (base_client, threads, aio):
            monkeypatch.setattr(module, "STOP_WITHIN_S", seconds)

    set_to(60.0)
    return set_to


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A running scripted server."""
    with scripted_server() as server:
        yield server


@pytest.fixture
def config(server: ScriptedServer) -> Config:
    """Leads to that server."""
    return Config(server_url=server.url, token="tok")
