"""The pages Overview and System: is all well, and how does the server fare."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from browser.shop import BAD_PAYMENTS
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from service.servers import ServerProcess, server


def test_what_needs_attention_comes_first(page: Page) -> None:
    """The open breaker, with its service, version, address and who cut it off; it leads to the service."""
    page.goto("/")
    expect(page.get_by_role("heading", name=re.compile("need.* attention"))).to_be_visible()
    concern = page.get_by_role("link", name=re.compile(f"breaker .*payments.*{re.escape(BAD_PAYMENTS)} at .*by orders"))
    concern.click()
    expect(page).to_have_url(re.compile("/services/payments$"))


def test_all_is_well(new_page: Callable[..., Page], tmp_path: Path) -> None:
    """It says so, in as many words; then a process is lost, and it says that."""
    with server(tmp_path, "--http", "--grace", "30") as running:
        m = MDK(Config(server_url=running.url)).start()
        m.register("calm", "1.0", "http://10.0.0.1:1")
        page = new_page(str(running.ready["http"]))
        page.goto("/")
        expect(page.get_by_role("heading", name="All is well")).to_be_visible()
        expect(page.locator(".verdict")).to_contain_text("1 service · 1 node")
        m.stop()
        expect(page.get_by_role("heading", name="1 thing needs attention")).to_be_visible()
        expect(page.get_by_role("link", name=re.compile("no node left.*calm"))).to_be_visible()


def test_charts_follow(page: Page) -> None:
    """Calls and logs of the last hour, and what the server says each second; each chart in words for who cannot see it."""
    page.goto("/")
    calls = page.get_by_role("img", name=re.compile("^Calls a minute: .*worked"))
    expect(calls).to_be_visible()
    before = calls.get_attribute("aria-label")
    expect(page.get_by_role("img", name=re.compile(r"^Logs a minute: .* errors?$"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile(r"^Connections: \d+"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile(r"^Stored: .*iB"))).to_be_visible()
    assert page.locator(".chart canvas").count() == 6
    expect(page.locator(".chart-box").first).not_to_have_attribute("aria-label", str(before))


def test_sums_come_by_themselves(page: Page) -> None:
    """They are asked for once a connection, and follow with the server's pulse; so do the calls."""
    sent: list[str] = []
    page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(str(frame))))
    page.goto("/")
    for title in ("Calls a minute", "Logs a minute"):
        chart = page.get_by_role("img", name=re.compile(f"^{title}: "))
        for _ in range(3):
            expect(chart).not_to_have_attribute("aria-label", str(chart.get_attribute("aria-label")))
    asked = [frame for frame in sent if '"question"' in frame]
    assert len([frame for frame in asked if '"rates"' in frame]) == 1
    assert len([frame for frame in asked if '"interactions"' in frame]) == 1


def test_failed_traces_lead_to_their_trace(page: Page) -> None:
    """The newest first, with the first error in words."""
    page.goto("/")
    traces = page.get_by_role("region", name="Latest failed traces").get_by_role("listitem")
    expect(traces.first).to_contain_text(re.compile("KeyError|TLS handshake|502|failed"))
    link = traces.first.get_by_role("link").get_attribute("href") or ""
    assert re.fullmatch(r"/t/[0-9a-f-]{36}", link)


def test_system_shows_clients_and_storage(page: Page, mission: ServerProcess) -> None:
    """Every application with what it emitted, queued and dropped; a new one appears; storage and limits in numbers."""
    page.goto("/system")
    table = page.get_by_role("region", name=re.compile("^Clients")).get_by_role("table")
    for service in ("gateway", "orders", "mail"):
        expect(table.get_by_role("row").filter(has_text=service).first).to_be_visible()
    m = MDK(Config(server_url=mission.url)).start()
    m.register("fresh", "9", "http://10.6.6.6:1")
    expect(table.get_by_role("row").filter(has_text="fresh")).to_be_visible()
    m.stop()
    expect(table.get_by_role("row").filter(has_text="fresh")).to_have_count(0)
    expect(page.get_by_role("region", name="Storage")).to_contain_text(re.compile(r"Logs\s*[\d,]+"))
    expect(page.get_by_role("region", name="Tenant")).to_contain_text("of 20,000")
    expect(table.get_by_text("console")).to_have_count(0)
    page.get_by_label(re.compile("consoles")).check()
    expect(table.get_by_text("console").first).to_be_visible()
