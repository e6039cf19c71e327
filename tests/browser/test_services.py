"""The page Services: what runs, and how it fares, live."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_every_node_is_listed_under_its_service_and_version(page: Page) -> None:
    """A service, its versions and their nodes, each with its address and state, and how its calls went."""
    page.goto("/services")
    table = page.get_by_role("treegrid", name="Services, versions and nodes")
    cart = table.get_by_role("row", name="cart", exact=False).first
    expect(cart).to_contain_text("2 up")
    expect(table.get_by_role("row").filter(has_text="http://10.0.3.32:8200")).to_contain_text("up")
