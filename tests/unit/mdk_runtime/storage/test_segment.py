"""What is stored, once each, and how it comes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdk_protocol.messages import Environment, InteractionEvent, LamportClock, Level, Log, ProtocolError, SharedContext
from mdk_runtime.core.server.origin import Entry
from mdk_runtime.core.server.writes import Outcome
from mdk_runtime.storage.answers import StoredLog
from mdk_runtime.storage.batch import Stored
from mdk_runtime.storage.errors import UnknownSchema, Unstorable
from mdk_runtime.storage.layout import segment_path
from mdk_runtime.storage.reader import Reader
from mdk_runtime.storage.rows import clock_key, clock_levels, id_key, id_text
from mdk_runtime.storage.schema import VERSION, open_for_reading
from mdk_runtime.storage.segment import Segment

NOW_MS = 1795487600000
TRACE = "0f4ae1a0-6f3c-4f0e-9c0a-1d2b3c4d5e6f"


def log(sequence: int | None = 0, *, node: str = "n1", clocks: list[int] | None = None, **fields: Any) -> Log:
    """A log of the trace."""
    context = SharedContext(trace_id=TRACE, clock=LamportClock(clocks=clocks if clocks is not None else [1]))
    numbered = {} if sequence is None else {"sequence": sequence}
    given: dict[str, Any] = {"context": context, "text": f"text {sequence}", **numbered, **fields}
    return Log(node=node, timestamp=1795487508618, **given)


def event(uuid: str = "8b0c9ce0-9b5b-4587-8588-4f57ec2c06fb", sequence: int = 0) -> InteractionEvent:
    """An interaction of the trace."""
    return InteractionEvent(
        uuid=uuid, session=TRACE, node="n1", results={"n2": 1}, start_clock=[1], end_clock=[4], sequence=sequence
    )


@pytest.fixture
def segment(tmp_path: Path) -> Iterator[Segment]:
    """An open segment."""
    opened = Segment(segment_path(tmp_path, 1))
    yield opened
    opened.close()


def store(segment: Segment, *messages: Log | InteractionEvent) -> list[Stored]:
    """Store messages of senders without a service."""
    return segment.store([Entry(message) for message in messages], now_ms=NOW_MS)


def outcomes(results: list[Stored]) -> list[str]:
    """In short."""
    return [result.outcome.name for result in results]


def test_a_log_is_stored_once(segment: Segment) -> None:
    """Sender and sequence know it: in one transaction, in the next, and after the file was closed."""
    assert outcomes(store(segment, log(0), log(1), log(0), log(0, node="n2"))) == ["NEW", "NEW", "KNOWN", "NEW"]
    assert outcomes(store(segment, log(1), log(5), log(2))) == ["KNOWN", "NEW", "NEW"]
    segment.close()
    again = Segment(segment.path)
    assert outcomes(store(again, log(0), log(2), log(4), log(5))) == ["KNOWN", "KNOWN", "NEW", "KNOWN"]
    again.close()
    with Reader(segment.path.parent) as reader:
        assert reader.stats().logs == 6


def test_a_log_without_a_sequence_is_always_new(segment: Segment) -> None:
    """It is never sent again either."""
    assert outcomes(store(segment, log(None), log(None))) == ["NEW", "NEW"]


def test_an_interaction_is_known_by_its_uuid(segment: Segment) -> None:
    """An original sends each again after every reconnect, for ever."""
    assert outcomes(store(segment, event(), event(sequence=1))) == ["NEW", "KNOWN"]
    assert outcomes(store(segment, event(), event("other"))) == ["KNOWN", "NEW"]
    with Reader(segment.path.parent) as reader:
        stored = reader.interactions(oldest_first=True).items
    assert [(one.uuid, one.results, one.start_clock, one.end_clock, one.node) for one in stored] == [
        ("8b0c9ce0-9b5b-4587-8588-4f57ec2c06fb", {"n2": 1}, (1,), (4,), "n1"),
        ("other", {"n2": 1}, (1,), (4,), "n1"),
    ]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (log(2**63), "sequence is 9223372036854775808; expected a number from 0 to 9223372036854775807"),
        (log(-1), "sequence is -1; expected a number from 0 to 9223372036854775807"),
        (log(9, clocks=[1, 2**32]), "clock is [1, 4294967296]; expected levels from 0 to 4294967295"),
        (log(9, clocks=[-1]), "clock is [-1]; expected levels from 0 to 4294967295"),
        (event(""), "uuid is ''; expected a text that is not empty"),
    ],
)
def test_the_hopeless_is_rejected(segment: Segment, message: Log | InteractionEvent, reason: str) -> None:
    """It says why, and takes nothing else with it."""
    assert store(segment, log(0), message, log(1)) == [
        Stored(Outcome.NEW),
        Stored(Outcome.REJECTED, reason),
        Stored(Outcome.NEW),
    ]


def test_what_is_rejected_is_rejected_once(segment: Segment) -> None:
    """Its number is noted: if it comes again it is known, also when it would be let in now, and after a restart."""
    too_many = ProtocolError(code="logs_per_second_max")
    hopeless = [Entry(log(0, clocks=[-1])), Entry(event("", sequence=7))]
    forbidden = [Entry(log(number), forbidden=too_many) for number in (1, 2)]
    unnumbered = Entry(log(None), forbidden=too_many)
    first = segment.store([*hopeless, *forbidden, unnumbered], now_ms=NOW_MS)
    assert outcomes(first) == ["REJECTED"] * 5
    assert [bool(one.reason) for one in first] == [True, True, False, False, False]
    assert outcomes(segment.store([*hopeless, *forbidden], now_ms=NOW_MS)) == ["KNOWN"] * 4
    assert outcomes(store(segment, log(1), log(3))) == ["KNOWN", "NEW"]
    segment.close()
    again = Segment(segment.path)
    assert outcomes(again.store([*hopeless, forbidden[1], unnumbered], now_ms=NOW_MS)) == ["KNOWN"] * 3 + ["REJECTED"]
    again.close()


def test_what_is_stored_is_not_rejected(segment: Segment) -> None:
    """It came within the rate, and comes again above it."""
    store(segment, log(0), log(1))
    again = [Entry(log(number), forbidden=ProtocolError(code="x")) for number in (0, 1, 2)]
    assert outcomes(segment.store(again, now_ms=NOW_MS)) == ["KNOWN", "KNOWN", "REJECTED"]


def test_all_of_a_log_comes_back(segment: Segment) -> None:
    """Every field, odd texts included."""
    context = SharedContext(
        trace_id="no uuid",
        clock=LamportClock(clocks=[3, 0, 7]),
        properties={"a": [1, {"b": "ü"}]},
        environment=Environment(name="child", fallback_name="parent"),
    )
    store(
        segment,
        Log(
            context=context,
            timestamp=17,
            node="nöde",
            level=Level.WARN,
            category="cät",
            text="lone \ud800 and 😀",
            sequence=3,
        ),
    )
    with Reader(segment.path.parent) as reader:
        (stored,) = reader.logs().items
    assert (stored.trace_id, stored.clock, stored.timestamp_ms, stored.node) == ("no uuid", (3, 0, 7), 17, "nöde")
    assert (stored.sequence, stored.level, stored.category) == (3, "WARN", "cät")
    assert stored.text == "lone \\ud800 and 😀"
    assert (stored.environment, stored.fallback, stored.properties) == ("child", "parent", {"a": [1, {"b": "ü"}]})


def test_a_trace_is_in_causal_order(segment: Segment) -> None:
    """By clock, in whatever order the logs came."""
    clocks = [[300], [2], [1, 0], [1], [1, 2, 0], [1, 10], [1, 2]]
    store(segment, *[log(number, clocks=levels) for number, levels in enumerate(clocks)])
    with Reader(segment.path.parent) as reader:
        stored = reader.trace(TRACE).items
        assert [list(one.clock) for one in stored if isinstance(one, StoredLog)] == sorted(clocks)
        assert [one.sequence for one in reader.logs(limit=2).items] == [6, 5]
        assert reader.trace("unknown").items == []


@given(st.lists(st.lists(st.integers(0, 2**32 - 1), max_size=4)))
def test_clock_keys_sort_as_clocks(clocks: list[list[int]]) -> None:
    """As bytes they are in the order of the lists, and come back."""
    assert sorted(clocks) == [list(clock_levels(key)) for key in sorted(map(clock_key, clocks))]


@given(st.one_of(st.uuids().map(str), st.text(st.characters(exclude_categories=["Cs"]))))
def test_ids_come_back(text: str) -> None:
    """Uuids as 16 bytes, all else as it is."""
    assert id_text(id_key(text)) == text


def test_an_uppercase_uuid_stays_as_it_was_written() -> None:
    """Only the usual spelling is made short."""
    assert id_key(TRACE.upper()) == TRACE.upper()
    assert isinstance(id_key(TRACE), bytes)
    assert id_key("x" * 36) == "x" * 36


def test_a_failed_transaction_leaves_nothing(segment: Segment) -> None:
    """The same messages are new when they come again."""
    other = sqlite3.connect(segment.path)
    other.execute("CREATE TRIGGER full BEFORE INSERT ON logs BEGIN SELECT RAISE(ABORT, 'full'); END")
    other.commit()
    with pytest.raises(sqlite3.Error):
        store(segment, event(), log(0))
    other.execute("DROP TRIGGER full")
    other.commit()
    other.close()
    segment.close()
    again = Segment(segment.path)
    assert outcomes(store(again, event(), log(0))) == ["NEW", "NEW"]
    again.close()


def test_durable_before_it_is_said(segment: Segment) -> None:
    """WAL with full synchronisation: a commit is on the disk."""
    database = segment.database
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_newer_schema_is_refused(segment: Segment) -> None:
    """By the writer and by readers, with both versions in the text."""
    segment.close()
    database = sqlite3.connect(segment.path)
    database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    with pytest.raises(UnknownSchema, match=f"schema version {VERSION + 1}; this program knows versions up to"):
        Segment(segment.path)
    with pytest.raises(UnknownSchema):
        open_for_reading(segment.path)


def test_texts_of_errors_are_short() -> None:
    """A long value is cut."""
    assert len(str(Unstorable("clock", "x" * 1000, "less"))) < 120
