"""JavaScript on Node against Python, over real WebSockets: each side of each protocol in both languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.programs import ROOT, Program, running, started
from service.servers import server

ROOM = {"python": "examples/chat/room.py", "js": str(ROOT / "examples/chat/room.mjs")}
MEMBER = {"python": "examples/chat/member.py", "js": str(ROOT / "examples/chat/member.mjs")}


def _run(language: str, programs: dict[str, str], node: str, *arguments: str) -> Any:
    if language == "python":
        return running(programs["python"], *arguments)
    return started(node, programs["js"], *arguments)


@pytest.mark.parametrize(("room", "member"), [("python", "js"), ("js", "python"), ("js", "js")])
def test_chat_between_languages(node: str, room: str, member: str) -> None:
    """Welcome, posts both ways, delivered once and in order; a taken name is refused with its reason."""
    with _run(room, ROOM, node, "0") as server_program:
        url = server_program.wait_for("ws://")
        with _run(member, MEMBER, node, url, "ann") as ann, _run(member, MEMBER, node, url, "bob") as bob:
            ann.wait_for("* here: ")
            bob.wait_for("* here: ")
            for text in ("one", "two", "žlutý kůň 🐎"):
                ann.say(text)
            bob.wait_for("ann: žlutý kůň 🐎")
            with _run(member, MEMBER, node, url, "ann") as other:
                other.say("hello?")
                other.wait_for("the room hangs up: name_taken")
                assert other.finish() == 1
            assert ann.finish() == 0
            assert [line for line in bob.lines if line.startswith("ann: ")] == [
                "ann: one",
                "ann: two",
                "ann: žlutý kůň 🐎",
            ]


def test_a_room_that_was_killed_gets_what_was_said_meanwhile(node: str) -> None:
    """The room in Python dies; the member in JavaScript keeps what it says, reconnects, and delivers it once."""
    with started(node, ROOM["js"], "0") as room:
        url = room.wait_for("ws://")
        with started(node, MEMBER["js"], url, "ann") as ann:
            ann.wait_for("* here: ann")
            room.process.kill()
            room.process.wait()
            ann.say("into the void")
            port = url.rpartition(":")[2].partition("/")[0]
            with running(ROOM["python"], port) as again:
                again.wait_for("ws://")
                ann.wait_for("ann: into the void")
                assert ann.finish() == 0
                assert len([line for line in ann.lines if "void" in line]) == 1


def _told(program: Program) -> list[dict[str, Any]]:
    return [json.loads(line) for line in program.lines]


def test_a_client_in_javascript_against_our_server(node: str, tmp_path: Path) -> None:
    """Opened, registered (seen by another client), logs stored and acknowledged, relayed to who follows, unregistered."""
    client = str(ROOT / "tests/js/mdk_client.mjs")
    with server(tmp_path) as running_server:
        with started(node, client, running_server.url, "one") as one:
            one.wait_for('"active":"one"')
            with started(node, client, running_server.url, "two") as two:
                two.wait_for('"active":"one"')
                one.wait_for('"active":"two"')
                two.say("from two")
                one.wait_for('"log":"from two","level":"WARN","from":"another"')
                assert two.finish() == 0
                assert {"stored": 1, "of": 1} in _told(two)
            one.wait_for('"expired":"two"')
            assert one.finish() == 0
        assert {"opened": "2.0.0"} in _told(one)
        log = running_server.log.read_text()
        assert "is not taken" not in log, log
