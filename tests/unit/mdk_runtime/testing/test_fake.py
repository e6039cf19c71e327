"""Tests of mdk_runtime.testing.fake, by the fixture that applications use."""

from __future__ import annotations

import pytest

import mdk
from mdk.testing import FakeMDK, Reported
from mdk_runtime.errors import ResolveTimeout, Stopped


def test_a_table_to_fill(fake_mdk: FakeMDK) -> None:
    """What the test adds is resolved in turn; what it removes is not."""
    addresses = [fake_mdk.add("hello"), fake_mdk.add("hello")]
    session = fake_mdk.session()
    assert sorted(session.resolve("hello", "1.0").address for _ in range(2)) == sorted(addresses)
    fake_mdk.remove("hello", addresses[0])
    assert {session.resolve("hello").address for _ in range(3)} == {addresses[1]}


def test_a_resolve_that_waits_takes_no_time(fake_mdk: FakeMDK) -> None:
    """The clock moves to the end of the wait; the error says that it is a test."""
    before = fake_mdk.clock.now_s
    with pytest.raises(mdk.ResolveTimeout, match=r"after 10\.0 s; .*in a test"):
        fake_mdk.session().resolve("nobody", "1.0")
    assert fake_mdk.clock.now_s == before + 10.0


def test_a_clock_to_move(fake_mdk: FakeMDK) -> None:
    """Deadlines come nearer and pass; a resolve waits for a breaker's probe."""
    session = fake_mdk.session()
    session.set_deadline(5)
    fake_mdk.advance(7)
    assert session.get_remaining_time() == pytest.approx(-2)
    fake_mdk.add("hello")
    fake_mdk.configure("hello", failures=1, retry_after_s=4)
    node = fake_mdk.session().resolve("hello")
    node.failure()
    before = fake_mdk.clock.now_s
    assert fake_mdk.session().resolve("hello").address == node.address
    assert fake_mdk.clock.now_s == before + 4


def test_what_was_said(fake_mdk: FakeMDK) -> None:
    """Logs at their level, interactions with what they used, and registrations."""
    address = fake_mdk.add("hello")
    session = fake_mdk.session()
    session.set_property("user", 7)
    session.info("shop", "sold")
    session.debug("shop", "not sent")
    with session.interaction() as interaction:
        session.resolve("hello")
        interaction.fail("it did not work")
    fake_mdk.register("shop", "1.0", "http://shop")
    first = fake_mdk.said[0]
    assert (first.level, first.category, first.text, first.properties) == ("INFO", "shop", "sold", {"user": 7})
    assert [said.level for said in fake_mdk.said] == ["INFO", "INFO", "ERROR", "INFO"]
    assert fake_mdk.reported == [Reported(session.trace_id, {address: False})]
    assert fake_mdk.registered == [("shop", "1.0", "http://shop")]


def test_environments() -> None:
    """Nodes live where the test says, or where the MDK does."""
    fake = FakeMDK("parent:child")
    fake.add("hello", environment="parent")
    assert fake.session().resolve("hello").environment.name == "parent"
    assert fake.start() is fake


def test_a_stopped_fake_says_so(fake_mdk: FakeMDK) -> None:
    """What an application does when its MDK is stopped under it can be tested, too."""
    fake_mdk.stop()
    with pytest.raises(Stopped, match=r"^stop\(\) was called"):
        fake_mdk.session().resolve("hello")
    with fake_mdk, pytest.raises(ResolveTimeout):
        fake_mdk.session().resolve("hello")
