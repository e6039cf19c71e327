"""How every MDK resolves, watches and calls, with threads and on the caller's loop: one suite for both."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from conformance.clients import Make, greeted, until
from loop_clock import LoopClock
from mdk_runtime.config import Config, read_config
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.errors import NoNodeAvailable, NotStarted, ResolveTimeout
from service.scripted_server import ScriptedServer, a_node

pytestmark = pytest.mark.asyncio


async def test_resolves(server: ScriptedServer, config: Config, make: Make) -> None:
    """A waiting resolve is answered by the node that comes; then round robin; then what is left after an expire."""
    async with make(config) as client:
        await greeted(server)
        future = client.resolve_async(client.mdk.session(), "late")
        assert not future.done()
        server.active("late", "http://late")
        assert (await client.result(future)).address == "http://late"
        for address in ("a", "b"):
            server.active("svc", address)
        session = client.mdk.session()
        await until(lambda: len(client.mdk.nodes("svc")) == 2, "both nodes")
        assert [await client.resolve(session, "svc") for _ in range(4)] == ["a", "b", "a", "b"]
        server.expire("svc", "a")
        await until(lambda: len(client.mdk.nodes("svc")) == 1, "one node")
        assert [await client.resolve(session, "svc") for _ in range(2)] == ["b", "b"]


async def test_a_waiting_resolve_is_woken_at_once(
    server: ScriptedServer, config: Config, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was waited for is there when it comes, not at some next look: no timer of the client can run out meanwhile."""
    clock = LoopClock(monkeypatch)
    async with make(config) as client:
        await greeted(server)
        timer = threading.Timer(0.2, server.active, ("svc", "a"))
        with clock.held():
            timer.start()
            assert await client.resolve(client.mdk.session(), "svc") == "a"
        timer.join()


async def test_timeouts_name_things(server: ScriptedServer, config: Config, make: Make) -> None:
    """A resolve that finds nothing waits as long as asked, or to the deadline, then says what it knows."""
    async with make(config) as client:
        await greeted(server)
        server.active("svc", "a", version="2.0")
        await until(lambda: client.mdk.nodes("svc"), "the node")
        start = time.monotonic()
        with pytest.raises(ResolveTimeout) as caught:
            await client.resolve(client.mdk.session(), "svc", "1.0", 0.3)
        assert time.monotonic() - start >= 0.29
        assert re.sub(r"after [\d.]+ s", "after 0.3 s", str(caught.value)) == (
            "no node of svc 1.0 in environment sandbox after 0.3 s; nodes of svc: 1 of version 2.0 in sandbox; "
            f"connected to {server.url}"
        )
        session = client.mdk.session()
        start = time.monotonic()
        session.set_deadline(0.2)
        with pytest.raises(ResolveTimeout, match=r"after [\d.]+ s"):
            await client.result(client.resolve_async(session, "svc"))
        assert time.monotonic() - start >= 0.19
        with pytest.raises(ResolveTimeout, match=r"after 0\.0 s"):
            await client.resolve(session, "svc")


async def test_a_cancelled_resolve(server: ScriptedServer, config: Config, make: Make) -> None:
    """A future that was cancelled takes no node and does no harm."""
    async with make(config) as client:
        await greeted(server)
        future = client.resolve_async(client.mdk.session(), "svc")
        await asyncio.sleep(0)
        assert future.cancel()
        await until(future.done)
        server.active("svc", "a")
        assert await client.resolve(client.mdk.session(), "svc") == "a"
        assert client.mdk.core.table._waiters == {}


async def test_environment_and_fallback(server: ScriptedServer, config: Config, make: Make) -> None:
    """`open` and nodes carry it; the parent's nodes serve until the child was seen, and never again."""
    async with make(replace(config, environment=Environment("child", "parent"))) as client:
        client.mdk.register("mine", "1.0", "me")
        await until(lambda: server.heard("active"))
        server.active("svc", "p", environment="parent")
        session = client.mdk.session()
        assert await client.resolve(session, "svc") == "p"
        server.active("svc", "c", environment="child")
        await until(lambda: len(client.mdk.nodes("svc")) == 2)
        assert [await client.resolve(session, "svc") for _ in range(3)] == ["c"] * 3
        server.expire("svc", "c")
        await until(lambda: len(client.mdk.nodes("svc")) == 1)
        with pytest.raises(ResolveTimeout):
            await client.resolve(session, "svc", "1.0", 0.05)
    expected = {"name": "child", "fallbackName": "parent"}
    assert server.heard("open")[0]["environment"] == server.heard("active")[0]["node"]["environment"] == expected


@pytest.mark.parametrize("policy", ["round_robin", "least_pending", "p2c_ewma", "consistent_hash"])
async def test_policies(server: ScriptedServer, config: Config, make: Make, policy: str) -> None:
    """Each spreads many sessions over all nodes; with consistent_hash a session stays where it is, and so does a key."""
    for i in range(4):
        server.nodes["svc", f"a{i}"] = a_node("svc", f"a{i}")
    async with make(config) as client:
        client.mdk.configure("svc", policy=policy)
        await until(lambda: len(client.mdk.nodes("svc")) == 4)
        counts: Counter[str] = Counter()
        for _ in range(80):
            session = client.mdk.session()
            counts[await client.resolve(session, "svc")] += 1
            if policy == "consistent_hash":
                assert len({await client.resolve(session, "svc") for _ in range(3)}) == 1
        assert len(counts) == 4
        if policy in ("round_robin", "least_pending"):
            assert set(counts.values()) == {20}
        session = client.mdk.session()
        assert len({await client.resolve_for(session, "key", "svc") for _ in range(5)}) == 1


async def test_static_nodes_need_no_server(server: ScriptedServer, make: Make) -> None:
    """Static nodes are there at start, nothing connects, and a breaker's retry comes by itself."""
    source = 'static:nodes=[{"service": "svc", "version": "1.0", "address": "a"}]'
    config = read_config({"MDK_DISCOVERY_SOURCE": source, "MDK_SERVER_URL": server.url})
    async with make(config) as client:
        client.mdk.configure("svc", failures=1, retry_after_s=0.2)
        session = client.mdk.session()
        assert await client.resolve(session, "svc") == "a"
        assert session.info("c", "t").causal_level == [1]
        with pytest.raises(ResolveTimeout, match="no server is configured"):
            await client.resolve(session, "nobody", "1.0", 0.05)
        client.mdk.nodes("svc")[0].failure()
        assert await client.resolve(session, "svc") == "a"
    assert server.connections == []


async def test_synapse_folder(tmp_path: Path, make: Make) -> None:
    """A file that appears answers a waiting resolve."""
    async with make(read_config({"MDK_DISCOVERY_SOURCE": f"synapse:path={tmp_path}"})) as client:
        future = client.resolve_async(client.mdk.session(), "svc")
        (tmp_path / "svc.json").write_text('[{"host": "h", "port": 1}]')
        assert (await client.result(future)).address == "h:1"


async def test_resolving_without_start(make: Make) -> None:
    """It waits, and says why nothing came."""
    client = make(Config())
    with pytest.raises(ResolveTimeout, match="the MDK is not started"):
        await client.resolve(client.mdk.session(), "svc", "1.0", 0.05)
    if client.kind == "threads":  # Nobody would look at the clock.
        with pytest.raises(NotStarted):
            client.resolve_async(client.mdk.session(), "svc")


async def test_a_table_of_many_nodes(server: ScriptedServer, config: Config, make: Make) -> None:
    """A table of some thousand nodes is read in no time to speak of."""
    for i in range(3000):
        node: dict[str, Any] = a_node(f"svc{i % 30}", f"http://{i}")
        server.nodes[node["service"], node["address"]] = node
    async with make(config) as client:
        await until(lambda: sum(len(client.mdk.nodes(one)) for one in client.mdk.services()) == 3000, "all nodes")
        assert await client.resolve(client.mdk.session(), "svc29") == "http://29"


async def test_all_out_then_a_probe(server: ScriptedServer, config: Config, make: Make) -> None:
    """When all nodes are out a resolve waits for the next probe; past its time it names each node."""
    async with make(config) as client:
        session = client.mdk.session()
        for service, address, retry_after_s in (("late", "a", 60.0), ("soon", "b", 0.5)):
            client.mdk.configure(service, failures=2, retry_after_s=retry_after_s)
            server.active(service, address)
            assert await client.resolve(session, service) == address
            (node,) = client.mdk.nodes(service)
            for _ in range(2):
                node.failure()
        with pytest.raises(NoNodeAvailable, match=r"a \(tried again in \d\d\.\d s\)"):
            await client.resolve(session, "late", "1.0", 0.1)
        assert await client.resolve(session, "soon") == "b"
        with pytest.raises(NoNodeAvailable, match=r"b \(being tried\)"):
            await client.resolve(client.mdk.session(), "soon", "1.0", 0.05)
        node.success()
        assert await client.resolve(session, "soon") == "b"


async def test_one_probe_at_a_time(server: ScriptedServer, config: Config, make: Make) -> None:
    """Of many that wait, one tries; its success answers all others."""
    async with make(config) as client:
        client.mdk.configure("svc", failures=1, retry_after_s=0.3)
        server.active("svc", "a")
        await client.resolve(client.mdk.session(), "svc")
        (node,) = client.mdk.nodes("svc")
        node.failure()
        futures = [client.resolve_async(client.mdk.session(), "svc") for _ in range(10)]
        await until(lambda: any(future.done() for future in futures))
        assert sum(future.done() for future in futures) == 1
        node.success()
        assert [(await client.result(future)).address for future in futures] == ["a"] * 10


async def test_watch(server: ScriptedServer, config: Config, make: Make) -> None:
    """What is there comes first, then each change; closing ends whoever iterates."""
    async with make(config) as client:
        await greeted(server)
        client.mdk.configure("svc", failures=1, retry_after_s=30)
        server.active("svc", "a")
        watch = client.watch("svc")
        assert await client.changes(watch, 1) == [("added", "a")]
        server.active("other", "x")
        server.active("svc", "b")
        assert await client.changes(watch, 1) == [("added", "b")]
        node = next(one for one in client.mdk.nodes("svc") if one.address == "a")
        node.failure()
        assert await client.changes(watch, 1) == [("out", "a")]
        node.success()
        assert await client.changes(watch, 1) == [("back", "a")]
        server.expire("svc", "b")
        assert await client.changes(watch, 1) == [("removed", "b")]
        assert await client.next_change(watch, 0.05) is None
        all_changes = asyncio.create_task(client.all_changes(watch))
        server.active("svc", "c")
        await until(lambda: len(client.mdk.nodes("svc")) == 2)
        await asyncio.sleep(0.1)
        watch.close()
        assert [(one.kind, one.node.address) for one in await all_changes] == [("added", "c")]
        assert client.mdk.core.table._watchers == {}


async def test_call(server: ScriptedServer, config: Config, make: Make) -> None:
    """Resolve, interaction and retries in one: the failed attempt counts against its node, the next takes another."""
    for address in ("bad", "good"):
        server.nodes["svc", address] = a_node("svc", address)
    async with make(config) as client:
        await until(lambda: len(client.mdk.nodes("svc")) == 2)
        session = client.mdk.session()
        tried: list[str] = []

        def work(node: Any) -> str:
            tried.append(node.address)
            if node.address == "bad":
                raise OSError("broken")
            return "done"

        assert await client.call(session, "svc", work, attempts=2, retry_on=OSError) == "done"
        assert tried == ["bad", "good"]
        with pytest.raises(OSError, match="broken"):
            await client.call(session, "svc", work)
        session.set_deadline(0)
        tried.clear()

        def fails(node: Any) -> None:
            tried.append(node.address)
            raise OSError("too late")

        with pytest.raises(OSError, match="too late"):
            await client.call(session, "svc", fails, attempts=100)
        assert len(tried) == 1
        await until(lambda: len(server.heard("interactionevent")) >= 3)
    outcomes = [event["results"] for event in server.heard("interactionevent")]
    assert outcomes[:3] == [{"id of bad": 0}, {"id of good": 1}, {"id of bad": 0}]


async def test_what_a_resolve_woke_may_log(server: ScriptedServer, config: Config, make: Make) -> None:
    """Code that runs because a resolve was answered logs like any other."""
    async with make(config) as client:
        await greeted(server)
        session = client.mdk.session()
        future = client.resolve_async(session, "svc")
        future.add_done_callback(lambda done: session.info("c", done.result().address) and None)
        server.active("svc", "a")
        await until(lambda: [log["text"] for log in server.heard("log")] == ["a"])
