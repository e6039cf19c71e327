"""The addresses of one service in one environment, and the processes behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdk_runtime.core.client.versions import version_matches

if TYPE_CHECKING:
    from mdk_runtime.core.client.nodes import Node


class Entry:
    """One address of a service, and the processes that stand behind it."""

    __slots__ = ("node", "senders", "suspect")

    def __init__(self, node: Node, sender: str | None) -> None:
        self.node = node
        self.senders: set[str | None] = {sender}
        self.suspect = False
        """Out of touch with the server: picked only where nothing else is left, until it is heard of again or goes."""


class Cluster:
    """A service in one environment, in order of arrival."""

    __slots__ = ("address_of", "entries", "seen")

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        """Keyed by address."""
        self.seen: set[str | None] = set()
        """Every version that was ever here: with a match among these, nobody looks in the fallback."""
        self.address_of: dict[str, str] = {}
        """Sender to its one address."""

    def add(self, node: Node) -> tuple[bool, str | None]:
        """Take a node in. Whether that changed anything, and the address that its sender left alone."""
        sender = node.node_id
        left = self._move(sender, node.address)
        entry = self.entries.get(node.address)
        self.seen.add(node.version)
        if entry is None:
            self.entries[node.address] = Entry(node, sender)
            return True, left
        entry.senders.add(sender)
        was_suspect, entry.suspect = entry.suspect, False
        if left is None and not was_suspect and entry.node.says_the_same(node) and entry.node.id == node.id:
            return False, None
        entry.node = node
        return True, left

    def remove(self, sender: str | None, address: str | None) -> str | None:
        """Take a sender out. The address that is gone with it, if it was the last one there."""
        known = self.address_of.get(sender) if sender else None
        if known and address and known != address:
            return None  # News of an address that this sender has left.
        entry = self.entries.get(known or address or "")
        if entry is None:
            return None
        entry.senders.discard(sender)
        if sender and known:
            del self.address_of[sender]
        if known and entry.senders:
            return None
        # A sender that we don't know speaks for the whole address: the server tells one of several behind it.
        for other in entry.senders:
            if other:
                self.address_of.pop(other, None)
        del self.entries[entry.node.address]
        return entry.node.address

    def suspect(self, sender: str | None, address: str | None) -> bool:
        """A sender is out of touch, as far as the server shows it. Whether that is news."""
        known = self.address_of.get(sender) if sender else None
        if known and address and known != address:
            return False  # News of an address that this sender has left.
        entry = self.entries.get(known or address or "")
        if entry is None or entry.suspect:
            return False
        entry.suspect = True
        return True

    def matching(self, version: str | None) -> list[Entry]:
        """What answers requests for a version."""
        return [entry for entry in self.entries.values() if version_matches(version, entry.node.version)]

    def _move(self, sender: str | None, address: str) -> str | None:
        if not sender:
            return None
        before = self.address_of.get(sender)
        self.address_of[sender] = address
        if before is None or before == address:
            return None
        entry = self.entries[before]
        entry.senders.discard(sender)
        if entry.senders:
            return None
        del self.entries[before]
        return before
