"""What surrounds the client's core in unit tests."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from threading import RLock

from mdk_protocol import messages
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.core.client.breaker import Breaker, Breakers, BreakerSettings
from mdk_runtime.core.client.core import ClientCore
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.core.client.nodes import Node
from mdk_runtime.intake import LogEntry


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time."""
        return self.now

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Listener:
    """Keeps what the core reports."""

    def __init__(self) -> None:
        self.opens: list[messages.Open] = []
        self.closes: list[messages.ProtocolError | None] = []
        self.logs: list[messages.Log] = []
        self.breakers: list[messages.BreakerStatus] = []
        self.tailed: list[messages.TailLogs] = []
        self.storing: list[bool] = []
        self.rescheduled_count = 0

    def opened(self, message: messages.Open) -> None:
        """Keep it."""
        self.opens.append(message)

    def closed(self, error: messages.ProtocolError | None) -> None:
        """Keep it."""
        self.closes.append(error)

    def log_received(self, message: messages.Log) -> None:
        """Keep it."""
        self.logs.append(message)

    def breaker_changed(self, statuses: list[messages.BreakerStatus]) -> None:
        """Keep it."""
        self.breakers += statuses

    def own_statistics(self) -> messages.Statistics:
        """None to speak of."""
        return messages.Statistics()

    def tail_received(self, message: messages.TailLogs) -> None:
        """Keep it."""
        self.tailed.append(message)

    def storing_changed(self, works: bool) -> None:
        """Keep it."""
        self.storing.append(works)

    def rescheduled(self) -> None:
        """Count it."""
        self.rescheduled_count += 1


class Reporter:
    """Lets breakers of its own take what nodes report."""

    def __init__(self) -> None:
        self.breakers = Breakers(BreakerSettings())
        self.reported: list[tuple[str, str]] = []

    def succeeded(self, address: str) -> None:
        """Keep it."""
        self.reported.append(("success", address))

    def failed(self, address: str) -> None:
        """Keep it."""
        self.reported.append(("failure", address))

    def released(self, address: str) -> None:
        """Keep it."""
        self.reported.append(("release", address))

    def is_available(self, address: str) -> bool:
        """As the breakers say."""
        return self.breakers.available(address, now=0.0)

    def breaker(self, address: str) -> Breaker:
        """As the breakers say."""
        return self.breakers.of(address)


def make_core(
    clock: Clock,
    listener: Listener | None = None,
    environment: Environment | None = None,
    *,
    follows_all: bool = True,
) -> ClientCore:
    """A core that nothing surrounds."""
    return ClientCore(
        random=Random(1).random,
        node_id="own-id",
        environment=environment or Environment(),
        mdk_version=lambda: "9.9",
        settings=BreakerSettings(),
        listener=listener or Listener(),
        lock=RLock(),
        monotonic=clock,
        wall=clock,
        follows_all=follows_all,
    )


def make_mdk(config: Config | None = None, clock: Clock | None = None) -> MDK:
    """An MDK that is not started."""
    clock = clock or Clock()
    return MDK(config or Config(), monotonic=clock, wall=clock)


def node_message(
    service: str = "svc",
    address: str = "a1",
    *,
    sender: str | None = None,
    version: str = "1.0",
    environment: Environment | None = None,
    properties: dict[str, object] | None = None,
) -> messages.Node:
    """A node as the server sends it; its id is made from its address."""
    return messages.Node(
        id=sender or f"id-{address}",
        service=service,
        version=version,
        address=address,
        properties=properties or {},
        environment=(environment or Environment()).message,
    )


def make_node(address: str, reporter: Reporter, *, service: str = "svc", version: str | None = "1.0") -> Node:
    """A node as a resolve hands it out."""
    return Node(service, version, address, id=f"id-{address}", environment=Environment(), reporter=reporter)


def queued(mdk: MDK) -> list[LogEntry | messages.InteractionEvent]:
    """Everything that the I/O thread would send now."""
    return list(mdk.intake.take(100_000))


def log_lines(items: Iterable[LogEntry | messages.InteractionEvent]) -> list[tuple[int, str, str, str]]:
    """Tick, level, category and text of the log messages among them."""
    return [(item[2], item[4], item[5], item[6]) for item in items if isinstance(item, tuple)]
