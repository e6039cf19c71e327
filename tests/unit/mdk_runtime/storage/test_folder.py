"""A tenant's folder over time: segments begun, sealed, dropped; what is kept, known and counted all the same."""

from __future__ import annotations

import fcntl
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mdk_runtime.storage import faults
from mdk_runtime.storage import housekeeper as housekeeper_module
from mdk_runtime.storage import retention as retention_module
from mdk_runtime.storage import schema as schema_module
from mdk_runtime.storage import sealing as sealing_module
from mdk_runtime.storage import tenant_store as module
from mdk_runtime.storage.answers import Filter, StoredLog
from mdk_runtime.storage.layout import kept_path, segment_numbers, segment_path
from mdk_runtime.storage.manifest import Manifest
from mdk_runtime.storage.retention import RETENTION_LOCK_NAME
from mdk_runtime.storage.schema import open_for_reading
from mdk_runtime.storage.sealing import seal
from mdk_runtime.storage.segment import Segment
from unit.mdk_runtime.storage.stores import NOW_MS, Folder, call, log

DAY_MS = 86_400_000


@contextmanager
def folder_in(data: Path, **limits: Any) -> Iterator[Folder]:
    """Closed at the end."""
    folder = Folder(data, **limits)
    try:
        yield folder
    finally:
        folder.close()


def test_a_full_segment_is_sealed(tmp_path: Path) -> None:
    """By rows: it is one file then, without a log of changes; the newest is still written."""
    with folder_in(tmp_path) as folder:
        folder.fill(25)
        assert folder.states() == [(1, "open"), (2, "open"), (3, "open")]
        folder.housekeeper.look()
        assert folder.states() == [(1, "sealed"), (2, "sealed"), (3, "open")]
        for number in (1, 2):
            assert not segment_path(folder.path, number).with_name(f"segment-{number:08d}.db-wal").exists()
        with folder.reader() as reader:
            assert [one.text for one in reader.logs(oldest_first=True).items] == [f"text {n}" for n in range(25)]


def test_segments_are_begun_by_size_and_age(tmp_path: Path) -> None:
    """As well; an empty one is never."""
    with folder_in(tmp_path / "size", segment_rows=10**6, segment_bytes=1_000_000) as folder:
        folder.take(log(0, text="x" * 100_000))
        assert segment_numbers(folder.path) == [1]
        for number in range(1, 12):
            folder.take(log(number, text="x" * 100_000))
        assert segment_numbers(folder.path)[:2] == [1, 2]
        assert segment_path(folder.path, 1).stat().st_size < 1_200_000
    with folder_in(tmp_path / "age", segment_rows=10**6, segment_age_s=3600.0) as folder:
        folder.now_ms += DAY_MS
        folder.take()
        assert segment_numbers(folder.path) == [1]
        folder.take(log(0))
        assert segment_numbers(folder.path) == [1, 2]


def test_an_idle_tenant_is_rolled_by_the_housekeeper(tmp_path: Path) -> None:
    """It asks once for a segment that nobody has written to for so long."""
    with folder_in(tmp_path, segment_age_s=3600.0) as folder:
        folder.take(log(0))
        folder.now_ms = segment_path(folder.path, 1).stat().st_mtime_ns // 1_000_000 + DAY_MS
        folder.housekeeper.look()
        folder.housekeeper.look()
        assert folder.rolls_wanted == [folder.path]
        folder.take()
        assert segment_numbers(folder.path) == [1, 2]


def test_what_is_too_much_is_dropped_oldest_first(tmp_path: Path) -> None:
    """Down to the limit; files that are gone leave no helpers behind."""
    with folder_in(tmp_path) as folder:
        folder.fill(45)
        folder.housekeeper.look()
        with folder.reader() as reader:
            limit = reader.stats().size_bytes // 2
        folder.close()
        folder.limits = type(folder.limits)(segment_rows=10, bytes_max=limit)
        folder.open()
        folder.housekeeper.look()
        numbers = [number for number, _ in folder.states()]
        assert numbers[-1] == 5
        assert 1 < numbers[0] == 6 - len(numbers), "what is dropped is the oldest"
        assert not [path for path in folder.path.glob("segment-*") if int(path.name[8:16]) < numbers[0]]
        with folder.reader() as reader:
            stats = reader.stats()
            assert sum(one.size_bytes for one in stats.segments) <= limit
            assert (stats.dropped_segments, stats.horizon_ms) == (numbers[0] - 1, NOW_MS + 10 * (numbers[0] - 1))


def test_what_is_dropped_is_known_and_counted_still(tmp_path: Path) -> None:
    """Numbers and interactions that come again are not stored again; the counts of their minutes stay."""
    with folder_in(tmp_path, age_s_max=60.0) as folder:
        folder.take(call("c1", sequence=0), call("c2"), *(log(number) for number in range(10)))
        folder.housekeeper.look()
        folder.now_ms += DAY_MS
        folder.housekeeper.look()
        assert folder.states() == [(2, "open")]
        assert folder.take(log(3), log(9), call("c1", sequence=0), call("c2")) == ["KNOWN"] * 4
        assert folder.take(log(10), call("c3", sequence=1), call("c4", end_timestamp=NOW_MS + 1)) == ["NEW"] * 3
        with folder.reader() as reader:
            rates = reader.log_rates(since_ms=0, until_ms=NOW_MS * 2, service="cart")
            assert [(rate.version, rate.levels) for rate in rates] == [("1.0", {"INFO": 11})]
            edges = reader.edges(since_ms=0, until_ms=NOW_MS * 2)
            assert [(edge.caller, edge.callee, edge.ok, edge.failed) for edge in edges] == [("cart", "pay", 4, 0)]


@pytest.mark.parametrize("jump_ms", [365 * DAY_MS, -365 * DAY_MS])
def test_a_clock_that_jumps_drops_nothing_for_a_day(
    jump_ms: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody may put it right; bytes are bounded all the same. What is kept has an age, too."""
    with folder_in(tmp_path, age_s_max=7 * DAY_MS / 1000) as folder:
        folder.fill(10)
        folder.housekeeper.look()
        folder.now_ms += jump_ms
        folder.jumped_ms = jump_ms
        folder.housekeeper.look()
        folder.now_ms += DAY_MS - 1
        folder.housekeeper.look()
        assert folder.states() == [(1, "sealed"), (2, "open")]
        (record,) = caplog.records
        assert record.getMessage() == (
            f"the clock has jumped by {jump_ms // 1000:+d} s: nothing is dropped by its age for a day"
        )
        folder.now_ms += 1
        folder.housekeeper.look()
        assert folder.states() == ([(2, "open")] if jump_ms > 0 else [(1, "sealed"), (2, "open")])


def test_a_clock_that_is_put_right_is_a_jump_as_well(tmp_path: Path) -> None:
    """Then a day passes from there, and nothing of the wrong time counts."""
    with folder_in(tmp_path, age_s_max=7 * DAY_MS / 1000) as folder:
        folder.fill(10)
        folder.housekeeper.look()
        for jump_ms in (365 * DAY_MS, 0):
            folder.now_ms += jump_ms - folder.jumped_ms
            folder.jumped_ms = jump_ms
            folder.housekeeper.look()
        for days in (3, 3):
            folder.now_ms += days * DAY_MS
            folder.housekeeper.look()
        assert folder.states() == [(1, "sealed"), (2, "open")]
        folder.now_ms += 2 * DAY_MS
        folder.housekeeper.look()
        assert folder.states() == [(2, "open")]


def test_a_repeated_interaction_is_found_in_every_segment(tmp_path: Path) -> None:
    """An original sends all of its life again: in the one that is written, one that waits, one that is sealed."""
    with folder_in(tmp_path) as folder:
        for first in (0, 10):
            folder.take(*(call(f"c{number}", sequence=number) for number in range(first, first + 10)))
        folder.housekeeper.look()
        folder.take(*(call(f"c{number}", sequence=number) for number in range(20, 30)))
        folder.take(call("c30", sequence=30))
        assert folder.states() == [(1, "sealed"), (2, "sealed"), (3, "open"), (4, "open")]
        assert folder.take(*(call(f"c{number}", sequence=number) for number in range(31))) == ["KNOWN"] * 31
        # Two processes that were forked from one count alike; a uuid is what an interaction is known by.
        assert folder.take(call("other", sequence=5)) == ["NEW"]


def test_failing_traces_are_kept_longer(tmp_path: Path) -> None:
    """Whole, with their places in order of arrival, also if they fail only in the next segment; the rest goes."""
    with folder_in(tmp_path, age_s_max=60.0) as folder:
        folder.take(
            log(0, "bad", level="ERROR"), log(1, "good"), log(2, "bad"), log(3, "slow"), log(4, "", level="ERROR")
        )
        folder.take(
            call("c1", "broken", failed=True), call("c2", "good"), *(log(number, "good") for number in range(5, 8))
        )
        folder.take(*(log(number, "slow", level="CRITICAL") for number in range(10, 20)))
        with folder.reader() as reader:
            bad = reader.trace("bad").items
        folder.housekeeper.look()
        folder.now_ms += 50_000
        folder.take(*(log(number, "good") for number in range(20, 30)))
        folder.housekeeper.look()
        folder.now_ms += 50_000
        folder.housekeeper.look()
        assert folder.states() == [(1, "kept"), (2, "kept"), (3, "sealed"), (4, "open")]
        assert not segment_path(folder.path, 1).exists()
        with folder.reader() as reader:
            assert reader.trace("bad").items == bad
            assert [one.sequence for one in reader.logs(Filter(trace_id="slow"), oldest_first=True).items][:2] == [
                3,
                10,
            ]
            assert [one.uuid for one in reader.interactions().items] == ["c1"]
            assert {one.trace_id for one in reader.traces().items} == {"bad", "slow", "broken", "good"}
            assert reader.logs(Filter(trace_id="")).items == []
            assert [one.text for one in reader.logs(Filter(text="text 2")).items] == ["text 2"]
            assert reader.stats().horizon_ms == NOW_MS + 20
        folder.now_ms += 40 * DAY_MS
        folder.housekeeper.look()
        assert not list(folder.path.glob("kept*"))


def test_what_is_kept_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In bytes, the newest traces first; in files; none if there is no room at all."""
    with folder_in(tmp_path / "none", age_s_max=60.0, kept_bytes_max=0) as folder:
        folder.fill(10, level="ERROR")
        folder.housekeeper.look()
        folder.now_ms += DAY_MS
        folder.housekeeper.look()
        assert folder.states() == [(2, "open")]
    with folder_in(tmp_path / "half", age_s_max=60.0) as folder:
        folder.take(*(log(number, f"trace {number}", level="ERROR") for number in range(10)))
        folder.housekeeper.look()
        size = segment_path(folder.path, 1).stat().st_size
        folder.close()
        folder.limits = type(folder.limits)(segment_rows=10, age_s_max=60.0, kept_bytes_max=size // 2)
        folder.open()
        folder.now_ms += DAY_MS
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(retention_module, "_size", lambda segments: 0)  # A file of ten rows is mostly its tables.
            folder.housekeeper.look()
        with folder.reader() as reader:
            assert [one.sequence for one in reader.logs(oldest_first=True).items] == [5, 6, 7, 8, 9]
    monkeypatch.setattr(retention_module, "KEPT_MAX", 2)
    with folder_in(tmp_path / "files", age_s_max=60.0) as folder:
        folder.fill(40, level="ERROR")
        folder.housekeeper.look()
        folder.now_ms += DAY_MS
        folder.housekeeper.look()
        assert folder.states() == [(3, "kept"), (4, "kept"), (5, "open")]
        assert not kept_path(folder.path, 1).exists()


def test_a_held_lock_keeps_segments(tmp_path: Path) -> None:
    """While a backup is made nothing is dropped; sealing goes on."""
    with folder_in(tmp_path, age_s_max=60.0) as folder:
        folder.fill(10)
        folder.housekeeper.look()
        folder.now_ms += DAY_MS
        with (tmp_path / RETENTION_LOCK_NAME).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            folder.housekeeper.look()
            assert folder.states() == [(1, "sealed"), (2, "open")]
        folder.housekeeper.look()
        assert folder.states() == [(2, "open")]


def test_a_segment_that_cannot_be_begun_does_not_lose_what_was_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The old one goes on, and it is tried again a while later."""
    with folder_in(tmp_path) as folder:
        with monkeypatch.context() as patched:

            def fail(*_: object, **__: object) -> Segment:
                raise sqlite3.OperationalError("database or disk is full")

            patched.setattr(module, "Segment", fail)
            with caplog.at_level(logging.WARNING):
                folder.fill(20)
        (said,) = {record.getMessage() for record in caplog.records}
        assert said == (f"cannot begin a segment in {folder.path}: database or disk is full; going on with the old one")
        assert folder.states() == [(1, "open")]
        folder.now_ms += module.ROLL_AGAIN_MS
        folder.fill(5)
        assert folder.states() == [(1, "open"), (2, "open")]
        with folder.reader() as reader:
            assert reader.stats().logs == 25


def test_a_housekeeper_that_fails_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so once, and seals the segment the next time."""
    with folder_in(tmp_path) as folder:
        folder.fill(15)

        def fail(*_: object, **__: object) -> bool:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
            patched.setattr(housekeeper_module, "seal", fail)
            folder.housekeeper.look()
            folder.housekeeper.look()
            (tmp_path / "works").mkdir()
            folder.housekeeper.look()
            (tmp_path / "broken").mkdir()
            (tmp_path / "broken" / "manifest.db").write_text("no database" * 100)
            (tmp_path / "broken" / "segment-00000001.db").touch()
            folder.housekeeper.look()
            folder.housekeeper.look()
        assert [record.getMessage() for record in caplog.records] == [
            f"cannot tend {folder.path}: disk I/O error; trying again",
            f"cannot tend {tmp_path / 'broken'}: file is not a database; trying again",
        ], "each once, whatever works beside it"
        folder.housekeeper.look()
        assert folder.states() == [(1, "sealed"), (2, "open")]


def test_the_numbers_of_senders_long_gone_are_forgotten(tmp_path: Path) -> None:
    """With the counts of their time: neither grows for ever."""
    with folder_in(tmp_path, age_s_max=60.0, rates_age_s_max=90 * 86_400.0) as folder:
        folder.take(*(log(number, node="old") for number in range(10)))
        folder.housekeeper.look()
        folder.now_ms += 100 * DAY_MS
        folder.take(*(log(number, node="new", timestamp=folder.now_ms) for number in range(10)))
        folder.housekeeper.look()
        with folder.reader() as reader:
            assert [rate.start_ms // DAY_MS for rate in reader.log_rates(since_ms=0, until_ms=folder.now_ms * 2)] == [
                folder.now_ms // DAY_MS
            ]
        assert folder.take(log(0, node="new", timestamp=folder.now_ms)) == ["KNOWN"]
        assert folder.take(log(0, node="old", timestamp=folder.now_ms)) == ["NEW"]


def test_a_log_belongs_to_the_service_its_sender_had_last(tmp_path: Path) -> None:
    """When it registers another one, to that; when it has taken it back, to the last one, also after a restart."""
    with folder_in(tmp_path) as folder:
        folder.take(log(0, service=""), log(1, service="cart"), log(2, service="pay"), log(3, service=""))
        folder.close()
        folder.open()
        folder.take(log(4, service=""))
        with folder.reader() as reader:
            logs = reader.logs(oldest_first=True).items
            assert [one.service for one in logs] == ["", "cart", "pay", "pay", "pay"]
            assert [one.text for one in reader.logs(Filter(service="pay")).items] == ["text 4", "text 3", "text 2"]
            assert all(isinstance(one, StoredLog) for one in logs)


@pytest.mark.parametrize("step", faults.STEPS[5:])
def test_what_a_process_left_behind_is_removed(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that died while it dropped a segment: the next one does it again, or finishes it."""
    with folder_in(tmp_path, age_s_max=60.0) as folder:
        folder.fill(15, level="ERROR")
        folder.housekeeper.look()
        folder.now_ms += DAY_MS

        def die(name: str) -> None:
            if name == step:
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(faults, "reached", die)
            with pytest.raises(KeyboardInterrupt):
                folder.housekeeper.look()
        folder.close()
        folder.open()
        folder.housekeeper.look()
        assert folder.states() == [(1, "kept"), (2, "open")]
        assert sorted(path.name for path in folder.path.glob("*.db*") if path.name[-3:] not in ("wal", "shm")) == [
            "kept-00000001.db",
            "manifest.db",
            "segment-00000002.db",
        ]
        with folder.reader() as reader:
            assert reader.stats().logs == 15


def test_a_segment_that_is_being_read_is_sealed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A query that goes on keeps the log of changes from being emptied; who has to end does not wait for it."""
    monkeypatch.setattr(sealing_module, "FOLD_TRIES", 2)
    monkeypatch.setattr(sealing_module, "FOLD_PAUSE_S", 0.0)
    monkeypatch.setattr(schema_module, "BUSY_MS", 1)
    with folder_in(tmp_path) as folder:
        folder.fill(9)
        reading = open_for_reading(segment_path(folder.path, 1))
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM logs").fetchone()
        folder.fill(6)
        with caplog.at_level(logging.WARNING):
            folder.housekeeper.look()
        assert [record.getMessage() for record in caplog.records] == [
            "a segment is still being read; it is sealed later"
        ]
        assert folder.states() == [(1, "open"), (2, "open")]
        reading.close()
        folder.housekeeper.look()
        assert folder.states() == [(1, "sealed"), (2, "open")]
        folder.fill(10)
        with Manifest(folder.path) as manifest:
            assert not seal(folder.path, 2, manifest, now_ms=folder.now_ms, may_go_on=lambda: False)
        assert folder.states() == [(1, "sealed"), (2, "open"), (3, "open")]
