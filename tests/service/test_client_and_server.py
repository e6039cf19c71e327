"""Our client and our server, as processes and over real sockets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mdk_runtime import base_client, client, uplink
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from service.programs import running, wait_until
from service.sending import unacknowledged
from service.servers import ServerProcess, server

PYTHONPATH = os.pathsep.join(["runtime", "generated"])


def test_meeting(server_process: ServerProcess) -> None:
    """What one registers the other resolves; a normal end takes it out for all; tenants do not meet."""
    url = server_process.url
    with MDK(Config(server_url=url)) as one, MDK(Config(server_url=url, token="other")) as stranger:
        one.register("svc", "1.0", "http://one")
        with MDK(Config(server_url=url)) as other:
            assert other.session().resolve("svc", "1.0").address == "http://one"
            one.stop()
            wait_until(lambda: not other.nodes("svc"), "gone")
        assert stranger.services() == []


def test_killed_process_disappears(server_process: ServerProcess) -> None:
    """A process that is killed leaves the table of the others."""
    url = server_process.url
    code = "import mdk, time\nm = mdk.start()\nm.register('svc', '1.0', 'http://it')\nprint('up')\ntime.sleep(60)"
    environment = {"MDK_SERVER_URL": url, "DATAWIRE_TOKEN": "", "PYTHONPATH": PYTHONPATH}
    with MDK(Config(server_url=url)) as mdk, running("-c", code, **environment) as program:
        program.wait_for("up")
        assert mdk.session().resolve("svc", "1.0").address == "http://it"
        program.process.kill()
        wait_until(lambda: not mdk.nodes("svc"), "still there")


def test_logs_reach_store_and_subscribers(server_process: ServerProcess) -> None:
    """Everything that is logged is acknowledged and relayed, in order; interactions are acknowledged."""
    url = server_process.url
    texts: list[str] = []
    with MDK(Config(server_url=url)) as reader, MDK(Config(server_url=url)) as writer:
        reader.subscribe(lambda log: texts.append(log.text))
        reader.register("ready", "1.0", "x")
        writer.session().resolve("ready", "1.0")
        session = writer.session()
        for i in range(2000):
            session.info("c", str(i))
        with session.interaction():
            session.resolve("ready", "1.0")
        wait_until(lambda: len(texts) == 2002, "all logs")
        wait_until(lambda: not unacknowledged(writer), "all acknowledged")
    assert texts[:2000] == [str(i) for i in range(2000)]


def test_server_restarts(tmp_path: Path) -> None:
    """Killed and started again: clients come back by themselves with their nodes, and nothing that waited is lost."""
    with server(tmp_path) as first:
        url = first.url
        one, other = MDK(Config(server_url=url)).start(), MDK(Config(server_url=url)).start()
        one.register("svc", "1.0", "http://one")
        assert other.session().resolve("svc", "1.0").address == "http://one"
        first.kill()
    other.session().info("c", "while away")
    assert other.session().resolve("svc", "1.0").address == "http://one"
    with server(tmp_path, "--port", str(first.port)):
        wait_until(lambda: not unacknowledged(other), "the log arrives")
        with MDK(Config(server_url=url)) as third:
            assert third.session().resolve("svc", "1.0").address == "http://one"
        one.stop()
        other.stop()


def test_stop_is_quick(server_process: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a server there, a goodbye with something to say ends when it is said, not when its time is over."""
    for module, name in ((base_client, "STOP_WITHIN_S"), (client, "STOP_WITHIN_S"), (uplink, "ACKS_WITHIN_S")):
        monkeypatch.setattr(module, name, 3600.0)
    url = server_process.url
    mdk = MDK(Config(server_url=url)).start()
    mdk.register("svc", "1.0", "http://me")
    mdk.session().resolve("svc", "1.0")
    mdk.session().info("c", "the last")
    mdk.stop()
    assert not unacknowledged(mdk)
