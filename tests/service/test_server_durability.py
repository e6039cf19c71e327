"""kill -9 of the server while logs come in, also while a segment is sealed; a disk that is full.

`MDK_KILL_ROUNDS` says how many rounds (`make soak`: 100).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mdk_runtime.storage.layout import segment_numbers, segment_path
from service.programs import WITHIN_S
from service.sending import CLIENTS, Sender, check, resident_bytes
from service.servers import RawClient, ServerProcess, active, log, server, stored_logs

ROUNDS = int(os.environ.get("MDK_KILL_ROUNDS", "20"))
SEGMENT_ROWS = 2000


def stored_by_node(folder: Path) -> dict[str, list[int]]:
    """Sequences of each sender in order of arrival, read from the files as they lie there."""
    stored: dict[str, list[int]] = {}
    for number in segment_numbers(folder):
        with closing(sqlite3.connect(segment_path(folder, number))) as database:
            if database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                continue  # It was about to be made.
            query = "SELECT node, sequence FROM logs JOIN senders ON senders.id = sender ORDER BY logs.id"
            for node, sequence in database.execute(query):
                stored.setdefault(node, []).append(sequence)
    return stored


async def moment(dice: random.Random, folder: Path, turn: int) -> None:
    """When to kill: at any time, or in every other round when a segment has just been left to be sealed."""
    if turn % 2 == 0:
        await asyncio.sleep(dice.uniform(0.1, 1.0))
        return
    newest = segment_numbers(folder)[-1]
    end = time.monotonic() + WITHIN_S
    while segment_numbers(folder)[-1] == newest:
        assert time.monotonic() < end, "no segment is begun"
        await asyncio.sleep(0.001)
    await asyncio.sleep(dice.uniform(0, 0.1))


def is_unsealed(folder: Path) -> bool:
    """True if the process died before it had sealed what it was to seal."""
    with closing(sqlite3.connect(folder / "manifest.db")) as database:
        (sealed,) = database.execute("SELECT count(*) FROM segments").fetchone()
    return len(segment_numbers(folder)) - int(sealed) > 1


@pytest.mark.timeout(240 + 30 * ROUNDS)
@pytest.mark.asyncio
async def test_no_acknowledged_log_is_lost_and_none_is_there_twice(tmp_path: Path) -> None:
    """However the server dies, under 5,000 logs a second of ten clients: all there, once, in order of each client.

    At the orderly end emitted = stored: nothing was dropped, as no client had to.
    """
    dice = random.Random(20261124)
    options = ("--segment-rows", str(SEGMENT_ROWS))
    running = await asyncio.to_thread(ServerProcess, tmp_path, *options)
    port = str(running.port)
    senders = [Sender(f"n{number}") for number in range(CLIENTS)]
    for sender in senders:
        sender.url = running.url
    tasks = [asyncio.create_task(sender.run()) for sender in senders]
    unsealed = 0
    for turn in range(10 * ROUNDS):
        if turn >= ROUNDS and unsealed:
            break
        began = sum(len(sender.acked) for sender in senders)
        end = time.monotonic() + 3 * WITHIN_S
        while sum(len(sender.acked) for sender in senders) < began + 1000:
            assert time.monotonic() < end, "nothing is acknowledged"
            await asyncio.sleep(0.01)
        await moment(dice, running.tenant_folder(), turn)
        running.process.kill()
        await asyncio.to_thread(running.process.wait, WITHIN_S)
        unsealed += is_unsealed(running.tenant_folder())
        check(senders, stored_by_node(running.tenant_folder()))
        running = await asyncio.to_thread(ServerProcess, tmp_path, *options, "--port", port)
    for sender in senders:
        sender.is_emitting = False
    async with asyncio.timeout(6 * WITHIN_S):
        await asyncio.gather(*tasks)
    assert await asyncio.to_thread(running.terminate) == 0
    stored = stored_by_node(running.tenant_folder())
    check(senders, stored)
    assert {node: len(numbers) for node, numbers in stored.items()} == {one.node: one.emitted for one in senders}
    assert unsealed, "no round ended while a segment was to be sealed"
    assert len(stored_logs(running.tenant_folder())) == sum(sender.emitted for sender in senders)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[ServerProcess]:
    """Killed at the end, if it still runs."""
    with server(tmp_path) as one:
        yield one


def allow_file_bytes(process: int, size: int) -> None:
    """From now on no file of the process may grow beyond this: to it, the disk is full."""
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))


def arrived(client: RawClient) -> list[dict[str, Any]]:
    """What has come by now."""
    messages: list[dict[str, Any]] = []
    while True:
        try:
            messages.append(client.receive(0))
        except TimeoutError:
            return messages


def test_a_full_disk_is_survived(running: ServerProcess) -> None:
    """Nothing acknowledged is lost, discovery goes on, memory stays bounded, and it goes on when there is room."""
    process = running.process.pid
    acked: set[int] = set()
    with RawClient(running.url) as client, RawClient(running.url) as watcher, RawClient(running.url) as ours:
        client.open("n1")
        watcher.open("n2")
        assert ours.open("n3", mdkRevision=1).receive()["type"] == "extend"
        client.send(log(0))
        assert client.receive()["sequence"] == 0
        acked.add(0)
        (database,) = running.tenant_folder().glob("segment-*.db-wal")
        allow_file_bytes(process, database.stat().st_size + 500_000)
        text = "x" * 2000
        numbers = itertools.count(1)
        end = time.monotonic() + 3 * WITHIN_S
        told: list[dict[str, Any]] = []
        while not told:  # The first failure may be over with the next try, which begins another log of changes.
            assert time.monotonic() < end, "the disk is not full"
            number = next(numbers)
            client.send(log(number, text=f"{number} {text}"))
            acked |= {one["sequence"] for one in arrived(client)}
            told = arrived(ours)
        assert told == [{"type": "storing", "works": False}]
        assert "acknowledgements wait" in running.log.read_text()
        before = resident_bytes(process)
        for number in itertools.islice(numbers, 40_000):
            client.send(log(number, text=f"{number} {text}"))
        client.send(active("n1"))
        assert watcher.receive(3 * WITHIN_S)["type"] == "active", "discovery goes on"
        assert resident_bytes(process) - before < 120 << 20
        allow_file_bytes(process, resource.RLIM_INFINITY)
        frames = client.rest()
        acked |= {one["sequence"] for one in frames if one["type"] == "logack"}
        assert frames[-1]["error"]["code"] == "resend"
        while not ours.receive()["works"]:  # It is told of each change that lasts.
            pass
    with RawClient(running.url) as client:
        client.open("n1")
        last = next(numbers)
        resent = {*range(max(acked) - 20, max(acked) + 20), *range(last - 20, last)}
        for number in sorted(resent):
            client.send(log(number, text="again"))
        while not resent <= acked:
            message = client.receive()
            if message["type"] == "logack":
                acked.add(message["sequence"])
    assert running.terminate() == 0
    stored = [one.sequence for one in stored_logs(running.tenant_folder())]
    assert len(stored) == len(set(stored))
    assert acked <= set(stored)
