"""What the core is handed by its surroundings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mdk_protocol.messages import BreakerStatus, Log, Open, ProtocolError, Statistics, TailLogs

Monotonic = Callable[[], float]
"""Seconds since some fixed moment; never goes back."""

WallClock = Callable[[], float]
"""Seconds since the Unix epoch."""

Lock = AbstractContextManager[Any]
"""Keeps other threads out; may be entered again by the thread that holds it."""


class HeaderItems(Protocol):
    """Headers as any framework has them; a name may come twice."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Names and values."""
        ...


class Listener(Protocol):
    """What the core reports to the shell that runs it. Called without the core's lock."""

    def opened(self, message: Open) -> None:
        """The server has answered."""
        ...

    def closed(self, error: ProtocolError | None) -> None:
        """The server closes the connection, perhaps saying why."""
        ...

    def log_received(self, message: Log) -> None:
        """Somebody in the tenant has logged."""
        ...

    def breaker_changed(self, statuses: list[BreakerStatus]) -> None:
        """A circuit breaker stands otherwise than before, for each service that has its address."""
        ...

    def own_statistics(self) -> Statistics:
        """How this process is doing."""
        ...

    def tail_received(self, message: TailLogs) -> None:
        """Logs that this process asked for."""
        ...

    def storing_changed(self, works: bool) -> None:
        """The server cannot store what it is sent, or can again."""
        ...

    def rescheduled(self) -> None:
        """The core's deadline may have moved forward."""
        ...
