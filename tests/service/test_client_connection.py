"""How a client reaches its servers: several of them, TLS, refusals."""

from __future__ import annotations

import http.server
import json
import logging
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from msgspec.structs import replace

import mdk
from mdk.testing import FakeMDK
from mdk_runtime.client import MDK
from mdk_runtime.config import Config, read_config
from mdk_runtime.errors import ConfigurationError
from mdk_runtime.testing.server import TestServer as RunningServer
from service.programs import WITHIN_S, running, wait_until
from service.scripted_server import ScriptedServer
from service.servers import COMMAND


@pytest.fixture
def servers() -> Iterator[list[ScriptedServer]]:
    """Two servers."""
    both = [ScriptedServer(), ScriptedServer()]
    for one in both:
        one.start()
    yield both
    for one in both:
        one.stop()


def test_bad_addresses_are_named() -> None:
    """The one of several that is wrong."""
    with pytest.raises(ConfigurationError, match=r"MDK_SERVER_URL='http://b'"):
        read_config({"MDK_SERVER_URL": "ws://a,http://b"})


@pytest.fixture
def authority(tmp_path: Path) -> tuple[trustme.CA, Path]:
    """A certificate authority of our own, and its file."""
    authority = trustme.CA()
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return authority, file


@pytest.fixture
def tls_server(authority: tuple[trustme.CA, Path]) -> Iterator[ScriptedServer]:
    """A server that only speaks TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority[0].issue_cert("127.0.0.1").configure_cert(context)
    server = ScriptedServer(tls=context)
    server.start()
    yield server
    server.stop()


def test_tls_with_a_ca_file(tls_server: ScriptedServer, authority: tuple[trustme.CA, Path]) -> None:
    """With the authority's file it connects; without, the reason is in the error of a resolve."""
    config = read_config({"MDK_SERVER_URL": tls_server.url, "MDK_CA_FILE": str(authority[1])})
    with MDK(config) as client:
        client.register("svc", "1.0", "http://me")
        tls_server.wait_for(lambda: tls_server.heard("active"))
        assert client.session().resolve("svc").address == "http://me"
    with MDK(replace(config, ca_file=None)) as client:
        wait_until(lambda: client.connection_failure, "a refusal")
        with pytest.raises(mdk.ResolveTimeout, match=r"not connected to wss://.*certificate verify failed"):
            client.session().resolve_until("svc", None, 0)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_file_that_cannot_be_used(tmp_path: Path, content: str | None) -> None:
    """start() says which variable, which file, and why."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    client = MDK(Config(ca_file=str(file)))
    with pytest.raises(ConfigurationError, match=r"MDK_CA_FILE=.*ca\.pem' cannot be used; expected a file of cert"):
        client.start()


class Refuses(http.server.BaseHTTPRequestHandler):
    """Answers every handshake with 401."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Refuse."""
        body = json.dumps({"error": "token_expired", "detail": "it was good until yesterday"}).encode()
        self.send_response(401)
        self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def test_a_refused_token_is_said_loudly_and_once(caplog: pytest.LogCaptureFixture) -> None:
    """At ERROR with the server's reason; a resolve that fails names it, too; never the token."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"ws://127.0.0.1:{server.server_port}/rtp"
        with caplog.at_level(logging.INFO, "mdk"), MDK(Config(server_url=url, token="s3cret")) as client:

            def attempts() -> list[logging.LogRecord]:
                return [record for record in caplog.records if "cannot connect" in record.message]

            wait_until(lambda: len(attempts()) >= 2, "two attempts")
            assert [record.levelname for record in attempts()][:2] == ["ERROR", "INFO"]
            assert "HTTP 401: token_expired, it was good until yesterday" in attempts()[0].message
            with pytest.raises(mdk.ResolveTimeout, match=r"not connected to .*HTTP 401: token_expired"):
                client.session().resolve_until("svc", None, 0)
        assert "s3cret" not in caplog.text
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_fixtures_work_together(mdk_server: RunningServer, fake_mdk: FakeMDK) -> None:
    """`mdk_server` is what mdk.start() finds; the fake stays apart from it."""
    with mdk.start() as client:
        assert client.config.server_url == mdk_server.url
        client.register("svc", "1.0", "http://real")
        assert client.session().resolve("svc").address == "http://real"
    assert fake_mdk.services() == []


def test_commands_of_the_client_side(mdk_server: RunningServer) -> None:
    """Register offers a service while its command runs; services, resolve and logs see it."""
    sleeper = ["--", "sleep", "60"]
    with running("-c", COMMAND, "register", "svc", "1.2", "http://it", *sleeper) as offering:
        with running("-c", COMMAND, "resolve", "svc", "1.0") as resolve:
            assert resolve.wait_for("http") == "http://it"
            assert resolve.finish() == 0
        with running("-c", COMMAND, "services") as services:
            assert services.wait_for("svc").split() == ["svc", "1.2", "sandbox", "http://it"]
            assert services.finish() == 0
        with running("-c", COMMAND, "services", "--json") as services:
            assert json.loads(services.wait_for("svc"))["address"] == "http://it"
        with mdk.start() as client, running("-c", COMMAND, "logs", "--follow", "--level", "warn") as logs:
            session = client.session()

            def seen() -> list[str]:
                session.info("c", "not this")
                session.warn("c", "this one")
                return logs.lines

            wait_until(seen, "a line")
            assert all("this one" in line and session.trace_id in line for line in logs.lines), logs.lines
        offering.process.terminate()
        assert offering.process.wait(WITHIN_S) == 128 + 15
    with running("-c", COMMAND, "resolve", "svc", "--timeout", "0.2") as resolve:
        resolve.wait_for("mdk: no node of svc in environment sandbox after")
        assert resolve.finish() == 1


def test_commands_without_a_server() -> None:
    """The error names where it tried; a command that cannot be run is named, too."""
    with running("-c", COMMAND, "services", MDK_SERVER_URL="ws://127.0.0.1:1/rtp") as services:
        services.wait_for("mdk: not connected to ws://127.0.0.1:1/rtp within 5 s: ")
        assert services.finish() == 1


def test_register_passes_the_command_s_status_on(mdk_server: RunningServer) -> None:
    """Its status is the command's; a command that is not there is named."""
    with running("-c", COMMAND, "register", "s", "1", "http://x", "--", "sh", "-c", "exit 7") as offering:
        assert offering.process.wait(WITHIN_S) == 7
    with running("-c", COMMAND, "register", "s", "1", "http://x", "--", "no-such-command") as offering:
        offering.wait_for("mdk: cannot run 'no-such-command': No such file or directory")
        assert offering.process.wait(WITHIN_S) == 1
