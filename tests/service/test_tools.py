"""mdkgen mock, conform and trace-check: real processes, real WebSockets."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mdkspec_runtime.testing import conform, mock, trace_check
from mdkspec_runtime.testing.plan import Case, Step
from second_protocol import clock
from service.programs import ROOT, running
from service.servers import server

CHAT = "examples/chat/spec"
WIRE = ROOT / "tests/conformance/wire"


def _mdkgen(*arguments: str, within_s: float = 150) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "mdkgen", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=within_s, check=False, cwd=ROOT)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def _conform(*arguments: str) -> tuple[int, list[str]]:
    return _mdkgen("conform", "--spec", CHAT, "--quiet-s", "0.15", *arguments)


def test_our_room_conforms(tmp_path: Path) -> None:
    """Every case passes, all are reached, and JUnit has each by name; what only its application does is listed."""
    junit = tmp_path / "junit.xml"
    with running("examples/chat/room.py", "0") as room:
        url = room.wait_for("ws://")
        status, lines = _conform(url, "--role", "room", "--at-once", "4", "--junit", str(junit))
    assert (status, lines[-1]) == (0, "17 cases, 0 failed, 0 not reached"), lines
    undriven = [line for line in lines if line.startswith("not driven ")]
    assert lines[-2] == f"6 transitions, {6 - len(undriven)} driven"
    assert {line.partition(": ")[2] for line in undriven} <= {"recv Join: the application answered otherwise"}
    suite = ElementTree.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures")) == (str(17 + len(undriven)), "0")
    cases = {"Join", "Welcome", "Join then Bye", "malformed", "5 s"}
    assert {one.get("name") for one in suite} >= {*cases, "Join then Post then acknowledgement of posts then unknown"}


FAULTS = [
    (
        "tables.py",
        '"recv Bye": (Transition("chat.mdkspec:65", actions=(Hangup(),)),)',
        '"recv Bye": (Transition("chat.mdkspec:65"),)',
        "Join then Bye",
    ),
    ("tables.py", 'Send("Welcome"', 'Tell("Welcome"', "Join"),
    (
        "tables.py",
        'illegal=Policy(drop_max=0, code="illegal_message")',
        'illegal=Policy(drop_max=None, code="")',
        "Join then Welcome",
    ),
    ("tables.py", "lambda x: 5.0", "lambda x: 500.0", "5 s"),
    (
        "room.py",
        "self.endpoint.acknowledge_posts(number, now=now)",
        "pass",
        "Join then Post then acknowledgement of posts then unknown",
    ),
    (
        "room.py",
        "acknowledge_posts(number",
        "acknowledge_posts(number + 1",
        "Join then Post then acknowledgement of posts then unknown",
    ),
]


@pytest.mark.parametrize(
    ("name", "old", "new", "case"),
    FAULTS,
    ids=["no hangup", "no welcome", "illegal is dropped", "no timer", "no acknowledgement", "another's number"],
)
def test_planted_faults_are_found(tmp_path: Path, name: str, old: str, new: str, case: str) -> None:
    """A copy of the room with one thing wrong in it fails the case that is about it."""
    chat = _copy(tmp_path, name, old, new)
    with running(str(chat / "room.py"), "0") as room:
        url = room.wait_for("ws://")
        timers_s = "12" if case == "5 s" else "0"
        status, lines = _conform(url, "--role", "room", "--at-once", "8", "--due-s", "1", "--timers-s", timers_s)
    assert status == 1
    assert any(line.startswith(f"FAILED {case}: ") for line in lines), lines


def _copy(tmp_path: Path, name: str, old: str, new: str) -> Path:
    """The example with something else in one of its files."""
    chat = tmp_path / "examples/chat"
    shutil.copytree(ROOT / "examples/chat", chat, ignore=shutil.ignore_patterns("__pycache__"))
    file = chat / name if name == "room.py" else chat / "generated/chat_protocol" / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return chat


CASES = "0" if os.environ.get("MDK_CONFORM") == "full" else "60"
"""Of our server's cases so many, taken evenly; all with MDK_CONFORM=full."""


@pytest.mark.parametrize("say", [[], ["--say", 'Open={"properties": {"mdkRevision": 1}}']], ids=["original", "ours"])
def test_our_server_conforms(tmp_path: Path, say: list[str]) -> None:
    """As an original sees it, and as our own clients do; what the other kind of `open` leads to is not reached."""
    with server(tmp_path) as one:
        given = ["conform", "--spec", "spec", one.url, "--role", "server", "--at-once", "16", "--quiet-s", "0.5"]
        given += ["--cases", CASES, *say]
        status, lines = _mdkgen(*given, within_s=150)
    assert status == 0, lines
    cases, failed, _ = (int(word) for word in lines[-1].split() if word.isdigit())
    assert (cases > 50, failed) == (True, 0)


def test_our_client_conforms() -> None:
    """Six programs of `mdk.start()` that log and go on logging; only what nobody asks of them is not reached."""
    options = ["--role", "client", "--at-once", "6", "--quiet-s", "0.1", "--timers-s", "0"]
    options += ["--cases", "0" if CASES == "0" else "16"]
    command = ["-m", "mdkgen", "conform", "--spec", "spec", "ws://127.0.0.1:0/rtp", *options]
    with running(*command) as conform, ExitStack() as programs:
        url = conform.wait_for("waiting at ").partition("waiting at ")[2]
        for _ in range(6):
            programs.enter_context(running("tests/service/applications/chatty_client.py", MDK_SERVER_URL=url))
        status = conform.process.wait(170)
    assert status == 0, conform.lines
    unreached = [line for line in conform.lines if line.startswith("not reached ")]
    assert all("began no question of ask" in line or "--timers-s" in line for line in unreached), unreached


def _member_conforms(program: Path, count: int, *arguments: str) -> tuple[int, list[str]]:
    """What is said of so many programs, each a member that talks and comes back."""
    options = ["--role", "member", "--at-once", str(count), "--quiet-s", "0.1", *arguments]
    command = ["-m", "mdkgen", "conform", "--spec", CHAT, "ws://127.0.0.1:0/chat", *options]
    with running(*command) as conform, ExitStack() as members:
        url = conform.wait_for("waiting at ").partition("waiting at ")[2]
        for number in range(count):
            members.enter_context(running("tests/service/applications/chatty.py", str(program), url, f"ann {number}"))
        return conform.process.wait(100), conform.lines


def test_our_member_conforms() -> None:
    """The connecting side: it comes back after every case; what it delivers is acknowledged, and sent again until it is."""
    status, lines = _member_conforms(ROOT / "examples/chat", 4)
    assert (status, lines[1:]) == (0, ["5 transitions, 5 driven", "20 cases, 0 failed, 0 not reached"])


def test_a_member_that_sends_nothing_again_is_found(tmp_path: Path) -> None:
    """Its post was not acknowledged when the connection was cut."""
    chat = _copy(tmp_path, "tables.py", "resend=True", "resend=False")
    status, lines = _member_conforms(chat, 4, "--due-s", "1")
    assert status == 1
    assert any(line.startswith("FAILED Welcome then delivery of posts then cut then Welcome: ") for line in lines), (
        lines
    )


def test_a_mock_room_is_a_room_for_a_member() -> None:
    """From the spec alone it welcomes, takes posts and acknowledges them: the member's outbox empties."""
    with running("-m", "mdkgen", "mock", "--spec", CHAT, "--role", "room", "--seed", "7") as mock:
        url = mock.wait_for("ws://")
        with running("examples/chat/member.py", url, "ann") as member:
            member.wait_for("* here: ")
            member.say("hello")
            mock.wait_for("posted Post(text='hello', number=1)")
            assert member.finish() == 0


def test_a_mock_member_joins_and_posts() -> None:
    """The other side: it connects by itself, joins, and its deliveries arrive."""
    with running("examples/chat/room.py", "0") as room:
        url = room.wait_for("ws://")
        with (
            running("examples/chat/member.py", url, "ann") as ann,
            running("-m", "mdkgen", "mock", "--spec", CHAT, "--role", "member", "--url", url, "--every", "0.2") as mock,
        ):
            mock.wait_for("welcomed")
            ann.wait_for("text ")


def test_the_captures_pass() -> None:
    """What the original client sent is legal in all nine recordings."""
    files = sorted(str(path) for path in WIRE.glob("*.jsonl"))
    status, lines = _mdkgen("trace-check", "--spec", "spec", "--role", "client", *files)
    assert (status, len(files)) == (0, 9)
    assert [line.rpartition(": ")[0] for line in lines] == files
    assert all(line.endswith(" frames") for line in lines)


def test_the_captures_server_spoke_first_four_times() -> None:
    """The recording server is under no test: after a reconnect it sent a node before the client's `open`."""
    files = sorted(str(path) for path in WIRE.glob("*.jsonl"))
    status, lines = _mdkgen("trace-check", "--spec", "spec", *files)
    findings = [line.rpartition("wire/")[2] for line in lines if not line.endswith(" frames")]
    wrong = "server may not send Active in Session Greeting"
    assert findings == [f"08_reconnect.jsonl:{line}: {wrong}" for line in (69, 81, 93, 104)]
    assert status == 1


def test_a_planted_illegal_order_is_named_with_its_line(tmp_path: Path) -> None:
    """An acknowledgement before anything was said, in line 2."""
    entries = [
        {"dir": "note", "text": "nothing yet"},
        {"dir": "s2c", "kind": "text", "conn": 1, "data": '{"type":"logack","sequence":1}'},
        {"dir": "c2s", "kind": "text", "conn": 1, "data": '{"type":"open"}'},
    ]
    file = tmp_path / "trace.jsonl"
    file.write_text("\n".join(map(json.dumps, entries)))
    status, lines = _mdkgen("trace-check", "--spec", "spec", str(file))
    assert (status, lines[0]) == (1, f"{file}:2: server may not send LogAck in Session Greeting")


def test_wrong_usage_is_said_without_a_traceback(tmp_path: Path) -> None:
    """A role that is not there, a file that is no recording."""
    status, lines = _mdkgen("mock", "--spec", CHAT, "--role", "chef")
    assert (status, lines) == (2, ["mdkgen: there is no role 'chef'; there are: member, room"])
    status, lines = _mdkgen("trace-check", "--spec", CHAT, "--role", "chef", "x.jsonl")
    assert (status, lines) == (2, ["mdkgen: there is no role 'chef'; there are: member, room"])
    (tmp_path / "x.jsonl").write_text("[]")
    status, lines = _mdkgen("trace-check", "--spec", CHAT, str(tmp_path / "x.jsonl"))
    assert (status, lines) == (2, [f"mdkgen: {tmp_path}/x.jsonl: line 1 is no JSON object"])
    (tmp_path / "x.jsonl").write_text('{"dir": "c2s", "data": "{}"}\n{"dir": ')
    status, lines = _mdkgen("trace-check", "--spec", CHAT, "--role", "room", str(tmp_path / "x.jsonl"))
    assert (status, lines) == (2, [f"mdkgen: {tmp_path}/x.jsonl: line 2 is no JSON object"])
    (tmp_path / "x.jsonl").write_text('{"dir": "up", "data": "{}"}')
    status, lines = _mdkgen("trace-check", "--spec", CHAT, str(tmp_path / "x.jsonl"))
    problem = "line 1 does not say who sent it: dir is 'up'; known are c2s, s2c, member, room"
    assert (status, lines) == (2, [f"mdkgen: {tmp_path}/x.jsonl: {problem}"])
    status, lines = _mdkgen("trace-check", "--spec", CHAT, str(tmp_path / "none.jsonl"))
    assert (status, lines) == (2, [f"mdkgen: {tmp_path}/none.jsonl: No such file or directory"])


CLOCK = clock(
    member="""
    start state Waiting { enter -> send Tick()  every 3s -> send Tick()  recv Tock(m) -> tell told(m.at)  recv Bye -> hangup }
    """,
    tower="""
    hook reading() -> int
    start state Up { recv Tick -> send Tock(at = reading())  recv Bye -> hangup }
    """,
)


def test_each_protocol_of_a_spec_is_driven_played_and_judged(tmp_path: Path) -> None:
    """The one that has the role is found; where several could be meant, the option decides, and its absence is said."""
    (tmp_path / "chat.mdkspec").write_text((ROOT / CHAT / "chat.mdkspec").read_text("utf-8"), encoding="utf-8")
    (tmp_path / "clock.mdkspec").write_text(CLOCK)
    given = ("--spec", str(tmp_path))
    with running("-m", "mdkgen", "mock", *given, "--role", "tower", "--every", "0") as tower:
        url = tower.wait_for("ws://")
        assert url.endswith("/clock")
        status, lines = _mdkgen("conform", *given, url, "--role", "tower", "--quiet-s", "0.15")
        assert (status, lines[-1].split(", ")[1:]) == (0, ["0 failed", "0 not reached"]), lines
        with running("-m", "mdkgen", "mock", *given, "--role", "member", "--protocol", "Clock", "--url", url) as member:
            member.wait_for("told ")
    file = tmp_path / "x.jsonl"
    file.write_text('{"dir": "tower", "data": "{\\"kind\\":\\"tock\\",\\"at\\":1}"}')
    status, lines = _mdkgen("trace-check", *given, "--protocol", "Clock", str(file))
    assert (status, lines[-1]) == (0, f"{file}: 1 frame")
    status, lines = _mdkgen("trace-check", *given, "--role", "room", str(file))
    problem = "line 1 does not say who sent it: dir is 'tower'; known are c2s, s2c, member, room"
    assert (status, lines) == (2, [f"mdkgen: {file}: {problem}"])
    status, lines = _mdkgen("trace-check", *given, str(file))
    assert lines == ["mdkgen: there are several protocols: Chat, Clock; name one with --protocol"]
    status, lines = _mdkgen("mock", *given, "--role", "member", "--url", url)
    assert lines == ["mdkgen: several protocols have a role 'member': Chat, Clock; name one with --protocol"]
    status, lines = _mdkgen("conform", *given, url, "--role", "tower", "--protocol", "Clok")
    assert (status, lines) == (2, ["mdkgen: there is no protocol 'Clok'; there are: Chat, Clock"])


def test_a_line_of_a_recording_ends_where_json_says(tmp_path: Path) -> None:
    """What other texts take for the end of a line may stand in a string."""
    data = json.dumps({"kind": "join", "name": "a\u2028b", "member": "c\x85"}, ensure_ascii=False)
    (tmp_path / "x.jsonl").write_text(json.dumps({"dir": "c2s", "data": data}, ensure_ascii=False), encoding="utf-8")
    status, lines = _mdkgen("trace-check", "--spec", CHAT, str(tmp_path / "x.jsonl"))
    assert (status, lines) == (0, [f"{tmp_path}/x.jsonl: 1 frame"])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("http://127.0.0.1:1/chat",), "http://127.0.0.1:1/chat: not the address of a WebSocket, such as ws://127.0.0.1:8765/path"),
        (("ws:///chat",), "ws:///chat: not the address of a WebSocket, such as ws://127.0.0.1:8765/path"),
        (("ws://h/", "--say", "Joyn={}"), "--say Joyn={}: there is no message 'Joyn'; there are: Bye, Join, Post, Posted, Said, Welcome"),
        (("ws://h/", "--say", "Join"), '--say Join: a JSON object is wanted, as in Join={"key": "value"}'),
        (("ws://h/", "--say", 'Join={"nam": 1}'), """--say Join={"nam": 1}: Join has no key 'nam'; it has: name, member"""),
        (("ws://h/", "--say", 'Join={"name": 1}'), """--say Join={"name": 1}: Join.name: 1 is not of its type"""),
    ],
)  # fmt: skip
def test_conform_says_what_is_wrong_with_its_arguments(arguments: tuple[str, ...], problem: str) -> None:
    """Before it drives anything, and in one line."""
    status, lines = _mdkgen("conform", "--spec", CHAT, "--role", "room", *arguments)
    assert (status, lines) == (2, [f"mdkgen: {problem}"])


@pytest.mark.parametrize("tool", ["mock", "conform", "trace-check"])
def test_help_needs_no_spec_and_names_every_argument(tool: str) -> None:
    """What the engine's tool takes is what mdkgen's help says, except what mdkgen gives it."""
    status, lines = _mdkgen(tool, "--help")
    parser = argparse.ArgumentParser(add_help=False)
    {"mock": mock, "conform": conform, "trace-check": trace_check}[tool].add_arguments(parser)
    wanted = {word for one in parser._actions for word in one.option_strings if one.help != argparse.SUPPRESS}
    assert status == 0
    assert {word for line in lines for word in line.split() if word.startswith("--")} == {"--spec", "--help", *wanted}
    assert all(line == line.rstrip() for line in lines)


def test_some_of_the_cases_are_taken_evenly() -> None:
    """From the first on; never one twice."""
    cases = [Case([Step("send", str(number))], []) for number in range(10)]
    assert [one.name for one in conform.some(cases, 4)] == ["0", "2", "5", "7"]
    assert conform.some(cases, 0) is cases
    assert conform.some(cases, 99) is cases


DEALS = """mdkspec 1
namespace deals
version 1.0
message Prepare as "prepare" { deal: string }
message Yes as "yes" { deal: string }
message Commit as "commit" { deal: string }
message Abort as "abort" { deal: string }
message Done as "done" { deal: string }
protocol Deals {
  transport websocket { path: "/deals", tag: "type", message_max: 64KiB }
  roles partner connects, office accepts
  unknown message -> drop
  illegal message -> fail "illegal_message"
  malformed message -> fail "malformed_message"
  reconnect 100ms .. 1s x 2
  role partner {
    start state Idle { recv Prepare(m) -> send Yes(deal = m.deal), goto Held }
    state Held {
      recv Commit(m) -> send Done(deal = m.deal), goto Idle
      recv Abort -> goto Idle
    }
  }
  role office {
    start state Free { call prepare(deal: string) -> send Prepare(deal = deal), goto Asked  ignore commit, abort }
    state Asked { recv Yes(m) -> tell agreed(m.deal), goto Ready  ignore prepare, commit, abort }
    state Ready {
      call commit(deal: string) -> send Commit(deal = deal), goto Closing
      call abort(deal: string) -> send Abort(deal = deal), goto Free
      ignore prepare
    }
    state Closing { recv Done(m) -> tell closed(m.deal), goto Free  ignore prepare, commit, abort }
  }
}
"""
OFFICE = ("-m", "mdkgen", "mock", "--role", "office", "--every", "0.02", "--calls", "prepare,commit")
"""Prepares deals and commits to them, as its state takes it."""


def test_a_mock_makes_the_calls_that_are_named(tmp_path: Path) -> None:
    """In turn, as its state takes them: so a partner sees whole deals."""
    (tmp_path / "deals.mdkspec").write_text(DEALS)
    given = ("--spec", str(tmp_path))
    with running(*OFFICE, *given) as one:
        url = one.wait_for("ws://")
        with running("-m", "mdkgen", "mock", *given, "--role", "partner", "--url", url):
            one.wait_for("agreed ")
            one.wait_for("closed ")
    status, lines = _mdkgen("mock", *given, "--role", "office", "--calls", "prepare,sign")
    problem = "--calls prepare,sign: the office has no call 'sign'; there are: abort, commit, prepare"
    assert (status, lines) == (2, [f"mdkgen: {problem}"])
    status, lines = _mdkgen("mock", *given, "--role", "partner", "--calls", "sign", "--url", "ws://127.0.0.1:9/deals")
    assert lines == ["mdkgen: --calls sign: the partner has no call 'sign'; there are: nothing, it has no calls"]


def test_what_calls_lead_to_is_driven(tmp_path: Path) -> None:
    """The application makes them whenever it likes: they are waited for, and none is a fault of what it was sent before."""
    (tmp_path / "deals.mdkspec").write_text(DEALS)
    given = ("--spec", str(tmp_path))
    with running(*OFFICE, *given) as one:
        url = one.wait_for("ws://")
        status, lines = _mdkgen("conform", *given, url, "--role", "office", "--quiet-s", "0.1", "--answer-s", "5")
    assert (status, " 0 failed" in lines[-1]) == (0, True), lines
    left = {line.partition(": ")[2].partition(":")[0] for line in lines if line.startswith("not driven ")}
    assert left == {"call abort"}


def test_what_calls_lead_to_is_judged(tmp_path: Path) -> None:
    """An office that thinks otherwise of `Done` is found where a commit has led to."""
    (tmp_path / "deals.mdkspec").write_text(DEALS)
    (tmp_path / "other").mkdir()
    other = DEALS.replace(
        "recv Done(m) -> tell closed(m.deal), goto Free", "recv Done(m) -> tell closed(m.deal), hangup"
    )
    (tmp_path / "other/deals.mdkspec").write_text(other)
    mock_of = ("--spec", str(tmp_path / "other"), "--role", "office", "--every", "0.02", "--calls", "prepare,commit")
    with running("-m", "mdkgen", "mock", *mock_of) as one:
        url = one.wait_for("ws://")
        given = (
            "--spec",
            str(tmp_path),
            url,
            "--role",
            "office",
            "--quiet-s",
            "0.1",
            "--answer-s",
            "5",
            "--due-s",
            "1",
        )
        status, lines = _mdkgen("conform", *given)
    assert status == 1
    failed = [line for line in lines if line.startswith("FAILED ")]
    assert failed, lines
    assert all("call of commit then Done" in line for line in failed), failed
