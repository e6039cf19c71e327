"""What calls to nodes came to: circuit breakers open and close, whoever waits is answered, and the server is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from msgspec import UNSET

from mdk_protocol import messages
from mdk_runtime.core.client.breaker import Breaker, BreakerState

if TYPE_CHECKING:
    from mdk_runtime.core.client.nodes import Node
    from mdk_runtime.core.client.table import Table, Waiter
    from mdk_runtime.ports import Listener, Lock, Monotonic, WallClock

STATES: Final = {
    BreakerState.CLOSED: messages.BreakerState.CLOSED,
    BreakerState.OUT: messages.BreakerState.OPEN,
    BreakerState.OFFERED: messages.BreakerState.HALF_OPEN,
    BreakerState.PROBING: messages.BreakerState.HALF_OPEN,
}


class Verdicts:
    """The Reporter of all nodes of a table. Any thread may call it.

    Args:
        table: Its breakers decide who is resolved.
        listener: Told of changes; it waits for nobody.
        lock: Guards the table.
        monotonic: For how long a node is out.
        wall: For what the server is told.
    """

    def __init__(self, table: Table, listener: Listener, lock: Lock, monotonic: Monotonic, wall: WallClock) -> None:
        self.lock = lock
        """Another one after a fork."""
        self._table = table
        self._listener = listener
        self._monotonic = monotonic
        self._wall = wall
        self._since: dict[str, int] = {}
        """Addresses whose breakers are not closed, to when it was said last that they changed, in ms."""

    def succeeded(self, address: str) -> None:
        """A call to an address worked."""
        with self.lock:
            self._table.pickers.loads.end(address, now=self._monotonic())
            changed = self._table.breakers.success(address)
            answered = self._table.may_be_used(address) if changed else []
        deliver(answered)
        if changed:
            self._moved(address)

    def failed(self, address: str) -> None:
        """A call to an address failed."""
        with self.lock:
            now = self._monotonic()
            self._table.pickers.loads.end(address, now=now)
            opened = self._table.breakers.failure(address, now=now)
            is_out = opened or self._table.breakers.state(address) is not BreakerState.CLOSED
            if is_out:
                self._table.may_not_be_used(address)  # Where all are out, another may now be the next to be tried.
        if is_out:
            self._moved(address)
            self._listener.rescheduled()

    def released(self, address: str) -> None:
        """A call to an address ended without a verdict."""
        with self.lock:
            self._table.pickers.loads.end(address, now=self._monotonic())
            answered = self._table.may_be_used(address) if self._table.breakers.release(address) else []
        deliver(answered)

    def is_available(self, address: str) -> bool:
        """Whether a resolve at this moment may take an address."""
        with self.lock:
            return self._table.breakers.available(address, now=self._monotonic())

    def breaker(self, address: str) -> Breaker:
        """The record of an address."""
        with self.lock:
            return self._table.breakers.of(address)

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        with self.lock:
            return self._table.breakers.deadline

    def tick(self) -> None:
        """Offer the addresses whose time is up for a probe."""
        answered: list[tuple[Waiter, Node]] = []
        with self.lock:
            offered = self._table.breakers.tick(now=self._monotonic())
            for address in offered:
                answered += self._table.may_be_used(address)
        deliver(answered)
        for address in offered:
            self._moved(address)

    def take_probe(self, node: Node) -> bool:
        """Try a node that was out, if nobody else does. Called by pickers, so also by threads that hold no lock."""
        with self.lock:
            taken = self._table.breakers.take(node.address, now=self._monotonic())
            if taken:
                self._table.may_not_be_used(node.address)
        self._listener.rescheduled()
        return taken

    def not_closed(self) -> list[messages.BreakerStatus]:
        """How the breakers stand that are not closed."""
        with self.lock:
            addresses = self._table.breakers.not_closed()
            return [status for address in addresses for status in self._statuses(address)]

    def _moved(self, address: str) -> None:
        """Tell how the breaker of an address stands. Under the lock: what is told last has to be how it stands."""
        with self.lock:
            self._since[address] = max(0, int(self._wall() * 1000))
            statuses = self._statuses(address)
            if self._table.breakers.state(address) is BreakerState.CLOSED:
                del self._since[address]
            if statuses:
                self._listener.breaker_changed(statuses)

    def _statuses(self, address: str) -> list[messages.BreakerStatus]:
        """One for each service that has the address."""
        breaker = self._table.breakers.of(address)
        state = STATES[breaker.state]
        left = max(0.0, breaker.retry_at - self._monotonic()) if breaker.state is BreakerState.OUT else UNSET
        return [
            messages.BreakerStatus(
                service=node.service,
                environment=node.environment.message,
                version=node.version or UNSET,
                address=address,
                state=state,
                failures=breaker.failures_in_row,
                since=self._since.get(address, 0),
                retry_after=left,
            )
            for node in self._table.nodes_at(address)
        ]


def deliver(answered: Iterable[tuple[Waiter, Node]]) -> None:
    """Hand nodes to who waited for them. Called without the lock."""
    for waiter, node in answered:
        waiter.deliver(node)
