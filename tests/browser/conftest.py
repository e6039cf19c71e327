"""One server, one shop and one browser for all of these tests; a page of its own for each.

Without Debian's chromium the tests are skipped by name, and on CI they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from browser.shop import Shop
from browser.surroundings import FLAGS
from service.servers import ServerProcess, server

VIEWPORT = {"width": 1280, "height": 800}
PER_SECOND = 4
CUSTOMERS_BEFORE = 80
"""Enough for breakers to have opened."""
GRACE_S = 5.0
"""A page has to show within it that a node is out of touch."""

expect.set_options(timeout=45_000)  # How soon a machine shows what it should is no question of these tests.


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests come last, in one process: Playwright keeps a loop in the main thread, where no other can run then."""
    folder = Path(__file__).parent
    items.sort(key=lambda item: folder in item.path.parents)
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium, without a window."""
    path = shutil.which("chromium")
    if path is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the console is not tested: chromium is not on the path")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def mission(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The server, with a shop that is open for business."""
    with server(tmp_path_factory.mktemp("mission"), "--http", "--grace", str(GRACE_S)) as running:
        shop = Shop(running.url)
        try:
            shop.wait_until_whole()
            for _ in range(CUSTOMERS_BEFORE):
                shop.visit()
            with shop.open_for_business(PER_SECOND):
                yield running
        finally:
            shop.stop()


@pytest.fixture
def complaints() -> list[str]:
    """What a test's page wrote to its console, or threw; a test that expects some takes it out."""
    return []


@pytest.fixture
def new_page(browser: Browser, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Makes pages; at the end none of them may have complained."""
    contexts = []

    def make(base: str, **options: object) -> Page:
        context = browser.new_context(base_url=base, **{"viewport": VIEWPORT, **options})  # type: ignore[arg-type]  # any
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(new_page: Callable[..., Page], mission: ServerProcess) -> Page:
    """A page of the console of the shop's server."""
    return new_page(str(mission.ready["http"]))


def axe_source() -> str:
    """The accessibility checker, as it is installed."""
    path = Path(__file__).parents[2] / "console/node_modules/axe-core/axe.min.js"
    if not path.exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("axe-core is missing; run: make console-tools")
    return path.read_text()
