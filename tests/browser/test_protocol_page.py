"""The protocol's documentation, as a server gives it and as a file: search, themes, and no complaint of the browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from browser.conftest import axe_source

FILE = (Path(__file__).parents[2] / "docs/protocol.html").as_uri()
COLOUR = "getComputedStyle(document.body).backgroundColor"

NewPage = Callable[..., Page]


def test_words_leave_only_what_has_them(new_page: NewPage) -> None:
    """Of messages, scenarios and machines; without words all are there."""
    page = new_page(FILE)
    page.goto(FILE)
    page.keyboard.press("/")
    page.keyboard.type("up to this sequence")
    shown = page.locator("article:visible").evaluate_all("all => all.map((one) => one.id)")
    assert "LogBatchAck" in shown
    assert "Open" not in shown
    page.keyboard.type(" nowhere to be found")
    assert page.locator("#none").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("article:visible").count() == page.locator("article").count() > 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_is_the_systems_until_somebody_chooses(new_page: NewPage, scheme: str) -> None:
    """And the choice is kept."""
    page = new_page(FILE, color_scheme=scheme)
    page.goto(FILE)
    before = page.evaluate(COLOUR)
    page.click("#theme")
    after = page.evaluate(COLOUR)
    assert before != after
    page.reload()
    assert page.evaluate(COLOUR) == after


def test_a_narrow_window_needs_no_scrolling_sideways(new_page: NewPage) -> None:
    """Pictures and tables scroll by themselves."""
    page = new_page(FILE, viewport={"width": 360, "height": 800})
    page.goto(FILE)
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_a_server_gives_it_under_its_own_rules(page: Page) -> None:
    """Style and script are files of its own, and run."""
    page.goto("/protocol.html")
    page.fill("#find", "level rule")
    assert page.locator("#LevelRule").is_visible()
    assert not page.locator("#Open").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.shell')).display") == "grid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_in_the_way_of_anybody(new_page: NewPage, scheme: str) -> None:
    """Axe finds no fault: contrast, names, order of headings."""
    page = new_page(FILE, color_scheme=scheme, bypass_csp=True)
    page.goto(FILE)
    page.evaluate(axe_source())
    violations = page.evaluate(
        "axe.run(document).then((r) => r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 150))}`))"
    )
    assert violations == []
