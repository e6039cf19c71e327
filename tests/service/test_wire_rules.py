"""The rules that a server has to keep so that originals can live with it: conformance/wire/README.md, 1 to 15.

Those that a test elsewhere shows are named in SHOWN; the others are shown here, on plain sockets.
"""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from conformance.compatibility import exists
from service.access import issue
from service.http_port import ask
from service.programs import wait_until
from service.raw_socket import BINARY, TEXT, RawSocket, framed
from service.servers import KNOWN, ServerProcess, active, log, server

HERE = "service/test_wire_rules.py::"
SHOWN: dict[int, list[str]] = {
    1: ["service/test_server.py::test_silent_until_open", "conformance/test_server_core.py::test_every_capture_is_answered"],
    2: [HERE + "test_no_extension_no_subprotocol"],
    3: ["service/test_server.py::test_an_originals_token"],
    4: [HERE + "test_text_in_one_frame_each", HERE + "test_text_in_pieces_is_read_and_binary_does_no_harm"],
    5: [HERE + "test_an_original_is_sent_only_what_it_knows"],
    6: ["service/test_server.py::test_a_captured_client_is_served", "conformance/test_captures.py::test_what_the_original_sent_survives_decode_and_encode"],
    7: [HERE + "test_a_node_that_is_not_whole_is_not_passed_on", "conformance/test_server_core.py::test_every_node_that_is_sent_is_whole"],
    8: [HERE + "test_clear_is_told_node_by_node", HERE + "test_an_original_is_told_after_a_restart_what_went_while_both_were_away", "service/test_server.py::test_a_silent_node_lapses"],
    9: ["service/test_server.py::test_logs_are_stored_once_and_acknowledged", "service/test_server.py::test_a_restarted_server_knows_what_it_stored"],
    10: ["service/test_original_clients.py::test_both_kinds_work_together_across_a_restart", "conformance/test_server_core.py::test_what_the_original_sends_again_is_stored_once"],
    11: ["conformance/test_server_core.py::test_a_client_hears_of_its_own_nodes_and_of_their_end"],
    12: ["service/test_server.py::test_goodbye_on_sigterm", "service/test_server_access.py::test_limit_of_message_size"],
    13: [HERE + "test_six_connections_of_one_sender"],
    14: ["service/test_server_access.py::test_only_with_a_token"],
    15: [HERE + "test_tls_without_a_server_name"],
}  # fmt: skip
SILENCE_S = 0.3


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server with a short grace."""
    with server(tmp_path, "--http", "--grace", "0.3") as started:
        yield started


def interaction(sequence: int) -> dict[str, Any]:
    """An interaction."""
    return {"uuid": f"u{sequence}", "session": "t", "node": "n1", "type": "interactionevent", "sequence": sequence}


def kinds_within(client: RawSocket, seconds: float) -> list[str]:
    """Types of the messages that come."""
    kinds: list[str] = []
    try:
        while True:
            kinds.append(str(client.receive(seconds).message["type"]))
    except TimeoutError:
        return kinds


def test_every_rule_has_a_test() -> None:
    """Fifteen, and each names tests that are there."""
    rules = (Path(__file__).parents[1] / "conformance" / "wire" / "README.md").read_text()
    assert [number for number in range(1, 17) if f"\n{number}. " in rules] == list(SHOWN)
    assert not [one for tests in SHOWN.values() for one in tests if not exists(one)]


def test_no_extension_no_subprotocol(running: ServerProcess) -> None:
    """Rule 2: none is offered, so none is answered, on either port; and frames come unmasked."""
    at_http = running.ready["http"].replace("http:", "ws:") + "rtp"
    with RawSocket(running.url) as client:
        assert "sec-websocket-extensions" not in client.upgrade().answer.lower()
        assert "sec-websocket-protocol" not in client.answer.lower()
        client.open()
    with RawSocket(at_http) as client:
        client.socket.sendall(b"GET /rtp?token=tok HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert client.socket.recv(65536).startswith(b"HTTP/1.1 4"), "the other port is for browsers and their rules"


def test_text_in_one_frame_each(running: ServerProcess) -> None:
    """Rule 4: whatever is sent is a text frame that is whole, also 70,000 characters in one log."""
    with RawSocket(running.url) as client:
        client.upgrade().open()
        client.send({"type": "subscribe"})
        client.send(active())
        client.send(log(0, text="x" * 70_000))
        frames = [client.receive() for _ in range(3)]
    assert sorted(frame.message["type"] for frame in frames) == ["active", "log", "logack"]
    assert all(frame.head == 0x80 | TEXT for frame in frames)
    assert max(len(frame.payload) for frame in frames) > 70_000


def test_text_in_pieces_is_read_and_binary_does_no_harm(running: ServerProcess) -> None:
    """Rule 4, the other way: fragments with a ping between them are one message; a binary frame is none."""
    text = json.dumps(log(7)).encode()
    with RawSocket(running.url) as client:
        client.upgrade().open()
        client.socket.sendall(framed(text[:10], fin=False))
        client.socket.sendall(framed(b"are you there", opcode=9))
        client.socket.sendall(framed(text[10:50], opcode=0, fin=False) + framed(text[50:], opcode=0))
        frames = [client.receive() for _ in range(2)]
        assert sorted(frame.opcode for frame in frames) == [1, 10]
        assert next(frame for frame in frames if frame.opcode == 1).message == {"type": "logack", "sequence": 7}
        client.socket.sendall(framed(b"\x00\xff", opcode=BINARY))
        client.send(log(8))
        assert client.receive().message["sequence"] == 8


def test_an_original_is_sent_only_what_it_knows(running: ServerProcess) -> None:
    """Rule 5: whatever ours say to the server and to each other, an original sees messages of 2016 alone."""
    with RawSocket(running.url) as original, RawSocket(running.url) as ours:
        original.upgrade().open("o1")
        original.send({"type": "subscribe"})
        ours.upgrade()
        ours.send({"type": "open", "nodeId": "n1", "properties": {"mdkRevision": 1}})
        ours.send({"type": "follow"})
        ours.send(active())
        logs = [log(sequence) for sequence in range(3)]
        ours.send(
            {"type": "logs", "logs": [{key: one[key] for key in one if key not in ("type", "sync")} for one in logs]}
        )
        status = {"service": "svc", "address": "http://a", "state": "OPEN", "failures": 3}
        ours.send({"type": "breaker", "breaker": status})
        ours.send({"type": "statistics", "emitted": 3, "dropped": 1})
        ours.send(interaction(0))
        path = "/api/level?service=svc&level=debug&seconds=5"
        assert ask(running, path, method="POST", bearer="tok").status == 200
        kinds = [original.receive().message["type"] for _ in range(4)]
        ours.socket.shutdown(socket.SHUT_RDWR)
        kinds.append(original.receive().message["type"])
        kinds += kinds_within(original, SILENCE_S)
    assert set(kinds) <= KNOWN
    assert sorted(kinds) == ["active", "expire", "log", "log", "log"]


def test_a_node_that_is_not_whole_is_not_passed_on(running: ServerProcess) -> None:
    """Rule 7: an original would lock up. Whatever is missing or is no text, the node is left out, and the next one taken."""
    values: list[Any] = [None, 1.0, {}, "", [1]]
    cases = itertools.product(("active", "expire"), ("id", "service", "version", "address"), values)
    with RawSocket(running.url) as sender, RawSocket(running.url) as original:
        sender.upgrade().open("n1")
        original.upgrade().open("o1")
        for number, (kind, field, value) in enumerate(cases):
            message = active("n1")
            message["node"] |= {"properties": {}, field: value}
            sender.send({**message, "type": kind})
            sender.send(active("n1", f"http://{number}"))
            node = original.receive().message["node"]
            assert node["address"] == f"http://{number}", (kind, field, value)
            assert all(isinstance(node[key], str) and node[key] for key in ("id", "service", "version", "address"))


def test_clear_is_told_node_by_node(running: ServerProcess) -> None:
    """Rule 8: `clear` has no effect on an original, so it is told of the end of each node."""
    with RawSocket(running.url) as sender, RawSocket(running.url) as original:
        sender.upgrade().open("n1")
        original.upgrade().open("o1")
        for number in range(3):
            sender.send({**active(f"n{number}", f"http://{number}")})
        assert [original.receive().message["type"] for _ in range(3)] == ["active"] * 3
        assert ask(running, "/api/clear", method="POST", bearer="tok").json == {"removed": 3}
        assert [original.receive().message["type"] for _ in range(3)] == ["expire"] * 3


def test_an_original_is_told_after_a_restart_what_went_while_both_were_away(tmp_path: Path) -> None:
    """It keeps every node until that is expired (rule 8). The server is ended in order, and then killed, which saves less."""
    with server(tmp_path) as running, RawSocket(running.url) as sender, RawSocket(running.url) as original:
        sender.upgrade().open("n1")
        original.upgrade().open("o1")
        for number in range(2):
            sender.send(active(f"n{number}", f"http://{number}"))
        assert [original.receive().message["type"] for _ in range(2)] == ["active"] * 2
        original.socket.close()
        sender.send({**active("n0", "http://0"), "type": "expire"})
        while sender.receive().message["type"] != "expire":
            pass
        assert running.terminate() == 0
    with server(tmp_path, "--grace", "0") as running:
        with RawSocket(running.url) as sender:
            sender.upgrade().open("n1")
            assert sender.receive().message["node"]["id"] == "n1"
            sender.send({**active("n1", "http://1"), "type": "expire"})
            nodes = running.tenant_folder() / "nodes.jsonl"
            wait_until(lambda: not nodes.stat().st_size, "the end of the node is saved")
        running.kill()
    with server(tmp_path) as running, RawSocket(running.url) as original, RawSocket(running.url) as new:
        original.upgrade().open("o1")
        new.upgrade().open("o2")
        told = [original.receive().message for _ in range(2)]
        assert sorted((one["type"], one["node"]["id"]) for one in told) == [("expire", "n0"), ("expire", "n1")]
        assert kinds_within(original, SILENCE_S) == kinds_within(new, SILENCE_S) == []


def test_six_connections_of_one_sender(running: ServerProcess) -> None:
    """Rule 13: a slow handshake makes an original open six. Five break: nobody hears of it. The last: after the grace."""
    with RawSocket(running.url) as watcher:
        watcher.upgrade().open("w")
        six = [RawSocket(running.url).upgrade().open("n1") for _ in range(6)]
        for one in six:
            one.send(active("n1"))
        assert watcher.receive().message["type"] == "active"
        for one in six[:5]:
            one.socket.close()
        assert kinds_within(watcher, 3 * SILENCE_S) == []
        six[5].socket.close()
        assert watcher.receive().message["type"] == "expire"


def test_tls_without_a_server_name(tmp_path: Path) -> None:
    """Rule 15: an original names no server in its TLS handshake; the protocol is served all the same."""
    with server(tmp_path, *issue(tmp_path, trustme.CA())) as running, RawSocket(running.url, tls=True) as client:
        client.upgrade().open()
        client.send(log(0))
        assert client.receive().message == {"type": "logack", "sequence": 0}
