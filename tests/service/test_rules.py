"""What a server must honour for original clients: tests/conformance/wire/README.md, a test for each of its rules."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.servers import KNOWN, RawClient, ServerProcess, active, log, server


@pytest.fixture(scope="module")
def it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server; each test is its own tenant."""
    with server(tmp_path_factory.mktemp("rules"), "--grace", "0.3") as running:
        yield running


@pytest.fixture
def tenant(request: pytest.FixtureRequest) -> str:
    """A token of the test's own."""
    return str(request.node.name)


def interaction(sequence: int, uuid: str) -> dict[str, Any]:
    """An interaction."""
    return {"type": "interactionevent", "node": "n1", "session": "t", "uuid": uuid, "sequence": sequence, "sync": 1}


def expire(sender: str, address: str = "http://a") -> dict[str, Any]:
    """Takes a node back."""
    return {"type": "expire", "node": active(sender, address)["node"]}


def request(it: ServerProcess, target: str, *headers: str) -> tuple[str, dict[str, str], socket.socket]:
    """A handshake by hand: status line, headers, and the socket."""
    port = it.port
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [f"GET {target} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers]
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    status, *rest = head.decode().strip().split("\r\n")
    answer = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    answer["expected accept"] = base64.b64encode(
        hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    ).decode()
    return status, answer, connection


def frame(connection: socket.socket, *, within_s: float) -> bytes:
    """The next bytes; none if nothing comes."""
    connection.settimeout(within_s)
    try:
        return connection.recv(65536)
    except TimeoutError:
        return b""


def test_rule_1_nothing_before_open(it: ServerProcess, tenant: str) -> None:
    """Whatever the tenant has, a client is sent nothing until it has spoken."""
    with RawClient(it.url, token=tenant) as one, RawClient(it.url, token=tenant) as silent:
        one.open("n1").send(active("n1"))
        assert one.receive()["type"] == "active"
        assert silent.is_silent(0.5)
        silent.open("n2")
        assert silent.receive()["node"]["address"] == "http://a"


def test_rule_2_open_is_answered_and_nothing_is_negotiated(it: ServerProcess, tenant: str) -> None:
    """No extension and no subprotocol, asked for or not."""
    asked = "Sec-WebSocket-Extensions: permessage-deflate"
    status, answer, connection = request(it, f"/rtp?token={tenant}", asked, "Sec-WebSocket-Protocol: x")
    connection.close()
    assert " 101 " in status
    assert not {"sec-websocket-extensions", "sec-websocket-protocol"} & answer.keys()
    with RawClient(it.url, token=tenant) as one:
        one.open("n1")


def test_rule_3_the_request_of_an_original(it: ServerProcess, tenant: str) -> None:
    """Host without a port, Origin with the whole URL, the token as it is, blanks included; none of it in the log."""
    target = f"/rtp?token={tenant} with blanks"
    status, _, connection = request(it, target, f"Origin: ws://127.0.0.1{target}")
    connection.close()
    assert " 101 " in status
    assert tenant not in it.log.read_text()


def test_rule_4_text_frames_in_one_piece(it: ServerProcess, tenant: str) -> None:
    """What an original reads: final, text, not masked; a long message as well."""
    _, _, connection = request(it, f"/rtp?token={tenant}")
    with connection, RawClient(it.url, token=tenant) as one:
        one.open("n1").send(active("n1", properties={"x": "x" * 70_000}))
        said = json.dumps({"type": "open"}).encode()
        connection.sendall(bytes((0x81, 0x80 | len(said))) + bytes(4) + said)
        data = b""
        first_bytes: list[int] = []
        while len(first_bytes) < 2:
            data += frame(connection, within_s=10)
            while len(data) > 10:
                short = data[1]
                size = short if short < 126 else int.from_bytes(data[2 : 4 if short == 126 else 10])
                end = size + (2 if short < 126 else 4 if short == 126 else 10)
                if len(data) < end:
                    break
                first_bytes.append(data[0])
                data = data[end:]
        assert first_bytes == [0x81, 0x81]


def test_rules_5_and_6_an_original_is_sent_what_it_knows(it: ServerProcess, tenant: str) -> None:
    """Short type names, never `discovery.protocol.Active`, and no `$class`; rubbish and null do not end a connection."""
    with RawClient(it.url, token=tenant) as one:
        one.open("n1")
        one.send({"type": "subscribe"})
        for message in ("null", "[]", "7", "rubbish", {"type": "unheard of"}):
            one.send(message)
        for message in (active("n1"), log(0), interaction(0, f"u-{tenant}"), expire("n1")):
            one.send({"$class": "whatever", **message})
        heard = [one.receive() for _ in range(5)]
        assert {message["type"] for message in heard} == {"active", "log", "logack", "interactionack", "expire"}
        assert {message["type"] for message in heard} <= KNOWN
        assert not any("$class" in json.dumps(message) for message in heard)


def test_rule_7_only_whole_nodes(it: ServerProcess, tenant: str) -> None:
    """Without an id, a version or an address a node is told to nobody; an id in the properties completes it."""
    with RawClient(it.url, token=tenant) as one, RawClient(it.url, token=tenant) as other:
        one.open("n1")
        other.open("n2")
        without: list[dict[str, Any]] = [{"version": None}, {"address": None}, {"id": None, "properties": {}}]
        for lacking in without:
            one.send(active("n1", **lacking))
            one.send({**active("n1", **lacking), "type": "expire"})
        one.send(active("n3", "http://b", id=None))
        node = other.receive()["node"]
        assert (node["id"], node["address"], node["version"]) == ("n3", "http://b", "1.0")
        assert isinstance(node["version"], str)
        assert "environment" in node


def test_rule_8_expiry_is_the_servers_job(it: ServerProcess, tenant: str) -> None:
    """A node that is not renewed is expired when its ttl is over, with everything that `expire` needs."""
    with RawClient(it.url, token=tenant) as one, RawClient(it.url, token=tenant) as other:
        other.open("n2")
        one.open("n1").send(active("n1", ttl=0.5))
        start = time.monotonic()
        assert other.receive()["type"] == "active"
        gone = other.receive()
        assert gone["type"] == "expire"
        assert {"id", "version", "address", "service"} <= {name for name, value in gone["node"].items() if value}
        assert time.monotonic() - start > 0.3


def test_rule_9_every_log_has_its_own_logack(it: ServerProcess, tenant: str) -> None:
    """Also one that is sent again."""
    with RawClient(it.url, token=tenant) as one:
        one.open("n1")
        for sequence in (0, 1, 2, 1):
            one.send(log(sequence))
        assert sorted(one.receive()["sequence"] for _ in range(4)) == [0, 1, 1, 2]


def test_rule_10_interactions_are_known_by_uuid(it: ServerProcess, tenant: str) -> None:
    """Each is acknowledged as often as it is sent; it is stored once: tests/simulation/test_stored_once.py."""
    with RawClient(it.url, token=tenant) as one:
        one.open("n1")
        for _ in range(3):
            one.send(interaction(0, f"u-{tenant}"))
        assert [one.receive()["type"] for _ in range(3)] == ["interactionack"] * 3


def test_rule_11_a_client_hears_of_itself(it: ServerProcess, tenant: str) -> None:
    """Its own `active` comes back; so it does on a second connection, where nothing is new."""
    for _ in range(2):
        with RawClient(it.url, token=tenant) as one:
            one.open("n1").send(active("n1"))
            assert one.receive()["node"]["id"] == "n1"


def test_rule_12_close_is_said_and_then_done(tmp_path: Path) -> None:
    """At the end of a server: a `close` message, which an original only logs, then the WebSocket's close."""
    with server(tmp_path) as ending, RawClient(ending.url) as one:
        one.open("n1")
        ending.process.terminate()
        assert [message["type"] for message in one.rest()] == ["close"]
        assert one.websocket.close_code in (1000, 1001)


def test_rule_13_six_connections_of_one_sender(it: ServerProcess, tenant: str) -> None:
    """All say `open` with one id: as long as one is left, nothing of it goes."""
    with RawClient(it.url, token=tenant) as other:
        other.open("n2")
        clients = [RawClient(it.url, token=tenant).open("n1") for _ in range(6)]
        clients[0].send(active("n1"))
        assert other.receive()["type"] == "active"
        for client in clients[:5]:
            client.websocket.socket.close()
        assert other.is_silent(1.0), "longer than the grace"
        clients[5].websocket.socket.close()
        assert other.receive()["type"] == "expire"


def test_rule_14_a_refusal_is_a_status(it: ServerProcess) -> None:
    """Every status is treated alike by an original: it tries again."""
    status, answer, connection = request(it, "/elsewhere")
    connection.close()
    assert " 404 " in status
    assert answer["content-type"] == "application/json"


def test_rule_15_the_accept_key_is_right(it: ServerProcess, tenant: str) -> None:
    """Originals on Python 2.7 check it."""
    _, answer, connection = request(it, f"/rtp?token={tenant}")
    connection.close()
    assert answer["sec-websocket-accept"] == answer["expected accept"]
