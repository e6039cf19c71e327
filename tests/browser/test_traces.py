"""The pages Traces, Trace, Logs and Map: what happened, why, and between whom."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from browser.conftest import axe_source
from browser.shop import USERS
from service.servers import RawClient, ServerProcess, server

CAUSE = re.compile(r"KeyError: 'discount'|certificate has expired")
BAD_NODES = re.compile(r"http://10\.0\.(3\.32:8200|4\.42:8300)")


def traces(page: Page, path: str = "/traces") -> Locator:
    """The list of traces, filled."""
    page.goto(path)
    rows = page.locator(".traces .vlist-row")
    expect(rows.nth(2)).to_be_visible()
    return rows


def failed_trace(page: Page) -> Locator:
    """The page of a checkout that failed."""
    traces(page, "/traces?failed=1&service=orders")
    page.locator(".traces .vlist-row a[href^='/t/']").first.click()
    rows = page.locator(".trace .vlist-row")
    expect(rows.nth(5)).to_be_visible()
    return rows


def logs(page: Page, path: str = "/logs") -> Locator:
    """The rows of the logs, filled."""
    page.goto(path)
    rows = page.locator(".logs .vlist-row")
    expect(rows.nth(2)).to_be_visible()
    return rows


def test_a_request_failed_find_why(page: Page) -> None:
    """Overview → the trace that failed: its page opens at the first error, with the whole text and where it was."""
    page.goto("/")
    page.locator(".failed-trace").first.click()
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text(CAUSE)
    expect(details).to_contain_text(BAD_NODES)
    expect(details.get_by_role("term").filter(has_text="Deadline")).to_be_visible()
    expect(details).to_contain_text(re.compile(f"user({'|'.join(USERS)})"))
    expect(page.locator(".trace .vlist-row.is-chosen")).to_contain_text("ERROR")


def test_from_a_failed_call_to_its_error(page: Page) -> None:
    """A click on the interaction that failed, and another: the error that it met."""
    rows = failed_trace(page)
    rows.filter(has=page.get_by_role("img", name="failed")).last.click()
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("failed")
    details.get_by_role("button", name="To the error that it met").click()
    expect(details).to_contain_text(CAUSE)


def test_filters_of_traces_are_in_the_address(page: Page) -> None:
    """Failed only, by service and text; a reload shows the same; clearing shows all again."""
    traces(page)
    expect(page.locator(".traces .tone-ok").first).to_be_visible()
    page.get_by_role("button", name="Failed").click()
    expect(page).to_have_url(re.compile("failed=1"))
    expect(page.locator(".traces .tone-bad").first).to_be_visible()
    expect(page.locator(".traces .tone-ok")).to_have_count(0)
    page.get_by_label("Words in the text").fill("certificate expired")
    page.reload()
    expect(page.locator(".traces .vlist-row").first).to_contain_text("failed")
    expect(page.get_by_label("Words in the text")).to_have_value("certificate expired")
    page.get_by_label("Words in the text").fill("nobodysaysthis")
    expect(page.get_by_text("Nothing failed")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".traces .tone-ok").first).to_be_visible()


def test_new_traces_wait_behind_a_pill(page: Page) -> None:
    """What is read stays where it is while traces come; the pill brings them."""
    rows = traces(page)
    first = rows.first.inner_text()
    pill = page.locator(".pill")
    expect(pill).to_have_text(re.compile(r"^\d+\+? new$"))
    assert rows.first.inner_text() == first
    pill.click()
    expect(rows.first).not_to_have_text(first)


def test_a_trace_that_worked_says_how_it_began(page: Page) -> None:
    """Its first text, and the service where it began before the others."""
    traces(page)
    row = page.locator(".traces .vlist-row").filter(has_text="POST /checkout").filter(has_text="ok").first
    expect(row).to_contain_text("POST /checkout from 203.0.113.")
    expect(row.locator(".service-name").first).to_have_text("gateway")
    expect(row.locator(".service-name").nth(2)).to_be_visible()


def test_a_failed_interaction_alone_raises_the_pill(new_page: Callable[..., Page], tmp_path: Path) -> None:
    """A trace without any log fails: the list of those that failed says that there is a new one, and shows it."""
    with server(tmp_path, "--http") as running, RawClient(running.url, token=None) as client:
        client.open("n1")
        client.send(interaction("first", {"n2": 0}))
        page = new_page(str(running.ready["http"]))
        page.goto("/traces?failed=1")
        rows = page.locator(".traces .traces-row.is-bad")
        expect(rows).to_have_count(1)
        client.send(interaction("worked", {"n2": 1}))
        client.send(interaction("second", {"n2": 0}))
        page.get_by_role("button", name="1 new").click()
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("an interaction failed")


def interaction(trace: str, results: dict[str, int]) -> dict[str, object]:
    """An interaction of its own trace, that ended just now."""
    now = int(time.time() * 1000)
    return {
        "type": "interactionevent",
        "uuid": str(uuid4()),
        "session": trace,
        "node": "n1",
        "results": results,
        "startTimestamp": now - 5,
        "endTimestamp": now,
        "startClock": [1],
        "endClock": [2],
        "environment": {"name": "sandbox", "fallbackName": None},
    }


def test_a_walk_by_keyboard_alone(page: Page) -> None:
    """From page to page, into a list, to an error and what it says, and back: no pointer is needed."""
    press = page.keyboard.press
    page.goto("/")
    expect(page.get_by_role("status").first).to_have_text("live")
    press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    press("Enter")
    expect(page.locator("main")).to_be_focused()
    press("g")
    press("t")
    expect(page.locator(".traces .vlist-row").nth(2)).to_be_visible()
    press("x")
    expect(page).to_have_url(re.compile("/traces.*failed=1"))
    expect(page.locator(".traces .traces-row.is-bad").nth(1)).to_be_visible()
    for _ in range(20):
        if page.locator(".traces [role=row]:focus").count():
            break
        press("Tab")
    press("ArrowDown")
    press("o")
    expect(page).to_have_url(re.compile("/t/"))
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text(CAUSE)
    press("g")
    press("s")
    expect(page.get_by_role("treegrid").get_by_role("row").nth(3)).to_be_visible()
    for _ in range(20):
        if page.locator(".services [role=row]:focus").count():
            break
        press("Tab")
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        press(key)
    panel = page.get_by_role("complementary", name="Node")
    expect(panel).to_contain_text("http://10.0.3.31:8200")
    press("g")
    press("l")
    expect(page.get_by_role("log")).to_be_visible()


def test_a_trace_opens_in_place_by_keyboard(page: Page) -> None:
    """Arrow right opens the causal tree, deeper rows are deeper; arrow left leads back and closes it."""
    rows = traces(page, "/traces?failed=1&service=orders")
    rows.first.focus()
    page.keyboard.press("ArrowRight")
    expect(rows.first).to_have_attribute("aria-expanded", "true")
    inner = page.locator(".traces .traces-inner")
    expect(inner.first).to_contain_text("POST /checkout")
    expect(page.locator(".traces .traces-inner[aria-level='4']").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    expect(rows.first).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(inner).to_have_count(0)


def test_a_trace_is_found_in_filtered_and_shared(page: Page) -> None:
    """Find steps through what fits; a service narrows; the address shows the same row to somebody else."""
    rows = failed_trace(page)
    page.get_by_label("Find in this trace").fill("checkout")
    expect(page.locator(".trace mark").first).to_have_text("checkout")
    page.get_by_role("group", name="Services").get_by_role("button", name=re.compile("^ *gateway")).click()
    expect(rows.filter(has_text="orders ").filter(has_text="received")).to_have_count(0)
    rows.first.click()
    chosen = page.locator(".trace .vlist-row.is-chosen").inner_text()
    page.reload()
    expect(page.locator(".trace .vlist-row.is-chosen")).to_have_text(re.compile(re.escape(chosen.split("\n")[-1])))


def test_a_trace_as_json(page: Page) -> None:
    """What is copied is all of it, also what the page folds into brackets."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    failed_trace(page)
    page.get_by_title("Copy the trace as JSON").click()
    expect(page.get_by_role("button", name=re.compile("Copied"))).to_be_visible()
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied["traceId"] in page.url
    texts = [item["log"]["text"] for item in copied["items"] if "log" in item]
    assert "Starting interaction." in texts
    assert any("interaction" in item for item in copied["items"])
    page.get_by_title("Copy a link to what you see").click()
    page.wait_for_function("() => navigator.clipboard.readText().then(text => text === location.href)")


def test_two_traces_beside_each_other(page: Page) -> None:
    """One that worked is offered; what it has not is marked."""
    failed_trace(page)
    page.get_by_role("button", name="Compare").first.click()
    page.get_by_role("list", name="Traces of the same service").get_by_role("button").first.click()
    expect(page).to_have_url(re.compile("with="))
    expect(page.get_by_role("grid", name="Both traces, row by row").get_by_text("not here").first).to_be_visible()


def test_logs_come_live_and_a_pause_keeps_the_place(page: Page) -> None:
    """Rows come by themselves; paused, they wait and are counted; going on shows them."""
    rows = logs(page)
    summary = page.locator(".summary")
    before = summary.inner_text()
    expect(summary).not_to_have_text(before)
    page.get_by_role("button", name="Pause").click()
    last = rows.last.inner_text()
    expect(page.locator(".pill")).to_have_text(re.compile(r"\d+ new"))
    assert rows.last.inner_text() == last
    page.locator(".pill").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(rows.last).not_to_have_text(last)


def test_logs_scroll_back_into_history(page: Page) -> None:
    """Scrolling up pauses, and what is older comes before what is seen."""
    logs(page)
    expect(page.locator(".summary")).to_have_text(re.compile(r"\d{3}"))
    box = page.locator(".logs")
    box.hover()
    page.mouse.wheel(0, -600)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    box.evaluate("box => { box.scrollTop = 0 }")
    expect(page.locator(".summary")).to_have_text(re.compile(r"^([6-9]\d\d|\d+,\d{3}) rows$"))


def test_logs_are_filtered_and_lead_to_their_trace(page: Page) -> None:
    """By level and service, live, too; a click shows all of a log, and another its trace."""
    rows = logs(page, "/logs?level=ERROR&service=cart")
    expect(rows.filter(has_text="INFO")).to_have_count(0)
    rows.last.click()
    details = page.get_by_role("complementary", name="Details")
    expect(details).to_contain_text("cart/prices.py")
    expect(details).to_contain_text("1.10.0")
    details.get_by_role("link", name="Its trace").click()
    expect(page).to_have_url(re.compile("/t/"))
    expect(page.locator(".trace .vlist-row").first).to_be_visible()


def test_the_map_shows_what_is_broken_and_leads_to_it(page: Page) -> None:
    """A deploy went wrong: map → the broken edge → the node that fails → a trace. All of it by keyboard."""
    page.goto("/map")
    edge = page.get_by_role("button", name=re.compile("gateway calls cart"))
    expect(edge).to_have_accessible_name(re.compile("is broken"))
    expect(page.locator("main .summary")).to_contain_text("broken")
    places = page.locator(".map-service").evaluate_all("all => all.map(one => one.getAttribute('transform'))")
    edge.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("complementary", name="Edge")
    failed = panel.get_by_role("listitem").first
    expect(failed).to_contain_text("http://10.0.3.32:8200")
    calls = panel.locator("dd").first.inner_text()
    expect(panel.locator("dd").first).not_to_have_text(calls)
    assert page.locator(".map-service").evaluate_all("all => all.map(one => one.getAttribute('transform'))") == places
    failed.get_by_role("link").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Details")).to_contain_text("KeyError")


def test_the_map_as_a_table(page: Page) -> None:
    """The same edges, the broken ones first."""
    page.goto("/map?view=table")
    rows = page.locator("main tbody tr")
    expect(rows).to_have_count(6)
    expect(rows.first).to_contain_text("broken")


def test_no_barriers_in_a_trace(new_page: Callable[..., Page], mission: ServerProcess) -> None:
    """Axe finds nothing serious in a tree, its details, and a comparison; neither light nor dark."""
    for scheme in ("light", "dark"):
        page = new_page(str(mission.ready["http"]), color_scheme=scheme)
        failed_trace(page)
        expect(page.get_by_role("complementary", name="Details")).to_be_visible()
        page.evaluate(axe_source())
        found = page.evaluate("axe.run(document)")["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")] == []
