"""User-like code that mypy --strict and pyright strict must accept; never run."""

from __future__ import annotations

import mdk
from mdk import MDK, Session, aio
from mdk.asgi import MDKMiddleware
from mdk.httpx import httpx_async_client, httpx_client
from mdk.logging import MDKHandler
from mdk.testing import FakeMDK
from mdk_protocol import CODEC, Active, Log, Node, Open, SessionClient, SharedContext
from mdk_runtime.integrations.asgi import Receive, Scope, Send
from mdkspec_runtime import IllegalCall, UnsendableMessage
from mdkspec_runtime.links.aio import ClientLink
from mdkspec_runtime.testing import LossyLink, VirtualClock


def use_mdk() -> str:
    """A client as a team would write it."""
    m: MDK = mdk.start()
    m.register("hello", "1.0", "http://127.0.0.1:7000")
    m.set_default_deadline(10.0)
    session: Session = m.session()
    address: str = session.resolve("hello", "1.0").address
    with session.interaction():
        session.info("app", f"calling {address}")
    left: float | None = session.get_remaining_time()
    encoded: str = session.inject()
    joined: Session = m.join(encoded)
    joined.set_property("app:items", [1, 2])
    header: str = mdk.CONTEXT_HEADER
    m.stop()
    return f"{header} {left} {joined.get_property('app:items')}"


def use_more(m: MDK) -> int:
    """Settings, watching, calls, headers."""
    m.configure("hello", policy="p2c_ewma", failures=5, retry_after_s=10, when_all_out="next")
    session = m.session()
    length: int = session.call("hello", "1.0", lambda node: len(node.address), attempts=2, retry_on=OSError)
    headers: dict[str, str] = {}
    session.inject_headers(headers)
    same: Session = m.join_headers(headers)
    with m.watch("hello") as watch:
        for change in watch:
            length += len(change.kind) + len(change.node.address)
    with httpx_client(same, timeout=3.0) as client:
        length += client.get("http://hello").status_code
    dropped: int = m.statistics().dropped
    return length + dropped


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application."""
    await send({"type": "http.response.start", "status": 200, "headers": []})


app = MDKMiddleware(application, timeout=10.0)


def test_of_an_application(fake_mdk: FakeMDK) -> None:
    """With the fixture."""
    address: str = fake_mdk.add("hello")
    assert [said.text for said in fake_mdk.said] == []
    fake_mdk.remove("hello", address)


def use_protocol(client: SessionClient, now: float) -> int:
    """The generated stub."""
    try:
        client.register(Node(service="hello"), now=now)
    except IllegalCall as error:
        print(error.state, error.allowed)
    try:
        return client.deliver_logs(Log(text="hi"), now=now)
    except UnsendableMessage as error:
        print(error.problem)
    message = CODEC.decode(b"{}")
    if isinstance(message, Active):
        return len(message.node.service)
    context: SharedContext = CODEC.decode_record(SharedContext, "{}")
    return len(context.trace_id) + len(Open().version)


async def use_link(client: SessionClient) -> None:
    """The shell, and the fakes for tests."""
    await ClientLink(client, "ws://127.0.0.1:8765/rtp").run()
    clock = VirtualClock()
    link = LossyLink(client, lambda: client, clock)
    link.advance(1.0)


async def use_aio() -> int:
    """The same on the caller's loop."""
    m: aio.MDK = await aio.start()
    await m.stop()
    async with aio.start("parent:child") as m:
        m.register("hello", "1.0", "http://127.0.0.1:7000")
        async with m.session() as session:
            address: str = (await session.resolve("hello", "1.0")).address
            async with session.interaction() as interaction:
                interaction.fail(address)

            async def work(node: mdk.Node) -> int:
                return len(node.address)

            length: int = await session.call("hello", "1.0", work, attempts=2)
            current: aio.Session | None = aio.current_session()
            assert current is session
            async with httpx_async_client(session) as client:
                length += (await client.get(address)).status_code
        async with m.watch("hello") as watch:
            async for change in watch:
                length += len(change.kind)
            last: mdk.Change | None = await watch.next(timeout=1.0)
        MDKHandler(m)
        MDKMiddleware(application, m)
        return length + m.statistics().dropped + (last is None)
