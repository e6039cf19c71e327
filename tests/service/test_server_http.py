"""The HTTP port of a real server: health, metrics, /api, the console's login, /rtp for browsers, and who may ask."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from service.programs import WITHIN_S
from service.raw_socket import RawSocket, framed
from service.servers import RawClient, ServerProcess, active, log, server
from service.test_server_access import SECRET, token, wait_until

HTML = {"Accept": "text/html"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server without keys."""
    with server(tmp_path, "--http") as started:
        yield started


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with a key."""
    (tmp_path / "one.key").write_bytes(SECRET)
    with server(tmp_path, "--http", "--key", str(tmp_path / "one.key"), "--log-level", "debug") as started:
        yield started


class Answer:
    """Of one request."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


def ask(
    running: ServerProcess, path: str, *, method: str = "GET", body: str | None = None, bearer: str = "", **headers: str
) -> Answer:
    """One request. Names of headers with `_` for `-`."""
    at = urlsplit(running.ready["http"])
    connection = http.client.HTTPConnection(str(at.hostname), at.port or 0, timeout=WITHIN_S)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if bearer:
            given["Authorization"] = f"Bearer {bearer}"
        connection.request(method, path, body, given)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def fill(running: ServerProcess, shown: str | None, *, node: str = "n1") -> None:
    """A node, ten logs of two traces, an interaction."""
    with RawClient(running.url, token=shown) as client:
        client.open(node)
        client.send(active(node, f"http://{node}"))
        for sequence in range(10):
            client.send(log(sequence, node=node, trace=f"trace{sequence % 2}", text=f"text {sequence}"))
        interaction = {
            "uuid": "u",
            "session": "trace0",
            "node": node,
            "type": "interactionevent",
            "sequence": 0,
            "sync": 1,
        }
        client.send(
            interaction | {"startTimestamp": 1795487508618, "endTimestamp": 1795487508718, "results": {node: 1}}
        )
        acks = 0
        while acks < 11:
            acks += client.receive()["type"] in ("logack", "interactionack")


def until_closed(client: RawClient) -> None:
    """Read on. Raises ConnectionClosed."""
    while client.receive():
        pass


# --- health ---------------------------------------------------------------------------------------


def test_health_and_the_ready_file(running: ServerProcess) -> None:
    """Both URLs are in the file; alive and ready, without a token, by any name."""
    assert set(running.ready) == {"rtp", "http", "pid"}
    for host in ("localhost", "10.1.2.3", "some.pod"):
        assert ask(running, "/healthz", Host=host).json == {"status": "alive"}
        assert ask(running, "/readyz", Host=host).json == {"status": "ready"}


def test_not_ready_while_it_ends(tmp_path: Path) -> None:
    """From SIGTERM on `/readyz` says so, while `/healthz` answers still; then it ends with 0, within 5 s."""
    with server(tmp_path, "--http") as running, RawClient(running.url) as client:
        client.open()
        at = urlsplit(running.ready["http"])
        connection = http.client.HTTPConnection(str(at.hostname), at.port or 0, timeout=WITHIN_S)
        connection.request("GET", "/readyz")
        assert connection.getresponse().read()
        stuck = socket.create_connection((str(at.hostname), at.port or 0), WITHIN_S)
        stuck.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")  # and never the end of it
        began = time.monotonic()
        assert running.terminate() == 0
        assert time.monotonic() - began < 5
        assert client.rest()[-1]["error"]["code"] == "shutdown"
        stuck.close()
        connection.close()
        assert "Traceback" not in running.log.read_text()


def test_without_http(tmp_path: Path) -> None:
    """`--no-http` opens one port only."""
    with server(tmp_path, "--no-http") as running:
        assert set(running.ready) == {"rtp", "pid"}


def test_metrics(running: ServerProcess) -> None:
    """What was done is counted; no label is made of what clients say."""
    fill(running, None)
    with RawClient(running.url) as client:
        client.open("n2")
        client.send(active("n2", "http://b"))
        client.receive()
        text = ask(running, "/metrics").body.decode()
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}
    assert values['mdk_server_logs_total{outcome="new"}'] == 10
    assert values['mdk_server_interactions_total{outcome="new"}'] == 1
    assert values["mdk_server_ack_seconds_count"] == 11
    assert 0 < values["mdk_server_ack_seconds_sum"] < 11 * WITHIN_S
    assert values["mdk_server_connections"] >= 1
    assert values["mdk_server_changes_total"] >= 2
    assert values["mdk_server_storage_bytes"] > 0
    assert values["mdk_server_storage_queue_messages"] == values["mdk_server_protected_tenants"] == 0
    assert values["mdk_server_loop_lag_seconds_count"] >= 0
    assert "process_resident_memory_bytes" in text
    labels = {name for line in values for name in re.findall(r"(\w+)=\"", line)}
    assert labels <= {
        "outcome",
        "reason",
        "le",
        "generation",
        "implementation",
        "major",
        "minor",
        "patchlevel",
        "version",
    }


# --- /api -----------------------------------------------------------------------------------------


def test_the_table(running: ServerProcess) -> None:
    """Addresses in order, in pages that fit together, filtered by service and environment."""
    with RawClient(running.url, token=None) as client:
        client.open("n0")
        for number in range(5):
            client.send(active(f"n{number}", f"http://{number}", service=f"svc{number % 2}"))
            client.receive()
        found = ask(running, "/api/services").json
        assert [(one["service"], one["address"]) for one in found["items"]] == [
            ("svc0", "http://0"), ("svc0", "http://2"), ("svc0", "http://4"), ("svc1", "http://1"), ("svc1", "http://3"),
        ]  # fmt: skip
        assert found["items"][0] | {"properties": {}} == {
            "environment": "sandbox", "service": "svc0", "version": "1.0", "address": "http://0", "node": "n0",
            "senders": 1, "suspect": False, "properties": {},
        }  # fmt: skip
        pages = [ask(running, "/api/services?limit=2").json]
        while pages[-1]["next"] is not None:
            pages.append(ask(running, f"/api/services?{urlencode({'limit': 2, 'cursor': pages[-1]['next']})}").json)
        assert [one for page in pages for one in page["items"]] == found["items"]
        assert len(ask(running, "/api/services?service=svc1&environment=sandbox").json["items"]) == 2
        assert ask(running, "/api/services?environment=other").json == {"items": [], "next": None}


def test_what_is_stored(running: ServerProcess) -> None:
    """Logs, interactions, traces, one trace, rates and the map, each as the storage answers, with cursors."""
    for path in ("logs", "interactions", "traces", "map", "rates", "rates?of=interactions"):
        assert ask(running, f"/api/{path}").json == {"items": [], "next": None}, path
    fill(running, None)
    logs = ask(running, "/api/logs?limit=4&level=info").json
    assert [one["text"] for one in logs["items"]] == ["text 9", "text 8", "text 7", "text 6"]
    more = ask(running, f"/api/logs?limit=100&level=info&cursor={logs['next']}").json
    assert [one["text"] for one in more["items"]] == [f"text {number}" for number in range(5, -1, -1)]
    assert more["next"] is None
    assert [one["text"] for one in ask(running, "/api/logs?order=oldest&limit=2&trace=trace1").json["items"]] == [
        "text 1", "text 3"
    ]  # fmt: skip
    assert [one["text"] for one in ask(running, "/api/logs?text=7").json["items"]] == ["text 7"]
    assert len(ask(running, "/api/logs?since=1795487508618&until=1795487508619").json["items"]) == 10
    assert ask(running, "/api/logs?since=2026-11-24T03:00:00%2B01:00&until=1795487508618").json["items"] == []
    assert {one["trace_id"] for one in ask(running, "/api/traces").json["items"]} == {"trace0", "trace1"}
    events = ask(running, "/api/traces/trace0").json["items"]
    assert [one["kind"] for one in events].count("log") == 5
    assert [one["kind"] for one in events].count("interaction") == 1
    assert ask(running, "/api/traces/none").status == 404
    (interaction,) = ask(running, "/api/interactions").json["items"]
    assert (interaction["uuid"], interaction["results"]) == ("u", {"n1": 1})
    (rate,) = ask(running, "/api/rates?since=2026-11-01T00:00:00Z&step=100000").json["items"]
    assert rate["levels"] == {"INFO": 10}
    (call,) = ask(running, "/api/rates?of=interactions&since=2026-11-01T00:00:00Z&step=100000").json["items"]
    assert (call["ok"], call["failed"]) == (1, 0)
    (edge,) = ask(running, "/api/map?since=2026-11-01T00:00:00Z").json["items"]
    assert (edge["caller"], edge["callee"], edge["ok"]) == ("svc", "svc", 1)
    assert ask(running, "/api/storage").json["logs"] == 10


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("logs?lvel=INFO", "a parameter is 'lvel'; expected one that is known; did you mean level?"),
        ("logs?level=LOUD", "level is 'LOUD'; expected one of"),
        ("logs?level=INFO&level=WARN", "level is 'WARN'; expected it once"),
        ("logs?limit=0", "limit is '0'; expected a number from 1 to 1000"),
        ("logs?limit=1001", "limit is '1001'; expected a number from 1 to 1000"),
        ("logs?cursor=x", "cursor is 'x'; expected one that an answer named as its next"),
        ("logs?since=yesterday", "since is 'yesterday'; expected milliseconds since 1970, a time such as"),
        ("logs?failed=1", "failed is '1'; expected true or false"),
        ("logs?order=random", "order is 'random'; expected newest or oldest"),
        ("logs?text=" + "x" * 1001, "text is "),
        ("interactions?level=INFO", "filter is "),
        ("services?cursor=[1]", "cursor is '[1]'; expected one that an answer named as its next"),
        ("rates?since=0", "step is 1; expected 1000 steps at most"),
        ("rates?of=x", "of is 'x'; expected logs or interactions"),
        ("traces/t?limit=x", "limit is 'x'"),
    ],
)
def test_what_cannot_be_asked(running: ServerProcess, path: str, said: str) -> None:
    """400, and what would be right."""
    fill(running, None) if path.startswith("logs?cursor") else None
    answer = ask(running, f"/api/{path}")
    assert (answer.status, answer.json["error"]) == (400, "bad_query")
    assert answer.json["detail"].startswith(said)


def test_tenants_do_not_see_each_other(keyed: ServerProcess) -> None:
    """Whatever is asked, by whatever means, only the token's tenant answers."""
    fill(keyed, token("one"))
    fill(keyed, token("two"), node="n2")
    for path in ("services", "logs", "interactions", "traces", "traces/trace0", "map", "rates", "storage"):
        answers = [ask(keyed, f"/api/{path}", bearer=token(tenant)) for tenant in ("one", "two", "three")]
        assert b"n1" not in answers[1].body + answers[2].body, path
        assert b"n2" not in answers[0].body + answers[2].body, path
        assert ask(keyed, f"/api/{path}").status == 401
    cookie = ask(keyed, "/login", method="POST", body=urlencode({"token": token("two")})).headers["Set-Cookie"]
    found = ask(keyed, "/api/services", bearer=token("one"), Cookie=cookie.partition(";")[0]).json["items"]
    assert [one["address"] for one in found] == ["http://n1"], "a token that is said beats a cookie"
    admin = token("two", scope="read admin")
    path = "/api/nodes?environment=sandbox&service=svc&address=http://n1"
    assert ask(keyed, path, method="DELETE", bearer=admin).status == 404
    assert ask(keyed, "/api/clear", method="POST", bearer=admin).json == {"removed": 1}
    assert len(ask(keyed, "/api/services", bearer=token("one")).json["items"]) == 1


def test_admins_act_and_leave_a_trace(keyed: ServerProcess) -> None:
    """Only with `admin`; each act is in the audit log with who, what, when and which tenant; everybody is told."""
    admin = token("acme", scope="read admin", sub="ann")
    with RawClient(keyed.url, token=token("acme")) as client:
        client.open("n1")
        for address in ("a", "b"):
            client.send(active(address, address))
            assert client.receive()["type"] == "active"
        path = "/api/nodes?environment=sandbox&service=svc&address=a"
        assert ask(keyed, path, method="DELETE", bearer=token("acme")).json["error"] == "scope_admin"
        assert ask(keyed, "/api/nodes?service=svc", method="DELETE", bearer=admin).status == 400
        assert ask(keyed, path, method="DELETE", bearer=admin).json == {"removed": 1}
        assert (message := client.receive())["type"] == "expire"
        assert message["node"]["address"] == "a"
        assert ask(keyed, "/api/clear", method="GET", bearer=admin).status == 405
        assert ask(keyed, "/api/clear", method="POST", bearer=admin).json == {"removed": 1}
        assert client.receive()["node"]["address"] == "b"
    lines = [json.loads(line) for line in (keyed.data / "audit.jsonl").read_text().splitlines()]
    assert [(one["act"], one["tenant"], one["who"], one["address"]) for one in lines] == [
        ("remove", "acme", "ann", "127.0.0.1"), ("clear", "acme", "ann", "127.0.0.1"),
    ]  # fmt: skip
    assert lines[0]["node"] == "a"
    assert lines[0]["time"].startswith("20")
    assert (keyed.data / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_an_admin_sets_a_level_for_a_while(keyed: ServerProcess) -> None:
    """Clients of the tenant are told, also those that come later; it is audited; what cannot be a rule is said."""
    admin, path = token("acme", scope="read admin", sub="ann"), "/api/level?service=shop&level=debug&seconds=60"
    with RawClient(keyed.url, token=token("acme")) as client:
        client.open("n1", mdkRevision=1)
        assert ask(keyed, path, method="POST", bearer=token("acme")).json["error"] == "scope_admin"
        assert ask(keyed, path, method="POST", bearer=admin).json == {
            "service": "shop",
            "level": "DEBUG",
            "seconds": 60,
        }
        while (message := client.receive())["type"] != "levelrule":
            pass
        assert (message["service"], message["level"], message["left"]) == ("shop", "DEBUG", 60.0)
    for bad in (
        "service=shop",
        "level=debug",
        "service=a&trace=b&level=debug",
        "service=a&level=loud",
        "trace=a&level=info&seconds=-1",
    ):
        assert ask(keyed, f"/api/level?{bad}", method="POST", bearer=admin).json["error"] == "bad_query"
    (line,) = [json.loads(line) for line in (keyed.data / "audit.jsonl").read_text().splitlines()]
    assert (line["act"], line["kind"], line["name"], line["level"], line["seconds"]) == (
        *("level", "service", "shop", "DEBUG", "60"),
    )


def test_what_cannot_be_audited_is_not_done(keyed: ServerProcess) -> None:
    """503, and the table stays."""
    (keyed.data / "audit.jsonl").mkdir()
    with RawClient(keyed.url, token=token("acme")) as client:
        client.open("n1")
        client.send(active("n1"))
        client.receive()
        answer = ask(keyed, "/api/clear", method="POST", bearer=token("acme", scope="admin"))
        assert (answer.status, answer.json["error"]) == (503, "audit")
        assert len(ask(keyed, "/api/services", bearer=token("acme")).json["items"]) == 1


def test_metrics_with_keys(keyed: ServerProcess) -> None:
    """They are sums over all tenants: for admins only; failures are counted by reason."""
    assert ask(keyed, "/metrics").status == 401
    assert ask(keyed, "/metrics", bearer=token()).status == 403
    text = ask(keyed, "/metrics", bearer=token(scope="admin")).body.decode()
    assert 'mdk_server_auth_failures_total{reason="token_missing"} 1.0' in text


# --- browsers -------------------------------------------------------------------------------------


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


def upgrade(at: str, host: str, path: str = "/rtp", **headers: str) -> str:
    """Status and word of a WebSocket handshake, as a page of another origin might make a browser send it."""
    parts = urlsplit(at)
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    with socket.create_connection((str(parts.hostname), parts.port or 0), WITHIN_S) as raw:
        raw.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = raw.recv(65536).decode()
        if '"error"' not in answer and " 101 " not in answer.partition("\r\n")[0]:
            answer += raw.recv(65536).decode()
    word = re.search(r'"error": ?"(\w+)"', answer)
    return f"{answer.split()[1]} {word[1] if word else ''}".strip()


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
        "import logging, sys; import mdkspec_runtime.links.accepting as a, mdk_runtime.server.reporting as r; r.SEES_REQUESTS = ()\n"
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


def test_https(tmp_path: Path) -> None:
    """With TLS both ports have it, and the cookie is Secure."""
    import ssl

    import trustme

    from service.test_server_access import issue

    authority = trustme.CA()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with server(tmp_path, "--http", *issue(tmp_path, authority)) as running:
        at = urlsplit(running.ready["http"])
        assert at.scheme == "https"
        connection = http.client.HTTPSConnection(str(at.hostname), at.port or 0, timeout=WITHIN_S, context=context)
        connection.request("POST", "/login", "token=x", {"Origin": f"https://{at.netloc}"})
        answer = Answer(connection.getresponse())
        assert answer.status == 303
        assert "; Secure" in answer.headers["Set-Cookie"]
        connection.request("GET", "/api/services", headers={"Origin": f"http://{at.netloc}"})
        assert Answer(connection.getresponse()).status == 403
        connection.close()
        with RawClient(f"wss://{at.netloc}/rtp", ssl=context, origin=f"https://{at.netloc}") as browser:
            browser.open("b")


def test_a_port_that_is_taken(running: ServerProcess, tmp_path: Path) -> None:
    """One line that names the port."""
    from service.test_server import failing

    port = str(urlsplit(running.ready["http"]).port)
    status, said = failing("--port", "0", "--http-port", port, "--data", str(tmp_path / "other"))
    assert status == 1
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in said


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


def test_without_the_packages(tmp_path: Path) -> None:
    """It says what to install, or how to do without; without HTTP it starts."""
    program = (
        "import sys; sys.modules['starlette'] = None; from mdk_runtime.cli import main; "
        f"sys.exit(main(['server', '--port', '0', '--data', {str(tmp_path)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=WITHIN_S
    )
    assert done.returncode == 1
    said = 'mdk: the HTTP port needs packages that are not installed: pip install "mdk[server]", or say --no-http\n'
    assert done.stderr == said


@pytest.mark.parametrize("line", ["Sec-WebSocket-Version: 13" + "x" * 9000, "X: " + "y" * 20_000])
def test_a_header_that_is_too_long_is_answered(running: ServerProcess, line: str) -> None:
    """A WebSocket handshake with it is refused; the connection is not left open without a word."""
    at = urlsplit(running.ready["http"])
    asked = f"GET /rtp HTTP/1.1\r\nHost: {at.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{line}\r\n\r\n"
    with socket.create_connection((str(at.hostname), at.port or 0), WITHIN_S) as client:
        client.sendall(asked.encode())
        assert b"".join(iter(lambda: client.recv(65536), b"")).startswith(b"HTTP/1.1 431 ")


def test_text_that_is_no_utf8_ends_a_browsers_connection(running: ServerProcess) -> None:
    """With the code that says so (RFC 6455 §8.1), and without a traceback in the log."""
    with RawSocket(running.ready["http"].replace("http:", "ws:") + "rtp") as client:
        client.upgrade(origin=False).open()
        client.socket.sendall(framed(b'{"type": "\xff"}'))
        (closed,) = client.rest()
        assert (closed.opcode, closed.payload[:2]) == (8, (1007).to_bytes(2))
    assert "Traceback" not in running.log.read_text()
