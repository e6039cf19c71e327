"""The timer that follows a deadline: moved, taken back, due. No test waits: what is past is due on the loop's next turn."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from mdkspec_runtime.links.timer import Timer

LATER_S = 3600.0


class Owner:
    """Has a timer, and counts its calls."""

    def __init__(self) -> None:
        self.now = asyncio.get_running_loop().time()
        self.timer = Timer(asyncio.get_running_loop())
        self.calls: list[str] = []

    def call(self) -> None:
        """The timer is due."""
        self.calls.append("due")

    async def turn(self) -> list[str]:
        """What was called when the loop has turned."""
        for _ in range(3):
            await asyncio.sleep(0)
        return self.calls


@pytest.mark.asyncio
async def test_called_once_when_it_is_time() -> None:
    """Not before; and for the same time again only after another `move`."""
    owner = Owner()
    owner.timer.move(owner.now + LATER_S, owner.call)
    assert await owner.turn() == []
    owner.timer.move(owner.now, owner.call)
    assert owner.calls == []
    assert await owner.turn() == ["due"]
    assert await owner.turn() == ["due"]
    owner.timer.move(owner.now, owner.call)
    assert await owner.turn() == ["due", "due"]


@pytest.mark.asyncio
async def test_only_the_last_time_counts() -> None:
    """Moved later, to none, or stopped: what was due before is not called."""
    owner = Owner()
    owner.timer.move(owner.now, owner.call)
    owner.timer.move(owner.now + LATER_S, owner.call)
    assert await owner.turn() == []
    owner.timer.move(owner.now, owner.call)
    owner.timer.move(None, owner.call)
    assert await owner.turn() == []
    owner.timer.move(owner.now, owner.call)
    owner.timer.stop()
    owner.timer.stop()
    assert await owner.turn() == []


@pytest.mark.asyncio
async def test_moved_by_what_it_calls() -> None:
    """As a deadline does that comes again, even to the time that is just past."""
    owner = Owner()

    def again() -> None:
        owner.call()
        owner.timer.move(None if len(owner.calls) == 3 else owner.now, again)

    owner.timer.move(owner.now, again)
    for _ in range(4):
        await owner.turn()
    assert owner.calls == ["due"] * 3


@pytest.mark.asyncio
async def test_a_timer_at_rest_holds_nobody() -> None:
    """Its owner goes with the last reference to it, without the garbage collector."""
    owner = Owner()
    owner.timer.move(owner.now, owner.call)
    await owner.turn()
    owner.timer.move(owner.now + LATER_S, owner.call)
    owner.timer.stop()
    gc.disable()
    try:
        gone = weakref.ref(owner)
        del owner
        assert gone() is None
    finally:
        gc.enable()
