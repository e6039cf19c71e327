"""Queries through a whole server's /api, with many rows stored, while 10,000 a second arrive.

Prints one JSON line: p50 and p99 in ms of each kind of question, one at a time, over HTTP on a connection that is kept. The
rows are stored before, without the server; those that arrive come over the protocol, in batches, from another process. The
floor is `/healthz` of the same run: a request that asks for nothing.

    python bench/server_queries.py [--rows 1000000] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace
from websockets.sync.client import connect

from mdk_protocol.codec import CODEC
from mdk_protocol.messages import Log, LogBatch
from mdk_runtime.storage.backlog import Job
from mdk_runtime.storage.storage import Storage
from server_fanout import server
from storage import LIMITS, SERVICES, WORDS, Messages

ARRIVING_PER_S = 10_000
BATCH_ROWS = 500
QUERY_S = 20.0
PAUSE_S = 0.002
JOB_ROWS = 10_000
PATIENCE_S = 10.0


def fill(data: Path, rows: int) -> list[str]:
    """Store rows as the server would; some of their traces."""
    messages = Messages(seed=2)
    storage = Storage(data, lambda done: None, LIMITS)
    storage.start()
    for _ in range(0, rows, JOB_ROWS):
        while storage.writer.is_full:
            time.sleep(0.001)
        storage.writer.submit(Job(data / "default", messages.take(JOB_ROWS)))
    while storage.writer.backlog:
        time.sleep(0.01)
    storage.stop(timeout_s=60.0)
    return random.Random(3).sample(messages.traces[:-100], 10_000)


def feed(port: int) -> None:
    """Be the process that sends logs, at their rate, and says what is acknowledged."""
    messages = Messages(seed=time.time_ns())
    with connect(f"ws://127.0.0.1:{port}/rtp", compression=None) as websocket:
        websocket.send(json.dumps({"type": "open", "nodeId": "feeder", "properties": {"mdkRevision": 1}}))
        websocket.recv()
        print("ready", flush=True)
        began, sent, acked = time.perf_counter(), 0, 0
        while True:
            logs: list[Log] = []
            for entry in messages.take(BATCH_ROWS):
                assert isinstance(entry.message, Log)
                logs.append(replace(entry.message, node="feeder", sequence=sent + len(logs)))
            websocket.send(CODEC.encode(LogBatch(logs=logs)).decode())
            sent += len(logs)
            while True:
                try:
                    message = json.loads(
                        websocket.recv(timeout=max(0.0, began + sent / ARRIVING_PER_S - time.perf_counter()))
                    )
                except TimeoutError:
                    break
                if message["type"] == "logsack":
                    acked = message["sequence"] + 1
            print(acked, flush=True)


def questions(traces: list[str]) -> dict[str, Callable[[], str]]:
    """Paths under /api, another one each time where it matters."""
    dice = random.Random(4)
    return {
        "healthz": lambda: "/healthz",
        "trace": lambda: f"/api/traces/{dice.choice(traces)}",
        "newest_errors": lambda: "/api/logs?level=error",
        "word": lambda: f"/api/logs?text={quote(f'word{int(WORDS * dice.random() ** 3)}')}",
        "newest": lambda: "/api/logs",
        "service_warn": lambda: f"/api/logs?service=service-{dice.randrange(SERVICES)}&level=warn",
        "traces": lambda: "/api/traces",
        "failed_traces": lambda: "/api/traces?failed=true",
    }


def ask(port: int, traces: list[str]) -> dict[str, list[float]]:
    """How long each took, in ms, ascending."""
    asked = questions(traces)
    times: dict[str, list[float]] = {name: [] for name in asked}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    end = time.perf_counter() + QUERY_S
    while time.perf_counter() < end:
        for name, path in asked.items():
            began = time.perf_counter()
            connection.request("GET", path())
            answer = connection.getresponse()
            body = answer.read()
            times[name].append((time.perf_counter() - began) * 1000)
            assert answer.status == 200, body
            time.sleep(PAUSE_S)
    return {name: sorted(some) for name, some in times.items()}


def free_port() -> int:
    """One that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def measured(data: Path, traces: list[str]) -> dict[str, Any]:
    """The figures, with rows arriving."""
    port = free_port()
    options = ("--data", str(data), "--http-port", str(port), "--logs-per-second-max", "1000000")
    with server("mdk", *options, "--storage-bytes-max", "1TiB") as (rtp, _):
        feeder = subprocess.Popen([sys.executable, __file__, "--feed", str(rtp)], stdout=subprocess.PIPE, text=True)
        assert feeder.stdout is not None
        assert feeder.stdout.readline() == "ready\n"
        began = time.perf_counter()
        times = ask(port, traces)
        took = time.perf_counter() - began
        feeder.terminate()
        acked = int(feeder.stdout.read().split()[-1])
    return {
        "acked_per_s": round(acked / took),
        "questions": len(times["trace"]),
        "ms_p50_p99": {
            name: [round(statistics.median(some), 2), round(some[int(len(some) * 0.99)], 2)]
            for name, some in times.items()
        },
    }


def main() -> None:
    """Measure, and print; or be the process that sends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to measure")
    parser.add_argument("--feed", type=int, default=0)
    given = parser.parse_args()
    if given.feed:
        feed(given.feed)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        began = time.perf_counter()
        traces = fill(Path(name), given.rows)
        filled = time.perf_counter() - began
        figures = {
            "bench": "server_queries",
            "rows": given.rows,
            "filled_s": round(filled),
            **measured(Path(name), traces),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
