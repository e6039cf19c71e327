"""The session that code runs in."""

from __future__ import annotations

import asyncio
import contextvars

from mdk_runtime.session import current_session
from unit.mdk_runtime.fakes import make_mdk


def test_a_session_is_entered_in_several_tasks() -> None:
    """Tasks that enter the same session, and leave it in any order, neither disturb each other nor raise."""
    session = make_mdk().session()

    async def work(may_enter: asyncio.Event, entered: asyncio.Event, may_leave: asyncio.Event) -> None:
        await may_enter.wait()
        with session:
            entered.set()
            await may_leave.wait()
            assert current_session() is session
        assert current_session() is None

    async def both() -> None:
        now, first_in, second_in, first_out = (asyncio.Event() for _ in range(4))
        now.set()
        first = asyncio.create_task(work(now, first_in, second_in))
        second = asyncio.create_task(work(first_in, second_in, first_out))
        await first
        first_out.set()
        await second

    asyncio.run(both())


def test_a_session_that_is_left_elsewhere() -> None:
    """Leaving in a context that it was not entered in changes nothing there."""
    one = make_mdk()
    outer, inner = one.session(), one.session()
    with outer:
        contextvars.copy_context().run(inner.__enter__)
        inner.__exit__()
        assert current_session() is outer
    assert current_session() is None


def test_current_session() -> None:
    """The current session is that of the innermost block, in its own context only."""
    mdk = make_mdk()
    assert current_session() is None
    with mdk.session() as outer:
        assert current_session() is outer
        with mdk.session() as inner:
            assert current_session() is inner
            with outer:
                assert current_session() is outer
        assert current_session() is outer
        assert contextvars.Context().run(current_session) is None
    assert current_session() is None
