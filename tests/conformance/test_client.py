"""What every MDK does on a connection, with threads and on the caller's loop: one suite for both."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from conformance.clients import KINDS, Client, until
from mdk_protocol import messages
from mdk_runtime.config import Config, read_config
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.errors import NoInteraction, NoNodeAvailable, NotStarted, ResolveTimeout, Stopped
from service.scripted_server import ScriptedServer, a_node, scripted_server

Make = Callable[[Config], Client[Any]]

pytestmark = pytest.mark.asyncio


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def make(request: pytest.FixtureRequest) -> Make:
    """Makes clients of one kind."""
    return request.param.make  # type: ignore[no-any-return]  # of KINDS


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A running scripted server."""
    with scripted_server() as server:
        yield server


@pytest.fixture
def config(server: ScriptedServer) -> Config:
    """Leads to that server."""
    return Config(server_url=server.url, token="tok")


async def greeted(server: ScriptedServer) -> None:
    """Once the client has said who it is, and was answered."""
    await until(lambda: server.heard("open"), "a client")


# --- beginning and end ----------------------------------------------------------------------------


async def test_what_is_registered_before_start(server: ScriptedServer, config: Config, make: Make) -> None:
    """Nothing opens before start; at connect comes `open`, then every node; stop expires each and closes; once."""
    client = make(config)
    client.mdk.register("one", "1.0", "http://one")
    client.mdk.register("two", "2.0", "http://two")
    assert server.connections == []
    await client.start()
    await client.start()
    await until(lambda: len(server.heard("active")) == 2)
    client.mdk.register("three", "3.0", "http://three")
    await until(lambda: len(server.heard("active")) == 3)
    await client.stop()
    await client.stop()
    await until(lambda: not server.connections[0].is_open)
    (connection,) = server.connections
    assert connection.types() == ["open", "active", "active", "active", "expire", "expire", "expire"]
    assert connection.path == "/rtp?token=tok"
    assert connection.close_code == 1000
    opened, node = connection.heard[0], connection.heard[1]["node"]
    node_id = client.mdk.node_id
    assert (opened["version"], opened["nodeId"], opened["environment"]) == ("2.0.0", node_id, {"name": "sandbox"})
    assert node == {
        "id": node_id,
        "service": "one",
        "version": "1.0",
        "address": "http://one",
        "properties": {"datawire_nodeId": node_id},
        "environment": {"name": "sandbox"},
    }
    assert [message["node"]["service"] for message in connection.of("expire")] == ["one", "two", "three"]


async def test_start_again_after_stop(server: ScriptedServer, config: Config, make: Make) -> None:
    """A stopped MDK can be started again: same node, sequences that go on."""
    client = make(config)
    for _ in range(2):
        async with client:
            client.mdk.session().info("c", "t")
    assert [message["nodeId"] for message in server.heard("open")] == [client.mdk.node_id] * 2
    assert [message["sequence"] for message in server.heard("log")] == [0, 1]


async def test_start_while_stop_says_goodbye(server: ScriptedServer, config: Config, make: Make) -> None:
    """A start() that comes while another thread or task is in stop() connects when the goodbye is said, and keeps all."""
    server.acknowledges = False  # So that stop() takes a while.
    client = make(config)
    await client.start()
    await greeted(server)
    client.mdk.session().info("c", "before")
    stopping = asyncio.create_task(asyncio.to_thread(client.mdk.stop) if client.kind == "threads" else client.stop())
    await until(lambda: not client.mdk.connected, "stop() to begin")
    await client.start()
    client.mdk.session().info("c", "after")
    server.acknowledges = True
    await stopping
    await until(lambda: client.mdk.connected and client.mdk.statistics().queued == 0, "the second connection")
    assert server.connections[0].close_code == 1000
    assert {message["sequence"] for message in server.heard("log")} == {0, 1}
    await client.stop()


async def test_stop_with_the_server_away(
    server: ScriptedServer, config: Config, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """stop() ends within 2 s and says how much was lost; with nothing to say it ends at once."""
    server.stop()
    client = make(config)
    await client.start()
    client.mdk.session().info("c", "lost")
    start = time.monotonic()
    await client.stop()
    assert time.monotonic() - start < 3.0
    assert "stopped with 1 messages that the server has not acknowledged" in caplog.messages
    other = make(config)
    await other.start()
    start = time.monotonic()
    await other.stop()
    assert time.monotonic() - start < 1.5


async def test_stop_wakes_whoever_waits(server: ScriptedServer, config: Config, make: Make) -> None:
    """stop() ends every resolve, future, call and watch that waits, and says so; what comes after it does not wait."""
    async with make(config) as client:
        session = client.mdk.session()
        future = client.resolve_async(session, "svc")
        waits = [asyncio.create_task(one) for one in (client.wait_for(session, "svc"), client.wait_to_call("svc"))]
        watching = asyncio.create_task(client.all_changes(client.watch("svc")))
        await until(lambda: len(client.mdk.core.table._waiters.get("svc", ())) == 3, "all three to wait")
        start = time.monotonic()
    await asyncio.wait([*waits, watching], timeout=5.0)
    assert time.monotonic() - start < 5.0
    with pytest.raises(Stopped):
        await client.result(future)
    for one in waits:
        with pytest.raises(Stopped, match=r"^stop\(\) was called .* a node of svc 1.0 in environment sandbox .*"):
            await one
    assert await watching == []
    with pytest.raises(Stopped):
        await client.resolve(session, "svc")
    assert client.mdk.core.table._waiters == {}


async def test_what_was_stopped_waits_again_when_it_is_started(
    server: ScriptedServer, config: Config, make: Make
) -> None:
    """A second start is as good as the first, for resolves and for watches."""
    client = make(config)
    async with client:
        await greeted(server)
        watch = client.watch("svc")
    assert await client.next_change(watch, 5.0) is None
    async with client:
        future = client.resolve_async(client.mdk.session(), "svc")
        await until(lambda: len(server.heard("open")) == 2, "the second connection")
        server.active("svc", "a")
        assert (await client.result(future)).address == "a"
        assert await client.changes(watch, 1) == [("added", "a")]


async def test_nothing_is_left_behind(server: ScriptedServer, config: Config, make: Make) -> None:
    """After stop() there is no thread and no task that was not there before."""
    threads, tasks = set(threading.enumerate()), asyncio.all_tasks()
    async with make(config) as client:
        client.mdk.register("svc", "1.0", "me")
        assert await client.resolve(client.mdk.session(), "svc") == "me"
        if client.kind == "asyncio":
            assert not {one for one in set(threading.enumerate()) - threads if one.name.startswith("mdk")}
    assert not {one for one in set(threading.enumerate()) - threads if one.name.startswith("mdk")}
    assert asyncio.all_tasks() == tasks


# --- resolving ------------------------------------------------------------------------------------


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


async def test_a_waiting_resolve_is_woken_at_once(server: ScriptedServer, config: Config, make: Make) -> None:
    """What was waited for is there when it comes, not at some next look."""
    async with make(config) as client:
        await greeted(server)
        said_at: list[float] = []

        def say() -> None:
            said_at.append(time.monotonic())
            server.active("svc", "a")

        timer = threading.Timer(0.2, say)
        timer.start()
        assert await client.resolve(client.mdk.session(), "svc") == "a"
        assert time.monotonic() - said_at[0] < 1.0
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
        assert 0.29 <= time.monotonic() - start < 5.0
        assert str(caught.value) == (
            "no node of svc 1.0 in environment sandbox after 0.3 s; nodes of svc: 1 of version 2.0 in sandbox; "
            f"connected to {server.url}"
        )
        session = client.mdk.session()
        session.set_deadline(0.2)
        with pytest.raises(ResolveTimeout, match=r"after 0\.[2-9] s"):
            await client.result(client.resolve_async(session, "svc"))
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


# --- breakers, watching, calls --------------------------------------------------------------------


async def test_all_out_then_a_probe(server: ScriptedServer, config: Config, make: Make) -> None:
    """When all nodes are out a resolve waits for the next probe; past its time it names each node."""
    async with make(config) as client:
        client.mdk.configure("svc", failures=2, retry_after_s=1.0)
        server.active("svc", "a")
        session = client.mdk.session()
        assert await client.resolve(session, "svc") == "a"
        (node,) = client.mdk.nodes("svc")
        for _ in range(2):
            node.failure()
        with pytest.raises(NoNodeAvailable, match=r"a \(tried again in 0\.\d s\)"):
            await client.resolve(session, "svc", "1.0", 0.1)
        assert await client.resolve(session, "svc") == "a"
        with pytest.raises(NoNodeAvailable, match=r"a \(being tried\)"):
            await client.resolve(client.mdk.session(), "svc", "1.0", 0.05)
        node.success()
        assert await client.resolve(session, "svc") == "a"


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


# --- sessions, logs, interactions -----------------------------------------------------------------


async def test_logs_and_interactions(server: ScriptedServer, config: Config, make: Make) -> None:
    """They arrive at once, numbered from 0 each, with their session as it was."""
    async with make(config) as client:
        await greeted(server)
        server.active("svc", "a")
        session = client.mdk.session()
        session.set_property("k", "v\u2603")
        async with client.interaction(session):
            await client.resolve(session, "svc")
            session.info("cat", "text \U0001f600 \ud800")
        await until(lambda: server.heard("interactionevent"))
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
        about = (logs[1]["node"], logs[1]["level"], logs[1]["contentType"], logs[1]["sync"])
        assert about == (client.mdk.node_id, "INFO", "text/plain", 1)
        assert abs(logs[1]["timestamp"] / 1000 - time.time()) < 30.0
        (event,) = server.heard("interactionevent")
        assert (event["sequence"], event["results"]) == (0, {"id of a": 1})
        assert (event["startClock"], event["endClock"]) == ([1], [3])


async def test_interactions_fail_finish_and_nest(server: ScriptedServer, config: Config, make: Make) -> None:
    """An exception fails what was used in its own interaction only; cancelling blames nobody."""
    server.active("svc", "a")
    async with make(config) as client:
        session = client.mdk.session()
        with pytest.raises(NoInteraction):
            session.finish_interaction()

        async def broken(error: BaseException) -> None:
            async with client.interaction(session):
                assert session.interaction_depth == depth
                await client.resolve(session, "svc")
                raise error

        async with client.interaction(session):
            await client.resolve(session, "svc")
            depth = 2
            with pytest.raises(ValueError, match="oh"):
                await broken(ValueError("oh"))
        depth = 1
        with pytest.raises(asyncio.CancelledError):
            await broken(asyncio.CancelledError())
        assert session.interaction_depth == 0
        await until(lambda: len(server.heard("interactionevent")) == 3)
        (node,) = client.mdk.nodes("svc")
        assert (node.breaker.successes, node.breaker.failures) == (1, 1)
    events = [event["results"] for event in server.heard("interactionevent")]
    assert events == [{"id of a": 0}, {"id of a": 1}, {}]


async def test_the_current_session(make: Make) -> None:
    """It is that of the innermost block, in tasks that were started inside it too, and in no other."""
    client = make(Config(server_url=None))
    outer, inner = client.mdk.session(), client.mdk.session()

    async def seen() -> object:
        return client.current_session()

    with outer:
        task = asyncio.create_task(seen())
        with inner:
            assert client.current_session() is inner
            assert await asyncio.to_thread(client.current_session) is inner
        assert client.current_session() is outer
    assert client.current_session() is None
    assert await task is outer


# --- the connection -------------------------------------------------------------------------------


async def test_a_reconnect_sends_what_was_not_acknowledged(server: ScriptedServer, config: Config, make: Make) -> None:
    """After a lost connection: open, every node, every log that was not acknowledged, in order, and nothing else."""
    async with make(config) as client:
        await greeted(server)
        client.mdk.register("svc", "1.0", "me")
        client.mdk.session().info("c", "acknowledged")
        await until(lambda: server.heard("log") and client.mdk.statistics().queued == 0)
        server.acknowledges = False
        for i in range(3):
            client.mdk.session().info("c", str(i))
        await until(lambda: len(server.heard("log")) == 4)
        server.acknowledges = True
        server.connections[0].cut()
        await until(lambda: len(server.connections) == 2 and len(server.connections[1].of("log")) == 3)
        second = server.connections[1]
        assert second.types() == ["open", "active", "log", "log", "log"]
        assert [(log["sequence"], log["text"]) for log in second.of("log")] == [(1, "0"), (2, "1"), (3, "2")]
        assert second.heard[0]["nodeId"] == server.connections[0].heard[0]["nodeId"]


async def test_the_table_serves_while_the_server_is_away(server: ScriptedServer, config: Config, make: Make) -> None:
    """What was known is still resolved, and logs wait; the server's return brings all together again."""
    async with make(config) as client:
        await greeted(server)
        server.active("svc", "a")
        session = client.mdk.session()
        assert await client.resolve(session, "svc") == "a"
        await asyncio.to_thread(server.stop)
        await until(lambda: not client.mdk.connected)
        assert await client.resolve(session, "svc") == "a"
        session.info("c", "while away")
        server.start()
        await until(lambda: [log["text"] for log in server.heard("log")] == ["while away"])


async def test_two_clients_meet(server: ScriptedServer, config: Config, make: Make) -> None:
    """What one registers the other resolves; when it stops it is gone."""
    async with make(config) as one, make(config) as other:
        one.mdk.register("svc", "1.0", "http://one")
        assert await other.resolve(other.mdk.session(), "svc") == "http://one"
        await one.stop()
        await until(lambda: not other.mdk.nodes("svc"), "gone")
    assert len({message["nodeId"] for message in server.heard("open")}) == 2


async def test_another_server_is_tried(server: ScriptedServer, make: Make) -> None:
    """One of several is enough; when it goes, the next takes over, with everything that was registered."""
    with scripted_server() as second:
        servers = [server, second]
        urls = ", ".join(["ws://127.0.0.1:1/rtp", *(one.url for one in servers)])
        async with make(read_config({"MDK_SERVER_URL": urls})) as client:
            client.mdk.register("svc", "1.0", "http://me")
            await until(lambda: any(one.heard("active") for one in servers), "a registration")
            first = next(one for one in servers if one.heard("active"))
            other = next(one for one in servers if one is not first)
            assert client.mdk.server_url == first.url
            await asyncio.to_thread(first.stop)
            await until(lambda: other.heard("active"), "the other server")
            await until(lambda: client.mdk.server_url == other.url)
            first.start()


async def test_close_and_oddities(
    server: ScriptedServer, config: Config, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """What nobody knows or can read is dropped; a `close` with an error is logged in full, and tried again."""
    async with make(config) as client:
        await greeted(server)
        for oddity in ({"type": "unknown"}, {"type": "active", "node": 5}, {"type": "expire"}, {"x": 1}):
            server.tell_all(oddity)
        server.active("svc", "a")
        assert await client.resolve(client.mdk.session(), "svc") == "a"
        assert len(server.connections) == 1
        error = {"code": "bad", "title": "Bad", "detail": "very", "id": "x17", "$class": "mdk_protocol.ProtocolError"}
        server.tell_all({"type": "mdk.protocol.Close", "error": error})
        await until(lambda: len(server.connections) == 2)
        assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
            "the server closes the connection: code=bad title=Bad detail=very id=x17"
        ]


async def test_subscribe(server: ScriptedServer, config: Config, make: Make) -> None:
    """A subscriber is served also when it subscribes while connected; what it logs itself is dropped."""
    async with make(config) as client:
        await greeted(server)
        texts: list[str] = []
        session = client.mdk.session()

        def handler(message: messages.Log) -> None:
            session.info("c", "about a log")
            texts.append(message.text)

        client.mdk.subscribe(handler)
        await until(lambda: server.heard("subscribe"))
        server.tell_all({"type": "log", "text": "only a text"})
        await until(lambda: texts, "the log")
        session.info("c", "the last")
        await until(lambda: len(texts) == 2, "our own log, from the server")
        assert texts == ["only a text", "the last"]
        assert [log["text"] for log in server.heard("log")] == ["the last"]


async def test_what_a_resolve_woke_may_log(server: ScriptedServer, config: Config, make: Make) -> None:
    """Code that runs because a resolve was answered logs like any other."""
    async with make(config) as client:
        await greeted(server)
        session = client.mdk.session()
        future = client.resolve_async(session, "svc")
        future.add_done_callback(lambda done: session.info("c", done.result().address) and None)
        server.active("svc", "a")
        await until(lambda: [log["text"] for log in server.heard("log")] == ["a"])


async def test_drops_are_counted(
    server: ScriptedServer, config: Config, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """With the server away the newest are kept, and what was dropped is warned about with its count, right to one."""
    server.stop()
    client = make(config)
    await client.start()
    session = client.mdk.session()
    for i in range(25_000):
        session.info("c", str(i))
    await until(lambda: client.mdk.statistics().queued + client.mdk.statistics().dropped == 25_000)
    await client.stop()
    await until(lambda: any("not acknowledged" in record.msg for record in caplog.records), "the last word")
    totals = [record.args for record in caplog.records if "were dropped" in record.msg]
    assert totals
    dropped = totals[-1]
    assert isinstance(dropped, tuple)
    unacknowledged = next(record.args for record in caplog.records if "not acknowledged" in record.msg)
    assert isinstance(unacknowledged, tuple)
    assert dropped[1] + unacknowledged[0] == 25_000  # type: ignore[operator]  # both are ints


async def test_statistics(server: ScriptedServer, config: Config, make: Make) -> None:
    """Connected or not, what waits, what is known and what is out."""
    client = make(config)
    assert client.mdk.statistics().connected is False
    async with client:
        server.active("svc", "a")
        server.active("svc", "b")
        client.mdk.configure("svc", failures=1)
        await until(lambda: len(client.mdk.nodes("svc")) == 2)
        client.mdk.nodes("svc")[0].failure()
        server.acknowledges = False
        client.mdk.session().info("c", "t")
        await until(lambda: server.heard("log"))
        assert client.mdk.statistics() == (True, 1, 0, {"svc": 2}, {"svc": 1})
        server.acknowledges = True
        server.connections[0].cut()
        await until(lambda: client.mdk.statistics().queued == 0)


async def test_messages_are_logged_where_that_is_asked_for(
    server: ScriptedServer, config: Config, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """MDK_LOG_MESSAGES: every frame at INFO in `mdk.messages`, with its direction; without it, none."""
    caplog.set_level(logging.INFO, "mdk.messages")
    for wanted in (False, True):
        caplog.clear()
        async with make(replace(config, log_messages=wanted)) as client:
            client.mdk.register("logged", "1.0", "http://logged")
            await client.resolve(client.mdk.session(), "logged")
        said = [record.message for record in caplog.records if record.name == "mdk.messages"]
        kinds = {message.partition("{")[0].strip() for message in said}
        assert kinds == ({"sent", "received"} if wanted else set())
        assert any('"active"' in message and "http://logged" in message for message in said) == wanted
