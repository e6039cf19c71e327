"""How every MDK begins, connects, reconnects and ends, with threads and on the caller's loop: one suite for both."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextvars import Context

import pytest

from conformance.clients import WITHIN_S, AioClient, Make, greeted, until
from mdk_runtime.config import Config, read_config
from mdk_runtime.errors import Stopped
from service.scripted_server import ScriptedServer, scripted_server

pytestmark = pytest.mark.asyncio


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
    await until(lambda: not server.connections[0].is_open, "the first to be closed")
    assert server.connections[0].close_code == 1000
    assert {message["sequence"] for message in server.heard("log")} == {0, 1}
    await client.stop()


async def test_a_goodbye_while_others_log_on(
    server: ScriptedServer, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop that ends everything without a stop() ends, however fast another thread logs at that moment."""
    client = AioClient.make(config)
    await client.start()
    await greeted(server)
    session, uplink = client.mdk.session(), client.mdk._uplink
    assert uplink is not None
    move = uplink.outgoing.move
    in_turn = most_in_turn = 0

    def moving() -> None:
        nonlocal in_turn, most_in_turn
        if not in_turn:
            asyncio.get_running_loop().call_soon(next_turn)
        in_turn += 1
        most_in_turn = max(in_turn, most_in_turn)
        move()
        if in_turn < 1000:
            Context().run(session.error, "c", "another thread has come between")

    def next_turn() -> None:
        nonlocal in_turn
        in_turn = 0

    monkeypatch.setattr(uplink.outgoing, "move", moving)
    session.error("c", "the first")
    assert client.mdk._ended is not None
    client.mdk._ended.cancel()
    await asyncio.wait([client.mdk._ended])
    assert most_in_turn < 100
    assert server.heard("log")


async def test_stop_with_the_server_away(
    server: ScriptedServer,
    config: Config,
    make: Make,
    caplog: pytest.LogCaptureFixture,
    stop_within: Callable[[float], None],
) -> None:
    """stop() ends all the same and says how much was lost; with nothing to say it does not wait until its time is over."""
    stop_within(2.0)
    server.stop()
    client = make(config)
    await client.start()
    client.mdk.session().info("c", "lost")
    await client.stop()
    lost = "stopped with 1 messages that the server has not acknowledged"
    await until(lambda: lost in caplog.messages, "what was lost to be said")
    stop_within(3600.0)
    other = make(config)
    await other.start()
    await other.stop()


async def test_stop_wakes_whoever_waits(server: ScriptedServer, config: Config, make: Make) -> None:
    """stop() ends every resolve, future, call and watch that waits, and says so; what comes after it does not wait."""
    async with make(config) as client:
        session = client.mdk.session()
        future = client.resolve_async(session, "svc")
        waits = [asyncio.create_task(one) for one in (client.wait_for(session, "svc"), client.wait_to_call("svc"))]
        watching = asyncio.create_task(client.all_changes(client.watch("svc")))
        await until(lambda: len(client.mdk.core.table._waiters.get("svc", ())) == 3, "all three to wait")
    await asyncio.wait([*waits, watching], timeout=WITHIN_S)
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
