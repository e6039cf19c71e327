"""Tenants, timers and storage together, without a network."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from pathlib import Path

import pytest
from websockets.datastructures import Headers

from mdk_protocol.messages import Open, ProtocolError
from mdk_runtime.core.server.connection import ClientEndpoint
from mdk_runtime.core.server.pulse import Facts, Pulses
from mdk_runtime.core.server.tenant import Refusal as Refused
from mdk_runtime.server import hub as module
from mdk_runtime.server import refusals
from mdk_runtime.server.auth import tenant_of
from mdk_runtime.server.hub import Hub
from mdk_runtime.server.served import phase_of
from mdk_runtime.storage import backlog
from mdk_runtime.storage.layout import NODES_NAME
from mdk_runtime.storage.limits import StorageLimits
from mdkspec_runtime.links.aio import Handshake, Refusal
from unit.mdk_runtime.server.hubs import UPGRADE, WITHIN_S, Client, active, hub_in, log


@pytest.mark.asyncio
async def test_changes_and_lapses_come_by_themselves(tmp_path: Path) -> None:
    """A registration at once, the end of a broken connection's nodes after the grace."""
    async with hub_in(tmp_path) as hub:
        one, watcher = Client(hub), Client(hub, node_id="w")
        one.send(active())
        assert (await watcher.next())["type"] == "active"
        one.cut()
        assert (await watcher.next())["type"] == "expire"


@pytest.mark.asyncio
async def test_acknowledged_when_durable(tmp_path: Path) -> None:
    """And `flush` waits for it."""
    async with hub_in(tmp_path) as hub:
        client = Client(hub)
        for sequence in range(50):
            client.send(log(sequence))
        await hub.flush(timeout_s=WITHIN_S)
        client.collect()
        assert [frame["sequence"] for frame in client.frames] == list(range(50))
        assert not hub.may_read.is_set()
        hub.close(ProtocolError(code="shutdown"))
        assert hub.may_read.is_set()
        client.collect()
        assert client.frames[-1]["type"] == "close"


@pytest.mark.asyncio
async def test_the_refused_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nodes that are not whole and logs that cannot be stored: who, and why; and not for ever."""
    async with hub_in(tmp_path) as hub:
        client = Client(hub, token="SECRET")
        with caplog.at_level(logging.WARNING):
            client.send({"type": "active", "node": {"service": "s", "id": "n"}})
            client.send(log(-5))
            assert (await client.next()) == {"type": "logack", "sequence": -5}
        node, message = [record.getMessage() for record in caplog.records]
        assert node.endswith(": it has no version and no address")
        assert node.startswith("refused a node of service 's' of token-")
        assert "cannot store a Log of token-" in message
        assert "from 'n': sequence is -5; expected a number from 0" in message
        assert "SECRET" not in caplog.text


@pytest.mark.asyncio
async def test_naming_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is wrong all the time does not fill the log."""
    monkeypatch.setattr(refusals, "NAMED_MAX", 3)
    async with hub_in(tmp_path) as hub:
        client = Client(hub)
        with caplog.at_level(logging.WARNING):
            for number in range(10):
                client.send(log(-1 - number))
            for _ in range(10):
                await client.next()
        assert [record.getMessage().partition(":")[0] for record in caplog.records][-1] == (
            "no more of these are named for an hour"
        )
        assert len(caplog.records) == 4


def test_naming_goes_on_after_an_hour(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who looks a year later still finds names, and how many there were besides."""
    monkeypatch.setattr(refusals, "NAMED_MAX", 2)
    now = 0.0
    log = refusals.RefusalLog(lambda: now)
    for number in range(5):
        log.refused("t", [Refused(f"node {number}", "why")])
    now = refusals.HOUR_S
    log.refused("t", [Refused("node 5", "why")])
    assert [record.getMessage() for record in caplog.records] == [
        "refused node 0 of t: why",
        "refused node 1 of t: why",
        "no more of these are named for an hour",
        "3 more were refused, and not named",
        "refused node 5 of t: why",
    ]


@pytest.mark.asyncio
async def test_idle_tenants_make_room(tmp_path: Path) -> None:
    """A tenant in use stays; where all are in use a new one is refused."""
    async with hub_in(tmp_path, tenants_max=2) as hub:
        one = Client(hub, "a")
        Client(hub, "b").cut()
        Client(hub, "c")
        answer = hub.accept(Handshake("/rtp", "token=d", Headers(UPGRADE), ("127.0.0.1", 1)))
        assert isinstance(answer, Refusal)
        assert answer.status == 503
        Client(hub, "a", node_id="w")
        one.send(active())
        assert (await one.next())["type"] == "active"
        hub.is_ending = True
        answer = hub.accept(Handshake("/rtp", "token=a", Headers(UPGRADE), ("127.0.0.1", 1)))
        assert isinstance(answer, Refusal)
        assert answer.error == "shutdown"


@pytest.mark.asyncio
async def test_a_tenant_that_made_room_before_its_client_spoke(tmp_path: Path) -> None:
    """A client that was let in and has not spoken keeps no tenant; it is told to come again, and not left to itself."""
    async with hub_in(tmp_path, tenants_max=1) as hub:
        silent = hub.accept(Handshake("/rtp", "token=a", Headers(UPGRADE), ("127.0.0.1", 1)))
        assert isinstance(silent, ClientEndpoint)
        now = asyncio.get_running_loop().time()
        silent.connected(now=now)
        Client(hub, "b").cut()
        silent.receive('{"type":"open","nodeId":"n","properties":{}}', now=now)
        assert [json.loads(frame)["error"]["code"] for frame in silent.take_output()] == ["tenants"]
        assert silent.hanging_up
        silent.lost(now=now)
        hub.ended(silent)
        again = Client(hub, "a")
        again.send(log(0))
        assert (await again.next())["type"] == "logack"


@pytest.mark.asyncio
async def test_reading_waits_for_storage(tmp_path: Path) -> None:
    """While too much waits nothing is read; when there is room it goes on."""
    made = Hub(tmp_path, Open(), grace_s=1.0, limits=StorageLimits(backlog_max=10))
    client = Client(made)
    for sequence in range(20):
        client.send(log(sequence))
    await asyncio.sleep(0)
    assert not made.may_read.is_set()
    made.storage.start()
    async with asyncio.timeout(WITHIN_S):
        await made.may_read.wait()
    await asyncio.to_thread(made.storage.stop, timeout_s=1.0)


@pytest.mark.asyncio
async def test_discovery_outlives_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While storage fails logs beyond the backlog stay with their senders; these are sent for when it works again."""
    monkeypatch.setattr(backlog, "RETRY_S_MAX", 0.01)
    blocked = tmp_path / "default"
    blocked.write_text("no folder")
    async with hub_in(tmp_path, limits=StorageLimits(backlog_max=5)) as hub:
        client, watcher = Client(hub), Client(hub, node_id="w")
        client.send(log(0))
        async with asyncio.timeout(WITHIN_S):
            while not hub.storage.fails("default"):  # noqa: ASYNC110  # set by a thread
                await asyncio.sleep(0.005)
        for sequence in range(1, 20):
            client.send(log(sequence))
            await asyncio.sleep(0)
        assert hub.may_read.is_set()
        assert hub.writer.backlog < 10
        client.send(active())
        assert (await watcher.next())["type"] == "active"
        blocked.unlink()
        frames = [await client.next()]
        while frames[-1]["type"] != "close":
            frames.append(await client.next())
        assert frames[-1]["error"]["code"] == "resend"
        assert {"type": "logack", "sequence": 0} in frames
        assert watcher.endpoint.is_connected


@pytest.mark.asyncio
async def test_one_tenants_broken_files_are_its_own(tmp_path: Path) -> None:
    """Others' logs are acknowledged, the server reads on though it was full, and only the one is told."""
    ours = {"mdkRevision": 1}
    (tmp_path / tenant_of("broken")).write_text("no folder")
    hub = Hub(tmp_path, Open(), grace_s=1.0, limits=StorageLimits(backlog_max=10))
    broken, whole = Client(hub, "broken", properties=ours), Client(hub, "whole", properties=ours)
    for sequence in range(20):
        broken.send(log(sequence))
    await asyncio.sleep(0)
    assert not hub.may_read.is_set()
    hub.storage.start()
    try:
        async with asyncio.timeout(WITHIN_S):
            await hub.may_read.wait()
        assert await broken.next() == {"type": "storing", "works": False}
        for sequence in range(3):
            whole.send(log(sequence))
            assert await whole.next() == {"type": "logsack", "sequence": sequence}
        assert not hub.writer.is_failing
        broken.send(log(20))
        await asyncio.sleep(0)
        assert broken.endpoint.is_connected
        assert hub.may_read.is_set()
    finally:
        await asyncio.to_thread(hub.storage.stop, timeout_s=0.0)


@pytest.mark.asyncio
async def test_a_defect_in_one_acknowledgement_stays_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What became durable with it is acknowledged, and the server ends as if nothing had been."""
    async with hub_in(tmp_path) as hub:
        one, other = Client(hub, "one"), Client(hub, "other")

        def fail(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(one.endpoint.connection.tenant, "stored", fail)
        one.send(log(0))
        other.send(log(0))
        assert (await other.next())["type"] == "logack"
        async with asyncio.timeout(WITHIN_S):
            await hub.flush(timeout_s=2 * WITHIN_S)
        assert f"tenant {tenant_of('one')} failed on what is stored" in caplog.text


@pytest.mark.asyncio
async def test_clients_are_told_how_storing_turns(tmp_path: Path) -> None:
    """Each turn once, in its place: that it works again before the first acknowledgement. Also who comes meanwhile."""
    ours = {"mdkRevision": 1}
    blocked = tmp_path / "default"
    blocked.write_text("no folder")
    async with hub_in(tmp_path) as hub:
        client, other = Client(hub, properties=ours), Client(hub, node_id="another", properties=ours)
        client.send(log(0))
        fails, works = ({"type": "storing", "works": one} for one in (False, True))
        assert [await one.next() for one in (client, other)] == [fails, fails]
        late = Client(hub, node_id="late", properties=ours)
        assert await late.next() == fails
        blocked.unlink()
        assert [await one.next() for one in (client, other, late)] == [works, works, works]
        assert (await client.next())["type"] == "logsack"


@pytest.mark.asyncio
async def test_a_hub_without_a_loop_keeps_quiet(tmp_path: Path) -> None:
    """What became durable after the loop ended is known when it comes again."""
    hub = Hub(tmp_path, Open(), grace_s=1.0)
    hub._loop = asyncio.new_event_loop()  # pyright: ignore[reportPrivateUsage]
    hub._loop.close()  # pyright: ignore[reportPrivateUsage]
    hub.writer._deliver([])  # pyright: ignore[reportPrivateUsage]


def test_minutes_of_tenants_are_spread() -> None:
    """A thousand tenants ask storage one after another through the minute, and leave room for people's questions."""
    names = [*(tenant_of(str(number)) for number in range(500)), *(f"team-{number}" for number in range(500))]
    tenths = Counter(int(phase_of(name) * 10) for name in names)
    assert sorted(tenths) == list(range(10))
    assert all(70 <= count <= 130 for count in tenths.values()), tenths


@pytest.mark.asyncio
async def test_each_minute_is_kept_while_nobody_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens the console then sees how it was."""
    monkeypatch.setattr(module, "MINUTE_S", 0.05)
    monkeypatch.setattr(module, "WATCH_EVERY_S", 0.02)
    kept: asyncio.Queue[Facts] = asyncio.Queue()
    keep = Pulses.keep_minute

    def keep_and_say(pulses: Pulses, facts: Facts) -> None:
        keep(pulses, facts)
        kept.put_nowait(facts)

    monkeypatch.setattr(Pulses, "keep_minute", keep_and_say)
    async with hub_in(tmp_path) as hub, asyncio.timeout(WITHIN_S):
        ours = {"mdkRevision": 1}
        Client(hub, properties=ours)
        looker = Client(hub, node_id="looker", properties=ours)
        await kept.get()
        await kept.get()
        looker.send({"type": "watch"})
        frame = await looker.next()
        while frame["type"] != "pulse":
            frame = await looker.next()
        assert len(frame["minutes"]) >= 2
        assert frame["minutes"][-1]["connections"] == 2


@pytest.mark.asyncio
async def test_a_tenants_folder_goes_when_nobody_needs_it(tmp_path: Path) -> None:
    """Nor the tenant in memory, its counters kept; with a client, or a node, it stays."""
    async with hub_in(tmp_path) as hub:
        folder = tmp_path / "default"
        client = Client(hub)
        client.send(active())
        async with asyncio.timeout(WITHIN_S):
            while not (folder / NODES_NAME).exists():  # noqa: ASYNC110  # written by a thread
                await asyncio.sleep(0.01)
        hub._emptied(folder)  # pyright: ignore[reportPrivateUsage]
        assert len(hub.tenants()) == 1
        client.cut()
        async with asyncio.timeout(WITHIN_S):
            while (folder / NODES_NAME).stat().st_size:  # noqa: ASYNC110  # written by a thread
                await asyncio.sleep(0.01)
            while hub.tenants():
                hub._emptied(folder)  # pyright: ignore[reportPrivateUsage]
                await asyncio.sleep(0.01)
            while folder.exists():  # noqa: ASYNC110  # removed by a thread
                await asyncio.sleep(0.01)
        assert hub.measures.counters["change"] > 0
        Client(hub).send(active())
        async with asyncio.timeout(WITHIN_S):
            while not (folder / NODES_NAME).exists():  # noqa: ASYNC110  # written by a thread
                await asyncio.sleep(0.01)
