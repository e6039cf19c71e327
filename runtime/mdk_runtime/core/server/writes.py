"""Messages that have to be stored: on which connection they came, whose they are, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import Enum, auto
from itertools import repeat
from typing import TYPE_CHECKING, NamedTuple

from mdk_protocol.messages import InteractionEvent, Log, ProtocolError
from mdk_runtime.core.server.origin import UNKNOWN, Entry, Message, Origin
from mdk_runtime.core.server.rejections import Rejections

if TYPE_CHECKING:
    from mdk_runtime.core.server.connection import Connection
    from mdk_runtime.core.server.registry import Registry


class Outcome(Enum):
    """What became of a message that was to be stored. All three are acknowledged."""

    NEW = auto()
    KNOWN = auto()
    """It was stored before."""
    REJECTED = auto()
    """It cannot be stored, now or ever: forbidden, or not what storage can hold. If it comes again, it is known."""


class Write(NamedTuple):
    """Messages of one kind, all to be stored or all forbidden, and the connection that they came on."""

    connection: Connection
    entries: list[Entry]

    @property
    def is_log(self) -> bool:
        """True if they are logs, False if they are interactions."""
        return isinstance(self.entries[0].message, Log)


def by_write(writes: list[Write], outcomes: list[Outcome]) -> Iterator[tuple[Write, list[Outcome]]]:
    """Each write with what became of its messages; they were stored together."""
    at = 0
    for write in writes:
        end = at + len(write.entries)
        yield write, outcomes[at:end]
        at = end


class Writes:
    """What the connections of one tenant have to be stored, in order of arrival, until it is.

    Args:
        registry: Says which service a sender offers.
        counters: Outcomes are added to it, by kind: `log new`.
        wake: Called when there is something to take.
    """

    def __init__(self, registry: Registry, counters: Counter[str], wake: Callable[[], None]) -> None:
        self._registry = registry
        self._counters = counters
        self._wake = wake
        self._rejections = Rejections()
        """Of messages that storage never saw."""
        self._waiting: list[Write] = []
        self._taken = 0
        """Messages taken by the shell and not stored yet."""

    @property
    def is_idle(self) -> bool:
        """True if nothing waits to be stored."""
        return not (self._waiting or self._taken)

    def add(
        self, connection: Connection, messages: Sequence[Message], *, forbidden: ProtocolError | None = None
    ) -> None:
        """Messages of one kind have to be stored, or to be noted as rejected if they were not stored before."""
        if forbidden is not None:
            entries = list(map(Entry, messages, repeat(UNKNOWN), repeat(forbidden)))
        elif isinstance(messages[0], Log) and len({message.node for message in messages}) == 1:
            entries = list(map(Entry, messages, repeat(self._origin(connection, messages[0]))))
        else:
            entries = [Entry(message, self._origin(connection, message)) for message in messages]
        self._waiting.append(Write(connection, entries))
        if len(self._waiting) == 1:
            self._wake()

    def reject(self, connection: Connection, messages: Sequence[Message]) -> None:
        """Messages of one kind will not even be shown to storage; those that come again are counted once."""
        new = sum(map(self._rejections.is_new, messages))
        self._count(isinstance(messages[0], Log), [Outcome.REJECTED] * new)
        connection.acknowledge([Entry(message) for message in messages], now=connection.now)

    def take(self) -> list[Write]:
        """What has to be stored; `settle` or `left` must follow for each."""
        writes, self._waiting = self._waiting, []
        self._taken += sum(len(write.entries) for write in writes)
        return writes

    def left(self, writes: list[Write]) -> None:
        """They will not be stored now: without an acknowledgement their senders keep them."""
        count = sum(len(write.entries) for write in writes)
        self._taken -= count
        self._counters["left to the sender"] += count

    def settle(self, write: Write, outcomes: Sequence[Outcome], *, now: float) -> None:
        """It is durable: acknowledge all of it, and say once what was forbidden."""
        self._taken -= len(outcomes)
        self._count(write.is_log, outcomes)
        write.connection.acknowledge(write.entries, now=now)
        first = write.entries[0]
        if first.forbidden is not None and Outcome.REJECTED in outcomes:
            write.connection.tell_once(first.forbidden, f"messages of {first.message.node!r}", now=now)

    def _count(self, is_log: bool, outcomes: Sequence[Outcome]) -> None:
        for outcome in Outcome:
            if count := outcomes.count(outcome):
                self._counters[f"{'log' if is_log else 'interaction'} {outcome.name.lower()}"] += count

    def _origin(self, connection: Connection, message: Message) -> Origin:
        registry = self._registry
        callees: dict[str, str] = {}
        if isinstance(message, InteractionEvent):
            callees = {one: node.service for one in message.results if (node := registry.first_of(one))}
        node = registry.first_of(message.node)
        if node is not None:
            return Origin(node.service, str(node.version), callees)
        client = connection.client
        if client is not None and client.node_id == message.node:
            named = [client.properties.get(name) for name in ("service", "version")]
            service, version = (one if isinstance(one, str) else "" for one in named)
            return Origin(service, version if service else "", callees)
        return Origin(callees=callees)
