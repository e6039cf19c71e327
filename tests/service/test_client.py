"""The client against a scripted server: real sockets, threads, processes."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mdk_protocol import messages
from mdk_runtime.client import MDK
from mdk_runtime.config import Config, read_config
from mdk_runtime.core.environments import Environment
from mdk_runtime.errors import NoNodeAvailable, ResolveTimeout
from service.programs import WITHIN_S, running, wait_until
from service.scripted_server import ScriptedServer, a_node, scripted_server


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A running scripted server."""
    with scripted_server() as server:
        yield server


@pytest.fixture
def config(server: ScriptedServer) -> Config:
    """Leads to that server."""
    return Config(server_url=server.url, token="tok")


@pytest.fixture
def mdk(config: Config) -> Iterator[MDK]:
    """A started MDK."""
    with MDK(config) as mdk:
        yield mdk


def started(server: ScriptedServer, mdk: MDK) -> MDK:
    """Once it has said who it is."""
    server.wait_for(lambda: server.heard("open"))
    return mdk


def test_what_is_registered_before_start(server: ScriptedServer, config: Config) -> None:
    """Init opens nothing; at connect comes `open`, then every node; stop expires each and closes normally; once."""
    mdk = MDK(config)
    mdk.register("one", "1.0", "http://one")
    mdk.register("two", "2.0", "http://two")
    assert server.connections == []
    assert mdk.start() is mdk.start()
    server.wait_for(lambda: len(server.heard("active")) == 2)
    mdk.register("three", "3.0", "http://three")
    server.wait_for(lambda: len(server.heard("active")) == 3)
    mdk.stop()
    mdk.stop()
    server.wait_for(lambda: not server.connections[0].is_open)
    (connection,) = server.connections
    assert connection.types() == ["open", "active", "active", "active", "expire", "expire", "expire"]
    assert connection.path == "/rtp?token=tok"
    assert connection.close_code == 1000
    opened, node = connection.heard[0], connection.heard[1]["node"]
    assert (opened["version"], opened["nodeId"], opened["environment"]) == ("2.0.0", mdk.node_id, {"name": "sandbox"})
    assert node == {
        "id": mdk.node_id,
        "service": "one",
        "version": "1.0",
        "address": "http://one",
        "properties": {"datawire_nodeId": mdk.node_id},
        "environment": {"name": "sandbox"},
    }
    assert [message["node"]["service"] for message in connection.of("expire")] == ["one", "two", "three"]


def test_start_again_after_stop(server: ScriptedServer, config: Config) -> None:
    """A stopped MDK can be started again: same node, sequences that go on."""
    mdk = MDK(config)
    for _ in range(2):
        mdk.start()
        mdk.session().info("c", "t")
        mdk.stop()
    assert [message["nodeId"] for message in server.heard("open")] == [mdk.node_id] * 2
    assert [message["sequence"] for message in server.heard("log")] == [0, 1]


def test_resolves(server: ScriptedServer, mdk: MDK) -> None:
    """A waiting resolve is answered by the node that comes; then round robin; then what is left after an expire."""
    started(server, mdk)
    future = mdk.session().resolve_async("late", "1.0")
    assert not future.done()
    server.active("late", "http://late")
    assert future.result(WITHIN_S).address == "http://late"
    for address in ("a", "b"):
        server.active("svc", address)
    session = mdk.session()
    wait_until(lambda: len(mdk.nodes("svc")) == 2, "both nodes")
    assert [session.resolve("svc", "1.0").address for _ in range(4)] == ["a", "b", "a", "b"]
    server.expire("svc", "a")
    wait_until(lambda: len(mdk.nodes("svc")) == 1, "one node")
    assert [session.resolve("svc", "1.0").address for _ in range(2)] == ["b", "b"]


def test_resolve_waits_and_names_what_is_there(server: ScriptedServer, mdk: MDK) -> None:
    """A resolve that finds nothing waits as long as asked, then says what it knows; async ones too."""
    started(server, mdk)
    server.active("svc", "a", version="2.0")
    wait_until(lambda: mdk.nodes("svc"), "the node")
    start = time.monotonic()
    with pytest.raises(ResolveTimeout) as caught:
        mdk.session().resolve_until("svc", "1.0", 0.3)
    assert 0.3 <= time.monotonic() - start < 2.0
    assert str(caught.value) == (
        "no node of svc 1.0 in environment sandbox after 0.3 s; nodes of svc: 1 of version 2.0 in sandbox; "
        f"connected to {server.url}"
    )
    session = mdk.session()
    session.set_deadline(0.2)
    with pytest.raises(ResolveTimeout, match=r"after 0\.2 s"):
        session.resolve_async("svc", "1.0").result(WITHIN_S)


def test_cancelled_resolve(server: ScriptedServer, mdk: MDK) -> None:
    """A future that was cancelled takes no node and does no harm."""
    started(server, mdk)
    future = mdk.session().resolve_async("svc", "1.0")
    assert future.cancel()
    server.active("svc", "a")
    assert mdk.session().resolve("svc", "1.0").address == "a"


def test_all_out_then_a_probe(server: ScriptedServer, config: Config) -> None:
    """When all nodes are out a resolve waits for the next probe; past its time it names each node."""
    settings = replace(config.breaker, retry_after_s=1.0)
    with MDK(replace(config, breaker=settings)) as mdk:
        server.active("svc", "a")
        node = mdk.session().resolve("svc", "1.0")
        for _ in range(3):
            node.failure()
        with pytest.raises(NoNodeAvailable, match=r"a \(tried again in 0\.\d s\)"):
            mdk.session().resolve_until("svc", "1.0", 0.1)
        assert mdk.session().resolve_until("svc", "1.0", WITHIN_S).address == "a"


def test_logs_and_interactions(server: ScriptedServer, mdk: MDK) -> None:
    """They arrive at once, numbered from 0 each, with their session as it was."""
    started(server, mdk)
    server.active("svc", "a")
    session = mdk.session()
    session.set_property("k", "v\u2603")
    with session.interaction():
        session.resolve("svc", "1.0")
        session.info("cat", "text \U0001f600 \ud800")
    server.wait_for(lambda: server.heard("interactionevent"))
    logs = server.heard("log")
    assert [(log["sequence"], log["category"], log["text"]) for log in logs] == [
        (0, "MDK", "Starting interaction."),
        (1, "cat", "text \U0001f600 ?"),
        (2, "MDK", "Finished interaction."),
    ]
    assert logs[1]["context"] == {
        "traceId": session.trace_id,
        "clock": {"clocks": [2]},
        "properties": {"k": "v\u2603"},
        "environment": {"name": "sandbox"},
    }
    assert (logs[1]["node"], logs[1]["level"], logs[1]["contentType"], logs[1]["sync"]) == (
        mdk.node_id,
        "INFO",
        "text/plain",
        1,
    )
    assert abs(logs[1]["timestamp"] / 1000 - time.time()) < WITHIN_S
    (event,) = server.heard("interactionevent")
    assert (event["sequence"], event["results"], event["startClock"], event["endClock"]) == (
        0,
        {"id of a": 1},
        [1],
        [3],
    )


def test_unacknowledged_logs_come_again(server: ScriptedServer, mdk: MDK) -> None:
    """After a lost connection: open, every node, every log that was not acknowledged, in order, and nothing else."""
    started(server, mdk)
    mdk.register("svc", "1.0", "me")
    mdk.session().info("c", "acknowledged")
    server.wait_for(lambda: server.heard("log"))
    server.acknowledges = False
    for i in range(3):
        mdk.session().info("c", str(i))
    server.wait_for(lambda: len(server.heard("log")) == 4)
    time.sleep(0.1)  # For the first acknowledgement to be read.
    server.acknowledges = True
    server.connections[0].cut()
    server.wait_for(lambda: len(server.connections) == 2 and len(server.connections[1].of("log")) == 3)
    second = server.connections[1]
    assert second.types() == ["open", "active", "log", "log", "log"]
    assert [(log["sequence"], log["text"]) for log in second.of("log")] == [(1, "0"), (2, "1"), (3, "2")]
    assert second.heard[0]["nodeId"] == server.connections[0].heard[0]["nodeId"]


def test_table_serves_while_the_server_is_away(server: ScriptedServer, mdk: MDK) -> None:
    """What was known is still resolved, and logs wait; the server's return brings all together again."""
    started(server, mdk)
    server.active("svc", "a")
    assert mdk.session().resolve("svc", "1.0").address == "a"
    server.stop()
    server.wait_for(lambda: not server.connections[0].is_open)
    assert mdk.session().resolve("svc", "1.0").address == "a"
    mdk.session().info("c", "while away")
    server.start()
    server.wait_for(lambda: [log["text"] for log in server.heard("log")] == ["while away"])


def test_two_clients_meet(server: ScriptedServer, config: Config) -> None:
    """What one registers the other resolves; when it stops it is gone."""
    with MDK(config) as one:
        one.register("svc", "1.0", "http://one")
        with MDK(config) as other:
            assert other.session().resolve("svc", "1.0").address == "http://one"
            one.stop()
            wait_until(lambda: not other.nodes("svc"), "gone")
    assert len({message["nodeId"] for message in server.heard("open")}) == 2


def test_environment(server: ScriptedServer, config: Config) -> None:
    """`open` and nodes carry it, fallback and all; the parent's nodes serve."""
    with MDK(replace(config, environment=Environment("child", "parent"))) as mdk:
        mdk.register("mine", "1.0", "me")
        server.wait_for(lambda: server.heard("active"))
        server.active("svc", "p", environment="parent")
        assert mdk.session().resolve("svc", "1.0").address == "p"
    expected = {"name": "child", "fallbackName": "parent"}
    assert server.heard("open")[0]["environment"] == server.heard("active")[0]["node"]["environment"] == expected


def test_close_and_oddities(server: ScriptedServer, mdk: MDK, caplog: pytest.LogCaptureFixture) -> None:
    """What nobody knows or can read is dropped; a `close` with an error is logged in full, and tried again."""
    started(server, mdk)
    for oddity in ({"type": "unknown"}, {"type": "active", "node": 5}, {"type": "expire"}, {"x": 1}):
        server.tell_all(oddity)
    server.active("svc", "a")
    assert mdk.session().resolve("svc", "1.0").address == "a"
    assert len(server.connections) == 1
    error = {"code": "bad", "title": "Bad", "detail": "very", "id": "x17", "$class": "mdk_protocol.ProtocolError"}
    server.tell_all({"type": "mdk.protocol.Close", "error": error})
    server.wait_for(lambda: len(server.connections) == 2)
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "the server closes the connection: code=bad title=Bad detail=very id=x17"
    ]


def test_subscribe(server: ScriptedServer, mdk: MDK) -> None:
    """A subscriber is served also when it subscribes while connected; what it logs itself is dropped."""
    started(server, mdk)
    texts: list[str] = []
    session = mdk.session()

    def handler(message: messages.Log) -> None:
        session.info("c", "about a log")
        texts.append(message.text)

    mdk.subscribe(handler)
    server.wait_for(lambda: server.heard("subscribe"))
    server.tell_all({"type": "log", "text": "only a text"})
    wait_until(lambda: texts, "the log")
    session.info("c", "the last")
    server.wait_for(lambda: server.heard("log"))
    assert texts[0] == "only a text"
    assert [log["text"] for log in server.heard("log")] == ["the last"]


def test_callback_may_log(server: ScriptedServer, mdk: MDK) -> None:
    """Code that runs because a resolve was answered logs like any other."""
    started(server, mdk)
    session = mdk.session()
    session.resolve_async("svc", "1.0").add_done_callback(
        lambda done: session.info("c", done.result().address) and None
    )
    server.active("svc", "a")
    server.wait_for(lambda: [log["text"] for log in server.heard("log")] == ["a"])


def test_stop_with_the_server_away(server: ScriptedServer, config: Config, caplog: pytest.LogCaptureFixture) -> None:
    """stop() ends within 2 s and says how much was lost; with nothing to say it ends at once."""
    server.stop()
    mdk = MDK(config).start()
    mdk.session().info("c", "lost")
    start = time.monotonic()
    mdk.stop()
    assert time.monotonic() - start < 2.5
    assert "stopped with 1 messages that the server has not acknowledged" in caplog.messages
    mdk = MDK(config).start()
    start = time.monotonic()
    mdk.stop()
    assert time.monotonic() - start < 1.0


def test_drops_are_counted(server: ScriptedServer, config: Config, caplog: pytest.LogCaptureFixture) -> None:
    """With the server away the newest are kept, and what was dropped is warned about with its count, right to one."""
    server.stop()
    mdk = MDK(config).start()
    session = mdk.session()
    for i in range(25_000):
        session.info("c", str(i))
    mdk.stop()
    totals = [record.args for record in caplog.records if "were dropped" in record.msg]
    assert totals
    dropped = totals[-1]
    assert isinstance(dropped, tuple)
    unacknowledged = next(record.args for record in caplog.records if "not acknowledged" in record.msg)
    assert isinstance(unacknowledged, tuple)
    assert dropped[1] + unacknowledged[0] == 25_000  # type: ignore[operator]  # both are ints


def test_static_nodes_need_no_server(server: ScriptedServer) -> None:
    """Static nodes are there at start, and nothing connects."""
    source = 'static:nodes=[{"service": "svc", "version": "1.0", "address": "a"}]'
    with MDK(read_config({"MDK_DISCOVERY_SOURCE": source, "MDK_SERVER_URL": server.url})) as mdk:
        assert mdk.session().resolve("svc", "1.0").address == "a"
        assert mdk.session().info("c", "t").causal_level == [1]
        with pytest.raises(ResolveTimeout, match="no server is configured"):
            mdk.session().resolve_until("nobody", "1.0", 0.1)
    assert server.connections == []


def test_synapse_folder(tmp_path: Path) -> None:
    """A file that appears answers a waiting resolve."""
    with MDK(read_config({"MDK_DISCOVERY_SOURCE": f"synapse:path={tmp_path}"})) as mdk:
        future = mdk.session().resolve_async("svc", "1.0")
        (tmp_path / "svc.json").write_text('[{"host": "h", "port": 1}]')
        assert future.result(WITHIN_S).address == "h:1"


def program_environment(server: ScriptedServer, **more: str) -> dict[str, str]:
    """For programs that are to find that server."""
    clean = {"MDK_SERVER_URL": server.url, "DATAWIRE_TOKEN": "tok", "MDK_DISCOVERY_SOURCE": "", "MDK_ENVIRONMENT": ""}
    return {**clean, "PYTHONPATH": os.pathsep.join(["runtime", "generated"]), **more}


FORGETS = """
import mdk
m = mdk.start()
m.register("svc", "1.0", "http://me")
print(m.session().resolve("svc", "1.0").address)
m.session().info("c", "the last words")
"""


def test_a_program_that_forgets_to_stop(server: ScriptedServer) -> None:
    """It ends, its node is expired, its log arrives, the connection is closed normally."""
    with running("-c", FORGETS, **program_environment(server)) as program:
        program.wait_for("http://me")
        start = time.monotonic()
        assert program.finish() == 0
        assert time.monotonic() - start < 3.0
    server.wait_for(lambda: not server.connections[0].is_open)
    (connection,) = server.connections
    assert connection.types() == ["open", "active", "log", "expire"]
    assert connection.close_code == 1000


def test_a_program_that_only_logs(server: ScriptedServer) -> None:
    """Even one that ends before it has connected is heard, by name and by number."""
    for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
        code = "import mdk; mdk.start().session().info('c', 'hello')"
        with running("-c", code, **program_environment(server, MDK_SERVER_URL=url)) as program:
            assert program.finish() == 0
    assert [log["text"] for log in server.heard("log")] == ["hello"] * 2


def test_a_program_whose_server_is_away(server: ScriptedServer) -> None:
    """It ends within 2 s and a bit, and says what was lost."""
    server.stop()
    start = time.monotonic()
    with running("-c", FORGETS.replace("print", "#"), **program_environment(server)) as program:
        program.wait_for("stopped with 1 messages that the server has not acknowledged")
        assert program.finish() == 0
    assert time.monotonic() - start < 5.0


FORKS = """
import os, sys, time, mdk
m = mdk.start()
m.register("svc", "1.0", "http://me")
m.session().resolve("svc", "1.0")
parent = m.node_id
def say(who):  # one write for a whole line: two processes share this output
    os.write(1, f"{who} {m.node_id}\\n".encode())
{fork}
"""
OS_FORK = """
child = os.fork()
assert (m.node_id == parent) == bool(child)
m.session().info("c", "parent" if child else "child")
time.sleep(0.5)
say("parent" if child else "child")
if child:
    os.waitpid(child, 0)
"""
MULTIPROCESSING = """
import multiprocessing
def work(parent):
    assert m.node_id != parent
    m.session().info("c", "child")
    time.sleep(0.5)
    say("child")
process = multiprocessing.get_context("fork").Process(target=work, args=(parent,))
process.start()
process.join()
assert process.exitcode == 0
m.session().info("c", "parent")
say("parent")
"""


@pytest.mark.parametrize("fork", [OS_FORK, MULTIPROCESSING], ids=["os.fork", "multiprocessing"])
def test_fork(server: ScriptedServer, fork: str) -> None:
    """A forked child has an id and a connection of its own, offers what its parent did, and says goodbye itself."""
    code = FORKS.replace("{fork}", fork)
    with running("-W", "ignore", "-c", code, **program_environment(server)) as program:
        parent = program.wait_for("parent ").split()[1]
        child = program.wait_for("child ").split()[1]
        assert program.finish() == 0, program.lines
    server.wait_for(lambda: len(server.connections) == 2 and not any(one.is_open for one in server.connections))
    by_id = {connection.heard[0]["nodeId"]: connection for connection in server.connections}
    assert by_id.keys() == {parent, child}
    for node_id, text in ((parent, "parent"), (child, "child")):
        connection = by_id[node_id]
        assert sorted(connection.types()) == ["active", "expire", "log", "open"], connection.heard
        assert {message["node"]["id"] for message in connection.of("active")} == {node_id}
        assert [log["text"] for log in connection.of("log")] == [text]
        assert connection.close_code == 1000


def test_a_killed_parent_is_seen_although_its_child_lives(server: ScriptedServer) -> None:
    """A child does not hold its parent's connection open."""
    fork = "child = os.fork()\nos.write(1, b'pid %d\\n' % os.getpid())\ntime.sleep(60)"
    with running("-W", "ignore", "-c", FORKS.replace("{fork}", fork), **program_environment(server)) as program:
        program.wait_for("pid", count=2)
        server.wait_for(lambda: len(server.connections) == 2)
        children = [int(line.split()[1]) for line in program.lines if line.startswith("pid")]
        parent = program.process.pid
        program.process.kill()
        try:
            server.wait_for(lambda: not server.connections[0].is_open)
            assert server.connections[1].is_open
        finally:
            for child in children:
                if child != parent:
                    os.kill(child, 9)


def test_table_of_many_nodes(server: ScriptedServer, config: Config) -> None:
    """A table of some thousand nodes is read in no time to speak of."""
    for i in range(3000):
        node: dict[str, Any] = a_node(f"svc{i % 30}", f"http://{i}")
        server.nodes[node["service"], node["address"]] = node
    with MDK(config) as mdk:
        wait_until(lambda: sum(len(mdk.nodes(service)) for service in mdk.services()) == 3000, "all nodes")
        assert mdk.session().resolve("svc29", "1.0").address == "http://29"


def test_messages_are_logged_where_that_is_asked_for(
    server: ScriptedServer, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    """MDK_LOG_MESSAGES: every frame at INFO in `mdk.messages`, with its direction; without it, none."""
    caplog.set_level(logging.INFO, "mdk.messages")
    for wanted in (False, True):
        caplog.clear()
        with MDK(replace(config, log_messages=wanted)) as mdk:
            mdk.register("logged", "1.0", "http://logged")
            mdk.session().resolve("logged", "1.0")
        said = [record.message for record in caplog.records if record.name == "mdk.messages"]
        kinds = {message.partition("{")[0].strip() for message in said}
        assert kinds == ({"sent", "received"} if wanted else set())
        assert any('"active"' in message and "http://logged" in message for message in said) == wanted
