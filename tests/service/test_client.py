"""The client against a scripted server: real sockets, threads, processes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.errors import Stopped
from mdk_runtime.uplink import Uplink
from service.programs import running, wait_until
from service.scripted_server import ScriptedServer


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


def program_environment(server: ScriptedServer, **more: str) -> dict[str, str]:
    """For programs that are to find that server."""
    clean = {"MDK_SERVER_URL": server.url, "DATAWIRE_TOKEN": "tok", "MDK_DISCOVERY_SOURCE": "", "MDK_ENVIRONMENT": ""}
    return {**clean, "PYTHONPATH": os.pathsep.join(["runtime", "generated"]), **more}


def test_who_waits_hears_of_the_stop_however_soon_the_connection_ends(
    server: ScriptedServer, mdk: MDK, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread may be done before stop() goes on: no future is told that its time is over."""
    begin_stop = Uplink.begin_stop

    def begin_and_end(uplink: Uplink, within_s: float) -> None:
        begin_stop(uplink, within_s)
        wait_until(lambda: uplink._has_ended, "the end of the connection")

    monkeypatch.setattr(Uplink, "begin_stop", begin_and_end)
    future = started(server, mdk).session().resolve_async("svc")
    mdk.stop()
    with pytest.raises(Stopped):
        future.result(0)


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
        assert program.finish() == 0
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
    """It ends all the same, and says what was lost."""
    server.stop()
    patient = "from mdk_runtime import lifecycle\nlifecycle.FAREWELL_S = 60.0\n"  # The thread ends by itself before.
    with running("-c", patient + FORGETS.replace("print", "#"), **program_environment(server)) as program:
        program.wait_for("stopped with 1 messages that the server has not acknowledged")
        assert program.finish() == 0


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
