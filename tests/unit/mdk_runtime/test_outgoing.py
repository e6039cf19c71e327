"""Tests of mdk_runtime.outgoing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from mdk_protocol.messages import InteractionEvent
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.outgoing import BATCH, Outgoing


class Loop:
    """Keeps what is to be called soon."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], object]] = []

    def time(self) -> float:
        """It stands still."""
        return 0.0

    def call_soon(self, function: Callable[[], object]) -> None:
        """Keep it."""
        self.soon.append(function)

    def turn(self) -> None:
        """Call what is kept."""
        soon, self.soon = self.soon, []
        for function in soon:
            function()


def outgoing(loop: Loop) -> tuple[MDK, Outgoing]:
    """That of an MDK which is not connected."""
    mdk = MDK(Config(server_url="ws://127.0.0.1:1/rtp"))
    return mdk, Outgoing(mdk.core, mdk.endpoint, mdk.intake, cast("Any", loop))


def test_one_turn_at_a_time() -> None:
    """However often it is asked to move while much is there, it goes on once in each turn of the loop."""
    loop = Loop()
    mdk, moving = outgoing(loop)
    session = mdk.session()
    for _ in range(4):
        for _ in range(4 * BATCH):
            session.info("c", "t")
        moving.move()
        moving.move()
        assert len(loop.soon) == 1
        loop.turn()
    while loop.soon:
        loop.turn()
    assert (len(mdk.intake), mdk.endpoint.outbox("logs").next_number) == (0, 16 * BATCH)


def test_what_is_not_numbered_yet_counts() -> None:
    """At every moment emitted = acknowledged + kept + dropped, of logs only."""
    mdk, moving = outgoing(Loop())
    session = mdk.session()
    for _ in range(BATCH + 7):
        session.info("c", "t")
    mdk.intake.add_interaction(InteractionEvent(uuid="1"))
    for queued_before in (0, BATCH):
        said = moving.statistics()
        assert mdk.endpoint.outbox("logs").count == queued_before
        assert (said.emitted, said.queued, said.dropped) == (BATCH + 7, BATCH + 7, 0)
        moving.move()
    said = moving.statistics()
    assert (said.emitted, said.queued, said.dropped) == (BATCH + 7, BATCH + 7, 0)
