"""Programs on `mdk.aio` that end without stop(), or fork."""

from __future__ import annotations

import os

import pytest

from service.programs import running
from service.scripted_server import ScriptedServer

BEGINS = """
import asyncio, os, sys, threading, time
from mdk import aio

async def main():
    m = await aio.start()
    m.register("svc", "1.0", "http://me")
    print((await m.session().resolve("svc", "1.0")).address)
    m.session().info("c", "the last words")
    return m

"""
ENDS = {
    "asyncio.run": "asyncio.run(main())",
    "an exception": "async def fails():\n    m = await main()\n    raise SystemExit(0)\nasyncio.run(fails())",
    "a loop that is dropped": "loop = asyncio.new_event_loop()\nm = loop.run_until_complete(main())",
    "a loop that is closed": "loop = asyncio.new_event_loop()\nm = loop.run_until_complete(main())\nloop.close()",
    "a loop in another thread": (
        "loop = asyncio.new_event_loop()\n"
        "threading.Thread(target=loop.run_forever, daemon=True).start()\n"
        "m = asyncio.run_coroutine_threadsafe(main(), loop).result()"
    ),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_program_that_forgets_to_stop(server: ScriptedServer, end: str) -> None:
    """However its loop ends: the process ends, its node is expired, its log arrives, by number once."""
    with running("-W", "ignore", "-c", BEGINS + end, MDK_SERVER_URL=server.url) as program:
        program.wait_for("http://me")
        assert program.finish() == 0, program.lines
    server.wait_for(lambda: not any(one.is_open for one in server.connections))
    last = server.connections[-1]
    logs = {(log["sequence"], log["text"]) for log in server.heard("log")}
    assert logs == {(0, "the last words")}, program.lines
    assert last.types()[-1] == "expire"
    assert len({message["nodeId"] for message in server.heard("open")}) == 1
    assert server.nodes == {}
    if "close()" not in end:  # There asyncio itself complains of the tasks that it threw away.
        assert program.lines == ["http://me"]


CLOSED = (
    BEGINS
    + """
async def start_again():
    await m.start()
    m.session().info("c", "from another loop")
    while not m.connected:
        await asyncio.sleep(0.01)
    print(await m.session().resolve("svc", "1.0") is not None)
    await m.stop()

async def stop():
    await m.stop()
    print(m.connected)

loop = asyncio.new_event_loop()
m = loop.run_until_complete(main())
loop.close()
m.session().info("c", "between loops")
asyncio.run(start_again() if sys.argv[1] == "start" else stop())
"""
)


@pytest.mark.parametrize("then", ["start", "stop"])
def test_another_loop_after_one_that_was_closed(server: ScriptedServer, then: str) -> None:
    """start() connects again and stop() says goodbye: nothing that was logged before, or in between, is lost."""
    with running("-W", "ignore", "-c", CLOSED, then, MDK_SERVER_URL=server.url) as program:
        program.wait_for("True" if then == "start" else "False")
        assert program.finish() == 0, program.lines
    server.wait_for(lambda: not any(one.is_open for one in server.connections))
    texts = ["the last words", "between loops", "from another loop"][: 3 if then == "start" else 2]
    assert {(log["sequence"], log["text"]) for log in server.heard("log")} == set(enumerate(texts))
    assert len({message["nodeId"] for message in server.heard("open")}) == 1
    assert server.connections[-1].of("expire")
    assert server.nodes == {}


@pytest.mark.parametrize("end", [ENDS["asyncio.run"], ENDS["a loop that is closed"]], ids=["asyncio.run", "closed"])
def test_a_program_whose_server_is_away(server: ScriptedServer, end: str) -> None:
    """It ends all the same, and says what was lost."""
    server.stop()
    code = BEGINS.replace("print(", "# print(") + end
    with running("-W", "ignore", "-c", code, MDK_SERVER_URL=server.url) as program:
        program.wait_for("stopped with 1 messages that the server has not acknowledged")
        assert program.finish() == 0, program.lines


FORKS = (
    BEGINS
    + """
async def begin():
    m = await main()
    parent = m.node_id
    await asyncio.sleep(0.05)
    child = os.fork()
    if child == 0:
        try:
            assert m.node_id != parent and not m.connected
            asyncio.run(again(m))
            os.write(1, f"child {m.node_id}\\n".encode())
        finally:
            os._exit(0)
    assert m.node_id == parent and m.connected
    await asyncio.to_thread(os.waitpid, child, 0)
    m.session().info("c", "the parent's")
    await m.stop()
    os.write(1, f"parent {m.node_id}\\n".encode())

async def again(m):
    async with m:
        while m.nodes("svc")[0].node_id != m.node_id:
            await asyncio.sleep(0.01)
        m.session().info("c", "the child's")

asyncio.run(begin())
"""
)


def test_fork(server: ScriptedServer) -> None:
    """A child is another process that has to be started; it offers the same, and its parent goes on undisturbed."""
    with running("-W", "ignore", "-c", FORKS, MDK_SERVER_URL=server.url) as program:
        parent = program.wait_for("parent ").split()[1]
        child = program.wait_for("child ").split()[1]
        assert program.finish() == 0, program.lines
    server.wait_for(lambda: len(server.connections) == 2 and not any(one.is_open for one in server.connections))
    by_id = {connection.heard[0]["nodeId"]: connection for connection in server.connections}
    assert by_id.keys() == {parent, child}
    for node_id, texts in ((parent, ["the last words", "the parent's"]), (child, ["the child's"])):
        assert {message["node"]["id"] for message in by_id[node_id].of("active")} == {node_id}
        assert [log["text"] for log in by_id[node_id].of("log")] == texts
        assert by_id[node_id].types()[-1] == "expire"


def test_a_killed_parent_is_seen_although_its_child_lives(server: ScriptedServer) -> None:
    """A child does not hold its parent's connection open."""
    code = BEGINS + (
        "async def begin():\n"
        "    m = await main()\n"
        "    child = os.fork()\n"
        "    os.write(1, b'pid %d\\n' % os.getpid())\n"
        "    time.sleep(60)\n"
        "asyncio.run(begin())"
    )
    with running("-W", "ignore", "-c", code, MDK_SERVER_URL=server.url) as program:
        program.wait_for("pid", count=2)
        children = [int(line.split()[1]) for line in program.lines if line.startswith("pid")]
        parent = program.process.pid
        program.process.kill()
        try:
            server.wait_for(lambda: not server.connections[0].is_open)
        finally:
            for child in children:
                if child != parent:
                    os.kill(child, 9)
