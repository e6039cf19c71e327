"""A tenant's folder as tests use it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mdk_protocol.messages import InteractionEvent, LamportClock, Level, Log, SharedContext
from mdk_runtime.core.server.origin import Entry, Origin
from mdk_runtime.storage.batch import Stored
from mdk_runtime.storage.housekeeper import Housekeeper
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.reader import Reader
from mdk_runtime.storage.tenant_store import TenantStore

NOW_MS = 1_795_000_020_000


def log(sequence: int, trace: str = "t", *, level: str = "INFO", service: str = "cart", **fields: Any) -> Entry:
    """A log of a sender, by default in the same trace."""
    context = SharedContext(trace_id=trace, clock=LamportClock(clocks=[sequence]))
    given: dict[str, Any] = {"node": "n1", "text": f"text {sequence}", "timestamp": NOW_MS + sequence, **fields}
    return Entry(Log(context=context, level=Level(level), sequence=sequence, **given), Origin(service, "1.0"))


def call(uuid: str, trace: str = "t", *, failed: bool = False, **fields: Any) -> Entry:
    """An interaction of a sender."""
    given: dict[str, Any] = {"node": "n1", "start_timestamp": NOW_MS, "end_timestamp": NOW_MS, **fields}
    event = InteractionEvent(uuid=uuid, session=trace, results={"n2": 0 if failed else 1}, **given)
    return Entry(event, Origin("cart", "1.0", {"n2": "pay"}))


class Folder:
    """One tenant, its writer and its housekeeper, on the test's thread and with the test's clock."""

    def __init__(self, data: Path, **limits: Any) -> None:
        self.data = data
        self.path = data / "t"
        self.limits = StorageLimits(**{"segment_rows": 10, **limits})
        self.now_ms = NOW_MS
        self.jumped_ms = 0
        """Of `now_ms`, what no other clock has seen."""
        self.rolls_wanted: list[Path] = []
        self.emptied: list[Path] = []
        self.open()

    def open(self) -> None:
        """A process begins."""
        self.housekeeper = Housekeeper(
            self.data,
            self.limits,
            wants_roll=self.rolls_wanted.append,
            changed=lambda folder: None,
            emptied=self.emptied.append,
            now_ms=lambda: self.now_ms,
            monotonic=lambda: (self.now_ms - self.jumped_ms) / 1000,
        )
        self.store = TenantStore(self.path, self.limits, now_ms=self.now_ms, rolled=self.housekeeper.rolled)

    def close(self) -> None:
        """The process ends."""
        self.store.close()

    def take(self, *entries: Entry) -> list[str]:
        """Store, and say what became of each."""
        results: list[Stored] = self.store.store(entries, now_ms=self.now_ms)
        return [result.outcome.name for result in results]

    def fill(self, count: int, **fields: Any) -> None:
        """That many logs, numbered on, a transaction each segment."""
        first = getattr(self, "_next", 0)
        self._next = first + count
        for at in range(first, first + count, 10):
            self.take(*(log(number, **fields) for number in range(at, min(at + 10, first + count))))

    def states(self) -> list[tuple[int, str]]:
        """Number and state of each segment."""
        with self.reader() as reader:
            return [(one.number, one.state) for one in reader.stats().segments]

    def reader(self) -> Reader:
        """To be closed."""
        return Reader(self.path, limits=self.limits)
