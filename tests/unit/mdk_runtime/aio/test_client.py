"""Tests of mdk.aio: what is particular to it. What it shares with mdk is in tests/conformance/test_client.py."""

from __future__ import annotations

import asyncio
import contextvars
from collections import Counter
from typing import Any

import pytest

import mdk
from mdk import aio
from mdk_protocol import messages
from mdk_runtime.config import Config
from mdk_runtime.core.client.nodes import Node
from mdk_runtime.errors import NoInteraction, ResolveTimeout
from unit.mdk_runtime.fakes import node_message

pytestmark = pytest.mark.asyncio


def made(*addresses: str) -> aio.MDK:
    """An MDK that is not started and knows some nodes of `svc`."""
    m = aio.MDK(Config())
    for address in addresses:
        m.core.node_active(node_message("svc", address))
    return m


def outcomes(m: aio.MDK) -> list[dict[str, int]]:
    """What the interactions that have finished came to."""
    return [dict(item.results) for item in m.intake.take(1000) if isinstance(item, messages.InteractionEvent)]


async def test_two_ways_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """`await start()` and `async with start()` both give a started MDK; the second stops it."""
    monkeypatch.setenv("MDK_DISCOVERY_SOURCE", 'static:nodes=[{"service": "svc", "version": "1.0", "address": "a"}]')
    m = await aio.start()
    assert (await m.session().resolve("svc")).address == "a"
    await m.stop()
    async with aio.start("other") as m:
        assert m.core.environment.name == "other"
        assert m._uplink is not None
    assert m._uplink is None
    async with aio.init() as m:
        assert await m.start() is m
    monkeypatch.setenv("MDK_ENVIRONMENT", "e")
    assert aio.init().core.environment.name == "e"


async def test_calls_at_once_in_one_session_keep_their_nodes_apart() -> None:
    """Each of many concurrent calls reports its own node: what one raises is no failure of another's."""
    m = made(*(f"a{i}" for i in range(10)))
    m.configure("svc", failures=100)
    session = m.session()
    failed: Counter[str] = Counter()

    async def work(node: Node) -> str:
        await asyncio.sleep(0)
        if node.address == "a3":
            failed[node.address] += 1
            raise OSError(node.address)
        await asyncio.sleep(0)
        return node.address

    results = await asyncio.gather(*(session.call("svc", "1.0", work) for _ in range(100)), return_exceptions=True)
    assert Counter(map(str, results)) == {f"a{i}": 10 for i in range(10)}
    assert failed == {"a3": 10}
    assert session.interaction_depth == 0
    reported = outcomes(m)
    assert len(reported) == 100
    assert Counter(next(iter(one.items())) for one in reported) == {(f"id-a{i}", int(i != 3)): 10 for i in range(10)}
    assert all(len(one) == 1 for one in reported)


async def test_a_task_that_is_started_inside_belongs_to_the_interaction() -> None:
    """What it resolves counts there; what it starts itself is inside; it cannot end the outer one twice."""
    m = made("a", "b", "c")
    session = m.session()
    async with session.interaction():
        await session.resolve("svc")

        async def inside() -> int:
            await session.resolve("svc")
            async with session.interaction():
                await session.resolve("svc")
                return session.interaction_depth

        assert await asyncio.create_task(inside()) == 2
        assert session.interaction_depth == 1
    assert outcomes(m) == [{"id-c": 1}, {"id-a": 1, "id-b": 1}]
    session.start_interaction()
    copied = contextvars.copy_context()
    session.finish_interaction()
    with pytest.raises(NoInteraction):
        copied.run(session.finish_interaction)
    assert copied.run(lambda: session.interaction_depth) == 0


async def test_an_interaction_that_ends_in_another_context() -> None:
    """It is reported all the same, once, with what it used."""
    m = made("a", "b", "c")
    session = m.session()
    interaction = session.interaction()
    copied = contextvars.copy_context()
    copied.run(interaction.__enter__)
    used = copied.run(session.resolve, "svc")
    task = asyncio.get_running_loop().create_task(used, context=copied)
    await task
    interaction.fail("in this context")
    await session.resolve("svc")
    interaction.__exit__(None, None, None)
    interaction.__exit__(None, None, None)
    assert outcomes(m) == [{"id-a": 0, "id-b": 1}]
    assert (session.interaction_depth, copied.run(lambda: session.interaction_depth)) == (0, 0)


async def test_interactions_of_two_sessions() -> None:
    """Each knows its own, in whatever order they end."""
    m = made("a")
    one, other = m.session(), m.session()
    one.start_interaction()
    other.start_interaction()
    await one.resolve("svc")
    one.finish_interaction()
    assert (one.interaction_depth, other.interaction_depth) == (0, 1)
    other.fail_interaction("nothing was used")
    other.finish_interaction()
    assert outcomes(m) == [{"id-a": 1}, {}]
    assert await one.interact(lambda session: session.resolve("svc")) is m.nodes("svc")[0]


async def test_a_call_ends_by_the_deadline() -> None:
    """Work that would go on is cancelled, its node has failed, and nothing is tried again."""
    m = made("a", "b")
    session = m.session()
    session.set_deadline(0.05)
    tries = 0

    async def work(_: Node) -> None:
        nonlocal tries
        tries += 1
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await session.call("svc", "1.0", work, attempts=5)
    assert tries == 1
    assert outcomes(m) == [{"id-a": 0}]


async def test_a_call_that_is_cancelled_blames_nobody() -> None:
    """A client that hangs up is no failure of the node; a probe that is given up is offered to the next."""
    m = made("a")
    m.configure("svc", failures=1, retry_after_s=0)
    (node,) = m.nodes("svc")
    node.failure()
    m.core.verdicts.tick()
    session = m.session()
    begun = asyncio.Event()

    async def work(_: Node) -> None:
        begun.set()
        await asyncio.Event().wait()

    call = asyncio.create_task(session.call("svc", "1.0", work))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (node.breaker.successes, node.breaker.failures) == (0, 1)
    assert await session.resolve_until("svc", "1.0", 0) is node


async def test_a_resolve_that_is_cancelled_waits_no_more() -> None:
    """Nothing is left in the table, and the node that comes goes to another."""
    m = made()
    first = m.session().resolve_async("svc")
    second = asyncio.create_task(m.session().resolve_for("key", "svc"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    assert [len(waiting) for waiting in m.core.table._waiters.values()] == [1]
    m.core.node_active(node_message("svc", "a"))
    assert (await second).address == "a"
    assert m.core.table._waiters == {}
    with pytest.raises(ResolveTimeout, match="the MDK is not started"):
        await m.session().resolve_until("other", None, 0)


async def test_threads_may_log_report_and_wake() -> None:
    """Code in a thread pool uses the session it finds; a success that it reports wakes who waits on the loop."""
    m = made("a")
    m.configure("svc", failures=1)
    (node,) = m.nodes("svc")
    node.failure()
    waiting = m.session().resolve_async("svc")
    await asyncio.sleep(0)
    async with m.session() as session:
        assert aio.current_session() is session
        assert mdk.current_session() is None

        def in_a_thread() -> Any:
            node.success()
            found = aio.current_session()
            return found and found.info("c", "from a thread")

        assert (await asyncio.to_thread(in_a_thread)).trace_id == session.trace_id
    assert aio.current_session() is None
    assert (await waiting) is node


async def test_a_watch_on_a_loop_that_has_ended() -> None:
    """Changes go on without it."""
    m = made()

    async def begin() -> aio.Watch:
        async with m.watch("svc") as watch:
            m.core.node_active(node_message("svc", "a"))
            assert [change async for change in _first(watch)] == ["added"]
        return m.watch("svc")

    watch = await asyncio.to_thread(asyncio.run, begin())
    m.core.node_active(node_message("svc", "b"))
    watch.close()
    assert m.core.table._watchers == {}


async def _first(watch: aio.Watch) -> Any:
    async for change in watch:
        yield change.kind
        return


async def test_a_start_that_nobody_awaits() -> None:
    """What it would have once it is awaited, it says it has not."""
    with pytest.raises(AttributeError, match=r"mdk.aio.start\(\) has no session before it is awaited, or entered by"):
        aio.start().session()  # type: ignore[attr-defined]  # that is the mistake
