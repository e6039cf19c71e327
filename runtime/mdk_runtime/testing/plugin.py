"""Fixtures for pytest, there as soon as mdk is installed: `fake_mdk`, `fake_aio_mdk` and `mdk_server`."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mdk_runtime.testing.fake import FakeAioMDK, FakeMDK
    from mdk_runtime.testing.server import TestServer

VARIABLES = ("MDK_DISCOVERY_SOURCE", "MDK_ENVIRONMENT", "DATAWIRE_TOKEN", "MDK_CA_FILE", "MDK_FAILURE_POLICY")
"""Unset for a test, so that no machine's own settings decide how it ends."""


@pytest.fixture
def fake_mdk() -> FakeMDK:
    """An MDK without network: a table to fill, a clock to move, a record of what was said."""
    from mdk_runtime.testing.fake import FakeMDK  # Nothing is imported for those who do not use it.

    return FakeMDK()


@pytest.fixture
def fake_aio_mdk() -> FakeAioMDK:
    """As `fake_mdk`, for code on `mdk.aio`."""
    from mdk_runtime.testing.fake import FakeAioMDK

    return FakeAioMDK()


@pytest.fixture
def mdk_server(monkeypatch: pytest.MonkeyPatch) -> Generator[TestServer]:
    """A real server with empty storage; `mdk.start()` connects to it, here and in processes that the test starts."""
    from mdk_runtime.testing.server import running_server

    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with running_server() as server:
        monkeypatch.setenv("MDK_SERVER_URL", server.url)
        yield server
