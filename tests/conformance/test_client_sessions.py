"""What every MDK logs and reports, with threads and on the caller's loop: one suite for both."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from conformance.clients import Make, greeted, until
from mdk_protocol import messages
from mdk_runtime.config import Config
from mdk_runtime.errors import NoInteraction
from service.scripted_server import ScriptedServer

pytestmark = pytest.mark.asyncio


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


async def test_drops_are_counted(
    server: ScriptedServer,
    config: Config,
    make: Make,
    caplog: pytest.LogCaptureFixture,
    stop_within: Callable[[float], None],
) -> None:
    """With the server away the newest are kept, and what was dropped is warned about with its count, right to one."""
    stop_within(0.5)
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
