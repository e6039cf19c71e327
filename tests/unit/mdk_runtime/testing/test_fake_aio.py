"""Tests of the fake of mdk.aio, by the fixture that applications use."""

from __future__ import annotations

import pytest

import mdk
import mdk.aio
from mdk.testing import FakeAioMDK, Reported

pytestmark = pytest.mark.asyncio


async def test_a_table_to_fill_and_what_was_said(fake_aio_mdk: FakeAioMDK) -> None:
    """What the test adds is resolved; logs and interactions are kept; nothing is to be started or stopped."""
    address = fake_aio_mdk.add("hello")
    async with fake_aio_mdk as m:
        session = m.session()
        async with session.interaction():
            node = await session.resolve("hello", "1.0")
            session.info("shop", "sold")
    assert node.address == address
    assert "sold" in [said.text for said in fake_aio_mdk.said]
    assert fake_aio_mdk.reported == [Reported(session.trace_id, {address: True})]


async def test_waiting_takes_no_time(fake_aio_mdk: FakeAioMDK) -> None:
    """The clock moves to the end of a resolve's wait, or to a breaker's probe; the error says that it is a test."""
    before = fake_aio_mdk.clock.now_s
    with pytest.raises(mdk.ResolveTimeout, match=r"after 10\.0 s; .*in a test"):
        await fake_aio_mdk.session().resolve("nobody", "1.0")
    assert fake_aio_mdk.clock.now_s == before + 10.0
    fake_aio_mdk.add("hello")
    fake_aio_mdk.configure("hello", failures=1, retry_after_s=4)
    (await fake_aio_mdk.session().resolve("hello")).failure()
    await fake_aio_mdk.session().resolve("hello")
    assert fake_aio_mdk.clock.now_s == before + 14.0


async def test_a_retry_pauses_on_the_test_s_clock(fake_aio_mdk: FakeAioMDK) -> None:
    """`session.call` goes to the next node after a pause that only the clock of the test feels."""
    addresses = {fake_aio_mdk.add("hello"), fake_aio_mdk.add("hello")}
    asked: list[str | None] = []

    async def ask(node: mdk.Node) -> str:
        asked.append(node.address)
        if len(asked) == 1:
            raise ConnectionError("gone")
        return "answer"

    before = fake_aio_mdk.clock.now_s
    session = fake_aio_mdk.session()
    assert await session.call("hello", "1.0", ask, attempts=2) == "answer"
    assert set(asked) == addresses
    assert fake_aio_mdk.clock.now_s > before
    assert [next(iter(one.results.values())) for one in fake_aio_mdk.reported] == [False, True]
