"""Who sent what is stored: service and version of a sender, and the numbers that were seen of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

from mdk_runtime.core.server.origin import Origin
from mdk_runtime.core.server.seen import SeenNumbers, united
from mdk_runtime.storage.held import Held
from mdk_runtime.storage.past import Past
from mdk_runtime.storage.rows import clean
from mdk_runtime.storage.words import Words

SENDERS_MAX: Final = 4096
"""Whose seen numbers are held in memory."""

LOGS, CALLS = 0, 1
"""Kinds of numbers in `seen`."""


class Description(NamedTuple):
    """A row of `senders`: how a sender was described when it sent something."""

    id: int
    service_id: int
    """The number of the word."""
    service: str
    version: str


class Sender:
    """By its node id, with the numbers that were seen of it."""

    __slots__ = ("calls", "described", "logs", "name")

    def __init__(self, name: str, logs: SeenNumbers, calls: SeenNumbers, described: Description | None) -> None:
        self.name = name
        self.logs = logs
        self.calls = calls
        self.described = described
        """As it was last."""


class Senders:
    """Those of a segment that is being written."""

    __slots__ = ("_database", "_past", "_words", "known")

    def __init__(self, database: sqlite3.Connection, words: Words, past: Past) -> None:
        self._database = database
        self._words = words
        self._past = past
        self.known: Held[str, Sender] = Held(SENDERS_MAX)
        """Those held in memory, by their names as they came."""

    def of(self, name: str) -> Sender:
        """The sender of this name."""
        sender = self.known.get(name)
        if sender is None:
            sender = self.known[name] = self._read(clean(name))
        return sender

    def describe(self, sender: Sender, origin: Origin) -> Description:
        """The sender as it is known now; when nobody knows its service any more, as it was known last."""
        last = sender.described
        if last is not None and (
            (last.service == origin.service and last.version == origin.version) or not origin.service
        ):
            return last
        service, version = self._words.number(origin.service), self._words.number(origin.version)
        row = (sender.name, service, version)
        self._database.execute("INSERT OR IGNORE INTO senders (node, service, version) VALUES (?, ?, ?)", row)
        (number,) = self._database.execute(
            "SELECT id FROM senders WHERE node = ? AND service = ? AND version = ?", row
        ).fetchone()
        sender.described = Description(number, service, origin.service, origin.version)
        return sender.described

    def write_seen(self, senders: Iterable[Sender]) -> None:
        """Write what has changed of the numbers seen of these."""
        for sender in senders:
            for kind, numbers in ((LOGS, sender.logs), (CALLS, sender.calls)):
                changes = numbers.take_changes()
                for first in changes.removed:
                    self._database.execute(
                        "DELETE FROM seen WHERE node = ? AND kind = ? AND first = ?", (sender.name, kind, first)
                    )
                for first, last in changes.written:
                    self._database.execute(
                        "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", (sender.name, kind, first, last)
                    )

    def _read(self, name: str) -> Sender:
        last = self._database.execute(
            "SELECT senders.id, service, named.text, versions.text FROM senders JOIN words AS named ON named.id = service"
            " JOIN words AS versions ON versions.id = version WHERE node = ? ORDER BY senders.id DESC LIMIT 1",
            (name,),
        ).fetchone()
        described = Description(*last) if last else None
        return Sender(name, self._read_seen(name, LOGS), self._read_seen(name, CALLS), described)

    def _read_seen(self, name: str, kind: int) -> SeenNumbers:
        here = self._database.execute("SELECT first, last FROM seen WHERE node = ? AND kind = ?", (name, kind))
        return SeenNumbers(united([*self._past.seen(name, kind), *here]))
