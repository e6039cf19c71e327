"""What the original's tests ask of the wire and of whole processes, asked of ours. docs/compatibility.md names each."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import pytest

import mdk
from mdk_protocol import messages
from mdk_runtime.client import MDK
from mdk_runtime.config import Config, read_config
from mdk_runtime.testing.server import TestServer as RunningServer
from service.programs import WITHIN_S, running, wait_until
from service.scripted_server import ScriptedServer

LEVELS = ["CRITICAL", "ERROR", "WARN", "INFO", "DEBUG"]


def client_of(server: ScriptedServer, **variables: str) -> MDK:
    """An MDK with environment variables, not started."""
    return MDK(read_config({"MDK_SERVER_URL": server.url, "DATAWIRE_TOKEN": "tok", **variables}))


# --- who we are ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"name": "sandbox"}),
        ("myenv", {"name": "myenv"}),
        ("parent:child", {"name": "child", "fallbackName": "parent"}),
    ],
)
def test_open_says_environment_and_version(server: ScriptedServer, text: str, expected: dict[str, str]) -> None:
    """The environment, its fallback only where there is one, and the version of the package."""
    with client_of(server, MDK_ENVIRONMENT=text):
        server.wait_for(lambda: server.heard("open"))
    (opened,) = server.heard("open")
    assert opened["environment"] == expected
    assert opened["mdkVersion"] == version("mdk")


def test_close_without_an_error(server: ScriptedServer, caplog: pytest.LogCaptureFixture) -> None:
    """No harm: the client comes back with what it had registered, and logs no error."""
    with client_of(server) as one:
        one.register("svc", "1.0", "http://me")
        server.wait_for(lambda: server.heard("active"))
        server.tell_all({"type": "close"})
        server.wait_for(lambda: len(server.connections) == 2 and server.connections[1].of("active"))
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_no_token_and_a_folder(server: ScriptedServer, tmp_path: Path) -> None:
    """With synapse and no token logging works at every level, and no connection is ever opened."""
    with MDK(read_config({"MDK_DISCOVERY_SOURCE": f"synapse:path={tmp_path}", "MDK_SERVER_URL": server.url})) as one:
        session = one.session()
        session.trace("DEBUG")
        logged = [getattr(session, level.lower())("category", "text") for level in LEVELS]
        (tmp_path / "svc.json").write_text('[{"host": "h", "port": 1}]')
        assert session.resolve("svc").address == "h:1"  # It has run for a while.
    assert [one.causal_level for one in logged] == [[1], [2], [3], [4], [5]]
    assert server.connections == []


# --- resolving before and after ------------------------------------------------------------------------------


def test_resolve_before_start(server: ScriptedServer) -> None:
    """A resolve that waits when start() is called is answered by the node that comes then; several by one node."""
    one = client_of(server)
    with ThreadPoolExecutor() as threads:
        waiting = [threads.submit(one.session().resolve, "svc", "1.0") for _ in range(2)]
        with one:
            server.wait_for(lambda: server.heard("open"))
            server.active("other", "not this")
            server.active("svc", "a")
            assert [future.result(WITHIN_S).address for future in waiting] == ["a", "a"]
            assert one.session().resolve("svc", "1.0").address == "a"


@pytest.mark.parametrize("before", [True, False])
def test_versions(server: ScriptedServer, before: bool) -> None:
    """1.0 asked is answered by 1.0.0 and 1.2.3, 1.1 by 1.2.3 only, whether asked before the nodes come or after."""
    with client_of(server) as one:
        session = one.session()
        server.wait_for(lambda: server.heard("open"))
        if not before:
            server.active("svc", "newer", version="1.2.3")
            server.active("svc", "older", version="1.0.0")
            wait_until(lambda: len(one.nodes("svc")) == 2, "both nodes")
        futures = [session.resolve_async("svc", asked) for asked in ("1.0", "1.1")]
        if before:
            server.active("svc", "older", version="1.0.0")
            assert futures[0].result(WITHIN_S).address == "older"
            assert not futures[1].done()
            server.active("svc", "newer", version="1.2.3")
        assert futures[0].result(WITHIN_S).address in ("older", "newer")
        assert futures[1].result(WITHIN_S).address == "newer"
        assert {session.resolve("svc", "1.0").address for _ in range(4)} == {"older", "newer"}


def test_stop_is_the_end(server: ScriptedServer) -> None:
    """After stop() the connection is closed, the thread has ended, and no other connection follows."""
    with client_of(server) as one:
        server.wait_for(lambda: server.heard("open"))
    server.wait_for(lambda: not server.connections[0].is_open)
    assert "mdk-io" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(mdk.NotStarted):
        one.session().resolve_async("svc")
    assert len(server.connections) == 1


# --- logs and interactions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_levels_are_enforced(server: ScriptedServer, level: str) -> None:
    """With session.trace(level), only what is at this level or above it is sent."""
    with client_of(server) as one:
        session = one.session()
        session.trace(level)
        for name in LEVELS:
            getattr(session, name.lower())("category", name)
    server.wait_for(lambda: not server.connections[0].is_open)
    assert [log["text"] for log in server.heard("log")] == LEVELS[: LEVELS.index(level) + 1]
    assert [log["level"] for log in server.heard("log")] == LEVELS[: LEVELS.index(level) + 1]


def test_every_log_arrives_over_a_bad_network(server: ScriptedServer) -> None:
    """Connections that break at any time, and acknowledgements that do not come: every message arrives, in its order."""
    chance = random.Random(7)
    texts = [f"message {i}" for i in range(60)]

    def cut() -> None:
        """Break the connection, and see the client come back."""
        count = len(server.connections)
        server.connections[-1].cut()
        server.wait_for(lambda: len(server.connections) > count and server.connections[-1].of("open"))
        server.active(f"svc{count}", "a")
        one.session().resolve(f"svc{count}")  # It listens, so the next pause is a short one again.

    with client_of(server) as one:
        session = one.session()
        server.wait_for(lambda: server.heard("open"))
        for i, text in enumerate(texts):
            server.acknowledges = chance.random() < 0.5
            session.info("c", text)
            if i % 20 == 10:
                cut()
        server.acknowledges = True
        cut()
        wait_until(lambda: {log["text"] for log in server.heard("log")} == set(texts), "all messages")
        wait_until(lambda: one.statistics().queued == 0, "all acknowledgements")
        cut()
    assert server.connections[-1].of("log") == [], "what was acknowledged is not sent again"
    for connection in server.connections:
        sequences = [log["sequence"] for log in connection.of("log")]
        assert sequences == sorted(sequences)
    assert all(texts[log["sequence"]] == log["text"] for log in server.heard("log"))


def test_acknowledged_interactions_are_not_sent_again(server: ScriptedServer) -> None:
    """The acknowledgement is understood: after a reconnect nothing of it comes again."""
    with client_of(server) as one:
        for _ in range(3):
            with one.session().interaction():
                pass
        server.wait_for(lambda: len(server.heard("interactionevent")) == 3)
        wait_until(lambda: one.statistics().queued == 0, "the acknowledgements")
        server.connections[0].cut()
        server.wait_for(lambda: len(server.connections) == 2 and server.connections[1].of("open"))
        one.session().info("c", "after it")
        server.wait_for(lambda: server.connections[1].of("log"))
    assert server.connections[1].of("interactionevent") == []


def test_a_log_leaves_at_once(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on a tick: twenty of them, one after the other, are sent while no timer of the client can run out."""
    with client_of(server) as one:
        server.wait_for(lambda: server.heard("open"))
        now = time.monotonic()
        monkeypatch.setattr(asyncio.SelectorEventLoop, "time", lambda _: now)
        for count in range(1, 21):
            one.session().info("c", str(count))
            server.wait_for(lambda count=count: len(server.heard("log")) == count)  # type: ignore[misc]  # binds it
        monkeypatch.undo()


# --- whole processes, against our server -----------------------------------------------------------------------


@pytest.fixture
def clients(mdk_server: RunningServer) -> Iterator[Callable[[str], MDK]]:
    """Starts clients of one real server, each in an environment."""
    started: list[MDK] = []

    def start(environment: str = "") -> MDK:
        variables = {"MDK_SERVER_URL": mdk_server.url, "MDK_ENVIRONMENT": environment}
        one = MDK(read_config(variables)).start()
        started.append(one)
        return one

    yield start
    for one in started:
        one.stop()


def test_subscriber_hears_its_own_logs(clients: Callable[..., MDK]) -> None:
    """A process that subscribes and logs once at each level, with trace DEBUG, gets its own five back."""
    one = clients()
    got: list[messages.Log] = []
    one.subscribe(got.append)
    one.register("ready", "1.0", "here")
    one.session().resolve("ready")  # Its echo comes after the subscription was read.
    session = one.session()
    session.trace("DEBUG")
    for level in LEVELS:
        getattr(session, level.lower())("category", level)
    wait_until(lambda: len(got) == 5, "five logs")
    assert [(str(log.level.value), log.text, log.node) for log in got] == [
        (level, level, one.node_id) for level in LEVELS
    ]


def test_a_trace_over_three_processes(clients: Callable[..., MDK]) -> None:
    """A session made in the first, joined in the second and passed on to the third: one trace, in causal order."""
    processes, watcher = [clients() for _ in range(3)], clients()
    got: list[messages.Log] = []
    watcher.subscribe(got.append)
    watcher.register("ready", "1.0", "here")
    watcher.session().resolve("ready")
    session = processes[0].session()
    trace_id, encoded = session.trace_id, session.externalize()
    for number, process in enumerate(processes[1:], 1):
        session = process.join(encoded)
        session.info("category", f"process {number}")
        encoded = session.externalize()
    wait_until(lambda: len(got) == 2, "both logs")
    assert [log.text for log in sorted(got, key=lambda log: log.context.clock.clocks)] == ["process 1", "process 2"]
    assert {log.context.trace_id for log in got} == {trace_id}
    assert {log.node for log in got} == {process.node_id for process in processes[1:]}


NODE = (
    "import sys, mdk\nm = mdk.start()\nm.register('svc', '1.0', 'http://it')\nprint('up')\nsys.stdin.read()\nm.stop()"
)


def test_discovery_between_processes(mdk_server: RunningServer, clients: Callable[..., MDK]) -> None:
    """What process A registers B resolves; after the end of A it is not found any more."""
    one = clients()
    with running("-c", NODE, MDK_SERVER_URL=mdk_server.url) as program:
        program.wait_for("up")
        assert one.session().resolve("svc", "1.0").address == "http://it"
        assert program.finish() == 0
    wait_until(lambda: not one.nodes("svc"), "the node to go")
    with pytest.raises(mdk.ResolveTimeout, match=r"no node of svc 1\.0"):
        one.session().resolve_until("svc", "1.0", 0.2)


@pytest.mark.parametrize(("registered", "asked"), [("", "anotherenv"), ("firstenv", "anotherenv"), ("firstenv", "")])
def test_environments_isolate(clients: Callable[..., MDK], registered: str, asked: str) -> None:
    """What is registered in one environment is not resolved in another; nor what has none, which is sandbox."""
    clients(registered).register("svc", "1.0", "here")
    assert clients(registered or "sandbox").session().resolve("svc").address == "here"
    other = clients(asked)
    wait_until(lambda: other.nodes("svc"), "the other environment's node to be known")
    with pytest.raises(mdk.ResolveTimeout):
        other.session().resolve_until("svc", None, 0.2)


def test_environment_fallback(clients: Callable[..., MDK]) -> None:
    """parent:child finds the parent's service; the parent finds the child's inside a joined session of the child."""
    parent, child = clients("parent"), clients("parent:child")
    parent.register("of parent", "1.0", "p")
    child.register("of child", "1.0", "c")
    assert child.session().resolve("of parent").address == "p"
    assert parent.session().resolve("of parent").address == "p"
    joined = parent.join(child.session().inject())
    assert joined.resolve("of child").address == "c"
    assert joined.resolve("of parent").address == "p"
    with pytest.raises(mdk.ResolveTimeout):
        parent.session().resolve_until("of child", None, 0.2)


def test_child_with_and_without_its_parent_is_one_environment(clients: Callable[..., MDK]) -> None:
    """`parent:child` and `child` see each other's nodes."""
    both, alone = clients("parent:child"), clients("child")
    both.register("one", "1.0", "a")
    alone.register("two", "1.0", "b")
    assert alone.session().resolve("one").address == "a"
    assert both.session().resolve("two").address == "b"


def test_registering_again_replaces(clients: Callable[..., MDK]) -> None:
    """The same service from the same process at another address: one node, and everybody moves on."""
    one, other = clients(), clients()
    one.register("svc", "1.0", "before")
    assert other.session().resolve("svc").address == "before"
    one.register("svc", "1.1", "after")
    wait_until(lambda: [node.address for node in other.nodes("svc")] == ["after"], "the new address alone")
    assert other.session().resolve("svc", "1.1").address == "after"


def test_recording_from_the_environment(server: ScriptedServer) -> None:
    """MDK_FAILURE_POLICY=recording: a node that fails for ever is resolved for ever."""
    with client_of(server, MDK_FAILURE_POLICY="recording") as one:
        server.active("svc", "a")
        node = one.session().resolve("svc")
        for _ in range(10):
            node.failure()
        assert node.available()
        assert one.session().resolve("svc").address == "a"
        assert (node.breaker.successes, node.breaker.failures) == (0, 10)


def test_a_datawire_source(server: ScriptedServer) -> None:
    """MDK_DISCOVERY_SOURCE=datawire:TOKEN connects with that token, as DATAWIRE_TOKEN does."""
    with MDK(read_config({"MDK_SERVER_URL": server.url, "MDK_DISCOVERY_SOURCE": "datawire:a token"})):
        server.wait_for(lambda: server.heard("open"))
    assert server.connections[0].path == "/rtp?token=a%20token"


def test_a_bad_file_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file torn while it is written, or no JSON, changes nothing and is warned about by name; the next one counts."""
    file = tmp_path / "svc.json"
    with MDK(Config(server_url=None, synapse_path=str(tmp_path))) as one:
        file.write_text('[{"host": "h", "port": 1}]')
        assert one.session().resolve("svc").address == "h:1"
        file.write_text('[{"host": "h", "po')
        wait_until(lambda: str(file) in caplog.text, "a warning that names the file")
        assert one.session().resolve("svc").address == "h:1"
        file.write_text('[{"host": "h", "port": 2}]')
        wait_until(lambda: [node.address for node in one.nodes("svc")] == ["h:2"], "the whole file")
        file.unlink()
        wait_until(lambda: not one.nodes("svc"), "its service to be empty")
    assert {record.levelname for record in caplog.records if str(file) in record.message} == {"WARNING"}
