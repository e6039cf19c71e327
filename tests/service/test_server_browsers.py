"""Browsers at a real server: the console's login, /rtp, pages of other origins, and tokens that nobody else shall see."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from service.access import SECRET, token
from service.http_port import ask, until_closed, upgrade
from service.programs import WITHIN_S, wait_until
from service.raw_socket import RawSocket, framed
from service.servers import RawClient, ServerProcess, active, log, server


def test_log_in_and_out(keyed: ServerProcess) -> None:
    """The token becomes a cookie that scripts do not see; a wrong one is said in the form; logout forgets it."""
    page = ask(keyed, "/login")
    assert b'<form method="post" action="/login">' in page.body
    wrong = ask(keyed, "/login", method="POST", body=urlencode({"token": "<b>"}))
    assert (wrong.status, b"the token is not one of this server&#x27;s" in wrong.body) == (401, True)
    assert ask(keyed, "/login", method="POST", body=urlencode({"token": token(scope="write")})).status == 403
    assert ask(keyed, "/login", method="POST", body="x" * 20_000).status == 413
    good = ask(keyed, "/login", method="POST", body=urlencode({"token": token(exp=time.time() + 1000)}))
    assert (good.status, good.headers["Location"]) == (303, "/")
    value, *attributes = good.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(attributes)
    assert 900 < int(next(one for one in attributes if one.startswith("Max-Age=")).partition("=")[2]) <= 1000
    assert ask(keyed, "/api/services", Cookie=value).json == {"items": [], "next": None}
    assert ask(keyed, "/api/services", Cookie="mdk_token=***").status == 401
    out = ask(keyed, "/logout", method="POST", Cookie=value)
    assert (out.status, out.headers["Location"]) == (303, "/login")
    assert 'mdk_token="";' in out.headers["Set-Cookie"]
    assert ask(keyed, "/logout").status == 405


def test_a_browsers_connection(keyed: ServerProcess) -> None:
    """The same core as on the protocol's port: a browser is told what other clients do, and is stored as they are."""
    url = keyed.ready["http"].replace("http:", "ws:") + "rtp"
    origin = keyed.ready["http"].rstrip("/")
    cookie = ask(keyed, "/login", method="POST", body=urlencode({"token": token()})).headers["Set-Cookie"].split(";")[0]
    with RawClient(url, token=None, origin=origin, additional_headers={"Cookie": cookie}) as browser:
        browser.open("b")
        with RawClient(keyed.url, token=token()) as client:
            client.open("n1")
            client.send(active("n1"))
            assert browser.receive()["node"]["id"] == "n1"
        browser.send(log(0, node="b"))
        while browser.receive()["type"] != "logack":
            pass
        browser.send("no JSON")
        browser.send(log(1, node="b"))
        assert browser.receive()["type"] in ("logack", "expire")
        browser.send({"type": "close"})
        assert all(one["type"] in ("logack", "expire") for one in browser.rest())
    with pytest.raises(InvalidStatus) as refused:
        RawClient(url, token=None, origin=origin)
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body or b"")["error"] == "token_missing"
    with RawClient(url, token=token()) as last:
        last.open("l")
        assert keyed.terminate() == 0
        assert last.rest()[-1]["error"]["code"] == "shutdown"
    assert "Traceback" not in keyed.log.read_text()


def test_a_browser_sees_its_own_tenant_only(keyed: ServerProcess) -> None:
    """Of another one neither a node nor a log; what is said in its own, from the other port, it is told."""
    url = keyed.ready["http"].replace("http:", "ws:") + "rtp"
    with RawClient(url, token=token("other")) as browser, RawClient(keyed.url, token=token("acme")) as stranger:
        browser.open("b")
        browser.send({"type": "subscribe"})
        browser.send(log(0, node="b", text="its own"))
        assert {browser.receive()["type"] for _ in range(2)} == {"log", "logack"}
        stranger.open("n1")
        stranger.send(active("n1"))
        stranger.send(log(0))
        assert {stranger.receive()["type"] for _ in range(2)} == {"active", "logack"}
        with RawClient(keyed.url, token=token("other")) as friend:
            friend.open("n2")
            friend.send(active("n2"))
            told = browser.receive()
            assert (told["type"], told["node"]["id"]) == ("active", "n2")


def test_a_browsers_frame_that_is_too_large(tmp_path: Path) -> None:
    """Ends its connection with the WebSocket code that a page sees; the server goes on."""
    with server(tmp_path, "--http", "--message-bytes-max", "64KiB") as running:
        url = running.ready["http"].replace("http:", "ws:") + "rtp"
        with RawClient(url) as browser:
            browser.open("b")
            browser.send(log(0, node="b", text="x" * 70_000))
            with pytest.raises(ConnectionClosed) as caught:
                until_closed(browser)
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1009
        RawClient(url).open("b").websocket.close()


def test_pages_of_other_origins(running: ServerProcess) -> None:
    """On both ports, however they try: another origin, another name for this machine, no origin at all, `null`."""
    port = urlsplit(running.ready["http"]).port
    here = f"127.0.0.1:{port}"
    http_port, rtp_port = running.ready["http"], running.url
    assert upgrade(http_port, here, Origin=f"http://{here}") == "101"
    assert upgrade(http_port, f"localhost:{port}", Origin=f"http://localhost:{port}") == "101"
    assert upgrade(http_port, here) == "101", "no browser, then"
    for origin in (
        "http://evil.example", f"http://evil.example:{port}", "null", "", f"http://localhost:{port}", "http://127.0.0.1",
        f"ftp://{here}", f"http://{here}.evil.example", "chrome-extension://x", "http://[", f"http://127.0.0.1:{port}1",
    ):  # fmt: skip
        assert upgrade(http_port, here, Origin=origin) == "403 origin", origin
        assert ask(running, "/api/services", Origin=origin).json["error"] == "origin"
        assert ask(running, "/api/clear", method="POST", Origin=origin).json["error"] == "origin"
        assert ask(running, "/login", method="POST", body="token=x", Origin=origin).status == 403
        assert upgrade(rtp_port, urlsplit(rtp_port).netloc, Origin=origin) == "403 origin", origin
    assert upgrade(http_port, "evil.example", Origin="http://evil.example") == "421 host", "DNS rebinding"
    assert upgrade(rtp_port, "evil.example", Origin="http://evil.example") == "403 origin"
    for path in ("/", "/api/services", "/metrics", "/login"):
        assert ask(running, path, Host="evil.example").json["error"] == "host"
    for site in ("cross-site", "same-site"):
        assert ask(running, "/api/services", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors").status == 403
        assert ask(running, "/", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate").status == 200
        assert ask(running, "/logout", method="POST", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate").status == 403
        assert upgrade(http_port, here, Sec_Fetch_Site=site, Sec_Fetch_Mode="websocket") == "403 origin"
    assert ask(running, "/api/services", Sec_Fetch_Site="same-origin", Origin=f"http://{here}").status == 200


def test_names_of_the_server(tmp_path: Path) -> None:
    """Its addresses, this machine's name and what the operator adds."""
    with server(tmp_path, "--http", "--allowed-host", "mdk.example.com") as running:
        names = (
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1",
            "[::1]:8080",
            "192.168.7.7",
            socket.gethostname(),
            "mdk.example.com",
        )
        for host in names:
            assert ask(running, "/api/services", Host=host).status == 200, host
        for host in ("x.mdk.example.com", "mdk.example.com.evil", "", "[", "a b"):
            assert ask(running, "/api/services", Host=host).status in (400, 421), host
        origin = "https://mdk.example.com"
        assert ask(running, "/api/services", Host="mdk.example.com", Origin=origin).status == 200, "a proxy with TLS"


def test_behind_a_proxy(tmp_path: Path) -> None:
    """One that is named says who asks and how: failures are counted for that address, audit and cookie go by it."""
    (tmp_path / "one.key").write_bytes(SECRET)
    options = ("--http", "--key", str(tmp_path / "one.key"), "--auth-failures-max", "2")
    with server(tmp_path, *options, "--trusted-proxy", "127.0.0.0/8") as running:
        for _ in range(2):
            assert ask(running, "/api/services", bearer="bad", X_Forwarded_For="6.6.6.6, 192.0.2.1").status == 401
        assert ask(running, "/api/services", bearer="bad", X_Forwarded_For="7.7.7.7, 192.0.2.1").status == 429
        assert ask(running, "/api/services", bearer="bad", X_Forwarded_For="192.0.2.2").status == 401
        for address, status in (("192.0.2.1", 429), ("192.0.2.2", 401), ("192.0.2.2", 429), ("192.0.2.3", 401)):
            with pytest.raises(InvalidStatus) as refused:
                RawClient(running.url, token="bad", additional_headers={"X-Forwarded-For": address})
            assert refused.value.response.status_code == status, address
        admin = token(scope="admin")
        assert ask(running, "/api/clear", method="POST", bearer=admin, X_Forwarded_For="192.0.2.9").status == 200
        assert json.loads((running.data / "audit.jsonl").read_text())["address"] == "192.0.2.9"
        answer = ask(running, "/login", method="POST", body=f"token={token()}", X_Forwarded_Proto="https")
        assert "; Secure" in answer.headers["Set-Cookie"]
        answer = ask(running, "/login", method="POST", body=f"token={token()}", X_Forwarded_Proto="http")
        assert "Secure" not in answer.headers["Set-Cookie"]


def test_behind_a_proxy_that_nobody_named(tmp_path: Path) -> None:
    """What it says could be said by anybody; but a browser's own word makes the cookie Secure."""
    (tmp_path / "one.key").write_bytes(SECRET)
    options = ("--http", "--key", str(tmp_path / "one.key"), "--auth-failures-max", "2")
    with server(tmp_path, *options, "--allowed-host", "mdk.example.com") as running:
        secure = {"Host": "mdk.example.com", "Origin": "https://mdk.example.com"}
        answer = ask(running, "/login", method="POST", body=f"token={token()}", **secure)
        assert "; Secure" in answer.headers["Set-Cookie"]
        answer = ask(running, "/login", method="POST", body=f"token={token()}", X_Forwarded_Proto="https")
        assert "Secure" not in answer.headers["Set-Cookie"]
        for number, status in enumerate((401, 401, 429)):
            said = ask(running, "/api/services", bearer="bad", X_Forwarded_For=f"192.0.2.{number}")
            assert said.status == status


def test_a_request_with_two_ends_is_refused(running: ServerProcess) -> None:
    """What a proxy would take for its body, or not, is no second request: the connection ends."""
    at = urlsplit(running.ready["http"])
    two = "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/services HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection((str(at.hostname), at.port or 0), WITHIN_S) as client:
        client.sendall(f"POST /login HTTP/1.1\r\nHost: localhost\r\n{two}".encode())
        answer = b""
        while data := client.recv(65536):
            answer += data
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"RFC 9112" in answer


def test_every_answer_is_guarded(keyed: ServerProcess) -> None:
    """A strict policy, no sniffing, no framing, no referrer for others, nothing kept; on errors, too."""
    for path in ("/", "/login", "/api/services", "/api/none", "/none.js", "/healthz", "/metrics"):
        headers = ask(keyed, path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] in ("no-store", "no-cache")
        assert "Server" not in headers
    assert ask(keyed, "/api/none").json["error"] == ask(keyed, "/none.js").json["error"] == "not_found"
    for path in ("/../pyproject.toml", "/..%2f..%2fcli.py", "/%2e%2e/%2e%2e/cli.py", "/static/../../cli.py", "/%00"):
        assert b"import" not in ask(keyed, path).body


def test_no_token_in_the_log(keyed: ServerProcess) -> None:
    """In path, query, header, cookie and form, right and wrong, at the lowest level; nor in an answer."""
    for shown in (token(), token(exp=1), "wrong.S3CRET.x"):
        at = keyed.ready["http"].replace("http:", "ws:") + "rtp"
        for path in (f"/?token={shown}", f"/api/logs?token={shown}", f"/rtp?token={shown}", f"/metrics?token={shown}"):
            answer = ask(keyed, path, bearer=shown, Cookie=f"mdk_token={shown}", Referer=f"http://x/?token={shown}")
            assert shown.encode() not in answer.body
        ask(keyed, "/login", method="POST", body=urlencode({"token": shown}))
        host = urlsplit(at).netloc
        upgrade(at, host, f"/rtp?token={shown}")
        upgrade(at, host, f"/rtp?token={shown}", Origin=f"http://{host}?token={shown}")
        upgrade(at, host, "/rtp", Sec_WebSocket_Version=f"x{shown}")
        with socket.create_connection((str(urlsplit(at).hostname), urlsplit(at).port or 0), WITHIN_S) as raw:
            raw.sendall(f"GET /?token={shown} NONSENSE {shown}\r\n\r\n".encode())
            raw.recv(65536)
    assert keyed.terminate() == 0
    texts = [path.read_bytes() for path in keyed.data.rglob("*") if path.is_file()] + [keyed.log.read_bytes()]
    for shown in (token(), token(exp=1), "wrong.S3CRET.x"):
        for part in shown.split("."):
            assert len(part) < 6 or not any(part.encode() in text for text in texts)
    assert b"Traceback" not in keyed.log.read_bytes()


def test_no_token_is_logged_by_a_library_that_logs_all(tmp_path: Path) -> None:
    """Were the loggers of uvicorn and websockets at DEBUG, their lines would come without the tokens."""
    (tmp_path / "one.key").write_bytes(SECRET)
    ready, log_file = tmp_path / "ready.json", tmp_path / "server.log"
    program = (
        "import logging, sys; import mdkspec_runtime.links.accepting as a, mdk_runtime.server.reporting as r; r.SEES_REQUESTS = {}\n"
        "a._quiet = lambda logger: logging.getLogger('websockets.server')\n"
        "from mdk_runtime.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    given = ["--port", "0", "--data", str(tmp_path / "data"), "--ready-file", str(ready), "--log-level", "debug"]
    command = [sys.executable, "-c", program, "server", *given, "--key", str(tmp_path / "one.key")]
    with log_file.open("wb") as output, subprocess.Popen(command, stderr=output, stdout=output) as process:
        try:
            wait_until(ready.exists)
            urls = json.loads(ready.read_text())
            for url in (urls["rtp"], urls["http"].replace("http:", "ws:") + "rtp"):
                with RawClient(url, token=token()) as client:
                    client.open()
                headers = {"Authorization": f"Bearer {token()}", "Cookie": f"mdk_token={token()}"}
                with RawClient(url, token=None, additional_headers=headers) as client:
                    client.open()
            with RawClient(urls["rtp"], token=token(), origin=f"{urls['rtp']}?token={token()}") as client:
                client.open()
        finally:
            process.terminate()
    text = log_file.read_text()
    assert "< GET /rtp?token=[hidden]" in text, "they did log all"
    assert '"WebSocket /rtp?token=[hidden]' in text
    assert not any(part in text for part in token().split("."))


def test_many_browsers_are_seen_off(running: ServerProcess) -> None:
    """A browser that is cut leaves nothing behind: its node is suspect, then gone."""
    url = running.ready["http"].replace("http:", "ws:") + "rtp"
    with RawClient(running.url) as watcher:
        watcher.open("w")
        browser = RawClient(url).open("b")
        browser.send(active("b"))
        assert watcher.receive()["type"] == "active"
        browser.websocket.socket.shutdown(socket.SHUT_RDWR)
        assert watcher.receive()["type"] == "expire"
    wait_until(lambda: "mdk_server_connections 0.0" in ask(running, "/metrics").body.decode())


def test_text_that_is_no_utf8_ends_a_browsers_connection(running: ServerProcess) -> None:
    """With the code that says so (RFC 6455 §8.1), and without a traceback in the log."""
    with RawSocket(running.ready["http"].replace("http:", "ws:") + "rtp") as client:
        client.upgrade(origin=False).open()
        client.socket.sendall(framed(b'{"type": "\xff"}'))
        (closed,) = client.rest()
        assert (closed.opcode, closed.payload[:2]) == (8, (1007).to_bytes(2))
    assert "Traceback" not in running.log.read_text()
