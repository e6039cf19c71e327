"""The file that one tenant's messages are written to, each once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec import UNSET

from mdk_protocol.messages import InteractionEvent, Log
from mdk_runtime.core.seen import SeenNumbers
from mdk_runtime.core.tenant import Outcome
from mdk_runtime.storage.errors import Unstorable
from mdk_runtime.storage.rows import (
    INSERT_INTERACTION,
    INSERT_LOG,
    Row,
    interaction_row,
    log_row,
    sender_text,
)
from mdk_runtime.storage.schema import open_for_writing

SENDERS_MAX = 4096
"""Senders whose seen numbers are held in memory; beyond, all are forgotten and read again when needed."""


class Stored(NamedTuple):
    """What became of one message."""

    outcome: Outcome
    reason: str = ""
    """Why it was rejected."""


class Segment:
    """A database that is being written. Used by one thread at a time.

    A log is known by its sender's node id and its sequence; one without a sequence is never sent again, and is
    always new. An interaction is known by its uuid.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = open_for_writing(path)
        self._senders: dict[str, _Sender] = {}
        self._touched: dict[int, _Sender] = {}
        """Those whose seen numbers grew in this transaction."""

    def store(self, messages: Sequence[Log | InteractionEvent]) -> list[Stored]:
        """Store messages in one transaction; when this returns they are on the disk.

        Returns:
            What became of each, in the same order.

        Raises:
            sqlite3.Error: Nothing of them is stored.
        """
        if len(self._senders) > SENDERS_MAX:
            self._senders.clear()
        self._database.execute("BEGIN IMMEDIATE")
        try:
            rows: list[Row] = []
            results = [self._take(message, rows) for message in messages]
            self._database.executemany(INSERT_LOG, rows)
            self._write_seen()
            self._database.execute("COMMIT")
        except BaseException:
            # What memory holds of this transaction was not written; it is read again.
            self._senders.clear()
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        finally:
            self._touched.clear()
        return results

    def close(self) -> None:
        """Fold the log of changes into the file, and let go of it."""
        self._database.close()

    def _take(self, message: Log | InteractionEvent, rows: list[Row]) -> Stored:
        try:
            if isinstance(message, Log):
                return self._take_log(message, rows)
            row = interaction_row(message, self._sender(message.node).id)
        except Unstorable as error:
            return Stored(Outcome.REJECTED, str(error))
        inserted = self._database.execute(INSERT_INTERACTION, row).rowcount
        return NEW if inserted else KNOWN

    def _take_log(self, log: Log, rows: list[Row]) -> Stored:
        sender = self._sender(log.node)
        row = log_row(log, sender.id)
        if log.sequence is not UNSET:
            if not sender.seen.add(log.sequence):
                return KNOWN
            self._touched[sender.id] = sender
        rows.append(row)
        return NEW

    def _sender(self, node: str) -> _Sender:
        sender = self._senders.get(node)
        if sender is None:
            sender = self._senders[node] = self._read_sender(sender_text(node))
        return sender

    def _read_sender(self, node: str) -> _Sender:
        found = self._database.execute("SELECT id FROM senders WHERE node = ?", (node,)).fetchone()
        if found is None:
            number = self._database.execute("INSERT INTO senders (node) VALUES (?)", (node,)).lastrowid
            assert number is not None, "an insert has a row id"
            return _Sender(number, SeenNumbers())
        ranges = self._database.execute("SELECT first, last FROM seen WHERE sender = ? ORDER BY first", found)
        return _Sender(found[0], SeenNumbers(ranges))

    def _write_seen(self) -> None:
        for sender in self._touched.values():
            changes = sender.seen.take_changes()
            for first in changes.removed:
                self._database.execute("DELETE FROM seen WHERE sender = ? AND first = ?", (sender.id, first))
            for first, last in changes.written:
                self._database.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", (sender.id, first, last))


NEW = Stored(Outcome.NEW)
KNOWN = Stored(Outcome.KNOWN)


class _Sender(NamedTuple):
    id: int
    seen: SeenNumbers
