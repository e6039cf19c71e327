"""Logs through a whole server: sent in batches as our clients do, stored, acknowledged; beside the same SQLite writes alone.

Prints one JSON line. Server and floor take turns; the floor is the very statements that store these rows, replayed by one
thread that does nothing else (bench/storage.py). The frames are made before.

    python bench/server_logs.py [--rows 100000] [--clients 4]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect

from mdk_protocol.codec import CODEC
from mdk_protocol.messages import Log, LogBatch
from mdk_runtime.core.server.origin import Entry
from mdk_runtime.server.application import GARBAGE
from server_fanout import cpu_s, server
from storage import Messages, floor, recorded

TURNS = 3
BATCH_ROWS = 500
UNACKED_MAX = 20
"""Batches of one client on their way."""


def entries_of(rows: int, clients: int) -> list[list[Entry]]:
    """Rows of each client, numbered from 0."""
    made = Messages().take(rows)
    parts: list[list[Entry]] = []
    for number in range(clients):
        part: list[Entry] = []
        for sequence, entry in enumerate(made[number::clients]):
            assert isinstance(entry.message, Log)
            part.append(Entry(replace(entry.message, node=f"client-{number}", sequence=sequence), entry.origin))
        parts.append(part)
    return parts


def frames_of(entries: list[Entry]) -> list[str]:
    """As batches."""
    logs = [entry.message for entry in entries if isinstance(entry.message, Log)]
    batches = [LogBatch(logs=logs[at : at + BATCH_ROWS]) for at in range(0, len(logs), BATCH_ROWS)]
    return [CODEC.encode(batch).decode() for batch in batches]


async def talk(websocket: ClientConnection, frames: list[str], rows: int) -> None:
    """Send, not too far ahead, until all is acknowledged."""
    sent = acked = 0
    while acked < rows:
        while sent < len(frames) and sent * BATCH_ROWS - acked < UNACKED_MAX * BATCH_ROWS:
            await websocket.send(frames[sent])
            sent += 1
        message = json.loads(await websocket.recv())
        if message["type"] == "logsack":
            acked = message["sequence"] + 1


async def through_server(parts: list[list[str]], rows: int) -> tuple[float, float]:
    """Seconds by the clock, and of the server's processor."""
    with server("mdk", "--logs-per-second-max", "10000000", "--no-http") as (port, pid):
        sockets = [await connect(f"ws://127.0.0.1:{port}/rtp", compression=None) for _ in parts]
        for number, one in enumerate(sockets):
            await one.send(json.dumps({"type": "open", "nodeId": f"client-{number}", "properties": {"mdkRevision": 1}}))
            await one.recv()
        began, cpu = time.perf_counter(), cpu_s(pid)
        each = rows // len(parts)
        await asyncio.gather(*(talk(one, frames, each) for one, frames in zip(sockets, parts, strict=True)))
        took = time.perf_counter() - began, cpu_s(pid) - cpu
        for one in sockets:
            one.transport.abort()
    return took


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=4)
    given = parser.parse_args()
    gc.set_threshold(*GARBAGE)  # As the server does, for the floor.
    parts = entries_of(given.rows, given.clients)
    frames = [frames_of(part) for part in parts]
    mixed = [
        entry for at in range(0, len(parts[0]), BATCH_ROWS) for part in parts for entry in part[at : at + BATCH_ROWS]
    ]
    alone: list[Any] = []
    took: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        calls = recorded(Path(name) / "recorded", mixed)
        for turn in range(TURNS):
            alone.append(floor(Path(name) / f"floor-{turn}", calls))
            took.append(asyncio.run(through_server(frames, given.rows)))
    floor_s, server_s = (statistics.median(one[0] for one in some) for some in (alone, took))
    floor_cpu_s, server_cpu_s = (statistics.median(one[1] for one in some) for some in (alone, took))
    figures = {
        "bench": "server_logs",
        "rows": given.rows,
        "clients": given.clients,
        "floor_rows_per_s": round(given.rows / floor_s),
        "acked_rows_per_s": round(given.rows / server_s),
        "ratio": round(floor_s / server_s, 3),
        "floor_rows_per_cpu_s": round(given.rows / floor_cpu_s),
        "acked_rows_per_cpu_s": round(given.rows / server_cpu_s),
        "ratio_cpu": round(floor_cpu_s / server_cpu_s, 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
