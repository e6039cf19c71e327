"""The file that one tenant's messages are written to, each once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

from msgspec import UnsetType

from mdk_protocol.messages import InteractionEvent, Log
from mdk_runtime.core.server.origin import Entry, Message, Origin
from mdk_runtime.core.server.writes import Outcome
from mdk_runtime.storage.batch import KNOWN, NEW, REJECTED, Batch, Block, Call, Row, Stored
from mdk_runtime.storage.errors import Unstorable
from mdk_runtime.storage.held import Held
from mdk_runtime.storage.past import NoPast, Past
from mdk_runtime.storage.rows import (
    INTEGER_MAX,
    SEVERITIES,
    checked_integer,
    clean,
    clock_key,
    encode_json,
    id_key,
)
from mdk_runtime.storage.schema import open_segment
from mdk_runtime.storage.senders import Senders
from mdk_runtime.storage.words import Words

TRACES_MAX: Final = 20_000
"""Trace ids whose keys are held in memory."""
BLOCK_ROWS: Final = 1000
ROWS_AT_ONCE: Final = (256, 16, 1)
"""Rows in one INSERT. SQLite runs without Python's lock, and it is asked for again after each statement: with a
statement for each row, a busy event loop would make every row wait (measured: 2,200 rows/s instead of 26,000)."""

_LOG_COLUMNS: Final = 15
_CALL_COLUMNS: Final = 15


class Segment:
    """A database that is being written. Used by one thread at a time.

    A log is known by its sender's node id and its sequence; one without a sequence is never sent again, and is
    always new. An interaction is known by its uuid; that its number was seen is only a reason to look for it in
    segments before this one. After `store` has raised, close it and open it again.

    Args:
        path: The file, made if needed.
        past: What is known from before.
        now_ms: When it was begun, if it is new.
        cache_bytes: Memory for pages.
    """

    def __init__(
        self,
        path: Path,
        *,
        past: Past | None = None,
        now_ms: int = 0,
        cache_bytes: int = 16 * 1024**2,
    ) -> None:
        self.path = path
        self.database = open_segment(path, cache_bytes=cache_bytes)
        self._past = past or NoPast()
        self._words = Words(self.database)
        self._senders = Senders(self.database, self._words, self._past)
        self._traces: Held[str, bytes | str] = Held(TRACES_MAX)
        """How trace ids are stored."""
        try:
            self._inode = path.stat().st_ino
            self.created_ms = self._begun(now_ms)
            self._next = self._last_row() + 1
            found = self._ask("SELECT first, last, earliest, latest FROM blocks ORDER BY first DESC LIMIT 1")
            self._block = Block(*found) if found else None
        except BaseException:
            self.database.close()
            raise

    @property
    def is_in_place(self) -> bool:
        """False if the file was moved or removed, or another one stands in its place."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    @property
    def rows(self) -> int:
        """Row ids given so far."""
        return self._next - 1

    @property
    def size_bytes(self) -> int:
        """Of the database, with what is not folded into it yet."""
        (pages,) = self._ask("PRAGMA page_count") or (0,)
        (page_bytes,) = self._ask("PRAGMA page_size") or (0,)
        return int(pages) * int(page_bytes)

    def store(self, entries: Sequence[Entry], *, now_ms: int) -> list[Stored]:
        """Store messages in one transaction; when this returns they are on the disk.

        Returns:
            What became of each, in the same order.

        Raises:
            sqlite3.Error: Nothing of them is stored.
        """
        self._senders.known.bound()
        self._words.numbers.bound()
        self._traces.bound()
        batch = Batch(self._next, now_ms)
        self.database.execute("BEGIN IMMEDIATE")
        try:
            self._take(entries, batch)
            self._insert_calls(batch)
            if batch.logs:
                self._insert("logs", _LOG_COLUMNS, batch.logs)
                self.database.execute(
                    "INSERT INTO log_texts (rowid, text) SELECT id, text FROM logs WHERE id >= ?", (batch.first,)
                )
            self._senders.write_seen(batch.touched.values())
            self._write_rates(batch)
            block = self._write_block(batch)
            self.database.execute("COMMIT")
        except BaseException:
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")
            raise
        self._next, self._block = batch.next, block
        return batch.results

    def seen(self) -> list[tuple[str, int, int, int]]:
        """Node, kind, first and last of every range that was written here."""
        return list(self.database.execute("SELECT node, kind, first, last FROM seen ORDER BY node, kind, first"))

    def close(self) -> None:
        """Fold the log of changes into the file, and let go of it."""
        self.database.close()

    def _take(self, entries: Sequence[Entry], batch: Batch) -> None:
        take_log, take_call, results = self._take_log, self._take_call, batch.results
        for message, origin, forbidden in entries:
            try:
                if forbidden is not None:
                    results.append(self._reject(message, "", batch))
                elif isinstance(message, Log):
                    results.append(take_log(message, origin, batch))
                else:
                    results.append(take_call(message, origin, batch))
            except Unstorable as error:
                results.append(self._reject(message, str(error), batch))

    # --- logs -------------------------------------------------------------------------------------

    def _take_log(self, log: Log, origin: Origin, batch: Batch) -> Stored:
        # The hot path: it takes a sixth of what SQLite takes, so common cases make no calls (bench/storage.py).
        context, name, timestamp, text = log.context, log.level, log.timestamp, log.text
        environment = context.environment
        clock = clock_key(context.clock.clocks)
        if not 0 <= timestamp <= INTEGER_MAX:
            checked_integer("timestamp", timestamp)
        properties = _json("properties", context.properties) if context.properties else None
        senders = self._senders
        sender = senders.known.get(log.node) or senders.of(log.node)
        number = None if isinstance(log.sequence, UnsetType) else checked_integer("sequence", log.sequence)
        if number is not None:
            if not sender.logs.add(number):
                return KNOWN
            if sender is not batch.sender:
                batch.sender = batch.touched[sender.name] = sender
        described = sender.described
        if described is None or described.service != origin.service or described.version != origin.version:
            described = senders.describe(sender, origin)
        level = SEVERITIES.get(name, 0)
        words, fallback, row = self._words.numbers, environment.fallback_name, batch.next
        batch.next = row + 1
        batch.logs.append(
            (
                row,
                self._traces.get(context.trace_id) or self._trace_key(context.trace_id),
                clock,
                timestamp,
                described.id,
                described.service_id,
                number,
                level,
                None if level else self._words.number(name),
                words.get(log.category) or self._words.number(log.category),
                words.get(log.content_type) or self._words.number(log.content_type),
                text if text.isascii() else clean(text),
                words.get(environment.name) or self._words.number(environment.name),
                self._words.number(fallback) if fallback else None,
                properties,
            )
        )
        minute = batch.minute_at(timestamp)
        rates, key = batch.log_rates, (minute, environment.name, described.service, described.version, level)
        rates[key] = rates.get(key, 0) + 1
        return NEW

    def _reject(self, message: Message, reason: str, batch: Batch) -> Stored:
        """It will never be stored. Its number is noted like any other, so that it is rejected once."""
        number = message.sequence
        if isinstance(number, UnsetType) or not 0 <= number <= INTEGER_MAX:
            return Stored(Outcome.REJECTED, reason)
        sender = self._senders.of(message.node)
        numbers = sender.logs if isinstance(message, Log) else sender.calls
        if not numbers.add(number):
            return KNOWN
        batch.touched[sender.name] = sender
        return Stored(Outcome.REJECTED, reason) if reason else REJECTED

    # --- interactions -----------------------------------------------------------------------------

    def _take_call(self, event: InteractionEvent, origin: Origin, batch: Batch) -> Stored:
        if not event.uuid:
            raise Unstorable("uuid", event.uuid, "a text that is not empty")
        uuid = id_key(event.uuid)
        start = checked_integer("startTimestamp", event.start_timestamp)
        end = checked_integer("endTimestamp", event.end_timestamp)
        start_clock, end_clock = clock_key(event.start_clock), clock_key(event.end_clock)
        results = _json("results", event.results)
        callees = {node: origin.callees[node] for node in event.results if node in origin.callees}
        number = None if isinstance(event.sequence, UnsetType) else checked_integer("sequence", event.sequence)
        if uuid in batch.calls:
            return KNOWN
        sender = self._senders.of(event.node)
        is_repeated = number is not None and number in sender.calls
        if (number is None or is_repeated) and self._past.holds_call(uuid, end):
            return KNOWN
        if number is not None and not is_repeated:
            sender.calls.add(number)
            batch.touched[sender.name] = sender
        described = self._senders.describe(sender, origin)
        fallback = event.environment.fallback_name
        row = (
            batch.next,
            uuid,
            id_key(event.session),
            described.id,
            described.service_id,
            number,
            start,
            end,
            start_clock,
            end_clock,
            self._words.number(event.environment.name),
            self._words.number(fallback) if fallback else None,
            int(0 in event.results.values()),
            results,
            _json("callees", callees) if callees else None,
        )
        batch.calls[uuid] = Call(len(batch.results), row, event, described.service, callees)
        batch.next += 1
        return NEW

    def _insert_calls(self, batch: Batch) -> None:
        """Insert those that are not in this segment already, and correct the results of the others."""
        for uuid in self._known_here(list(batch.calls)):
            batch.results[batch.calls.pop(uuid).place] = KNOWN
        if batch.calls:
            self._insert("interactions", _CALL_COLUMNS, [call.row for call in batch.calls.values()])
        for call in batch.calls.values():
            event = call.event
            minute = batch.minute_at(event.end_timestamp)
            for node, result in event.results.items():
                key = (minute, event.environment.name, call.service, call.callees.get(node, ""))
                batch.call_rates[(*key, result != 0)] += 1

    def _known_here(self, uuids: list[bytes | str]) -> list[bytes | str]:
        known: list[bytes | str] = []
        for at in range(0, len(uuids), 500):
            some = uuids[at : at + 500]
            marks = ", ".join("?" * len(some))
            known += [
                uuid
                for (uuid,) in self.database.execute(f"SELECT uuid FROM interactions WHERE uuid IN ({marks})", some)
            ]
        return known

    def _trace_key(self, text: str) -> bytes | str:
        key = self._traces[text] = id_key(text)
        return key

    # --- at the end of a transaction --------------------------------------------------------------

    def _write_rates(self, batch: Batch) -> None:
        self.database.executemany(
            "INSERT INTO log_rates VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            [(minute, *map(clean, texts), level, count) for (minute, *texts, level), count in batch.log_rates.items()],
        )
        self.database.executemany(
            "INSERT INTO call_rates VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET ok = ok + excluded.ok, failed = failed + excluded.failed",
            [
                (minute, *map(clean, texts), count if is_ok else 0, 0 if is_ok else count)
                for (minute, *texts, is_ok), count in batch.call_rates.items()
            ],
        )

    def _write_block(self, batch: Batch) -> Block | None:
        if batch.latest < 0:
            return self._block
        block = self._block
        if block is None or block.last - block.first >= BLOCK_ROWS:
            block = Block(batch.first, batch.next - 1, batch.earliest, batch.latest)
        else:
            block = Block(
                block.first, batch.next - 1, min(block.earliest, batch.earliest), max(block.latest, batch.latest)
            )
        self.database.execute("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?)", block)
        return block

    def _insert(self, table: str, columns: int, rows: list[Row]) -> None:
        one = f"({', '.join('?' * columns)})"
        at = 0
        for count in ROWS_AT_ONCE:
            statement = f"INSERT INTO {table} VALUES {', '.join([one] * count)}"
            while at + count <= len(rows):
                self.database.execute(statement, list(chain.from_iterable(rows[at : at + count])))
                at += count

    def _begun(self, now_ms: int) -> int:
        found = self._ask("SELECT value FROM about WHERE name = 'created_ms'")
        if found is None:
            self.database.execute("INSERT INTO about VALUES ('created_ms', ?)", (now_ms,))
        return int(found[0]) if found else now_ms

    def _last_row(self) -> int:
        (log,) = self._ask("SELECT max(id) FROM logs") or (None,)
        (call,) = self._ask("SELECT max(id) FROM interactions") or (None,)
        (block,) = self._ask("SELECT max(last) FROM blocks") or (None,)
        return max(log or 0, call or 0, block or 0)

    def _ask(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self.database.execute(query, values).fetchone()
        return found


def _json(what: str, value: dict[str, Any]) -> str:
    try:
        return encode_json(value)
    except (RecursionError, TypeError, ValueError) as error:
        raise Unstorable(what, value, f"what JSON can say ({error})") from None
