"""Who is told of a tenant's table, and how: originals of everything, our own clients of what they follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from mdk_protocol.codec import CODEC
from mdk_protocol.messages import Active, Changes, Expire, Follow, Node, TableBegin, TableComplete, TableEnd
from mdk_runtime.core.server.connection import ClientEndpoint, Connection, News, Services
from mdk_runtime.core.server.history import History, Past, Stand, as_messages
from mdk_runtime.core.server.service import Change
from mdkspec_runtime.broadcast import broadcast, broadcast_all
from mdkspec_runtime.codec import Shared

ASKED_MAX = 1000
"""Questions for the table that are answered in one go; the rest comes in the next one."""


AWAY_MAX = 10_000
"""Originals that are remembered when their connection is gone."""

MISSED_MAX = 1000
"""Changes, the last ones, of which an original that comes back is told what is gone."""


DISCOVERY, TABLE = "Discovery", "Table"
"""The parts, as the spec calls them."""


class Asked(NamedTuple):
    """A client of ours wants services."""

    connection: Connection
    follow: Follow


class Audience:
    """The connections of a tenant that want its table.

    Changes are gathered by `note` and told by `tell`: what came in between is one message for each connection of ours,
    encoded once for all that follow the same services, and for originals a message for each change.

    Args:
        history: Of the table.
        ttl_s: Sent with each node.
        wake: Called when there is something to tell or to answer.
    """

    def __init__(self, history: History, ttl_s: float, wake: Callable[[], None]) -> None:
        self.history = history
        self._ttl_s = ttl_s
        self._wake = wake
        self._originals: dict[Connection, ClientEndpoint] = {}
        self._groups: dict[Services | None, dict[Connection, ClientEndpoint]] = {}
        """Clients of ours by what they follow."""
        self._asked: list[Asked] = []
        self._told = 0
        """The changes that every connection of ours knows of."""
        self._away: dict[str, None] = {}
        """Originals whose connection is gone, by sender, who was away for longest first."""
        self._met: dict[str, None] = {}
        """Originals that were ever here, by sender, who came for the first time long ago first."""
        self._meetings = 0
        """How often there was one more of them."""
        self._returned: dict[Connection, None] = {}
        """Originals that were here before: they keep every node until it is expired."""
        self._apart: dict[Connection, None] = {}
        """Originals that are told more than the others, or less."""
        self._news: list[News] = []
        """For originals, not told yet."""
        self._table: tuple[int, Shared[Changes]] | None = None
        """The whole table as it was after so many changes: after a restart every client asks for it."""
        self.wants_clear = False
        """True: clients of ours shall forget every node, and say again what they offer."""
        self.is_complete = True
        """False while the server has just started, and does not know yet who lives."""

    @property
    def has_news(self) -> bool:
        """True if there is something for `tell`."""
        has_for_some = self._apart or self._returned or self.wants_clear
        return bool(self._told < self.history.sequence or self._news or has_for_some)

    @property
    def has_questions(self) -> bool:
        """True if there is something for `answer`."""
        return bool(self._asked)

    def add(self, connection: Connection) -> None:
        """A client has spoken."""
        if not connection.is_extended:
            self._originals[connection] = connection.endpoint
            sender = connection.node_id
            if sender in self._away:
                del self._away[sender]
                self._returned[connection] = None
            if sender and sender not in self._met:
                self._met[sender] = None
                self._meetings += 1
                if len(self._met) > AWAY_MAX:
                    del self._met[next(iter(self._met))]

    def remove(self, connection: Connection) -> None:
        """The connection is gone."""
        if self._originals.pop(connection, None) is not None and connection.node_id:
            self._away.pop(connection.node_id, None)
            self._away[connection.node_id] = None
            if len(self._away) > AWAY_MAX:
                del self._away[next(iter(self._away))]
        self._apart.pop(connection, None)
        self._returned.pop(connection, None)
        self._leave(connection)

    @property
    def version(self) -> int:
        """Another number whenever `past` names one more original that may know something."""
        return 0 if self.history.is_empty else self._meetings

    def past(self) -> Past | None:
        """What is to be told to an original that comes back to another life of this table; None if there is none."""
        if not self._met or self.history.is_empty:
            return None
        return Past(list(self._met), self.history.remembered(MISSED_MAX))

    def recall(self, past: Past) -> None:
        """Take in what another life of this table knew of originals. Everyone of them is away now."""
        self._met = dict.fromkeys(past.originals[-AWAY_MAX:])
        self._away = dict(self._met)
        gone = [stand for stand in past.stands if stand.is_gone][-MISSED_MAX:]
        self.history.recall([*(stand for stand in past.stands if not stand.is_gone), *gone])

    def note(self, changes: Iterable[Change]) -> None:
        """The table has changed."""
        for change in changes:
            self.history.note(change)
            if change.for_originals:
                self._news.append(self._as_news(change))
        self._wake()

    def owe(self, connection: Connection, change: Change) -> None:
        """Only this connection has to be told."""
        if not connection.is_extended:
            connection.owe(self._as_news(change))
            self._apart[connection] = None
            self._wake()

    def reads(self, connection: Connection) -> int:
        """An original reads the table: how many of the gathered changes it need not be told."""
        if self._news:
            self._apart[connection] = None
        return len(self._news)

    def ask(self, connection: Connection, follow: Follow) -> None:
        """A client of ours wants services."""
        self._asked.append(Asked(connection, follow))
        self._wake()

    def tell(self, *, now: float) -> None:
        """Tell everyone what has changed since the last time."""
        news, self._news = self._news, []
        apart, self._apart = self._apart, {}
        for connection in apart:
            connection.tell(news, now=now)
        if news:
            others = [one for connection, one in self._originals.items() if connection not in apart]
            calls = [("announce" if isinstance(one, Active) else "withdraw", one) for one in news]
            broadcast_all(others, DISCOVERY, calls, now=now)
        if self._returned:
            self._tell_returned(now)
        stands = self.history.since(self._told)
        self._told = self.history.sequence
        wants_clear, self.wants_clear = self.wants_clear, False
        if wants_clear:
            for group in self._groups.values():
                for endpoint in group.values():
                    if endpoint.is_connected:
                        endpoint.clear_all(now=now)
        if stands:
            self._tell_ours(stands, now)

    def answer(self, *, now: float) -> None:
        """Answer those who asked for services."""
        asked, self._asked = self._asked[:ASKED_MAX], self._asked[ASKED_MAX:]
        for connection, follow in asked:
            if connection.endpoint.is_connected:
                self._answer(connection, follow, now)

    def complete(self, *, now: float) -> None:
        """From now on the server knows all nodes that live."""
        self.is_complete = True
        for group in self._groups.values():
            broadcast(group.values(), TABLE, "complete_table", TableComplete(), now=now)

    # --- inside -----------------------------------------------------------------------------------

    def _tell_returned(self, now: float) -> None:
        """Expire, for originals that were away, what is gone. They take in by id or address, and expire by id only.

        So an address goes with everyone by whom it was known; who of them is known elsewhere by now is named again.
        """
        returned, self._returned = self._returned, {}
        gone = [one for one in self.history.since(self.history.sequence - MISSED_MAX) if one.is_gone]
        services = dict.fromkeys(one.node.service for one in gone)
        here = {_known_as(one.node, str(one.node.id)): one.node for one in self.history.present(services)}
        news: list[News] = []
        for stand in gone:
            for sender in stand.shown:
                news.append(Expire(node=replace(stand.node, id=sender)))
                elsewhere = here.get(_known_as(stand.node, sender))
                if elsewhere is not None:
                    news.append(Active(node=elsewhere, ttl=self._ttl_s))
        for connection in returned:
            connection.tell(news, now=now)

    def _tell_ours(self, stands: list[Stand], now: float) -> None:
        position = self.history.position(self._told)
        by_service: dict[str, list[Stand]] = {}
        for stand in stands:
            by_service.setdefault(stand.node.service, []).append(stand)
        for services, group in self._groups.items():
            wanted = stands if services is None else _of(services, by_service)
            if wanted:
                calls = [("tell_changes", changes) for changes in as_messages(wanted, position)]
                broadcast_all(group.values(), TABLE, calls, now=now)

    def _answer(self, connection: Connection, follow: Follow, now: float) -> None:
        services = None if follow.services is UNSET else frozenset(follow.services)
        before = connection.follows
        self._leave(connection)
        connection.follows = after = None if services is None or before is None else before | services
        self._groups.setdefault(after, {})[connection] = connection.endpoint
        # What is gathered is not told yet, but to have it told twice does no harm.
        position = self.history.position(self._told)
        end = TableEnd(position=position, complete=self.is_complete)
        if follow.since is not UNSET and self.history.knows(follow.since):
            stands = self.history.since(follow.since.sequence)
            missed = stands if services is None else [one for one in stands if one.node.service in services]
            connection.tell_table(None, as_messages(missed, position) if missed else (), end, now=now)
        elif services is None:
            table = self._whole_table()
            with CODEC.using(table):
                connection.tell_table(TableBegin(), table.messages, end, now=now)
        else:
            stands = self.history.present(sorted(services))
            connection.tell_table(
                TableBegin(services=sorted(services)),
                as_messages(stands, None) if stands else (),
                end,
                now=now,
            )

    def _whole_table(self) -> Shared[Changes]:
        sequence = self.history.sequence
        if self._table is None or self._table[0] != sequence:
            stands = self.history.present()
            self._table = (sequence, CODEC.shared(as_messages(stands, None) if stands else ()))
        return self._table[1]

    def _leave(self, connection: Connection) -> None:
        group = self._groups.get(connection.follows)
        if group is not None:
            group.pop(connection, None)
            if not group:
                del self._groups[connection.follows]

    def _as_news(self, change: Change) -> News:
        return Expire(node=change.node) if change.is_gone else Active(node=change.node, ttl=self._ttl_s)


def _known_as(node: Node, sender: str) -> tuple[str, str, str]:
    return (node.service, node.environment.name, sender)


def _of(services: Services, by_service: dict[str, list[Stand]]) -> Sequence[Stand]:
    """The changes of some services; the shorter list is walked."""
    if len(services) > len(by_service):
        return [stand for service, stands in by_service.items() if service in services for stand in stands]
    return [stand for service in services for stand in by_service.get(service, ())]
