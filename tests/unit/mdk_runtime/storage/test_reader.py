"""Queries: cursors that stay right, texts that nobody can misuse, limits of time and rows."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mdk_runtime.storage.answers import Filter, Position
from mdk_runtime.storage.backlog import Job
from mdk_runtime.storage.connections import Connections
from mdk_runtime.storage.errors import BadQuery, NoSuchTenant, QueryTooSlow, TooManyQueries
from mdk_runtime.storage.layout import segment_path
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.reader import Reader
from mdk_runtime.storage.retention import may_drop
from mdk_runtime.storage.search import Search
from mdk_runtime.storage.snapshot import Snapshot
from mdk_runtime.storage.storage import Storage
from mdk_runtime.storage.traces import Place
from mdk_runtime.storage.writer import Done
from unit.mdk_runtime.storage.stores import NOW_MS, Folder, call, log

WITHIN_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """An empty folder with segments of ten rows."""
    made = Folder(tmp_path)
    yield made
    made.close()


def test_pages_stay_right_while_rows_arrive(folder: Folder) -> None:
    """And while segments are begun and sealed: what was there comes once, what came later does not."""
    folder.fill(45)
    with folder.reader() as reader:
        found: list[int | None] = []
        cursor: str | None = None
        while True:
            page = reader.logs(cursor=cursor, limit=7)
            found += [one.sequence for one in page.items]
            assert not page.dropped
            cursor = page.next
            if cursor is None:
                break
            folder.fill(5)
            folder.housekeeper.look()
        assert found == list(range(44, -1, -1))


def test_a_tail_goes_on_where_it_was(folder: Folder) -> None:
    """A row's position is a cursor: who has read up to there gets what came since."""
    folder.fill(12)
    with folder.reader() as reader:
        last = reader.logs(limit=1).items[0].position
        assert reader.logs(cursor=str(last), oldest_first=True).items == []
        folder.fill(9)
        news = reader.logs(cursor=str(last), oldest_first=True, limit=5)
        assert [one.sequence for one in news.items] == [12, 13, 14, 15, 16]
        assert [one.sequence for one in reader.logs(cursor=news.next, oldest_first=True).items] == [17, 18, 19, 20]


def test_a_cursor_into_what_was_dropped_says_so(tmp_path: Path) -> None:
    """And goes on at the oldest, in every kind of page."""
    folder = Folder(tmp_path, age_s_max=60.0)
    folder.fill(10)
    folder.take(call("c", sequence=0))
    with folder.reader() as reader:
        oldest = str(reader.logs(oldest_first=True, limit=1).items[0].position)
        folder.fill(10)
        traces = reader.traces(limit=1)
        assert not reader.logs(cursor=oldest, oldest_first=True).dropped
        folder.housekeeper.look()
        folder.now_ms += 86_400_000
        folder.housekeeper.look()
        folder.fill(3)
        page = reader.logs(cursor=oldest, oldest_first=True)
        assert page.dropped
        assert [one.sequence for one in page.items] == [20, 21, 22]
        page = reader.logs(cursor=oldest)
        assert (page.items, page.next, page.dropped) == ([], None, True)
        assert reader.interactions(cursor=oldest).dropped
        assert reader.trace("t", cursor=f"00000001-0-{oldest}").dropped
        assert reader.traces(cursor=f"9.9~{oldest}").dropped
        assert not traces.dropped
    folder.close()


@pytest.mark.parametrize("cursor", ["", "1", "1.", ".1", "a.b", "-1.2", "1.2.3", "1.²", "1." + "9" * 19, "1.2~"])
def test_what_is_no_cursor_is_refused(folder: Folder, cursor: str) -> None:
    """It says which text, and what would be right."""
    with folder.reader() as reader:
        for ask in (reader.logs, reader.interactions, reader.traces):
            with pytest.raises(BadQuery, match=r"cursor is .*; expected one that an answer named as its next"):
                ask(cursor=cursor)
        with pytest.raises(BadQuery):
            reader.trace("t", cursor=cursor)


def test_places_come_back() -> None:
    """As text and as themselves."""
    for place in (Place(b"", 0, Position(1, 2)), Place(b"\0\0\0\1", 1, Position(3, 4))):
        assert Place.parse(str(place)) == place


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda reader: reader.logs(limit=0), "limit is 0; expected a number from 1 to 1000"),
        (lambda reader: reader.traces(limit=1001), "limit is 1001; expected a number from 1 to 1000"),
        (lambda reader: reader.trace("t", limit=-1), "limit is -1; expected a number from 1 to 1000"),
        (
            lambda reader: reader.logs(Filter(level="LOUD")),
            "level is 'LOUD'; expected one of DEBUG, INFO, WARN, ERROR, CRITICAL",
        ),
        (lambda reader: reader.logs(Filter(text=" ")), "text is ' '; expected at least one word"),
        (
            lambda reader: reader.log_rates(since_ms=0, until_ms=1, step_minutes=0),
            "step_minutes is 0; expected 1 or more",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(folder: Folder, ask: Any, said: str) -> None:
    """With the value, and with what could be."""
    with folder.reader() as reader, pytest.raises(BadQuery) as refused:
        ask(reader)
    assert str(refused.value) == said


def test_interactions_have_no_text(folder: Folder) -> None:
    """Who asks for it is told so."""
    with folder.reader() as reader:
        for wanted in (Filter(text="a"), Filter(level="INFO"), Filter(category="c")):
            with pytest.raises(BadQuery, match="interactions have none"):
                reader.interactions(wanted)


def test_words_phrases_and_beginnings(folder: Folder) -> None:
    """All words, in any order and case; quotes for what stands side by side; a star for how a word begins."""
    folder.take(
        log(0, text="Connection to 10.0.0.1 refused"), log(1, text="refused the connection"), log(2, text="connect")
    )
    found = {
        "refused connection": [1, 0],
        '"connection to"': [0],
        '"refused connection"': [],
        "connect*": [2, 1, 0],
        "connect": [2],
        "10.0.0.1": [0],
        "REFUSED*": [1, 0],
        "*": [],
        "refused ***": [1, 0],
    }
    with folder.reader() as reader:
        for text, sequences in found.items():
            assert [one.sequence for one in reader.logs(Filter(text=text)).items] == sequences, text


def test_a_long_search_stops_and_goes_on(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of time it answers what it has, and where to go on; each answer gets further."""
    folder.fill(60)
    folder.take(call("c", sequence=0))
    limits = StorageLimits(search_s_max=0.0)
    with Reader(folder.path, limits=limits) as reader:
        for ask in (reader.logs, reader.traces):
            pages = 0
            found: list[Any] = []
            cursor: str | None = None
            while True:
                page = ask(Filter(category="", node="n1"), cursor=cursor)
                found += page.items
                pages += 1
                cursor = page.next
                if cursor is None:
                    break
            assert pages >= 6, "a window ends with its segment"
            assert len(found) == (60 if ask == reader.logs else 1)


def test_a_query_that_takes_too_long_is_stopped(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is nothing to go on from."""
    folder.fill(10)
    with Reader(folder.path, limits=StorageLimits(query_s_max=0.01)) as reader:

        def forever(snapshot: Snapshot, _: Path) -> Any:
            database = snapshot.open(snapshot.files[0]).database
            return database.execute(
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
            ).fetchone()

        monkeypatch.setattr("mdk_runtime.storage.reader.stats", forever)
        with pytest.raises(QueryTooSlow, match=r"the query was stopped after 0\.0 s"):
            reader.stats()
        monkeypatch.undo()
        assert reader.logs().items, "its connection is as good as before"


def test_a_level_is_found_by_its_index(folder: Folder) -> None:
    """Merged from sorted parts, not sorted: the newest hundred cost as much among millions."""
    folder.take(log(0))
    connections = Connections(4)
    for wanted in (Filter(level="WARN"), Filter(service="cart", level="ERROR"), Filter(service="cart")):
        with Snapshot(folder.path, connections, seconds=10.0) as snapshot:
            connection = snapshot.open(snapshot.files[0])
            search = Search(snapshot, wanted, logs=True, calls=False)
            select = search._select(connection, is_log=True)  # pyright: ignore[reportPrivateUsage]
            assert select is not None
            query = f"EXPLAIN QUERY PLAN {select.text(oldest_first=False)}"
            plan = [row[3] for row in connection.database.execute(query, select.values((1, 10), 5))]
        assert plan[0] == "MERGE (UNION ALL)"
        assert not [step for step in plan if "TEMP B-TREE" in step or step.startswith("SCAN")], plan
    connections.close()


def test_a_time_is_found_by_its_blocks(folder: Folder) -> None:
    """Rows of other times are not looked at, though row ids are in order of arrival; a wrong clock loses nothing."""
    big = Folder(folder.data / "big", segment_rows=10**6)
    count = 20_000
    for first in range(0, count, 500):
        big.take(*(log(number, timestamp=NOW_MS + number) for number in range(first, first + 500)))
    big.take(log(count, timestamp=NOW_MS + 10))
    with closing(Connections(4)) as connections, Snapshot(big.path, connections, seconds=10.0) as snapshot:
        connection = snapshot.open(snapshot.files[0])
        wanted = Filter(since_ms=NOW_MS, until_ms=NOW_MS + 100)
        search = Search(snapshot, wanted, logs=True, calls=False)
        ranges = search._ranges(connection, snapshot.files[0])  # pyright: ignore[reportPrivateUsage]
        assert sum(last - first + 1 for first, last in ranges) < 3500
        found = [one.position.row for one in search]
    assert found == [count + 1, *range(100, 0, -1)]
    big.close()


def test_a_segment_that_is_dropped_while_it_is_asked_for(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The query begins again with what is there."""
    folder.fill(25)
    folder.housekeeper.look()
    gone = segment_path(folder.path, 1)
    use = Connections.use

    def use_late(self: Connections, path: Path, *, is_final: bool) -> Any:
        if path == gone and gone.exists():
            with may_drop(folder.data):
                from mdk_runtime.storage.manifest import Manifest

                with Manifest(folder.path) as manifest:
                    manifest.drop(manifest.segments()[0], kept=None, dropped_call_ms=0)
                gone.unlink()
        return use(self, path, is_final=is_final)

    monkeypatch.setattr(Connections, "use", use_late)
    with folder.reader() as reader:
        assert [one.sequence for one in reader.logs(oldest_first=True).items] == list(range(10, 25))


def test_a_tenant_of_which_nothing_is_stored(tmp_path: Path) -> None:
    """It is said by its own error."""
    with Reader(tmp_path / "nobody") as reader, pytest.raises(NoSuchTenant, match="nothing is stored in"):
        reader.logs()


def test_idle_connections_are_few(tmp_path: Path, folder: Folder) -> None:
    """Beyond the limit the one not used longest is closed; those of a folder can be let go."""
    folder.fill(45)
    connections = Connections(2)
    reader = Reader(folder.path, connections=connections)
    reader.logs()
    assert len(connections._idle) == 2  # pyright: ignore[reportPrivateUsage]
    connections.forget(folder.path)
    assert not connections._idle  # pyright: ignore[reportPrivateUsage]
    connections.close()
    reader.stats()
    assert not connections._idle, "nothing is kept after the end"  # pyright: ignore[reportPrivateUsage]


def test_a_file_that_is_gone_is_let_go(tmp_path: Path, folder: Folder) -> None:
    """A query that ran while its segment was dropped does not keep it on the disk."""
    folder.fill(5)
    connections = Connections(4)
    path = segment_path(folder.path, 1)
    with connections.use(path, is_final=False) as connection:
        for one in tmp_path.rglob("segment*"):
            one.unlink()
    assert not connections._idle  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(sqlite3.ProgrammingError):
        connection.database.execute("SELECT 1")


def test_queries_run_while_rows_are_stored(tmp_path: Path) -> None:
    """On threads of their own; what is durable is seen; beyond the bound one more is refused."""
    stored: list[Done] = []
    storage = Storage(tmp_path, stored.extend, StorageLimits(segment_rows=50, queries_waiting_max=8))
    storage.start()
    dice = random.Random(1)
    for first in range(0, 400, 20):
        entries = [log(number, f"trace {dice.randrange(9)}") for number in range(first, first + 20)]
        storage.writer.submit(Job(tmp_path / "t", entries))
        while storage.writer.backlog > 20:
            time.sleep(0.001)
        if stored:
            known = sum(len(one.results) for one in stored)
            assert storage.query("t", lambda reader: reader.stats().logs).result(WITHIN_S) >= known
    end = time.monotonic() + WITHIN_S
    while storage.writer.backlog:
        assert time.monotonic() < end
        time.sleep(0.001)
    assert len(storage.query("t", Reader.stats).result(WITHIN_S).segments) > 4
    while any(one.state != "sealed" for one in storage.query("t", Reader.stats).result(WITHIN_S).segments[:-1]):
        assert time.monotonic() < end, "the housekeeper seals by itself"
        time.sleep(0.01)
    held = threading.Event()
    waiting = [storage.query("t", lambda reader: held.wait(WITHIN_S)) for _ in range(8)]
    with pytest.raises(TooManyQueries, match="8 queries are waiting already; try again later"):
        storage.query("t", Reader.stats)
    held.set()
    wait(waiting, WITHIN_S)
    assert storage.query("t", lambda reader: len(reader.logs(limit=1000).items)).result(WITHIN_S) == 400
    assert storage.stop(timeout_s=WITHIN_S) == 0
