"""The HTTP side without a network, in states that a real server is in only for a moment."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.types import Message

from mdk_protocol.messages import Open
from mdk_runtime.server.audit import AuditLog
from mdk_runtime.server.http import pages
from mdk_runtime.server.http.application import application_of
from mdk_runtime.server.http.site import Site, as_cookie, from_cookie
from mdk_runtime.server.hub import Hub
from mdk_runtime.server.settings import Settings
from mdk_runtime.storage.layout import segment_path


@asynccontextmanager
async def client_of(hub: Hub, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Asks a hub's site."""
    application = application_of(Site(hub, Settings(data=folder), AuditLog(folder)))
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.mark.asyncio
async def test_not_ready(tmp_path: Path) -> None:
    """While the server ends, and while storage cannot write; alive all the same."""
    hub = Hub(tmp_path, Open(), grace_s=0.1)
    async with client_of(hub, tmp_path) as client:
        assert (await client.get("/readyz")).status_code == 200
        hub.writer.is_failing = True
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()["reasons"]) == (503, ["storage cannot write"])
        hub.is_ending = True
        assert (await client.get("/readyz")).json()["reasons"] == ["the server ends", "storage cannot write"]
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.asyncio
async def test_a_path_that_no_file_can_have(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Is not found, and no defect of ours."""
    async with client_of(Hub(tmp_path, Open(), grace_s=0.1), tmp_path) as client:
        assert (await client.get("/index%00.html")).status_code == 404
        assert (await client.get("/" + "x" * 300 + ".html")).status_code == 404
        assert (await client.get("/" + "x/" * 3000 + "y")).status_code == 200
    assert caplog.text == ""


@pytest.mark.asyncio
async def test_who_hangs_up_in_a_form_is_no_defect(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nor is it worth a line in the log."""
    application = application_of(Site(Hub(tmp_path, Open(), grace_s=0.1), Settings(data=tmp_path), AuditLog(tmp_path)))
    events: list[Message] = [
        {"type": "http.request", "body": b"token=x", "more_body": True},
        {"type": "http.disconnect"},
    ]
    headers = [(b"host", b"localhost"), (b"content-length", b"1000")]
    scope = {"type": "http", "method": "POST", "path": "/login", "query_string": b"", "headers": headers}

    async def receive() -> Message:
        return events.pop(0)

    async def send(_: Message) -> None:
        pass

    await application({**scope, "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 1)}, receive, send)
    assert caplog.text == ""


@pytest.mark.asyncio
async def test_files_that_cannot_be_read_are_said_in_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Which they are is for the operator; who asks is told that it is not his fault."""
    hub = Hub(tmp_path, Open(), grace_s=0.1)
    (tmp_path / "default").mkdir()
    segment_path(tmp_path / "default", 1).write_bytes(b"no database " * 1000)
    async with client_of(hub, tmp_path) as client:
        answer = await client.get("/api/logs")
    assert (answer.status_code, answer.json()["error"]) == (503, "storage")
    assert answer.json()["detail"] == "what is stored cannot be read; the server's log says why"
    (record,) = caplog.records
    assert record.getMessage() == "what is stored of default cannot be read: file is not a database"
    assert record.exc_info is None


@pytest.mark.asyncio
async def test_a_defect_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is in the log; the answer is guarded as every other one."""
    hub = Hub(tmp_path, Open(), grace_s=0.1)

    def fail(_: str) -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(hub, "registry", fail)
    async with client_of(hub, tmp_path) as client:
        answer = await client.get("/api/services")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal")
    assert "inside" not in answer.text
    assert "GET /api/services failed" in caplog.text


@pytest.mark.asyncio
async def test_the_consoles_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files as they are, the index for every other path, nothing from beside the folder; a plain page without them."""
    static = tmp_path / "static"
    monkeypatch.setattr(pages, "STATIC", static)
    hub = Hub(tmp_path, Open(), grace_s=0.1)
    async with client_of(hub, tmp_path) as client:
        assert "The server runs" in (await client.get("/")).text
        (static / "assets").mkdir(parents=True)
        (static / "index.html").write_text("the console")
        (static / "assets" / "app.js").write_text("code")
        (tmp_path / "secret").write_text("secret")
        for path in ("/", "/traces/x", "/assets", "/services/shop.v2"):  # The last is a name, whatever its dot.
            assert (await client.get(path)).text == "the console"
        script = await client.get("/assets/app.js")
        assert (script.text, script.headers["Cache-Control"]) == ("code", "no-cache")
        assert script.headers["Content-Type"].startswith("text/javascript")
        for path in ("/%2e%2e/secret", "/assets/%2e%2e/%2e%2e/secret", "/..%2fsecret"):
            assert "secret" not in (await client.get(path)).text


@pytest.mark.asyncio
async def test_files_are_packed_and_sent_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With gzip for who takes it; not again to who has it; named by its content it is kept for good; a new content is sent."""
    static = tmp_path / "static"
    static.mkdir()
    monkeypatch.setattr(pages, "STATIC", static)
    code = "code " * 1000
    for name in ("app-0AB1CD2E.js", "app.js"):
        (static / name).write_text(code)
    (static / "noise.svg").write_bytes(random.Random(1).randbytes(2000))
    hub = Hub(tmp_path, Open(), grace_s=0.1)
    async with client_of(hub, tmp_path) as client:
        named, plain = await client.get("/app-0AB1CD2E.js"), await client.get("/app.js")
        assert "immutable" in named.headers["Cache-Control"]
        assert plain.headers["Cache-Control"] == "no-cache"
        assert named.text == plain.text == code
        assert named.headers["Content-Encoding"] == "gzip"
        assert int(named.headers["Content-Length"]) < 100
        unpacked = await client.get("/app.js", headers={"Accept-Encoding": "identity"})
        assert (unpacked.text, "Content-Encoding" in unpacked.headers) == (code, False)
        picture = await client.get("/noise.svg")
        assert (picture.headers["Cache-Control"], "Content-Encoding" in picture.headers) == (
            "public, max-age=86400",
            False,
        )
        had = {"If-None-Match": plain.headers["ETag"]}
        again = await client.get("/app.js", headers=had)
        assert (again.status_code, again.content) == (304, b"")
        (static / "app.js").write_text("news")
        assert (await client.get("/app.js", headers=had)).text == "news"


def test_cookies() -> None:
    """Any token survives; what is none of ours is no token."""
    for token in ("a.b-c_d", "ü b&c", "\udcff", ""):
        assert from_cookie(as_cookie(token)) == token
    assert from_cookie("*") == from_cookie("a") == ""


@pytest.mark.asyncio
async def test_a_defect_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With its traceback in the log, and none for who asked; guarded as every answer; uvicorn hears nothing of it."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    hub = Hub(tmp_path, Open(), grace_s=0.1)
    monkeypatch.setattr(hub, "registry", fail)
    application = application_of(Site(hub, Settings(data=tmp_path), AuditLog(tmp_path)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://localhost") as client:
        answer = await client.get("/api/services")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal")
    assert answer.headers["X-Frame-Options"] == "DENY"
    (record,) = caplog.records
    assert record.getMessage() == "GET /api/services failed"
    assert record.exc_info is not None
