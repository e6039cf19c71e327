"""The HTTP port of a real server: health, metrics, TLS, and how it starts."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from service.access import issue, token
from service.http_port import Answer, ask, fill
from service.programs import WITHIN_S
from service.servers import RawClient, ServerProcess, active, failing, server


def test_health_and_the_ready_file(running: ServerProcess) -> None:
    """Both URLs are in the file; alive and ready, without a token, by any name."""
    assert set(running.ready) == {"rtp", "http", "pid"}
    for host in ("localhost", "10.1.2.3", "some.pod"):
        assert ask(running, "/healthz", Host=host).json == {"status": "alive"}
        assert ask(running, "/readyz", Host=host).json == {"status": "ready"}


def test_not_ready_while_it_ends(tmp_path: Path) -> None:
    """From SIGTERM on `/readyz` says so, while `/healthz` answers still; then it ends with 0."""
    with server(tmp_path, "--http") as running, RawClient(running.url) as client:
        client.open()
        at = urlsplit(running.ready["http"])
        connection = http.client.HTTPConnection(str(at.hostname), at.port or 0, timeout=WITHIN_S)
        connection.request("GET", "/readyz")
        assert connection.getresponse().read()
        stuck = socket.create_connection((str(at.hostname), at.port or 0), WITHIN_S)
        stuck.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")  # and never the end of it
        assert running.terminate() == 0
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


def test_metrics_with_keys(keyed: ServerProcess) -> None:
    """They are sums over all tenants: for admins only; failures are counted by reason."""
    assert ask(keyed, "/metrics").status == 401
    assert ask(keyed, "/metrics", bearer=token()).status == 403
    text = ask(keyed, "/metrics", bearer=token(scope="admin")).body.decode()
    assert 'mdk_server_auth_failures_total{reason="token_missing"} 1.0' in text


def test_https(tmp_path: Path) -> None:
    """With TLS both ports have it, and the cookie is Secure."""
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
    port = str(urlsplit(running.ready["http"]).port)
    status, said = failing("--port", "0", "--http-port", port, "--data", str(tmp_path / "other"))
    assert status == 1
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in said


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
