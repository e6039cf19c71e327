"""What changed in a tenant's table since when: from it our own clients go on where they left off.

No log of changes is kept. Every address stands here once, as it is now, in the order of its last change: so what
changed since is the tail, merged already. Addresses that are gone are kept up to a bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from mdk_protocol.codec import CODEC
from mdk_protocol.messages import Changes, Node, Place, Position
from mdk_runtime.core.server.service import Change

GONE_MAX = 10_000
"""Addresses that are gone and still known: a client that was away while more went reads the table again."""

SHOWN_MAX = 8
"""Senders by which an address was known, the last ones: so many originals that were away may know it by."""

PIECE_BYTES_MAX = 256 * 1024
"""A longer list of changes is told in several messages: each has to fit, and to leave room for others between."""

PlaceKey = tuple[str, str, str]
"""Service, environment, address."""


class Stand(NamedTuple):
    """One address of a service as it is since its last change."""

    node: Node
    is_gone: bool
    is_suspect: bool
    sequence: int
    """Of the change."""
    shown: tuple[str, ...]
    """The senders by which it was known, the last one last."""


class Past(NamedTuple):
    """What originals may know of a table beside what is in it: of use when server and original were both away."""

    originals: Sequence[str]
    """Who was here, by sender, the one that came last at the end."""
    stands: Sequence[Stand]
    """Addresses that are gone, and those that were known by other senders than they are now."""


class History:
    """Where every address stands, in the order of last changes.

    Args:
        epoch: Names this life of the table; positions of another one mean nothing here.
        gone_max: See GONE_MAX.
    """

    def __init__(self, epoch: str, *, gone_max: int = GONE_MAX) -> None:
        self._epoch = epoch
        self._gone_max = gone_max
        self._stands: dict[PlaceKey, Stand] = {}
        self._places: dict[str, dict[PlaceKey, None]] = {}
        """Service to its addresses, gone ones included."""
        self._gone: dict[PlaceKey, None] = {}
        """Those that are gone, oldest first."""
        self._forgotten = 0
        """The change of the last one that was forgotten."""
        self.sequence = 0
        """How many changes there were."""

    @property
    def is_empty(self) -> bool:
        """True if there was never an address, as far as it remembers."""
        return not self._stands

    def note(self, change: Change) -> None:
        """The table has changed."""
        node = change.node
        key = _key(node)
        self.sequence += 1
        before = self._stands.pop(key, None)
        sender = str(node.id)
        shown = (sender,) if before is None else before.shown
        if shown[-1] != sender:
            shown = (*(one for one in shown if one != sender), sender)[-SHOWN_MAX:]
        self._stands[key] = Stand(node, change.is_gone, change.is_suspect, self.sequence, shown)
        self._places.setdefault(node.service, {})[key] = None
        self._gone.pop(key, None)
        if change.is_gone:
            self._gone[key] = None
            if len(self._gone) > self._gone_max:
                self._forget(next(iter(self._gone)))

    def since(self, sequence: int) -> list[Stand]:
        """What has changed after that many changes, oldest first."""
        newest_first: list[Stand] = []
        for stand in reversed(self._stands.values()):
            if stand.sequence <= sequence:
                break
            newest_first.append(stand)
        return newest_first[::-1]

    def present(self, services: Iterable[str] | None = None) -> list[Stand]:
        """The table of these services, or of all."""
        if services is None:
            return [stand for stand in self._stands.values() if not stand.is_gone]
        found = [self._stands[key] for service in services for key in self._places.get(service, ())]
        return [stand for stand in found if not stand.is_gone]

    def remembered(self, changes: int) -> list[Stand]:
        """What is gone of so many changes, the last ones, and what has been known by several senders."""
        since = self.sequence - changes
        return [one for one in self._stands.values() if (one.is_gone and one.sequence > since) or len(one.shown) > 1]

    def recall(self, stands: Iterable[Stand]) -> None:
        """Take in what another life of the table remembered, after what is present is here."""
        for stand in stands:
            key = _key(stand.node)
            now = self._stands.get(key)
            if now is not None:
                shown = (*(one for one in stand.shown if one not in now.shown), *now.shown)[-SHOWN_MAX:]
                self._stands[key] = now._replace(shown=shown)
            elif stand.is_gone:
                self.sequence += 1
                self._stands[key] = stand._replace(sequence=self.sequence)
                self._places.setdefault(key[0], {})[key] = None
                self._gone[key] = None

    def position(self, sequence: int) -> Position:
        """How a client is told where it stands."""
        return Position(epoch=self._epoch, sequence=sequence)

    def knows(self, position: Position) -> bool:
        """True if all that changed since is still known."""
        return position.epoch == self._epoch and self._forgotten <= position.sequence <= self.sequence

    def _forget(self, key: PlaceKey) -> None:
        del self._gone[key]
        self._forgotten = self._stands.pop(key).sequence
        places = self._places[key[0]]
        del places[key]
        if not places:
            del self._places[key[0]]


def _key(node: Node) -> PlaceKey:
    return (node.service, node.environment.name, node.address or "")


def as_messages(stands: Iterable[Stand], position: Position | None) -> list[Changes]:
    """Changes as they are told: in as many messages as they need, the last one with the position."""
    pieces = list(_pieces(stands))
    return [_message(piece, position if piece is pieces[-1] else None) for piece in pieces]


def _message(stands: list[Stand], position: Position | None) -> Changes:
    active = [stand.node for stand in stands if not stand.is_gone and not stand.is_suspect]
    suspect = [stand.node for stand in stands if not stand.is_gone and stand.is_suspect]
    gone = [_place(stand.node) for stand in stands if stand.is_gone]
    if position is None:
        return Changes(active=active, suspect=suspect, gone=gone)
    return Changes(active=active, suspect=suspect, gone=gone, position=position)


def _pieces(stands: Iterable[Stand]) -> Iterator[list[Stand]]:
    piece: list[Stand] = []
    size = 0
    for stand in stands:
        length = len(CODEC.encode_record(stand.node))
        if piece and size + length > PIECE_BYTES_MAX:
            yield piece
            piece, size = [], 0
        piece.append(stand)
        size += length
    if piece:
        yield piece


def _place(node: Node) -> Place:
    return Place(service=node.service, environment=node.environment.name, address=node.address or "")
