"""The page Services: what runs, and how it fares, live."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from browser.conftest import axe_source
from browser.shop import BAD_CART, BAD_PAYMENTS, INSTANCES, Instance
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.core.client.environments import Environment
from service.programs import started
from service.servers import RawClient, ServerProcess, active

OFFER = """
import sys
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
m = MDK(Config(server_url=sys.argv[1])).start()
m.register("fragile", "1.0", "http://10.9.9.9:1")
print("offered", flush=True)
sys.stdin.read()
"""


def opened(page: Page, path: str = "/services") -> Locator:
    """The table of services, filled."""
    page.goto(path)
    table = page.get_by_role("treegrid", name="Services, versions and nodes")
    expect(table.get_by_role("row").nth(2)).to_be_visible()
    return table


def row(table: Locator, text: str) -> Locator:
    """The row of a node, by its address."""
    return table.get_by_role("row").filter(has_text=text)


def offering(running: ServerProcess, one: Instance, environment: str = "production") -> MDK:
    """One more node."""
    m = MDK(Config(server_url=running.url, environment=Environment(environment))).start()
    m.register(one.service, one.version, one.address)
    return m


def test_every_node_is_listed_under_its_service_and_version(page: Page) -> None:
    """Services with the number of their nodes, versions in the order of their numbers, nodes with their addresses."""
    table = opened(page)
    for one in INSTANCES:
        expect(row(table, one.address)).to_contain_text("up")
    expect(table.get_by_role("row", name=re.compile("^Close cart"))).to_contain_text("2 up")
    texts = table.get_by_role("rowheader").all_inner_texts()
    assert texts.index("1.9.0") < texts.index("1.10.0"), "9 comes before 10"
    expect(page.locator(".page-head .summary")).to_have_text("6 services · 10 nodes")


def test_a_node_counts_down_to_its_expiry_and_is_renewed(page: Page, mission: ServerProcess) -> None:
    """What is left of its ttl goes down second by second, and up again with its renewal; then it is gone."""
    with RawClient(mission.url, token=None) as client:
        client.open("brief")
        node = active("brief", "http://10.7.7.7:1", ttl=9.0)
        client.send(node)
        table = opened(page, "/services?q=10.7.7.7")
        left = row(table, "http://10.7.7.7:1").locator(".renewal-text")
        expect(left).to_have_text(re.compile(r"^\d s$"))
        at_first = int(left.inner_text().removesuffix(" s"))
        expect(left).to_have_text(re.compile(f"^[0-{at_first - 2}] s$"))
        client.send(node)
        expect(left).to_have_text(re.compile(f"^[{at_first - 1}-9] s$"))
        expect(row(table, "http://10.7.7.7:1")).to_contain_text("gone")


def test_a_node_comes_and_says_goodbye(page: Page, mission: ServerProcess) -> None:
    """Without reloading: it is there, then it is gone, which is said for a while."""
    table = opened(page)
    m = offering(mission, Instance("visitor", "0.1", "http://10.8.8.8:1"))
    expect(row(table, "http://10.8.8.8:1")).to_contain_text("up")
    m.stop()
    expect(row(table, "http://10.8.8.8:1")).to_contain_text("gone")
    expect(table.get_by_role("row", name=re.compile("^Close visitor"))).to_contain_text("no node left")


def test_is_this_node_alive(page: Page, mission: ServerProcess) -> None:
    """Its process is killed: it is out of touch at once, and gone after the grace."""
    table = opened(page)
    with started(sys.executable, "-c", OFFER, mission.url) as offering_one:
        offering_one.wait_for("offered")
        expect(row(table, "http://10.9.9.9:1")).to_contain_text("up")
        offering_one.process.kill()
        expect(row(table, "http://10.9.9.9:1")).to_contain_text("out of touch")
        expect(row(table, "http://10.9.9.9:1")).to_contain_text("gone")


def test_a_deploy_went_wrong_which_version_fails(page: Page) -> None:
    """Overview → the version that fails stands first → its service shows the node, its failures and who cut it off."""
    page.goto("/")
    first = page.get_by_role("region", name="Versions, those that fail first").get_by_role("row").nth(1)
    expect(first).to_contain_text("payments")
    expect(first).to_contain_text(BAD_PAYMENTS)
    first.get_by_role("link", name="payments").click()
    table = page.get_by_role("treegrid")
    bad = row(table, "http://10.0.4.42:8300")
    expect(bad).to_contain_text("open for orders")
    expect(bad).to_contain_text("0.0 %")
    expect(row(table, "http://10.0.4.41:8300")).to_contain_text("100 %")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barriers_in_a_node(new_page: Callable[..., Page], mission: ServerProcess, scheme: str) -> None:
    """Axe finds nothing serious in its panel, nor in the question before it is removed."""
    page = new_page(str(mission.ready["http"]), color_scheme=scheme, reduced_motion="reduce")
    row(opened(page), "http://10.0.3.32:8200").click()
    panel = page.get_by_role("complementary", name="Node")
    expect(panel).to_contain_text("http://10.0.3.32:8200")
    page.evaluate(axe_source())
    button = panel.get_by_role("button", name="Remove node…")
    for is_asked in (False, True):
        if is_asked:
            button.click()
        found = page.evaluate("axe.run(document)")["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(button).to_be_focused()


def test_filters_are_in_the_address(page: Page) -> None:
    """Words narrow; what is not well can be asked for; a reload shows the same."""
    table = opened(page)
    page.keyboard.press("f")
    page.keyboard.type("cart 1.10")
    expect(table.get_by_role("row")).to_have_count(4)  # The head, the service, its version, its node.
    expect(page).to_have_url(re.compile(r"q=cart\+1\.10"))
    page.reload()
    expect(page.get_by_role("treegrid").get_by_role("row")).to_have_count(4)
    expect(page.get_by_role("treegrid")).to_contain_text(BAD_CART)
    page.keyboard.press("b")
    expect(page).to_have_url(re.compile(r"bad=1"))


def test_the_table_by_keyboard(page: Page) -> None:
    """One stop for Tab; arrows go from row to row, close and open; the focus stays where it is while rows come."""
    table = opened(page)
    rows = table.get_by_role("row")
    table.locator("[tabindex='0']").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(rows.nth(3)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(rows.nth(2)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(rows.nth(2)).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowRight")
    expect(rows.nth(2)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("End")
    expect(table.locator("[role=row]:focus")).to_contain_text("10.0.4.42")
    assert table.locator("[tabindex='0']").count() == 1


def test_environments_are_apart(page: Page, mission: ServerProcess) -> None:
    """The same service in two environments are two; one environment shows its own."""
    m = offering(mission, Instance("cart", "2.0", "http://10.7.7.7:1"), "staging")
    try:
        table = opened(page, "/services?env=staging")
        expect(row(table, "http://10.7.7.7:1")).to_contain_text("up")
        expect(table.get_by_role("row")).to_have_count(4)
    finally:
        m.stop()
