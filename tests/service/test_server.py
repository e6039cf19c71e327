"""A real server, and clients that speak as the original's captures do."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from conformance import captures
from mdk_runtime.storage.answers import Filter
from mdk_runtime.storage.reader import Reader
from service.programs import WITHIN_S
from service.servers import RawClient, ServerProcess, active, failing, log, server

NODE_SILENCE_S = 0.2
"""As long as a test waits to see that nothing comes."""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with a short grace."""
    with server(tmp_path, "--grace", "0.3") as started:
        yield started


def http(url: str, path: str = "/rtp", **headers: str) -> tuple[int, dict[str, str]]:
    """A plain HTTP request's status and JSON body."""
    base = url.replace("ws:", "http:").removesuffix("/rtp")
    request = urllib.request.Request(base + path, headers={name.replace("_", "-"): headers[name] for name in headers})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=WITHIN_S)
    with caught.value as answer:
        assert answer.headers["Content-Type"] == "application/json"
        body: dict[str, str] = json.loads(answer.read())
        return answer.code, body


def test_the_ready_file_tells_where(running: ServerProcess) -> None:
    """URL and pid; the URL is one that a client can use."""
    assert running.ready == {"rtp": running.url, "pid": running.process.pid}
    with RawClient(running.url) as client:
        client.open()


def test_silent_until_open(running: ServerProcess) -> None:
    """The first frame is the client's (wire/README.md, rule 1)."""
    with RawClient(running.url) as client:
        assert client.is_silent(NODE_SILENCE_S)
        client.open()


def test_nodes_reach_everyone_of_the_tenant(running: ServerProcess) -> None:
    """Those there and those who come; nobody of another tenant; and again when they go."""
    with RawClient(running.url) as one, RawClient(running.url) as two, RawClient(running.url, token="x") as other:
        one.open("n1")
        two.open("n2")
        other.open("n3")
        one.send(active())
        assert one.receive()["node"]["address"] == two.receive()["node"]["address"] == "http://a"
        with RawClient(running.url) as late:
            late.open("n4")
            assert late.receive() == {**active(), "node": {**active()["node"], "environment": {"name": "sandbox"}}}
        one.send({**active(), "type": "expire"})
        assert one.receive()["type"] == two.receive()["type"] == "expire"
        assert other.is_silent(NODE_SILENCE_S)


def test_a_killed_client_is_gone_after_the_grace(running: ServerProcess) -> None:
    """Its connection breaks without goodbye: others learn it soon, not after the ttl."""
    with RawClient(running.url) as watcher:
        watcher.open("w")
        victim = RawClient(running.url).open("n1")
        victim.send(active())
        assert watcher.receive()["type"] == "active"
        victim.websocket.socket.shutdown(socket.SHUT_RDWR)  # no closing handshake; and the library's threads end
        assert watcher.receive()["type"] == "expire"


def test_a_silent_node_lapses(running: ServerProcess) -> None:
    """A client that is there but renews nothing loses its node with the ttl."""
    with RawClient(running.url) as client:
        client.open()
        began = time.monotonic()
        client.send(active(ttl=0.4))
        assert client.receive()["type"] == "active"
        assert client.receive()["type"] == "expire"
        assert time.monotonic() - began > 0.35


def test_logs_are_stored_once_and_acknowledged(running: ServerProcess) -> None:
    """Each by its own number, the repeated ones too; the follower sees each once."""
    with RawClient(running.url) as follower, RawClient(running.url) as client:
        follower.open("f")
        follower.send({"type": "subscribe"})
        client.open()
        for sequence in (0, 1, 0, 2):
            client.send(log(sequence, text=f"text {sequence}"))
        client.send({"uuid": "u", "session": "t", "node": "n1", "type": "interactionevent", "sequence": 0, "sync": 1})
        client.send({"uuid": "u", "session": "t", "node": "n1", "type": "interactionevent", "sequence": 1, "sync": 1})
        acks = [client.receive() for _ in range(6)]
        assert [one["sequence"] for one in acks if one["type"] == "logack"] == [0, 1, 0, 2]
        assert [one["sequence"] for one in acks if one["type"] == "interactionack"] == [0, 1]
        with Reader(running.tenant_folder()) as reader:
            stats = reader.stats()
            assert (stats.logs, stats.interactions) == (3, 1)
            assert [one.text for one in reader.logs(Filter(trace_id="t"), oldest_first=True).items] == [
                "text 0",
                "text 1",
                "text 2",
            ]
        assert [follower.receive()["text"] for _ in range(3)] == ["text 0", "text 1", "text 2"]


@pytest.mark.parametrize("name", ["02_register_heartbeat_stop", "05_logs", "07_interactions", "09_sessions"])
def test_a_captured_client_is_served(running: ServerProcess, name: str) -> None:
    """All that it sent, in one go: each log and interaction is acknowledged, and the server goes on."""
    frames = [one for one in captures.frames(name) if one.from_client and one.connection == 1]
    types = [json.loads(one.text)["type"] for one in frames]
    with RawClient(running.url) as client:
        for frame in frames:
            client.send(frame.text)
        expected = {"logack": types.count("log"), "interactionack": types.count("interactionevent")}
        while any(expected.values()):
            kind = client.receive()["type"]
            if kind in expected:
                expected[kind] -= 1
    with RawClient(running.url) as client:
        client.open()


def test_goodbye_on_sigterm(running: ServerProcess) -> None:
    """What was received is stored and acknowledged, then each client gets `close`, and the status is 0."""
    with RawClient(running.url) as client:
        client.open()
        for sequence in range(500):
            client.send(log(sequence))
        client.receive()
        assert running.terminate() == 0
        frames = client.rest()
        assert frames[-1] == {"type": "close", "error": {"code": "shutdown", "title": "the server ends"}}
        acked = {one["sequence"] for one in frames if one["type"] == "logack"} | {0}
    with Reader(running.tenant_folder()) as reader:
        assert acked <= {one.sequence for one in reader.logs(limit=1000).items}


def test_an_end_while_nothing_can_be_stored(running: ServerProcess) -> None:
    """It waits as long as it may, says what is given up, and ends as it was told to: nothing acknowledged is lost."""
    (running.data / "default").write_text("no folder")
    with RawClient(running.url, token=None) as client:
        client.open()
        for sequence in range(3):
            client.send(log(sequence))
        client.send(active())
        assert client.receive()["type"] == "active", "all before it was read"
        assert running.terminate() == 0
        assert [frame["type"] for frame in client.rest()] == ["close"]
    said = running.log.read_text()
    assert "3 messages are not stored after 2 s" in said
    assert "3 messages were received and are given up: none was acknowledged, so their senders have them still" in said
    assert said.rstrip().endswith("ended")


def test_what_is_no_client_is_told_so(running: ServerProcess) -> None:
    """Other paths, plain HTTP, web pages: a status and a JSON body that says what would be right."""
    assert http(running.url, "/other") == (404, {"error": "not_found", "detail": "the protocol is at /rtp"})
    assert http(running.url)[0] == 426
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Key": "x" * 22 + "=="}
    assert http(running.url, **upgrade, Sec_WebSocket_Version="12")[0] == 426
    upgrade["Sec_WebSocket_Version"] = "13"
    for origin in ("http://localhost", "https://x.org", "null", "chrome-extension://x"):
        assert http(running.url, **upgrade, Origin=origin)[:1] == (403,)


KEYED = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"
UPGRADE = f"GET /rtp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{KEYED}".encode()


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01 TLS", b"GET /rtp HTTP/1.1\r\n: x", b"GET", b"GET /rtp HTTP/9", UPGRADE + b"\r\n\r\n\r\n\xff"],
    ids=["tls", "no header", "half a line", "HTTP 9", "no frame"],
)
def test_what_is_no_request_is_told_so(running: ServerProcess, sent: bytes) -> None:
    """Not even HTTP: an answer that says so, where the library would just hang up."""
    host, port = "127.0.0.1", running.port
    with socket.create_connection((host, port), WITHIN_S) as client:
        client.sendall(sent + b"\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(body)["error"] == "bad_request"


def test_an_originals_token(running: ServerProcess) -> None:
    """Not escaped, blanks and all, and repeated in Origin: one tenant with the client that escapes it."""
    host, port = "127.0.0.1", running.port
    (captured,) = [
        json.loads(line)["data"]
        for line in (captures.FOLDER / "01_open.jsonl").read_text().splitlines()
        if "token=a b&c=d HTTP" in line
    ]
    with RawClient(running.url, token="a%20b") as ours, socket.create_connection((host, port), WITHIN_S) as original:
        ours.open()
        original.sendall(captured.encode()[:20])
        original.sendall(captured.encode()[20:])
        assert b"101 Switching" in original.recv(65536)
        payload = json.dumps({"type": "open", "nodeId": "o"}).encode()
        node = json.dumps(active("o")).encode()
        for data in (payload, node):
            size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
            original.sendall(b"\x81" + size + b"\0\0\0\0" + data)
        assert ours.receive()["node"]["id"] == "o"


def test_a_token_is_never_written(running: ServerProcess) -> None:
    """Neither to the log nor to the disk, in whatever way it came; a second server tells what is wrong without it."""
    secret = "S3CRET"
    for token, headers in ((secret, {}), (None, {"Authorization": f"Bearer {secret}"})):
        with RawClient(
            running.url, token=token, additional_headers=headers, origin=f"{running.url}?token={secret}"
        ) as c:
            c.open("n1")
            c.send(log(0 if token else 1))
            c.receive()
            c.send("x" * 3_000_000)
            assert c.receive()["error"]["code"] == "message_bytes_max"
            with pytest.raises(ConnectionClosed):
                c.receive()
    http(running.url, f"/other?token={secret}")
    with Reader(running.tenant_folder()) as reader:
        assert reader.stats().logs == 2, "both ways name one tenant"
    assert running.terminate() == 0
    texts = [path.read_bytes() for path in running.data.rglob("*") if path.is_file()] + [running.log.read_bytes()]
    names = [str(path) for path in running.data.rglob("*")]
    assert not any(secret.encode() in text for text in texts)
    assert not any(secret in name for name in names)
    assert "Traceback" not in running.log.read_text()


def test_no_token_is_the_default_tenant(running: ServerProcess) -> None:
    """So a server and a client work with nothing set."""
    with RawClient(running.url, token=None) as client:
        client.open()
        client.send(log(0))
        client.receive()
    assert running.tenant_folder().name == "default"
    assert "no token is tenant 'default'" in running.log.read_text()


def test_who_started_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As systemd wants it: when it listens, while keys and certificate are read again, and that it ends."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(path))
        told.settimeout(WITHIN_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        (tmp_path / "ready.json").write_text("of the server before")
        with server(tmp_path) as running:
            assert told.recv(4096).decode() == f"READY=1\nSTATUS=serving {running.url}"
            running.process.send_signal(signal.SIGHUP)
            assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", told.recv(4096).decode())
            assert told.recv(4096) == b"READY=1"
            assert running.terminate() == 0
            assert told.recv(4096).startswith(b"STOPPING=1\n")
        path.unlink()
    with server(tmp_path) as running:
        assert running.terminate() == 0
        assert f"{path}, which NOTIFY_SOCKET names, is not told of READY=1: " in running.log.read_text()


def test_reasons_not_to_start(running: ServerProcess, tmp_path: Path) -> None:
    """Each said in one line, with what would be right; 1 for what the machine refuses, 2 for what the user asked."""
    port = str(running.port)
    status, said = failing("--port", port, "--data", str(tmp_path / "other"))
    assert (status, said.count("\n")) == (1, 1)
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in said
    status, said = failing("--port", "0", "--data", str(running.data))
    assert (status, "another server uses it; --data names another one" in said) == (1, True)
    status, said = failing("--port", "0", "--data", str(running.log))
    assert (status, "cannot be used" in said) == (1, True)
    status, said = failing("--port", "0", "--data", str(tmp_path / "d"), "--ready-file", "/no/such/folder/f")
    assert (status, "the ready file /no/such/folder/f cannot be written" in said) == (1, True)
    status, said = failing("--port", "0", "--data", str(tmp_path / "d"), "--ready-file", "/")
    assert (status, "the ready file / cannot be written: that names no file" in said) == (1, True)
    for host in ("999.1.1.1", "192.0.2.1"):
        status, said = failing("--port", "0", "--data", str(tmp_path / "d"), "--insecure", "--host", host)
        assert (status, f"cannot listen on {host} port 0: " in said, "nknown error" in said) == (1, True, False), said
        assert "; --host names an address of this machine" in said
    status, said = failing("--port", "0", "--host", "0.0.0.0")
    assert (status, "--insecure" in said) == (2, True)
    assert failing("--port", "99999")[0] == failing("--grace", "x")[0] == 2


def test_a_restarted_server_knows_what_it_stored(tmp_path: Path) -> None:
    """Everything sent again after the restart is known, and acknowledged."""
    for _ in range(2):
        with server(tmp_path) as running, RawClient(running.url) as client:
            client.open()
            for sequence in range(5):
                client.send(log(sequence))
            assert [client.receive()["sequence"] for _ in range(5)] == [0, 1, 2, 3, 4]
            assert running.terminate() == 0
            with Reader(running.tenant_folder()) as reader:
                assert reader.stats().logs == 5
