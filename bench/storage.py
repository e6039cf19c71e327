"""Storage: rows stored and acknowledged against the same SQLite writes alone.

Prints one JSON line. `ratio` is of medians of runs that take turns. The floor is the very statements of a run, recorded and
replayed by one thread that does nothing else. Queries: bench/server_queries.py.

    python bench/storage.py [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from mdk_protocol.messages import LamportClock, Level, Log, SharedContext
from mdk_runtime.core.server.origin import Entry, Origin
from mdk_runtime.server.application import GARBAGE, SWITCH_S
from mdk_runtime.storage.backlog import Job
from mdk_runtime.storage.layout import segment_path
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.schema import open_segment
from mdk_runtime.storage.segment import Segment
from mdk_runtime.storage.writer import Done, Writer

INGEST_ROWS = 100_000
TURNS = 5
JOB_ROWS = 256
SERVICES, NODES, PER_TRACE, WORDS = 20, 60, 20, 20_000
LIMITS = StorageLimits(bytes_max=1 << 40, free_bytes_min=1 << 20)


class Messages:
    """Logs as twenty services write them: traces of twenty logs, interleaved; about 85 characters a text."""

    def __init__(self, seed: int = 1) -> None:
        self.dice = random.Random(seed)
        self.words = [f"word{number}" for number in range(WORDS)]
        self.traces: list[str] = []
        self.number = 0
        self.origins = [Origin(f"service-{number}", "1.0") for number in range(SERVICES)]
        self.start_ms = time.time_ns() // 1_000_000

    def take(self, count: int) -> list[Entry]:
        """That many more."""
        return [self._one() for _ in range(count)]

    def _one(self) -> Entry:
        dice, number = self.dice, self.number
        self.number += 1
        place = number // PER_TRACE + dice.randrange(50)
        while len(self.traces) <= place:
            self.traces.append(str(uuid.UUID(int=dice.getrandbits(128), version=4)))
        level = dice.choices(("DEBUG", "INFO", "WARN", "ERROR"), (10, 80, 8, 2))[0]
        log = Log(
            context=SharedContext(trace_id=self.traces[place], clock=LamportClock(clocks=[1, number % PER_TRACE])),
            timestamp=self.start_ms + number // 10,
            node=f"node-{number % NODES}",
            level=Level(level),
            category=f"category-{number % 7}",
            # A word's rank falls off as in texts: some are everywhere, most are rare.
            text=" ".join(self.words[int(WORDS * dice.random() ** 3)] for _ in range(9)),
            sequence=number // NODES,
        )
        return Entry(log, self.origins[number % SERVICES])


class Recorder:
    """A connection that writes down what it is told."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self.calls: list[tuple[str, str, Sequence[Any]]] = []

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """One statement."""
        if not statement.startswith(("SELECT", "PRAGMA")):
            self.calls.append(("execute", statement, list(values)))
        return self.database.execute(statement, values)

    def executemany(self, statement: str, rows: Sequence[Any]) -> sqlite3.Cursor:
        """One statement, many times."""
        self.calls.append(("executemany", statement, list(rows)))
        return self.database.executemany(statement, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)


def recorded(folder: Path, entries: list[Entry]) -> list[tuple[str, str, Sequence[Any]]]:
    """The writes that store these rows, in transactions of the usual size."""
    recorder = Recorder(open_segment(segment_path(folder, 1), cache_bytes=LIMITS.cache_bytes))
    with patch("mdk_runtime.storage.segment.open_segment", return_value=recorder):  # whoever has a part in it is heard
        segment = Segment(segment_path(folder, 1))
    for at in range(0, len(entries), LIMITS.batch_max):
        segment.store(entries[at : at + LIMITS.batch_max], now_ms=0)
    segment.close()
    return recorder.calls


class Took(NamedTuple):
    """Seconds by the clock, and of processor."""

    wall_s: float
    cpu_s: float


def floor(folder: Path, calls: list[tuple[str, str, Sequence[Any]]]) -> Took:
    """How long these writes take alone."""
    database = open_segment(segment_path(folder, 1), cache_bytes=LIMITS.cache_bytes)
    began, cpu = time.perf_counter(), time.process_time()
    for kind, statement, values in calls:
        getattr(database, kind)(statement, values)
    took = Took(time.perf_counter() - began, time.process_time() - cpu)
    database.close()
    return took


def stored(folder: Path, entries: list[Entry]) -> Took:
    """How long it takes until every row is stored and its acknowledgement could be sent."""
    done = threading.Event()
    left = len(entries)

    def deliver(some: list[Done]) -> None:
        nonlocal left
        left -= sum(len(one.results) for one in some)
        if not left:
            done.set()

    writer = Writer(deliver, LIMITS)
    writer.start()
    began, cpu = time.perf_counter(), time.process_time()
    for at in range(0, len(entries), JOB_ROWS):
        while writer.is_full:
            time.sleep(0.001)
        writer.submit(Job(folder, entries[at : at + JOB_ROWS]))
    done.wait()
    took = Took(time.perf_counter() - began, time.process_time() - cpu)
    writer.stop(timeout_s=10.0)
    return took


def ingest(holder: Path) -> dict[str, Any]:
    """Rows per second, and the ratio to the floor."""
    entries = Messages().take(INGEST_ROWS)
    calls = recorded(holder / "recorded", entries)
    floors: list[Took] = []
    times: list[Took] = []
    for turn in range(TURNS):
        floors.append(floor(holder / f"floor-{turn}", calls))
        times.append(stored(holder / f"stored-{turn}", entries))
        shutil.rmtree(holder / f"floor-{turn}")
        shutil.rmtree(holder / f"stored-{turn}")
    alone, took = (Took(*map(statistics.median, zip(*some, strict=True))) for some in (floors, times))
    return {
        "rows": INGEST_ROWS,
        "floor_rows_per_s": round(INGEST_ROWS / alone.wall_s),
        "stored_rows_per_s": round(INGEST_ROWS / took.wall_s),
        "ratio": round(alone.wall_s / took.wall_s, 3),
        "floor_rows_per_cpu_s": round(INGEST_ROWS / alone.cpu_s),
        "stored_rows_per_cpu_s": round(INGEST_ROWS / took.cpu_s),
        "ratio_cpu": round(alone.cpu_s / took.cpu_s, 3),
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to measure")
    given = parser.parse_args()
    sys.setswitchinterval(SWITCH_S)  # As the server does, and so for the floor, too.
    gc.set_threshold(*GARBAGE)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        print(json.dumps({"bench": "storage", **ingest(Path(name))}))


if __name__ == "__main__":
    main()
