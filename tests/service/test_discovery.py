"""Discovery at its edges, with real processes: restarts, workers that share an address, links that go silent, slow readers."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed

from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.watch import ADDED, REMOVED
from mdkspec_runtime.links.driver import HANGUP_WITHIN_S
from service.programs import WITHIN_S, running, wait_until
from service.servers import RawClient, ServerProcess, active, server, stored_logs
from service.silent_proxy import silent_proxy

PYTHONPATH = os.pathsep.join(["runtime", "generated"])

APPLICATION = """
import mdk
m = mdk.start()
m.register("svc", "1.0", "http://web")
def app(environ, start_response):
    start_response("200 OK", [])
    return [b""]
"""


def ours(url: str, node_id: str = "watcher") -> RawClient:
    """A raw client that follows the table."""
    client = RawClient(url)
    client.send({"type": "open", "nodeId": node_id, "properties": {"mdkRevision": 1}})
    assert [client.receive()["type"] for _ in range(2)] == ["open", "extend"]
    client.send({"type": "follow"})
    return client


def told(client: RawClient, kind: str, address: str, within_s: float = WITHIN_S) -> None:
    """Read until an address is told as `active`, `suspect` or `gone`."""
    end = time.monotonic() + within_s
    while True:
        message = client.receive(max(0.01, end - time.monotonic()))
        if message["type"] == "changes" and any(one["address"] == address for one in message[kind]):
            return


def saved(running: ServerProcess) -> list[str]:
    """Addresses in the tenant's file."""
    with suppress(FileNotFoundError, ValueError):
        lines = (running.tenant_folder() / "nodes.jsonl").read_text().splitlines()
        return [json.loads(line)["address"] for line in lines]
    return []


def test_a_server_that_was_killed_serves_what_it_knew_at_once(tmp_path: Path) -> None:
    """Kill -9, and a new one on the same data: a client that asks is told the nodes before anybody has come back."""
    with server(tmp_path) as first, RawClient(first.url) as client:
        client.open("n1").send(active("n1", "http://a"))
        client.send(active("n2", "http://b"))
        wait_until(lambda: saved(first) == ["http://a", "http://b"], "both are saved")
        first.kill()
        with server(tmp_path) as second, RawClient(second.url) as original:
            original.open("n3")
            assert [original.receive()["node"]["address"] for _ in range(2)] == ["http://a", "http://b"]
            with ours(second.url) as watcher:
                assert watcher.receive()["type"] == "tablebegin"
                assert [node["address"] for node in watcher.receive()["active"]] == ["http://a", "http://b"]
                assert watcher.receive()["complete"] is False


def test_a_rolling_upgrade_takes_no_live_node_out(tmp_path: Path) -> None:
    """Stopped, and a new one started on the same data and port, under load: no table loses anything, nor does a log."""
    with server(tmp_path) as first:
        port = first.port
        with MDK(Config(server_url=first.url)) as one, MDK(Config(server_url=first.url)) as other:
            one.register("svc", "1.0", "http://one")
            session = other.session()
            assert session.resolve("svc", "1.0").address == "http://one"
            watch = other.watch("svc")
            seen: list[str] = []
            watching = threading.Thread(target=lambda: seen.extend(change.kind for change in watch))
            watching.start()
            ending = threading.Event()
            failures: list[Exception] = []
            emitted: list[str] = []

            def load() -> None:
                while not ending.is_set():
                    try:
                        session.resolve("svc", "1.0")
                        emitted.append(str(len(emitted)))
                        one.session().info("load", emitted[-1])
                    except Exception as error:
                        failures.append(error)
                    ending.wait(0.002)

            thread = threading.Thread(target=load)
            thread.start()
            try:
                assert first.terminate() == 0
                wait_until(lambda: not other.connected and not one.connected, "both are cut")
                with server(tmp_path, "--port", str(port)) as second:
                    wait_until(lambda: other.connected and one.connected, "both are back")
                    time.sleep(2.5)  # Longer than the grace.
                    assert [node.address for node in other.nodes("svc")] == ["http://one"]
                    ending.set()
                    thread.join()
                    assert seen[:1] == [ADDED]
                    assert REMOVED not in seen
                    one.stop()
                    assert one.statistics().dropped == 0
                    assert second.terminate() == 0
                    stored = stored_logs(second.tenant_folder())
                    assert [log.text for log in stored if log.category == "load"] == emitted
            finally:
                ending.set()
                watch.close()
                thread.join()
                watching.join()
            assert failures == []


def children(pid: int) -> list[int]:
    """Of a process."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_address_of_a_gunicorn_stays_while_one_worker_lives(tmp_path: Path) -> None:
    """Workers are killed one by one: the address is suspect, and goes, with the last."""
    (tmp_path / "web.py").write_text(APPLICATION)
    with server(tmp_path, "--grace", "0.3") as it, ours(it.url) as watcher, RawClient(it.url) as original:
        original.open("o1")
        options = ["--workers", "3", "--bind", "127.0.0.1:0", "--chdir", str(tmp_path), "web:app"]
        environment = {"MDK_SERVER_URL": f"{it.url}", "DATAWIRE_TOKEN": "tok", "PYTHONPATH": PYTHONPATH}
        with running("-W", "ignore", "-m", "gunicorn", *options, **environment) as gunicorn:
            told(watcher, "active", "http://web")
            wait_until(lambda: len(set(saved_senders(it))) == 3, "three workers have registered")
            master = gunicorn.process.pid
            workers = children(master)
            gunicorn.process.send_signal(signal.SIGSTOP)  # So that it starts no other.
            try:
                for worker in workers[:2]:
                    os.kill(worker, signal.SIGKILL)
                    time.sleep(0.6)  # Twice the grace.
                assert not any_told(watcher, ("suspect", "gone"))
                os.kill(workers[2], signal.SIGKILL)
                told(watcher, "suspect", "http://web")
                told(watcher, "gone", "http://web")
            finally:
                gunicorn.process.kill()
        kinds = [original.receive()["type"]]
        while kinds[-1] != "expire":
            kinds.append(original.receive()["type"])
        assert kinds[0] == "active"
        assert read_now(original) == []


def saved_senders(running: ServerProcess) -> list[str]:
    """Senders in the tenant's file."""
    with suppress(FileNotFoundError, ValueError):
        return [json.loads(line)["id"] for line in (running.tenant_folder() / "nodes.jsonl").read_text().splitlines()]
    return []


def read_now(client: RawClient) -> list[dict[str, Any]]:
    """What has come so far."""
    messages: list[dict[str, Any]] = []
    with suppress(TimeoutError):
        while True:
            messages.append(client.receive(0.2))
    return messages


def any_told(client: RawClient, kinds: tuple[str, ...]) -> bool:
    """Whether anything of the kinds has come so far."""
    return any(message.get(kind) for message in read_now(client) for kind in kinds)


def test_a_link_that_goes_silent_is_found_by_the_server(tmp_path: Path) -> None:
    """The client is there no more, and no packet says so: within two pings its node is suspect, and goes after the grace."""
    with (
        server(tmp_path, "--ping", "1", "--grace", "0.3") as it,
        ours(it.url) as watcher,
        silent_proxy(it.url) as (proxy, url),
        MDK(Config(server_url=url, token="tok", ping_s=600.0)) as mdk,
    ):
        mdk.register("svc", "1.0", "http://it")
        told(watcher, "active", "http://it")
        time.sleep(2.5)
        assert not any_told(watcher, ("suspect", "gone")), "while it speaks, pings are answered"
        proxy.speaks.clear()
        told(watcher, "suspect", "http://it")
        told(watcher, "gone", "http://it")
        proxy.speaks.set()


def test_a_link_that_goes_silent_is_found_by_the_client(tmp_path: Path) -> None:
    """The server does not answer: within two pings the client connects anew."""
    with (
        server(tmp_path, "--ping", "600") as it,
        silent_proxy(it.url) as (proxy, url),
        MDK(Config(server_url=url, ping_s=1.0)) as mdk,
    ):
        wait_until(lambda: mdk.connected, "connected")
        time.sleep(2.5)
        assert proxy.accepted == 1, "while it speaks, pings are answered"
        proxy.speaks.clear()
        wait_until(lambda: not mdk.connected, "the loss is noticed")
        proxy.speaks.set()
        wait_until(lambda: mdk.connected and proxy.accepted == 2, "connected anew")


def test_a_client_that_does_not_read_is_cut_and_reads_the_table_again(tmp_path: Path) -> None:
    """Past the bound it is told `slow_consumer` and hung up on; nobody else waits for it."""
    with (
        server(tmp_path) as it,
        ours(it.url, "slow") as slow,
        RawClient(it.url, max_queue=None, max_size=None) as writer,
    ):
        writer.open("n1")
        assert [slow.receive()["type"] for _ in range(2)] == ["tablebegin", "tableend"]
        count = 50
        begun = time.monotonic()
        for turn in range(10):
            for number in range(count):
                writer.send(active(f"s{number}", f"http://{number}", properties={"x": f"{turn}" * 100_000}))
            for number in range(count):
                assert writer.receive()["node"]["address"] == f"http://{number}"
        messages: list[dict[str, Any]] = []
        with suppress(ConnectionClosed):
            while True:
                messages.append(slow.receive())
        if (
            messages[-1]["type"] != "close"
        ):  # It read too late for the last word, as the server waits no longer than this.
            assert time.monotonic() - begun > HANGUP_WITHIN_S
        else:
            assert messages[-1]["error"]["code"] == "slow_consumer"
        with ours(it.url, "slow") as again:
            nodes: list[str] = []
            while (message := again.receive())["type"] != "tableend":
                nodes += [node["address"] for node in message.get("active", [])]
            assert len(nodes) == count


def test_a_client_follows_what_it_uses(tmp_path: Path) -> None:
    """MDK_FOLLOW=used: resolve, watch and nodes add a service, services() all; also after a reconnect."""
    with server(tmp_path) as it, MDK(Config(server_url=it.url)) as one:
        for service in ("a", "b", "c"):
            one.register(service, "1.0", f"http://{service}")
        with MDK(Config(server_url=it.url, follows_all=False)) as other:
            wait_until(lambda: other.connected, "connected")
            assert other.session().resolve("a", "1.0").address == "http://a"
            wait_until(lambda: other.nodes("b"), "b is known")
            assert list(other.statistics().nodes) == ["a", "b"]
            wait_until(lambda: other.services() == ["a", "b", "c"], "all are known")
        with MDK(Config(server_url=it.url, follows_all=False)) as third:
            watch = third.watch("c")
            change = watch.next(10)
            assert change is not None
            assert change.node.address == "http://c"
            assert list(third.statistics().nodes) == ["c"]


def test_a_server_that_was_suspended_expires_nobody(tmp_path: Path) -> None:
    """What was due while it stood still is kept for one ttl, and the log says so."""
    with server(tmp_path) as it, RawClient(it.url) as other, RawClient(it.url) as client:
        other.open("n2")
        client.open("n1").send(active("n1", ttl=3.0))
        assert other.receive()["type"] == "active"
        it.process.send_signal(signal.SIGSTOP)
        time.sleep(4.0)
        it.process.send_signal(signal.SIGCONT)
        assert other.is_silent(1.0)
        assert "no node is expired for 30 s: the server stood still for" in it.log.read_text()
