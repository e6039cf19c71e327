"""Workers: each process has a node id and a connection of its own, however it came to be."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from service.programs import WITHIN_S, running, wait_until
from service.scripted_server import ScriptedServer

GUNICORN_APP = """
import mdk
m = mdk.start()
m.register("svc", "1.0", "http://shared")

def app(environ, start_response):
    m.session().info("worker", "answering")
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]
"""


def test_gunicorn_with_preload(server: ScriptedServer, tmp_path: Path) -> None:
    """The master that loads the application and its two workers are three nodes; all say goodbye at the end."""
    (tmp_path / "preloaded.py").write_text(GUNICORN_APP)
    options = ["--preload", "--workers", "2", "--bind", "127.0.0.1:0", "--chdir", str(tmp_path), "preloaded:app"]
    with running("-W", "ignore", "-m", "gunicorn", *options, MDK_SERVER_URL=server.url) as gunicorn:
        server.wait_for(lambda: len({one.heard[0]["nodeId"] for one in server.connections if one.heard}) == 3)
        ids = {one.heard[0]["nodeId"]: one for one in server.connections}
        server.wait_for(lambda: {message["node"]["id"] for message in server.heard("active")} == set(ids))
        gunicorn.process.terminate()
        assert gunicorn.process.wait(WITHIN_S) == 0, gunicorn.lines
    server.wait_for(lambda: not any(one.is_open for one in server.connections))
    assert all(one.of("expire") for one in ids.values())


SPAWN = """
import multiprocessing, os, mdk

def work(parent):
    m = mdk.start()
    assert m.node_id != parent
    m.register("svc", "1.0", "http://child")
    m.session().resolve("svc", "1.0")

if __name__ == "__main__":
    m = mdk.start()
    m.register("svc", "1.0", "http://parent")
    m.session().resolve("svc", "1.0")
    process = multiprocessing.get_context("spawn").Process(target=work, args=(m.node_id,))
    process.start()
    process.join()
    assert process.exitcode == 0
"""


def test_spawn(server: ScriptedServer, tmp_path: Path) -> None:
    """A spawned process that forgets stop() ends, and its nodes are taken out."""
    (tmp_path / "spawns.py").write_text(SPAWN)
    with running(str(tmp_path / "spawns.py"), MDK_SERVER_URL=server.url) as program:
        assert program.finish() == 0, program.lines
    server.wait_for(lambda: len(server.connections) == 2 and not any(one.is_open for one in server.connections))
    assert {one.of("expire")[0]["node"]["address"] for one in server.connections} == {"http://parent", "http://child"}
    assert len({one.heard[0]["nodeId"] for one in server.connections}) == 2


def test_drops_are_counted_to_one() -> None:
    """With the server away, what four threads log is either waiting or counted as dropped."""
    each = 25_000
    with MDK(Config(server_url="ws://127.0.0.1:1/rtp")) as client:

        def work() -> None:
            session = client.session()
            for _ in range(each):
                session.info("c", "t")

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: not client.intake, "the I/O thread to catch up")

        def is_right() -> bool:
            now = client.statistics()
            return now.queued + now.dropped == 4 * each and now.queued <= 20_000 and now.dropped > 0

        wait_until(is_right, "every message to be accounted for")


def test_memory_stays_flat_with_the_server_away() -> None:
    """Twenty times what the queues hold: after the first tenth hardly any growth, and every message is accounted for."""
    calls = 400_000
    with running("bench/memory.py", str(calls), PYTHONPATH=".") as bench:
        assert bench.process.wait(150) == 0, bench.lines
        found = json.loads(bench.wait_for('"bench": "memory"'))
    assert (found["unaccounted"], found["queued"] + found["dropped"]) == (0, calls)
    assert 0 < found["queued"] <= 20_000
    assert found["growth"] < 1.25, found
