"""A real server with keys, with TLS, and with limits, as clients see it from outside."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
from websockets.exceptions import ConnectionClosed, InvalidStatus

import mdk
from mdk_runtime.storage.reader import Reader
from service.access import SECRET, issue, token
from service.programs import WITHIN_S, wait_until
from service.servers import RawClient, ServerProcess, active, log, server


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with one key."""
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "one.key").write_bytes(SECRET)
    return folder


def refused(url: str, shown: str | None, **options: Any) -> tuple[int, str]:
    """Status and word of a handshake that fails."""
    with pytest.raises(InvalidStatus) as caught:
        RawClient(url, token=shown, **options)
    response = caught.value.response
    assert response.headers["Content-Type"] == "application/json"
    body = json.loads(response.body or b"")
    assert set(body) == {"error", "detail"}
    return response.status_code, body["error"]


def test_only_with_a_token(tmp_path: Path, keys: Path) -> None:
    """401 with the reason, 403 without `read`; a good token opens its tenant, from the query or a header."""
    with server(tmp_path, "--key", str(keys)) as running:
        assert refused(running.url, None) == (401, "token_missing")
        assert refused(running.url, "x") == (401, "token_invalid")
        assert refused(running.url, token(secret=b"y" * 32)) == (401, "token_invalid")
        assert refused(running.url, token(exp=time.time() - 60)) == (401, "token_expired")
        assert refused(running.url, token(nbf=time.time() + 60)) == (401, "token_not_yet_valid")
        assert refused(running.url, token("../x")) == (401, "token_audience")
        assert refused(running.url, token(scope="write")) == (403, "scope_read")
        bearer = {"Authorization": f"Bearer {token()}"}
        with (
            RawClient(running.url, token=token()) as one,
            RawClient(running.url, token=None, additional_headers=bearer) as two,
            RawClient(running.url, token=token("other")) as stranger,
        ):
            one.open("n1")
            two.open("n2")
            stranger.open("n3")
            one.send(active("n1"))
            assert two.receive()["node"]["id"] == "n1"
            assert stranger.is_silent(0.2)
            one.send(log(0))
            while one.receive()["type"] != "logack":
                pass
        assert running.tenant_folder().name == "acme"
        assert "keys: one (HS256)" in running.log.read_text()


def test_our_client_says_why(tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """A refused token is an error in the log of the application, with the server's reason; a good one works."""
    with server(tmp_path, "--key", str(keys)) as running:
        monkeypatch.setenv("MDK_SERVER_URL", running.url)
        monkeypatch.setenv("DATAWIRE_TOKEN", token(exp=time.time() - 60))
        m = mdk.start()
        try:
            wait_until(lambda: "HTTP 401: token_expired, the token has expired; get a new one" in caplog.text)
        finally:
            m.stop()
        monkeypatch.setenv("DATAWIRE_TOKEN", token(scope="read"))
        m = mdk.start()
        try:
            m.register("svc", "1.0", "http://a")
            wait_until(lambda: "the token lacks the scope 'register'" in caplog.text)
            wait_until(lambda: m.connected)
        finally:
            m.stop()


def test_failed_attempts_are_limited(tmp_path: Path, keys: Path) -> None:
    """429 after so many; who was in before gets in."""
    with server(tmp_path, "--key", str(keys), "--auth-failures-max", "3") as running:
        RawClient(running.url, token=token()).open().websocket.close()
        for _ in range(3):
            assert refused(running.url, "wrong")[0] == 401
        assert refused(running.url, "wrong") == (429, "too_many_failures")
        assert refused(running.url, token("other")) == (429, "too_many_failures")
        RawClient(running.url, token=token()).open().websocket.close()


def test_a_connection_ends_with_its_token(tmp_path: Path, keys: Path) -> None:
    """With a word; ten seconds of leeway are part of its life."""
    with server(tmp_path, "--key", str(keys)) as running:
        client, end = let_in_shortly(running)
        with client:
            message = client.receive()
            assert message == {
                "type": "close",
                "error": {"code": "token_expired", "title": "the token has expired; connect with a new one"},
            }
            assert time.time() >= end + 10
            assert client.rest() == []


def let_in_shortly(running: ServerProcess) -> tuple[RawClient, float]:
    """A client whose token has not long to live, and when it ends: as short as this machine allows for now."""
    for left_s in (1.5, 6.0, 30.0):
        end = time.time() + left_s - 10
        with suppress(InvalidStatus, ConnectionClosed, AssertionError):
            return RawClient(running.url, token=token(exp=end)).open(), end
    raise AssertionError("not in time")


def test_keys_are_rotated_while_it_runs(tmp_path: Path, keys: Path) -> None:
    """SIGHUP reads the folder again: a new key is good, who came by an old one is sent away and not let in again."""
    new = b"n" * 32
    with server(tmp_path, "--key", str(keys)) as running:
        with RawClient(running.url, token=token()) as old:
            old.open("o")
            assert refused(running.url, token(secret=new, kid="two")) == (401, "token_invalid")
            (keys / "two.key").write_bytes(new)
            running.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "keys: one (HS256), two (HS256)" in running.log.read_text())
            with RawClient(running.url, token=token(secret=new, kid="two")) as fresh:
                fresh.open("f")
                old.send(log(0, node="o"))
                assert old.receive()["type"] == "logack", "the old key is good still"
                (keys / "one.key").unlink()
                running.process.send_signal(signal.SIGHUP)
                assert old.receive()["error"]["code"] == "token_revoked"
                fresh.send(log(0, node="f"))
                assert fresh.receive()["type"] == "logack"
        assert refused(running.url, token()) == (401, "token_invalid")


def test_no_token_in_any_log(tmp_path: Path, keys: Path) -> None:
    """Good, wrong and expired ones, in query, header and the originals' Origin, at the lowest log level."""
    shown = [token(), token(exp=1), "eyJ.SECRET.x", token(scope="write")]
    with server(tmp_path, "--key", str(keys), "--log-level", "debug") as running:
        for each in shown:
            for options in (
                {"token": each},
                {"token": None, "additional_headers": {"Authorization": f"Bearer {each}"}},
            ):
                try:
                    with RawClient(running.url, origin=f"{running.url}?token={each}", **options) as client:
                        client.open()
                except InvalidStatus:
                    continue
        port = running.port
        for head in (
            f"GET /rtp?token={shown[0]} HTTP/1.1\r\n\r\n",
            f"NONSENSE {shown[0]}\r\n\r\n",
            f"\0{shown[0]}\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), WITHIN_S) as raw:
                raw.sendall(head.encode())
                raw.recv(65536)
        assert running.terminate() == 0
        texts = [path.read_bytes() for path in running.data.rglob("*") if path.is_file()] + [running.log.read_bytes()]
        for each in shown:
            for part in {each, each.split(".")[-1], each.split(".")[1]} - {"x"}:
                assert not any(part.encode() in text for text in texts)
        assert b"Traceback" not in running.log.read_bytes()


# --- limits ---------------------------------------------------------------------------------------


def code_of(client: RawClient) -> str:
    """Of the `close` that comes next."""
    message = client.receive()
    assert message["type"] == "close", message
    return str(message["error"]["code"])


def test_limit_of_message_size(tmp_path: Path) -> None:
    """A frame that is too large ends the connection, with a `close` that says how large it may be."""
    with server(tmp_path, "--message-bytes-max", "64KiB") as running:
        with RawClient(running.url) as client:
            client.open()
            client.send(log(0, text="x" * 60_000))
            assert client.receive()["type"] == "logack"
            client.send(log(1, text="x" * 70_000))
            message = client.receive()
            assert message["error"] == {"code": "message_bytes_max", "title": "a frame is larger than 65536 bytes"}
            with pytest.raises(ConnectionClosed) as caught:
                client.receive()
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1009
        RawClient(running.url).open().websocket.close()


def test_limit_of_connections(tmp_path: Path) -> None:
    """Of one tenant; another one is not concerned."""
    with server(tmp_path, "--connections-max", "2") as running:
        with RawClient(running.url) as one, RawClient(running.url) as two, RawClient(running.url) as three:
            one.open("n1")
            two.open("n2")
            three.send({"type": "open", "nodeId": "n3"})
            assert code_of(three) == "connections_max"
            assert three.rest() == []
            with RawClient(running.url, token="other") as other:
                other.open("n4")
        wait_until(lambda: _is_let_in(running))


def test_limit_of_tenants(tmp_path: Path) -> None:
    """One tenant too many is told 503 at the handshake; those that are in use go on."""
    with server(tmp_path, "--tenants-max", "1") as running, RawClient(running.url) as one:
        one.open("n1")
        with pytest.raises(InvalidStatus) as refused:
            RawClient(running.url, token="other")
        response = refused.value.response
        assert (response.status_code, json.loads(bytes(response.body or b""))["error"]) == (503, "tenants")
        one.send(active("n1"))
        assert one.receive()["type"] == "active"


def _is_let_in(running: ServerProcess) -> bool:
    with RawClient(running.url) as client:
        client.send({"type": "open"})
        return bool(client.receive()["type"] == "open")


def test_limit_of_nodes(tmp_path: Path) -> None:
    """Told once by `close`; then the client may stay, its node is left out, and the others' nodes go on."""
    with server(tmp_path, "--nodes-max", "1") as running:
        with RawClient(running.url) as first:
            first.open("n1")
            first.send(active("n1"))
            assert first.receive()["type"] == "active"
            with RawClient(running.url) as second:
                second.open("n2")
                assert second.receive()["node"]["id"] == "n1"
                second.send(active("n2", "http://b"))
                assert code_of(second) == "nodes_max"
            with RawClient(running.url) as second:
                second.open("n2")
                assert second.receive()["node"]["id"] == "n1"
                second.send(active("n2", "http://b"))
                assert second.is_silent(0.2)
            assert first.is_silent(0.2)
        assert running.log.read_text().count("the tenant has 1 nodes already") == 1


def test_limit_of_logs(tmp_path: Path) -> None:
    """What is above the rate is acknowledged and not stored; told once; nothing acknowledged is both."""
    with server(tmp_path, "--logs-per-second-max", "10") as running:
        with RawClient(running.url) as client:
            client.open()
            for sequence in range(200):
                client.send(log(sequence))
            frames = client.rest()
            assert [one["error"]["code"] for one in frames if one["type"] == "close"] == ["logs_per_second_max"]
        with RawClient(running.url) as client:
            client.open()
            for sequence in range(200):
                client.send(log(sequence))
            acked = {client.receive()["sequence"] for _ in range(200)}
            assert acked == set(range(200))
        # What is too much is acknowledged at once, what was let in when it is on disk.
        wait_until(lambda: stored_in(running) >= 20)
        assert running.terminate() == 0
        assert 20 <= stored_in(running) < 200


def stored_in(running: ServerProcess) -> int:
    """Logs of the only tenant."""
    with Reader(running.tenant_folder()) as reader:
        return reader.stats().logs


# --- TLS ------------------------------------------------------------------------------------------


def test_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our client connects with the authority's certificate; nobody without it; a new certificate is read on SIGHUP."""
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with server(tmp_path, *issue(tmp_path, authority)) as running:
        assert running.url.startswith("wss://127.0.0.1:")
        monkeypatch.setenv("MDK_SERVER_URL", running.url)
        monkeypatch.setenv("MDK_CA_FILE", str(tmp_path / "ca.pem"))
        m = mdk.start()
        try:
            wait_until(lambda: m.connected)
        finally:
            m.stop()
        context = ssl.create_default_context()
        other.configure_trust(context)
        with pytest.raises(ssl.SSLCertVerificationError):
            RawClient(running.url, ssl=context)
        issue(tmp_path, other)
        (tmp_path / "key.pem").write_text("no key")
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the certificate is not read again, that of before holds" in running.log.read_text())
        with pytest.raises(ssl.SSLCertVerificationError):
            RawClient(running.url, ssl=context)
        issue(tmp_path, other)
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the certificate is read again" in running.log.read_text())
        with RawClient(running.url, ssl=context) as client:
            client.open()
        with pytest.raises((urllib.error.URLError, ConnectionError, OSError)):
            urllib.request.urlopen(running.url.replace("wss:", "http:"), timeout=WITHIN_S)
        assert running.terminate() == 0
