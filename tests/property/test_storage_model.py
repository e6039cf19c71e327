"""Storage against a model of a few lists: whatever is stored, sealed, dropped or cut short, queries answer as the model.

`MDK_MODEL_EXAMPLES` says how many stories are told (`make soak`: 500).
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mdk_protocol.messages import Environment, InteractionEvent, LamportClock, Level, Log, ProtocolError, SharedContext
from mdk_runtime.core.server.origin import Entry, Origin
from mdk_runtime.core.server.writes import Outcome
from mdk_runtime.storage import faults
from mdk_runtime.storage.answers import Filter, Page, Position, StoredInteraction, StoredLog
from mdk_runtime.storage.housekeeper import Housekeeper
from mdk_runtime.storage.limits import StorageLimits
from mdk_runtime.storage.manifest import Manifest
from mdk_runtime.storage.reader import Reader
from mdk_runtime.storage.rows import LEVELS, SEVERITIES
from mdk_runtime.storage.tenant_store import TenantStore

EXAMPLES = int(os.environ.get("MDK_MODEL_EXAMPLES", "25"))
START_MS = 1_795_000_020_000
LIMITS = StorageLimits(segment_rows=12, age_s_max=60.0)
TOO_MANY = ProtocolError(code="logs_per_second_max")
TRACES = ["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "0f8fad5b-d9cb-469f-a165-70867728950e", "odd", ""]
NODES = ["n1", "n2"]
SERVICES = ["cart", "pay", ""]
WORDS = ["alpha", "beta", "gamma", "x-ray", "DELTA"]
ENVIRONMENTS = ["sandbox", "green"]

Event = StoredLog | StoredInteraction


class Killed(BaseException):
    """The process dies here."""


@contextmanager
def dying_at(step: str) -> Iterator[None]:
    """The process dies when it reaches a step."""

    def reached(name: str) -> None:
        if name == step:
            raise Killed

    before, faults.reached = faults.reached, reached
    try:
        yield
    finally:
        faults.reached = before


class Row(NamedTuple):
    """What the model knows of a row."""

    event: Event

    @property
    def is_failing(self) -> bool:
        """It makes its trace a failing one."""
        event = self.event
        return event.failed if isinstance(event, StoredInteraction) else SEVERITIES.get(event.level, 0) >= 4

    @property
    def time_ms(self) -> int:
        """Its own."""
        return self.event.end_ms if isinstance(self.event, StoredInteraction) else self.event.timestamp_ms


def fits(row: Row, wanted: Filter) -> bool:
    """The filter, said plainly."""
    event = row.event
    checks = [
        wanted.trace_id in (None, event.trace_id),
        wanted.service in (None, event.service),
        wanted.environment in (None, event.environment),
        wanted.node in (None, event.node),
        wanted.since_ms is None or row.time_ms >= wanted.since_ms,
        wanted.until_ms is None or row.time_ms < wanted.until_ms,
    ]
    if isinstance(event, StoredInteraction):
        checks += [wanted.failed in (None, event.failed), not (wanted.level or wanted.text or wanted.category)]
    else:
        words = re.findall(r"\w+", event.text.lower())
        checks += [
            wanted.category in (None, event.category),
            wanted.level is None or SEVERITIES.get(event.level, 0) >= SEVERITIES[wanted.level],
            wanted.text is None or all(word in words for word in re.findall(r"\w+", wanted.text.lower())),
        ]
    return all(checks)


def assert_same(found: Sequence[Event], expected: Sequence[Event]) -> None:
    """The same rows in the same order; says which differ."""
    places, wanted = [one.position for one in found], [one.position for one in expected]
    assert places == wanted, f"missing {set(wanted) - set(places)}, too much {set(places) - set(wanted)}"
    assert found == expected


def all_pages(ask: Callable[[str | None], Page[Any]]) -> list[Any]:
    """The pages, one behind the other."""
    items: list[Any] = []
    cursor: str | None = None
    while True:
        page = ask(cursor)
        items += page.items
        cursor = page.next
        if cursor is None:
            return items


filters = st.builds(
    Filter,
    trace_id=st.none() | st.sampled_from([*TRACES, "unknown"]),
    service=st.none() | st.none() | st.sampled_from([*SERVICES, "unknown"]),
    level=st.none() | st.sampled_from(list(SEVERITIES)),
    text=st.none() | st.none() | st.sampled_from([*WORDS[:3], "delta", '"x-ray"', "alpha beta", "nowhere", 'AND "']),
    since_ms=st.none() | st.none() | st.integers(START_MS - 5_000, START_MS + 200_000),
    until_ms=st.none() | st.none() | st.integers(START_MS - 5_000, START_MS + 200_000),
    environment=st.none() | st.none() | st.sampled_from(ENVIRONMENTS),
    node=st.none() | st.none() | st.sampled_from([*NODES, "unknown"]),
    category=st.none() | st.none() | st.sampled_from(["a", "b"]),
)
drafts = st.tuples(
    st.booleans(),  # an interaction?
    st.sampled_from(TRACES),
    st.sampled_from(NODES),
    st.sampled_from(SERVICES),
    st.sampled_from([*SEVERITIES, "INFO", "INFO", "ODD"]),
    st.lists(st.sampled_from(WORDS), max_size=3).map(" ".join),
    st.sampled_from(ENVIRONMENTS),
    st.integers(-3_000, 3_000),  # the clock of the sender is that wrong
    st.lists(st.integers(0, 3), min_size=1, max_size=3),
    st.integers(0, 3),  # so many numbers are left out
    st.sampled_from(["a", "b", "MDK"]),
    st.booleans(),  # failed?
)


class StorageMachine(RuleBasedStateMachine):
    """Everything that happens to a folder."""

    @initialize()
    def begin(self) -> None:
        """An empty folder."""
        self.holder = tempfile.TemporaryDirectory()
        self.data = Path(self.holder.name)
        self.folder = self.data / "t"
        self.now_ms = START_MS
        self.rows: list[Row] = []
        self.sent: list[Entry] = []
        self.next: Counter[tuple[str, bool]] = Counter()
        self.uuids = 0
        self.log_rates: Counter[tuple[int, str, str, int]] = Counter()
        self.call_rates: Counter[tuple[int, str, str, str, bool]] = Counter()
        self.top = Position(0, 0)
        self.reader = Reader(self.folder, limits=LIMITS)
        self.start()

    def start(self) -> None:
        """The server starts, perhaps after it died."""
        self.housekeeper = Housekeeper(
            self.data,
            LIMITS,
            wants_roll=lambda folder: None,
            changed=lambda folder: None,
            emptied=lambda folder: None,
            now_ms=lambda: self.now_ms,
            monotonic=lambda: self.now_ms / 1000,
        )
        self.store = TenantStore(self.folder, LIMITS, now_ms=self.now_ms, rolled=self.housekeeper.rolled)

    def teardown(self) -> None:
        """Remove the folder."""
        if hasattr(self, "store"):
            self.store.close()
            self.reader.close()
            self.holder.cleanup()

    # --- what happens -----------------------------------------------------------------------------

    @rule(some=st.lists(drafts, min_size=1, max_size=15))
    def messages_come(self, some: list[tuple[Any, ...]]) -> None:
        """New ones are stored once, in order."""
        entries = [self.entry(*draft) for draft in some]
        results = self.store.store(entries, now_ms=self.now_ms)
        assert [result.outcome for result in results] == [Outcome.NEW] * len(entries)
        self.learn(entries)

    @rule(some=st.lists(drafts, min_size=1, max_size=8), forbidden=st.sets(st.integers(0, 7)))
    def too_many_logs_come(self, some: list[tuple[Any, ...]], forbidden: set[int]) -> None:
        """Those above the rate are rejected, and their numbers seen; the others are stored."""
        entries = [self.entry(*draft) for draft in some]
        for place in forbidden & set(range(len(entries))):
            if isinstance(entries[place].message, Log):
                entries[place] = entries[place]._replace(forbidden=TOO_MANY)
        results = self.store.store(entries, now_ms=self.now_ms)
        assert [result.outcome is Outcome.REJECTED for result in results] == [bool(one.forbidden) for one in entries]
        self.learn([one for one in entries if not one.forbidden])
        self.sent += [one for one in entries if one.forbidden]

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), is_forbidden=st.booleans())
    def messages_come_again(self, data: st.DataObject, is_forbidden: bool) -> None:
        """They are known, wherever they are stored, if they are dropped, if they were rejected or would be now."""
        places = st.lists(st.integers(0, len(self.sent) - 1), min_size=1, max_size=10)
        again = TOO_MANY if is_forbidden else None
        entries = [
            one._replace(forbidden=again if isinstance(one.message, Log) else None)
            for one in map(self.sent.__getitem__, data.draw(places))
        ]
        results = self.store.store(entries, now_ms=self.now_ms)
        assert [result.outcome for result in results] == [Outcome.KNOWN] * len(entries)

    @rule(seconds=st.sampled_from([1, 20, 70]))
    def time_passes(self, seconds: int) -> None:
        """Segments grow old."""
        self.now_ms += seconds * 1000

    @rule()
    def house_is_kept(self) -> None:
        """Full segments are sealed, old ones dropped."""
        self.housekeeper.look()
        self.forget_dropped()

    @rule(some=st.lists(drafts, min_size=13, max_size=13), step=st.sampled_from(faults.STEPS[:2]))
    def dies_while_it_rolls(self, some: list[tuple[Any, ...]], step: str) -> None:
        """What was stored before is there."""
        entries = [self.entry(*draft) for draft in some]
        with dying_at(step), pytest.raises(Killed):
            self.store.store(entries, now_ms=self.now_ms)
        self.start_again()
        self.learn(entries)

    @rule(step=st.sampled_from(faults.STEPS[2:]))
    def dies_while_it_keeps_house(self, step: str) -> None:
        """At any step; or it has nothing to do there."""
        with dying_at(step):
            try:
                self.housekeeper.look()
            except Killed:
                self.start_again()
        self.forget_dropped()

    @rule()
    def starts_again(self) -> None:
        """In good order."""
        self.start_again()

    def start_again(self) -> None:
        """A new process opens the folder."""
        self.store.close()
        self.start()

    # --- what is asked ----------------------------------------------------------------------------

    @rule(wanted=filters, limit=st.integers(1, 20), oldest_first=st.booleans())
    def logs_are_asked_for(self, wanted: Filter, limit: int, oldest_first: bool) -> None:
        """Pages of any size are the rows that fit, in order of arrival."""
        expected = [row.event for row in self.rows if isinstance(row.event, StoredLog) and fits(row, wanted)]
        found = all_pages(
            lambda cursor: self.reader.logs(wanted, cursor=cursor, limit=limit, oldest_first=oldest_first)
        )
        assert_same(found, expected if oldest_first else expected[::-1])

    @rule(wanted=filters, failed=st.none() | st.booleans(), limit=st.integers(1, 20), oldest_first=st.booleans())
    def interactions_are_asked_for(self, wanted: Filter, failed: bool | None, limit: int, oldest_first: bool) -> None:
        """The same."""
        wanted = replace(wanted, level=None, text=None, category=None, failed=failed)
        expected = [row.event for row in self.rows if isinstance(row.event, StoredInteraction) and fits(row, wanted)]
        found = all_pages(
            lambda cursor: self.reader.interactions(wanted, cursor=cursor, limit=limit, oldest_first=oldest_first)
        )
        assert_same(found, expected if oldest_first else expected[::-1])

    @rule(trace=st.sampled_from(TRACES), limit=st.integers(1, 20))
    def a_trace_is_asked_for(self, trace: str, limit: int) -> None:
        """Causal order: by clock, logs before interactions, then by arrival."""
        events = [row.event for row in self.rows if row.event.trace_id == trace]
        expected = sorted(events, key=_causal)
        assert all_pages(lambda cursor: self.reader.trace(trace, cursor=cursor, limit=limit)) == expected

    @rule(wanted=filters, failed=st.none() | st.booleans(), limit=st.integers(1, 4))
    def traces_are_asked_for(self, wanted: Filter, failed: bool | None, limit: int) -> None:
        """Each trace with a row that fits once, the one with the newest such row first, with its counts."""
        wanted = replace(wanted, failed=failed)
        found = all_pages(lambda cursor: self.reader.traces(wanted, cursor=cursor, limit=limit))
        expected: list[str] = []
        for row in reversed(self.rows):
            plain = replace(wanted, failed=None)
            is_wanted = fits(row, plain) and (failed is not True or row.is_failing)
            is_wanted = is_wanted and (failed is not False or not self.has_failed(row.event.trace_id))
            if is_wanted and row.event.trace_id not in expected:
                expected.append(row.event.trace_id)
        assert [trace.trace_id for trace in found] == expected, (found, expected)
        for trace in found:
            rows = [row for row in self.rows if row.event.trace_id == trace.trace_id]
            logs = [row.event for row in rows if isinstance(row.event, StoredLog)]
            assert sum(trace.levels.values()) == len(logs), (trace, rows)
            assert trace.interactions == len(rows) - len(logs)
            assert trace.failed == self.has_failed(trace.trace_id)
            assert set(trace.services) == {row.event.service for row in rows}
            errors = sorted((log for log in logs if SEVERITIES.get(log.level, 0) >= 4), key=_causal)
            assert trace.first_error == (errors[0].text if errors else None)
            assert trace.entry == min((row.event for row in rows), key=_causal).service
            said = sorted((log for log in logs if log.category != "MDK"), key=_causal)
            assert trace.first_text == (said[0].text if said else None)

    @invariant()
    def counts_are_right(self) -> None:
        """Per minute, also of what is dropped."""
        if not hasattr(self, "reader"):
            return
        since, until = START_MS - 86_400_000, START_MS + 86_400_000
        found = Counter[tuple[int, str, str, int]]()
        for rate in self.reader.log_rates(since_ms=since, until_ms=until):
            for level, count in rate.levels.items():
                found[rate.start_ms // 60_000, rate.environment, rate.service, LEVELS.index(level)] += count
        assert found == self.log_rates
        calls = Counter[tuple[int, str, str, str, bool]]()
        for call in self.reader.call_rates(since_ms=since, until_ms=until):
            key = (call.start_ms // 60_000, call.environment, call.caller, call.callee)
            calls[(*key, True)] += call.ok
            calls[(*key, False)] += call.failed
        assert +calls == self.call_rates

    # --- inside -----------------------------------------------------------------------------------

    def entry(
        self,
        is_call: bool,
        trace: str,
        node: str,
        service: str,
        level: str,
        text: str,
        environment: str,
        wrong_ms: int,
        clocks: list[int],
        gap: int,
        category: str,
        failed: bool,
    ) -> Entry:
        """A message that was never sent."""
        self.next[node, is_call] += 1 + gap
        number = self.next[node, is_call]
        # Of a service that has a name: one without is taken for the sender's last.
        origin = Origin(service, "1.0", {"callee": "callee service"}) if service else Origin()
        where = Environment(name=environment)
        if is_call:
            self.uuids += 1
            return Entry(
                InteractionEvent(
                    uuid=f"uuid {self.uuids}",
                    session=trace,
                    node=node,
                    results={"callee": 0 if failed else 1},
                    start_timestamp=self.now_ms + wrong_ms,
                    end_timestamp=self.now_ms + wrong_ms,
                    start_clock=clocks,
                    end_clock=clocks,
                    sequence=number,
                    environment=where,
                ),
                origin,
            )
        context = SharedContext(trace_id=trace, clock=LamportClock(clocks=clocks), environment=where)
        return Entry(
            Log(
                context=context,
                timestamp=self.now_ms + wrong_ms,
                node=node,
                level=Level(level),
                category=category,
                text=text,
                sequence=number,
            ),
            origin,
        )

    def learn(self, entries: list[Entry]) -> None:
        """See where the new rows stand, and that they are these, in this order."""
        new_logs = self.read_new(self.reader.logs)
        new_calls = self.read_new(self.reader.interactions)
        messages = [entry.message for entry in entries]
        logs = [message for message in messages if isinstance(message, Log)]
        calls = [message for message in messages if isinstance(message, InteractionEvent)]
        assert [(one.node, one.sequence, one.text) for one in new_logs] == [
            (log.node, log.sequence, log.text) for log in logs
        ]
        assert [one.uuid for one in new_calls] == [call.uuid for call in calls]
        rows = sorted([*new_logs, *new_calls], key=lambda one: one.position)
        self.rows += [Row(one) for one in rows]
        if rows:
            self.top = rows[-1].position
        self.sent += entries
        for one in rows:
            minute = Row(one).time_ms // 60_000
            if isinstance(one, StoredLog):
                self.log_rates[minute, one.environment, one.service, SEVERITIES.get(one.level, 0)] += 1
            else:
                callee = one.callees.get("callee", "")
                self.call_rates[minute, one.environment, one.service, callee, not one.failed] += 1

    def read_new(self, ask: Callable[..., Page[Any]]) -> list[Any]:
        """What stands behind the newest row that is known."""
        return all_pages(lambda cursor: ask(cursor=cursor or str(self.top), oldest_first=True, limit=7))

    def forget_dropped(self) -> None:
        """What retention has dropped is gone, but for the traces that failed in it or in the segment after it."""
        with Manifest(self.folder) as manifest:
            kept = {one.number for one in manifest.segments() if one.is_kept}
            dropped = manifest.fact("dropped through")
        for number in sorted({row.event.position.segment for row in self.rows}):
            if number <= dropped:
                near = (number, number + 1)
                failing = {
                    row.event.trace_id for row in self.rows if row.event.position.segment in near and row.is_failing
                }
                self.rows = [
                    row
                    for row in self.rows
                    if row.event.position.segment != number
                    or number in self.shrunk
                    or (number in kept and row.event.trace_id and row.event.trace_id in failing)
                ]
                self.shrunk.add(number)

    @initialize()
    def nothing_shrunk(self) -> None:
        """No segment was dropped."""
        self.shrunk: set[int] = set()

    def has_failed(self, trace: str) -> bool:
        """One of its rows says so."""
        return any(row.is_failing for row in self.rows if row.event.trace_id == trace)


def _causal(event: Event) -> tuple[Any, ...]:
    if isinstance(event, StoredInteraction):
        return (event.start_clock, 1, event.position)
    return (event.clock, 0, event.position)


TestStorage = StorageMachine.TestCase
TestStorage.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
