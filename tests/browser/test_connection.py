"""The console and the server's ends: restarts, logins, tokens that run out."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from playwright.sync_api import Page, expect

from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.server.http.site import COOKIE, as_cookie
from mdk_runtime.server.tokens import LEEWAY_S
from service.servers import ServerProcess, server

SECRET = b"a secret of the tests, 32 bytes.."


def free_ports() -> tuple[int, int]:
    """Two ports that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        return one.getsockname()[1], two.getsockname()[1]


def test_a_restart_needs_no_reload(new_page: Callable[..., Page], tmp_path: Path, complaints: list[str]) -> None:
    """It says that it reconnects, shows what it knew, and is live again by itself, with what has changed meanwhile."""
    rtp, http = free_ports()
    options = ("--http", "--port", str(rtp), "--http-port", str(http), "--grace", "1")
    with server(tmp_path, *options) as first:
        m = MDK(Config(server_url=first.url)).start()
        m.register("steady", "1.0", "http://10.0.0.1:1")
        page = new_page(f"http://127.0.0.1:{http}/")
        page.goto("/services")
        status = page.get_by_role("status").first
        expect(status).to_have_text("live")
        expect(page.get_by_role("treegrid")).to_contain_text("http://10.0.0.1:1")
        page.evaluate("window.isTheSamePage = true")
        first.terminate()
        expect(status).to_have_text("reconnecting")
        expect(page.get_by_role("treegrid")).to_contain_text("http://10.0.0.1:1")
    try:
        with server(tmp_path, *options) as second:
            expect(status).to_have_text("live")
            later = MDK(Config(server_url=second.url)).start()
            later.register("newcomer", "1.0", "http://10.0.0.2:1")
            expect(page.get_by_role("treegrid")).to_contain_text("http://10.0.0.2:1")
            expect(page.get_by_role("treegrid")).to_contain_text("http://10.0.0.1:1")
            assert page.evaluate("window.isTheSamePage")
            later.stop()
    finally:
        m.stop()
    # What the browser itself says of failed connections is no complaint of ours.
    complaints[:] = [one for one in complaints if "ERR_CONNECTION" not in one and "WebSocket" not in one]


def token(**claims: Any) -> str:
    """Signed with the key of these tests."""
    return jwt.encode({"aud": "acme", "exp": time.time() + 600, **claims}, SECRET, "HS256", {"kid": "one"})


@pytest.fixture
def locked(tmp_path: Path) -> Any:
    """A server with a key."""
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    key = keys / "one.key"
    key.write_bytes(SECRET)
    key.chmod(0o600)
    with server(tmp_path, "--http", "--key", str(keys)) as running:
        yield running


def test_login(locked: ServerProcess, new_page: Callable[..., Page], complaints: list[str]) -> None:
    """Without a token one is asked for; a wrong one is refused; with the right one the page that was wanted follows."""
    m = MDK(Config(server_url=locked.url, token=token(sub="app"))).start()
    m.register("vault", "1.0", "http://10.0.0.9:1")
    page = new_page(str(locked.ready["http"]))
    page.goto("/services?q=vault")
    field = page.get_by_label("Token")
    expect(field).to_be_focused()
    assert page.evaluate("getComputedStyle(document.querySelector('main')).borderTopLeftRadius") == "14px", (
        "it has style"
    )
    field.fill("nonsense")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Token").fill(token(sub="ada"))
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("treegrid")).to_contain_text("http://10.0.0.9:1")
    assert page.url.endswith("/services?q=vault")
    assert page.evaluate("document.cookie") == "", "scripts do not see the token"
    expect(page.locator(".tenant")).to_contain_text("acme")
    m.stop()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Token")).to_be_visible()
    complaints[:] = [one for one in complaints if "401" not in one and "WebSocket" not in one]


@pytest.mark.parametrize("scope", ["read", "read admin"])
def test_what_is_not_allowed_is_not_offered(locked: ServerProcess, new_page: Callable[..., Page], scope: str) -> None:
    """Only an admin is offered to have a service say more; it is done, and ended again."""
    m = MDK(Config(server_url=locked.url, token=token(sub="app"))).start()
    m.register("vault", "1.0", "http://10.0.0.9:1")
    page = new_page(str(locked.ready["http"]))
    page.goto("/login")
    page.get_by_label("Token").fill(token(sub="ada", scope=scope))
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".tenant")).to_contain_text("acme")
    page.goto("/services/vault")
    expect(page.get_by_role("treegrid")).to_contain_text("http://10.0.0.9:1")
    button = page.get_by_role("button", name="DEBUG for 10 min")
    if "admin" in scope:
        button.click()
        expect(page.locator(".more-detail")).to_contain_text("DEBUG until")
        page.get_by_role("button", name="End DEBUG").click()
        expect(page.locator(".more-detail")).to_contain_text("As before")
    else:
        expect(button).to_have_count(0)
    m.stop()


def logged_in(page: Page, **claims: Any) -> Page:
    """As who has this token."""
    page.goto("/login")
    page.get_by_label("Token").fill(token(**claims))
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".tenant")).to_contain_text("acme")
    return page


def audited(running: ServerProcess) -> list[dict[str, Any]]:
    """What admins did."""
    path = running.data / "audit.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_an_admin_removes_a_node_and_clears_the_table(locked: ServerProcess, new_page: Callable[..., Page]) -> None:
    """Each is confirmed first, done after that and not before, and in the audit log."""
    config = Config(server_url=locked.url, token=token(sub="app"))
    both = [MDK(config).start() for _ in range(2)]
    for m, address in zip(both, ("http://10.0.0.8:1", "http://10.0.0.9:1"), strict=True):
        m.register("vault", "1.0", address)
    page = logged_in(new_page(str(locked.ready["http"])), sub="ada", scope="read admin")
    page.goto("/services")
    row = page.get_by_role("treegrid").get_by_role("row").filter(has_text="http://10.0.0.9:1")
    row.click()
    panel = page.get_by_role("complementary", name="Node")
    expect(panel).to_contain_text("http://10.0.0.9:1")
    panel.get_by_role("button", name="Remove node").click()
    question = page.get_by_role("dialog", name="Remove http://10.0.0.9:1 of vault?")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    assert audited(locked) == []
    panel.get_by_role("button", name="Remove node").click()
    question.get_by_role("button", name="Remove node").click()
    expect(row).to_contain_text("gone")
    expect(page.get_by_role("treegrid").get_by_role("row").filter(has_text="http://10.0.0.8:1")).to_contain_text("up")
    page.get_by_role("link", name="System").click()
    page.get_by_role("button", name="Forget all nodes").click()
    question = page.get_by_role("dialog", name="Forget every node of this tenant?")
    question.get_by_role("button", name="Forget all nodes").click()
    expect(question).to_be_hidden()
    assert [(one["act"], one["who"], one.get("node")) for one in audited(locked)] == [
        ("remove", "ada", "http://10.0.0.9:1"),
        ("clear", "ada", None),
    ]
    for m in both:
        m.stop()


def test_who_may_only_read_is_offered_no_removal(locked: ServerProcess, new_page: Callable[..., Page]) -> None:
    """Neither of a node nor of all of them."""
    m = MDK(Config(server_url=locked.url, token=token(sub="app"))).start()
    m.register("vault", "1.0", "http://10.0.0.9:1")
    page = logged_in(new_page(str(locked.ready["http"])), sub="bob", scope="read")
    page.goto("/services")
    page.get_by_role("treegrid").get_by_role("row").filter(has_text="http://10.0.0.9:1").click()
    expect(page.get_by_role("complementary", name="Node").get_by_role("link", name="Its logs")).to_be_visible()
    expect(page.get_by_role("button", name="Remove node")).to_have_count(0)
    page.get_by_role("link", name="System").click()
    expect(page.get_by_role("region", name="Tenant")).to_contain_text("bob")
    expect(page.get_by_role("button", name="Forget all nodes")).to_have_count(0)
    m.stop()


def test_a_token_that_runs_out(locked: ServerProcess, new_page: Callable[..., Page], complaints: list[str]) -> None:
    """The connection ends with it, and the login comes back."""
    page = new_page(str(locked.ready["http"]))
    left_s = 6.0  # In which a page is to be live.
    value = as_cookie(token(exp=time.time() + left_s - LEEWAY_S))
    page.context.add_cookies([{"name": COOKIE, "value": value, "url": str(locked.ready["http"])}])
    page.goto("/")
    expect(page.get_by_role("status").first).to_have_text("live")
    expect(page.get_by_label("Token")).to_be_visible()
    complaints[:] = [one for one in complaints if "401" not in one and "WebSocket" not in one]
