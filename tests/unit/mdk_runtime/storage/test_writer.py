"""The thread that writes."""

from __future__ import annotations

import errno
import logging
import queue
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mdk_protocol.messages import Log, SharedContext
from mdk_runtime.core.server.origin import Entry
from mdk_runtime.core.server.writes import Outcome
from mdk_runtime.storage.backlog import Job
from mdk_runtime.storage.backup import back_up
from mdk_runtime.storage.errors import DiskLow
from mdk_runtime.storage.layout import segment_path
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.probing import is_everybodys
from mdk_runtime.storage.reader import Reader
from mdk_runtime.storage.segment import Segment
from mdk_runtime.storage.writer import Done, Writer

WITHIN_S = 60.0


class Deliveries:
    """What the writer has delivered."""

    def __init__(self) -> None:
        self.queue: queue.Queue[list[Done]] = queue.Queue()
        self.turns: list[tuple[str, bool, bool]] = []
        """The folder, whether it can be written, and whether nothing was delivered yet."""

    def turn(self, folder: Path, works: bool) -> None:
        """Storing works, or fails."""
        self.turns.append((folder.name, works, self.queue.empty()))

    def take(self, count: int) -> list[Done]:
        """That many jobs, as they come."""
        done: list[Done] = []
        while len(done) < count:
            done += self.queue.get(timeout=WITHIN_S)
        return done


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for what a thread does."""
    end = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.fixture
def deliveries() -> Deliveries:
    """Where the writer delivers."""
    return Deliveries()


@pytest.fixture
def writer(deliveries: Deliveries) -> Iterator[Writer]:
    """A writer, stopped at the end."""
    made = Writer(deliveries.queue.put, turned=deliveries.turn, retry_s=0.01)
    yield made
    made.stop(timeout_s=1.0)


def logs(first: int, count: int = 1) -> list[Log]:
    """Consecutive logs of one sender."""
    return [Log(node="n", text=str(number), sequence=number) for number in range(first, first + count)]


def job(folder: Path, first: int, count: int = 1) -> Job:
    """A job whose token is its first number."""
    return Job(folder, [Entry(log) for log in logs(first, count)], first)


def test_jobs_come_back_in_order(writer: Writer, deliveries: Deliveries, tmp_path: Path) -> None:
    """With what became of each message; by then they are readable."""
    for first in range(0, 30, 3):
        writer.submit(job(tmp_path / "t", first, 3))
    assert writer.backlog == 30
    writer.start()
    done = deliveries.take(10)
    assert [one.job.token for one in done] == list(range(0, 30, 3))
    assert {result.outcome for one in done for result in one.results} == {Outcome.NEW}
    assert writer.backlog == 0
    with Reader(tmp_path / "t") as reader:
        assert reader.stats().logs == 30


def test_tenants_have_a_file_each(writer: Writer, deliveries: Deliveries, tmp_path: Path) -> None:
    """The same sender and number in two tenants are two logs."""
    writer.submit(job(tmp_path / "a", 0))
    writer.submit(job(tmp_path / "b", 0))
    writer.start()
    assert [one.results[0].outcome for one in deliveries.take(2)] == [Outcome.NEW, Outcome.NEW]
    assert segment_path(tmp_path / "a", 1).exists()
    assert segment_path(tmp_path / "b", 1).exists()


def test_open_files_are_bounded(deliveries: Deliveries, tmp_path: Path) -> None:
    """The one not used longest is closed, and opened again when it is needed."""
    writer = Writer(deliveries.queue.put, StorageLimits(tenants_open_max=2))
    writer.start()
    for first in range(2):
        for name in "abc":
            writer.submit(job(tmp_path / name, first))
    assert {one.results[0].outcome for one in deliveries.take(6)} == {Outcome.NEW}
    writer.stop(timeout_s=WITHIN_S)


@pytest.mark.parametrize("limits", [StorageLimits(backlog_max=10), StorageLimits(backlog_bytes_max=5000)])
def test_full_is_said(deliveries: Deliveries, tmp_path: Path, limits: StorageLimits) -> None:
    """In messages and in bytes: who submits can see that it should wait, and that it need not any more."""
    writer = Writer(deliveries.queue.put, limits)
    writer.submit(job(tmp_path, 90, 9))
    assert not writer.is_full
    writer.submit(job(tmp_path, 0))
    assert writer.is_full
    writer.start()
    deliveries.take(2)
    assert not writer.is_full
    writer.stop(timeout_s=WITHIN_S)


def test_a_failure_is_tried_again(
    writer: Writer,
    deliveries: Deliveries,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Said once, and once more when it works again; nothing is delivered in between, nothing lost."""
    failures = 3
    store = Segment.store

    def fail_some_times(self: Segment, entries: list[Entry], *, now_ms: int) -> object:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise sqlite3.OperationalError("database or disk is full")
        return store(self, entries, now_ms=now_ms)

    monkeypatch.setattr(Segment, "store", fail_some_times)
    with caplog.at_level(logging.WARNING):
        writer.submit(job(tmp_path, 0, 2))
        writer.start()
        (done,) = deliveries.take(1)
    assert [result.outcome for result in done.results] == [Outcome.NEW, Outcome.NEW]
    assert not writer.is_failing
    assert deliveries.turns == [(tmp_path.name, False, True), (tmp_path.name, True, True)]
    assert [record.getMessage() for record in caplog.records] == [
        f"cannot store in {tmp_path}: database or disk is full; trying again, acknowledgements wait",
        f"storing in {tmp_path} works again",
    ]


def test_a_folder_that_cannot_be_written_is_in_nobodys_way(
    writer: Writer, deliveries: Deliveries, tmp_path: Path
) -> None:
    """Others are stored meanwhile, whatever waits for it; when it can be written its messages come in order."""
    blocked = tmp_path / "a"
    blocked.write_text("no folder")
    for first in range(5):
        writer.submit(job(blocked, first))
        writer.submit(job(tmp_path / "b", first))
    writer.start()
    assert [(one.job.folder.name, one.job.token) for one in deliveries.take(5)] == [("b", first) for first in range(5)]
    assert (writer.fails(blocked), writer.fails(tmp_path / "b"), writer.folders_failing) == (True, False, 1)
    assert writer.backlog == 5
    assert not writer.is_failing, "storage as a whole works"
    writer.submit(job(blocked, 5))
    writer.submit(job(tmp_path / "b", 5))
    assert [one.job.token for one in deliveries.take(1)] == [5]
    blocked.unlink()
    assert [one.job.token for one in deliveries.take(6)] == [0, 1, 2, 3, 4, 5]
    assert (writer.fails(blocked), writer.folders_failing, writer.backlog) == (False, 0, 0)
    assert [turn[:2] for turn in deliveries.turns] == [("a", False), ("a", True)]


def test_a_folder_that_is_taken_away_is_made_anew(
    writer: Writer, deliveries: Deliveries, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is acknowledged is where the folder is; what stood there before goes on in another place, or is gone."""
    folder, copy = tmp_path / "data" / "t", tmp_path / "copy"
    writer.start()
    writer.submit(job(folder, 0))
    deliveries.take(1)
    shutil.rmtree(folder)
    for first in (1, 2):
        writer.submit(job(folder, first))
        deliveries.take(1)
    with Reader(folder) as reader:
        assert [one.sequence for one in reader.logs(oldest_first=True).items] == [1, 2]
    back_up(folder.parent, copy)
    folder.rename(tmp_path / "aside")
    shutil.copytree(copy / "t", folder)
    writer.submit(job(folder, 2, 2))
    (done,) = deliveries.take(1)
    assert [result.outcome for result in done.results] == [Outcome.KNOWN, Outcome.NEW]
    with Reader(folder) as reader:
        assert [one.sequence for one in reader.logs(oldest_first=True).items] == [1, 2, 3]
    said = f"the files of {folder} are gone, or others: they are opened anew"
    assert [record.getMessage() for record in caplog.records] == [said, said]


def test_folders_that_are_open_come_first(tmp_path: Path) -> None:
    """In a round: tenants that are new, however many, come behind those that are there."""
    delivered: list[tuple[str, int]] = []
    reached, go_on = threading.Event(), threading.Event()

    def deliver(done: list[Done]) -> None:
        delivered.extend((one.job.folder.name, one.job.token) for one in done)
        reached.set()
        assert go_on.wait(WITHIN_S)

    writer = Writer(deliver)
    writer.start()
    writer.submit(job(tmp_path / "old", 0))
    assert reached.wait(WITHIN_S)
    for first, name in enumerate(("new 1", "new 2", "old", "new 1", "old")):
        writer.submit(job(tmp_path / name, first))
    go_on.set()
    assert writer.stop(timeout_s=WITHIN_S) == 0
    assert delivered == [("old", 0), ("old", 2), ("old", 4), ("new 1", 0), ("new 1", 3), ("new 2", 1)]


def test_whose_fault_it_is(deliveries: Deliveries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be used is alone with that, also where nobody else writes; a full disk is everybody's."""
    writer = Writer(deliveries.queue.put, turned=deliveries.turn, retry_s=0.01)
    (tmp_path / "a").write_text("no folder")
    writer.submit(job(tmp_path / "a", 0))
    writer.start()
    wait_until(lambda: bool(deliveries.turns))
    assert (writer.folders_failing, writer.is_failing) == (1, False)
    reasons: list[Exception] = [
        sqlite3.OperationalError("database or disk is full"),
        OSError(errno.ENOSPC, "No space left on device"),
    ]
    reasons[0].sqlite_errorcode = sqlite3.SQLITE_FULL  # type: ignore[attr-defined]  # as SQLite sets it
    reasons.append(DiskLow(tmp_path, 1, 2))
    assert [is_everybodys(one, tmp_path) for one in reasons] == [True, True, True]
    assert not is_everybodys(sqlite3.DatabaseError("database disk image is malformed"), tmp_path)
    assert is_everybodys(sqlite3.OperationalError("disk I/O error"), tmp_path / "none"), (
        "nor can anything else be written"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"a"}
    monkeypatch.setattr("mdk_runtime.storage.writer.is_everybodys", lambda error, data: True)
    monkeypatch.setattr("mdk_runtime.storage.writer.ROOM_S", 0.0)
    wait_until(lambda: writer.is_failing)
    monkeypatch.setattr("mdk_runtime.storage.writer.is_everybodys", lambda error, data: False)
    wait_until(lambda: not writer.is_failing)
    writer.stop(timeout_s=0.0)


def test_what_waits_for_a_folder_is_bounded(deliveries: Deliveries, tmp_path: Path) -> None:
    """By itself: it does not count as full for others, and others' messages do not count for it."""
    writer = Writer(deliveries.queue.put, StorageLimits(backlog_max=10), retry_s=60.0)
    blocked = tmp_path / "a"
    blocked.write_text("no folder")
    writer.submit(job(blocked, 0, 9))
    writer.submit(job(tmp_path / "b", 0, 9))
    assert writer.is_full
    assert not writer.is_full_for(blocked), "nobody knows yet"
    writer.start()
    deliveries.take(1)
    assert not writer.is_full
    assert not writer.is_full_for(blocked)
    writer.submit(job(blocked, 9))
    assert writer.is_full_for(blocked)
    assert not writer.is_full_for(tmp_path / "b")
    assert writer.stop(timeout_s=0.0) == 10


def test_what_nobody_foresaw_does_not_end_storing(
    writer: Writer,
    deliveries: Deliveries,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A defect of ours is a failure as others, with a traceback in the log: the thread goes on."""
    store = Segment.store

    def fail_for_a(self: Segment, entries: list[Entry], *, now_ms: int) -> object:
        if entries[0].message.node == "bad":
            raise ZeroDivisionError
        return store(self, entries, now_ms=now_ms)

    monkeypatch.setattr(Segment, "store", fail_for_a)
    writer.submit(Job(tmp_path / "a", [Entry(Log(node="bad"))]))
    writer.submit(job(tmp_path / "b", 0))
    writer.start()
    assert deliveries.take(1)[0].job.token == 0
    (record,) = caplog.records
    assert record.getMessage().startswith(f"cannot store in {tmp_path / 'a'}: ")
    assert record.exc_info is not None


def test_what_is_only_looked_after_does_not_stop_storing(
    deliveries: Deliveries, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody would try it again, and a server that says it cannot store is sent nothing that shows the contrary."""
    writer = Writer(deliveries.queue.put, turned=deliveries.turn)
    (tmp_path / "a").write_text("no folder")
    writer.submit(Job(tmp_path / "a", []))
    writer.submit(job(tmp_path / "b", 0))
    with caplog.at_level(logging.WARNING):
        writer.start()
        deliveries.take(1)
    assert not writer.is_failing
    assert deliveries.turns == []
    (record,) = caplog.records
    assert record.getMessage().startswith(f"cannot look after {tmp_path / 'a'}: [Errno 17] File exists")
    writer.stop(timeout_s=WITHIN_S)


def test_stop_stores_what_is_queued(deliveries: Deliveries, tmp_path: Path) -> None:
    """What was submitted before is stored before the thread ends."""
    writer = Writer(deliveries.queue.put)
    writer.start()
    for first in range(20):
        writer.submit(job(tmp_path, first))
    assert writer.stop(timeout_s=WITHIN_S) == 0
    with Reader(tmp_path) as reader:
        assert reader.stats().logs == 20


def test_stop_gives_up(deliveries: Deliveries, tmp_path: Path) -> None:
    """Where nothing can be written it ends in time, says how much was not stored, and delivered none of it."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    writer = Writer(deliveries.queue.put, retry_s=0.01)
    writer.submit(job(blocked, 0, 7))
    writer.start()
    assert writer.stop(timeout_s=0.1) == 7
    assert deliveries.queue.empty()


def test_stop_gives_up_between_two_folders(tmp_path: Path) -> None:
    """However many there are: when the time is up only the step under way is finished, and the rest is counted."""
    delivered: list[Done] = []
    reached, go_on = threading.Event(), threading.Event()

    def deliver(done: list[Done]) -> None:
        delivered.extend(done)
        reached.set()
        assert go_on.wait(WITHIN_S)

    writer = Writer(deliver)
    for number in range(20):
        writer.submit(job(tmp_path / str(number), 0, 2))
    writer.start()
    assert reached.wait(WITHIN_S)
    assert writer.stop(timeout_s=0.0) == 38
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "mdk-storage":
            thread.join(WITHIN_S)
    assert [len(one.results) for one in delivered] == [2]
    assert not (tmp_path / "1").exists()


def test_a_disk_with_too_little_room_is_not_filled(
    deliveries: Deliveries, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is stored nor acknowledged; it says how much there is and how much must stay."""
    writer = Writer(deliveries.queue.put, StorageLimits(free_bytes_min=1 << 60), retry_s=0.01)
    writer.submit(job(tmp_path, 0, 3))
    with caplog.at_level(logging.WARNING):
        writer.start()
        assert writer.stop(timeout_s=0.1) == 3
    assert deliveries.queue.empty()
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"cannot store in {tmp_path}: ")
    assert f"bytes are free on the disk of {tmp_path}, and {1 << 60} must stay so; make room, or lower" in said
    assert not segment_path(tmp_path, 1).exists()


def test_large_properties_count(deliveries: Deliveries, tmp_path: Path) -> None:
    """What waits is bounded in bytes wherever they are, nested as deep as they may be."""
    writer = Writer(deliveries.queue.put, StorageLimits(backlog_bytes_max=100_000))
    context = SharedContext(properties={"a": [{"b": "x" * 100_000}], "c": 1})
    writer.submit(Job(tmp_path, [Entry(Log(context=context))]))
    assert writer.is_full
    writer.start()
    deliveries.take(1)
    assert not writer.is_full
    assert writer.stop(timeout_s=WITHIN_S) == 0
