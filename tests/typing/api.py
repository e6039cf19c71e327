"""User-like code that mypy --strict and pyright strict must accept; never run."""

from __future__ import annotations

import mdk
from mdk import MDK, Session
from mdk_protocol import CODEC, Active, Log, Node, Open, SessionClient, SharedContext
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
