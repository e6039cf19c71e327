"""`mdk logs`, `mdk trace` and `mdk register` as a user meets them: what they print, and how they end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

import mdk
from mdk_runtime.client import MDK
from mdk_runtime.config import read_config
from mdk_runtime.testing.server import TestServer as RunningServer
from service.programs import ROOT, WITHIN_S, running, wait_until
from service.scripted_server import ScriptedServer, scripted_server
from service.servers import COMMAND, run, server

TRACE = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"


def log(number: int, **fields: Any) -> dict[str, Any]:
    """A row as the API gives it."""
    return {
        "kind": "log",
        "position": f"1.{number}",
        "trace_id": TRACE,
        "clock": [number],
        "timestamp_ms": 1_795_487_508_618 + number,
        "node": "node-of-shop",
        "service": "shop",
        "level": "INFO",
        "category": "cat",
        "text": f"message {number}",
        **fields,
    }


ROWS = [
    log(1, text="Starting interaction.", category="MDK"),
    {
        "kind": "interaction",
        "trace_id": TRACE,
        "node": "node-of-shop",
        "service": "shop",
        "results": {"node-of-hello": 1, "12345678-9": 0},
        "callees": {"node-of-hello": "hello"},
        "start_ms": 1000,
        "end_ms": 1012,
        "start_clock": [1],
        "end_clock": [4],
    },
    log(2),
    log(3, clock=[3, 1], service="hello", level="ERROR", text="two\nlines \x1b[31mred"),
    log(4, text="Finished interaction.", category="MDK"),
]


class Api(BaseHTTPRequestHandler):
    """A server's HTTP side by hand, which keeps how it was asked."""

    asked: list[tuple[str, dict[str, str], str | None]]
    rows: list[dict[str, Any]]

    def do_GET(self) -> None:
        """Two rows a page; the newest first, unless it is asked otherwise."""
        parts = urlsplit(self.path)
        given = dict(parse_qsl(parts.query))
        self.asked.append((parts.path, given, self.headers["Authorization"]))
        if parts.path == "/api/traces/none":
            self._answer(404, {"error": "not_found", "detail": "nothing is stored of this trace"})
        elif parts.path == "/api/traces/strange":
            self._answer(200, ["no object"])
        else:
            newest = parts.path == "/api/logs" and given.get("order") != "oldest"
            rows = self.rows[::-1] if newest else self.rows
            start = int(given.get("cursor", 0))
            end = start + min(2, int(given["limit"]))
            self._answer(200, {"items": rows[start:end], "next": str(end) if end < len(rows) else None})

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[tuple[str, type[Api]]]:
    """A running one: its URL, and what it was asked."""

    class Handler(Api):
        """One for each test."""

    Handler.asked = []
    Handler.rows = list(ROWS)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listener.server_port}", Handler
    listener.shutdown()
    thread.join()
    listener.server_close()


# --- logs and trace ----------------------------------------------------------------------------------------


def test_logs_of_the_past(api: tuple[str, type[Api]]) -> None:
    """The last ones, in their order, page after page, with the token in its header; never a control character."""
    url, handler = api
    handler.rows = [row for row in ROWS if row["kind"] == "log"]
    status, said, _ = run(
        "logs", "--limit", "3", "--level", "warn", "--service", "shop", MDK_HTTP_URL=url, DATAWIRE_TOKEN="t k"
    )
    assert status == 0
    assert said.splitlines() == [
        f"2026-11-24 02:31:48.620 INFO     shop cat: message 2  [{TRACE}]",
        "2026-11-24 02:31:48.621 ERROR    hello cat: two",
        f"    lines \\x1b[31mred  [{TRACE}]",
        f"2026-11-24 02:31:48.622 INFO     shop MDK: Finished interaction.  [{TRACE}]",
    ]
    filters = {"service": "shop", "level": "WARN"}
    assert handler.asked == [
        ("/api/logs", {**filters, "limit": "3"}, "Bearer t k"),
        ("/api/logs", {**filters, "limit": "1", "cursor": "2"}, "Bearer t k"),
    ]


def test_logs_as_json(api: tuple[str, type[Api]]) -> None:
    """One object a line, in the form that --follow has; a trace's in causal order."""
    url, handler = api
    handler.rows = [ROWS[2]]
    status, said, _ = run("logs", "--json", "--trace", TRACE, "--text", "a b", "--since", "2h", "--http", f"{url}/")
    assert (status, json.loads(said)) == (
        0,
        {
            "timestamp": 1_795_487_508_620,
            "level": "INFO",
            "services": ["shop"],
            "node": "node-of-shop",
            "category": "cat",
            "text": "message 2",
            "trace": TRACE,
            "clock": [2],
        },
    )
    given = {"trace": TRACE, "text": "a b", "since": "2h", "order": "oldest", "limit": "100"}
    assert handler.asked == [("/api/logs", given, None)]


def test_trace_as_a_tree(api: tuple[str, type[Api]]) -> None:
    """By the clocks; an interaction stands where it began, with what came of it, in place of its two log messages."""
    url, handler = api
    status, said, _ = run("trace", TRACE, "--http", url)
    assert status == 0
    assert said.splitlines() == [
        "1     shop          interaction, 12 ms: hello worked, 12345678 failed",
        "2     shop   INFO   cat: message 2",
        "    3.1   hello  ERROR  cat: two",
        "                        lines \\x1b[31mred",
    ]
    assert {path for path, _, _ in handler.asked} == {f"/api/traces/{TRACE}"}
    status, said, _ = run("trace", TRACE, "--json", "--http", url)
    assert [json.loads(line) for line in said.splitlines()] == ROWS


@pytest.mark.parametrize(
    ("options", "status", "wrong"),
    [
        (("trace", "none"), 1, "does not answer the question: HTTP 404: not_found, nothing is stored of this trace\n"),
        (
            ("trace", "strange"),
            1,
            "its answer is no JSON object, so it may be no MDK server; see --http and MDK_HTTP_URL\n",
        ),
        (("logs", "--http", "http://127.0.0.1:1"), 1, "http://127.0.0.1:1 does not answer the question: "),
        (("logs", "--http", "ftp://x"), 2, "MDK_HTTP_URL='ftp://x' cannot be used; expected a URL such as http://"),
        (("logs", "--limit", "0"), 2, "'0' is no limit"),
        (("logs", "--level", "loud"), 2, "invalid choice: 'LOUD'"),
        (("resolve", "svc", "--timeout", "nan"), 2, "'nan' is no number of seconds"),
        (("resolve",), 2, "service"),
        (("register", "a", "b", "c"), 2, "COMMAND"),
        (("trace",), 2, "ID"),
        (("logs", "--levle", "warn"), 2, "--levle warn; `mdk logs --help` says what there is"),
    ],
)
def test_what_does_not_work(api: tuple[str, type[Api]], options: tuple[str, ...], status: int, wrong: str) -> None:
    """One line that says what, and the status: 1 for what was refused, 2 for what was asked wrongly."""
    found, said, complaint = run(*options, MDK_HTTP_URL=api[0])
    assert (found, said) == (status, "")
    assert wrong in complaint


def test_bad_variables_are_wrong_usage() -> None:
    """A variable that cannot be used is the user's to mend; following needs a server."""
    status, _, complaint = run("services", MDK_SERVER_URL="http://x")
    assert (status, "MDK_SERVER_URL='http://x' cannot be used" in complaint) == (2, True)
    status, _, complaint = run("logs", "--follow", MDK_DISCOVERY_SOURCE="static:nodes=[]")
    assert (status, complaint.startswith("mdk: not connected to any server")) == (1, True)


def test_static_nodes_are_listed() -> None:
    """Services and resolve need no server where nodes come from elsewhere."""
    source = 'static:nodes=[{"service": "svc", "version": "1.2", "address": "a"}]'
    assert run("services", MDK_DISCOVERY_SOURCE=source)[:2] == (0, "svc  1.2  sandbox  a\n")
    status, said, _ = run("resolve", "svc", "1.0", "--json", MDK_DISCOVERY_SOURCE=source)
    assert (status, json.loads(said)["address"]) == (0, "a")


def test_an_empty_table_is_said(mdk_server: RunningServer) -> None:
    """On stderr, so that a program that reads the list reads an empty one."""
    for options in ((), ("--json",)):
        found = run("services", *options, MDK_SERVER_URL=mdk_server.url)
        assert found == (0, "", "mdk: no service is registered\n")


def test_services_waits_for_the_whole_table(mdk_server: RunningServer) -> None:
    """However slowly it comes: the server says when it has named them all."""
    with MDK(read_config({"MDK_SERVER_URL": mdk_server.url})) as one:
        for number in range(300):
            one.register(f"svc{number:03}", "1.0", f"http://{number}")
        wait_until(lambda: len(one.services()) == 300, "not registered")
        status, said, complaint = run("services", MDK_SERVER_URL=mdk_server.url)
    assert (status, complaint) == (0, "")
    assert [line.split()[0] for line in said.splitlines()] == [f"svc{number:03}" for number in range(300)]


def test_a_reader_that_has_seen_enough(api: tuple[str, type[Api]]) -> None:
    """`mdk logs | head -1` ends without a word."""
    url, handler = api
    handler.rows = [log(i, text="x" * 1000) for i in range(300)]
    command = f"{sys.executable} -c '{COMMAND}' logs --limit 300 --http {url} | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 1)


def test_follow_filters(mdk_server: RunningServer) -> None:
    """By service, trace and level at once; Ctrl-C ends it without a word."""
    with mdk.start() as shop, mdk.start() as other, running("-c", COMMAND, "logs", "--follow") as everything:
        shop.register("shop", "1.0", "http://shop")
        other.session().resolve("shop")
        session = shop.session()

        def until_seen(text: str) -> None:
            def seen() -> bool:
                session.info("c", text)
                return any(text in line for line in everything.lines)

            wait_until(seen, text)

        until_seen("first")
        options = ("--service", "shop", "--trace", session.trace_id, "--level", "info", "--json")
        with running("-c", COMMAND, "logs", "--follow", *options) as some:

            def one() -> bool:
                other.join(session.inject()).info("c", "another service")
                shop.session().info("c", "another trace")
                session.debug("c", "another level")
                session.info("c", "this")
                return bool(some.lines)

            wait_until(one, "a line")
            seen = [json.loads(line) for line in some.lines]
            assert {(line["text"], line["trace"], *line["services"]) for line in seen} == {
                ("this", session.trace_id, "shop")
            }
            some.process.send_signal(signal.SIGINT)
            assert some.process.wait(WITHIN_S) == 0
            assert len(some.lines) >= len(seen)
            assert not [line for line in some.lines if "Traceback" in line]
        everything.process.send_signal(signal.SIGINT)
        assert everything.process.wait(WITHIN_S) == 0


def test_follow_ends_when_it_has_shown_enough(mdk_server: RunningServer) -> None:
    """With a text, whatever its case, chosen by the server."""
    with MDK(read_config({"MDK_SERVER_URL": mdk_server.url})) as one:
        options = ("logs", "--follow", "--text", "NEEDLE", "--limit", "2", "--json")
        with running("-c", COMMAND, *options, MDK_SERVER_URL=mdk_server.url) as some:

            def is_done() -> bool:
                one.session().info("c", "hay")
                one.session().info("c", "a needle in it")
                return some.process.poll() is not None

            wait_until(is_done, "it goes on")
            assert some.process.returncode == 0
            wait_until(lambda: len(some.lines) == 2, "the lines")
        assert {json.loads(line)["text"] for line in some.lines} == {"a needle in it"}


def test_follow_of_an_original_server(peer: ScriptedServer) -> None:
    """It sends everything; what fits is chosen here."""
    with MDK(read_config({"MDK_SERVER_URL": peer.url})) as one:
        options = ("logs", "--follow", "--text", "NEEDLE", "--level", "warn", "--limit", "1")
        with running("-c", COMMAND, *options, MDK_SERVER_URL=peer.url) as some:

            def is_done() -> bool:
                one.session().info("c", "a needle below")
                one.session().error("c", "hay")
                one.session().warn("c", "a needle")
                return some.process.poll() is not None

            wait_until(is_done, "it goes on")
            wait_until(lambda: len(some.lines) == 1, "the line")
        assert " c: a needle  [" in some.lines[0]


def test_follow_shows_nothing_of_the_past() -> None:
    """`--since` beside it is wrong usage."""
    status, _, complaint = run("logs", "--follow", "--since", "1h")
    assert (status, "argument --since: not allowed with argument --follow" in complaint) == (2, True)


def test_logs_and_trace_of_a_real_server(tmp_path: Path) -> None:
    """What two services have said is there, by level, service and word, and as one tree."""
    with server(tmp_path, "--http") as store:
        variables = {"MDK_SERVER_URL": store.url, "MDK_HTTP_URL": store.ready["http"]}
        # The one that is called ends last: what it was is known when the interaction comes.
        with MDK(read_config(variables)) as hello, MDK(read_config(variables)) as shop:
            shop.register("shop", "1.0", "http://shop")
            hello.register("hello", "1.0", "http://hello")
            session = shop.session()
            with session.interaction():
                session.resolve("hello")
                hello.join(session.inject()).warn("greeter", "some\nlines")
            session.error("till", "broken")
        status, said, _ = run("trace", session.trace_id, **variables)
        lines = said.splitlines()
        assert status == 0
        assert [line.split() for line in lines[1:]] == [
            ["2.1", "hello", "WARN", "greeter:", "some"],
            ["lines"],
            ["4", "shop", "ERROR", "till:", "broken"],
        ]
        assert lines[0].startswith("1     shop")
        assert lines[0].endswith("ms: hello worked")
        for options, texts in (
            (("--level", "error"), ["broken"]),
            (("--service", "hello"), ["some\nlines"]),
            (("--text", "broken", "--since", "1h"), ["broken"]),
            (("--level", "warn", "--trace", session.trace_id), ["some\nlines", "broken"]),
        ):
            status, said, _ = run("logs", "--json", *options, **variables)
            # In order of arrival, and these come from two processes.
            assert (status, sorted(json.loads(line)["text"] for line in said.splitlines())) == (0, sorted(texts))
        status, said, complaint = run("logs", "--since", "soon", **variables)
        assert (status, said, "since is 'soon'" in complaint) == (1, "", True)


# --- register ----------------------------------------------------------------------------------------------


@pytest.fixture
def peer() -> Iterator[ScriptedServer]:
    """A server that keeps what it hears."""
    with scripted_server() as one:
        yield one


SHOWS = """
import signal, sys, time
def got(number, _):
    print("got", signal.Signals(number).name, flush=True)
    sys.exit(int(sys.argv[1]))
for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"):
    signal.signal(getattr(signal, name), got)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1"])
def test_register_passes_signals_on(peer: ScriptedServer, name: str) -> None:
    """The command gets them, ends as it likes, and its status is ours; the node goes with it, once."""
    child = ["--", sys.executable, "-c", SHOWS, "7"]
    with running("-c", COMMAND, "register", "svc", "1.0", "http://it", *child, MDK_SERVER_URL=peer.url) as offering:
        offering.wait_for("ready")
        peer.wait_for(lambda: peer.heard("active"))
        offering.process.send_signal(getattr(signal, name))
        offering.wait_for(f"got {name}")
        assert offering.process.wait(WITHIN_S) == 7
        assert not [line for line in offering.lines if "Traceback" in line]
    peer.wait_for(lambda: not peer.connections[0].is_open)
    assert peer.connections[0].types() == ["open", "active", "expire"]


@pytest.mark.parametrize(("ending", "status"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 128 + 9)])
def test_register_ends_with_its_command(peer: ScriptedServer, ending: str, status: int) -> None:
    """A command that ends by itself, or is killed, takes the node along at once; the status is as in a shell."""
    child = ["--", sys.executable, "-c", f"import os, sys\nsys.stdin.readline()\n{ending}"]
    with running("-c", COMMAND, "register", "svc", "1.0", "http://it", *child, MDK_SERVER_URL=peer.url) as offering:
        peer.wait_for(lambda: peer.heard("active"))
        offering.say("end")
        assert offering.process.wait(WITHIN_S) == status
    peer.wait_for(lambda: peer.heard("expire"))


def test_register_runs_its_command_without_a_server() -> None:
    """What it offers does not depend on who finds it: the command runs, and the server's absence is said."""
    child = ["--", sys.executable, "-c", "print('I run', flush=True); input()"]
    url = "ws://127.0.0.1:1/rtp"
    with running("-c", COMMAND, "register", "svc", "1.0", "http://it", *child, MDK_SERVER_URL=url) as offering:
        offering.wait_for("I run")
        offering.wait_for(f"mdk: not connected to {url} (")
        offering.say("end")
        assert offering.process.wait(WITHIN_S) == 0
