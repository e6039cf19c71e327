"""What is around every page: it is accessible, safe, fast to load, and stays connected."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import axe_source
from service.servers import ServerProcess

STATIC = Path(__file__).parents[2] / "runtime/mdk_runtime/console/static"
GZIP_BYTES_MAX = 100 * 1024
PAGES = ("/", "/services", "/traces", "/logs", "/map", "/map?view=table", "/system", "/protocol/Session")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def ready(page: Page, path: str) -> Page:
    """The page, once it shows what it is about."""
    page.goto(path)
    expect(page.get_by_role("status").first).to_have_text("live")
    page.wait_for_function(
        "() => document.querySelectorAll('main .card, main [role=treegrid] [role=row], main .vlist-row, main .map-edge, main tbody tr').length > 1"
    )
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_no_barriers(new_page: Callable[..., Page], mission: ServerProcess, path: str, scheme: str) -> None:
    """Axe finds nothing serious: names, roles, contrast, order of headings, keyboard."""
    page = ready(new_page(str(mission.ready["http"]), color_scheme=scheme, reduced_motion="reduce"), path)
    page.evaluate(axe_source())
    found = page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
    serious = [
        (one["id"], [(node["target"], node["failureSummary"]) for node in one["nodes"][:3]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("path", PAGES)
def test_narrow_screens(new_page: Callable[..., Page], mission: ServerProcess, path: str) -> None:
    """Nothing is wider than a small phone, except what scrolls by itself."""
    page = ready(new_page(str(mission.ready["http"]), viewport={"width": 375, "height": 740}), path)
    assert page.evaluate("document.querySelector('main').scrollWidth") <= 375
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_nothing_comes_from_elsewhere(page: Page) -> None:
    """Every request goes to the server itself, and its policy forbids inline scripts and styles."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    answer = page.goto("/")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    expect(page.get_by_role("status").first).to_have_text("live")
    base = page.url
    assert asked
    assert all(url.startswith((base, "data:")) for url in asked), asked


def test_size() -> None:
    """All programs and styles of all pages are at most 100 KiB with gzip; the protocol as data is apart."""
    files = [path for path in STATIC.iterdir() if path.name not in ("LICENSES.txt", "protocol.json")]
    assert {"index", "app"} <= {path.stem.split("-")[0] for path in files}
    assert sum(len(gzip.compress(path.read_bytes(), 9, mtime=0)) for path in files) <= GZIP_BYTES_MAX


def test_files_are_sent_compressed_and_once(page: Page) -> None:
    """Programs and styles are kept by the browser: the next page asks for none of them."""
    with page.expect_response(re.compile("/app-[0-9A-Z]{8}[.]js$")) as loaded:
        page.goto("/")
    assert loaded.value.headers["content-encoding"] == "gzip"
    ready(page, "/")
    ready(page, "/traces")
    sent = page.evaluate("performance.getEntriesByType('resource').map(one => [one.name, one.transferSize])")
    again = [name for name, size in sent if re.search("[.](js|css)$", name) and size > 0]
    assert len(sent) > 2
    assert again == []


def test_keys(page: Page) -> None:
    """`?` says which keys there are; `g s` goes; `/` searches; Escape leaves."""
    ready(page, "/")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Only what is not well" if "/services" in page.url else "Search")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page).to_have_url(re.compile(r"/services$"))
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.keyboard.type("pay")
    expect(page.get_by_role("option").first).to_contain_text("payments")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("payments")


def test_the_theme(new_page: Callable[..., Page], mission: ServerProcess) -> None:
    """As the system says, until one is chosen; the choice is remembered."""
    page = ready(new_page(str(mission.ready["http"]), color_scheme="dark"), "/system")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.keyboard.press("t")
    light = page.evaluate(background)
    assert (dark, light) == ("rgb(16, 18, 22)", "rgb(255, 255, 255)")
    page.reload()
    assert page.evaluate(background) == light


def test_the_environment_goes_along(page: Page) -> None:
    """What was chosen stays from page to page, in the address."""
    ready(page, "/services")
    page.get_by_label("Environment").select_option("production")
    expect(page).to_have_url(re.compile(r"/services\?env=production$"))
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="System").click()
    expect(page).to_have_url(re.compile(r"/system\?env=production$"))
    page.go_back()
    expect(page.get_by_label("Environment")).to_have_value("production")


def test_an_address_that_is_none(page: Page) -> None:
    """It says so, and leads back."""
    page.goto("/nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is here")
    page.get_by_role("link", name="To the overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def test_protocol_shows_where_this_connection_stands(page: Page) -> None:
    """States and messages in the spec's words; the session of this very page is Extended."""
    ready(page, "/protocol")
    client = page.get_by_role("region", name="Session, client")
    here = client.locator(".protocol-state", has_text="this console is here")
    expect(here.get_by_role("heading")).to_contain_text("Extended")
    page.get_by_role("link", name="Queries", exact=True).click()
    expect(page.locator("#Question")).to_contain_text('"question"')
    model = json.loads((STATIC / "protocol.json").read_text())
    assert {part["name"] for part in model["parts"]} >= {"Session", "Discovery", "Table", "Console"}
