"""Pictures of every page of the console for the README: `python -m browser.screenshots FOLDER` (make screenshots)."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal, cast

from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from browser.shop import Shop
from browser.surroundings import FLAGS
from service.servers import ServerProcess, server

VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
PER_SECOND = 0.3
SETTLE_MS = 1500
PAST_MINUTES = 59


def overview(page: Page) -> None:
    """Some seconds of the charts that begin with the page."""
    page.wait_for_timeout(8_000)


def open_failed(page: Page) -> None:
    """The newest trace that failed, opened among those that worked."""
    page.get_by_role("treegrid").get_by_role("row").filter(has_text="failed").first.click()


def settle(page: Page) -> None:
    """Until the map is drawn."""
    page.wait_for_timeout(SETTLE_MS)


def nothing(_: Page) -> None:
    """As it is."""


PAGES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "overview": ("/", overview),
    "services": ("/services", nothing),
    "traces": ("/traces", open_failed),
    "trace": ("/t/{trace}", nothing),
    "logs": ("/logs", nothing),
    "map": ("/map", settle),
    "system": ("/system", nothing),
    "protocol": ("/protocol/Session", nothing),
}


def save(picture: bytes, path: Path) -> None:
    """With its 256 most frequent colours, which is a third of the size: grounds and tints stay as they are, edges of letters do not."""
    with Image.open(io.BytesIO(picture)) as opened:
        image = opened.convert("RGB")
    found = cast("list[tuple[int, tuple[int, int, int]]]", image.getcolors(image.width * image.height))
    frequent = [colour for _, colour in sorted(found, key=lambda one: (-one[0], one[1]))[:256]]
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour in frequent for channel in colour])
    image.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size // 1024} KiB")


def take(browser: Browser, running: ServerProcess, trace: str, folder: Path) -> None:
    """Every page, light and dark."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        context = browser.new_context(
            viewport=VIEWPORT,
            base_url=str(running.ready["http"]),
            color_scheme=scheme,
            reduced_motion="reduce",
        )
        page = context.new_page()
        for name, (path, prepare) in PAGES.items():
            page.goto(path.format(trace=trace))
            if page.get_by_role("heading", name="Nothing is here").count():
                continue
            page.wait_for_timeout(SETTLE_MS)
            prepare(page)
            page.wait_for_timeout(SETTLE_MS)
            save(page.screenshot(), folder / f"{name}-{scheme}.png")
        context.close()


def main(folder: Path) -> None:
    """A server with an hour behind it, and the shop open."""
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    assert chromium is not None, "chromium is missing; run: make browser"
    with tempfile.TemporaryDirectory() as scratch, server(Path(scratch), "--http") as running:
        shop = Shop(running.url)
        try:
            shop.wait_until_whole()
            shop.past(PAST_MINUTES)
            with shop.open_for_business(PER_SECOND), sync_playwright() as playwright:
                trace = shop.failed_checkout()
                browser = playwright.chromium.launch(executable_path=chromium, headless=True, args=FLAGS)
                take(browser, running, trace, folder)
                browser.close()
        finally:
            shop.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
