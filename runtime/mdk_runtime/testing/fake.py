"""An MDK with a table that the test fills, a clock that it moves, and a record of what was said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from mdk_protocol import messages
from mdk_runtime.aio import client as aio
from mdk_runtime.base_client import BaseMDK
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.core.client.environments import parse_environment
from mdk_runtime.session import Session
from mdk_runtime.sessions import S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mdk_runtime.core.client.environments import Environment
    from mdk_runtime.core.client.nodes import Node

START_S = 1_800_000_000.0
"""Where the clock of a test begins: a day in 2027."""


class FakeClock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now_s = START_S

    def __call__(self) -> float:
        """Now."""
        return self.now_s


@dataclass(frozen=True, slots=True)
class Said:
    """A log message that would have been sent."""

    level: str
    category: str
    text: str
    trace_id: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reported:
    """A finished interaction: what it used, by address, and whether that worked."""

    trace_id: str
    results: Mapping[str, bool]


class Fake(BaseMDK[S]):
    """What both kinds have: a table to fill, a clock to move, a record of what was said."""

    def __init__(self, environment: str = "") -> None:
        self.clock = FakeClock()
        config = Config(server_url=None, environment=parse_environment(environment))
        super().__init__(config, monotonic=self.clock, wall=self.clock)
        self.intake.shut = False
        self._addresses: dict[str, str] = {}
        self._said: list[Said] = []
        self._reported: list[Reported] = []

    def advance(self, seconds: float) -> None:
        """Let time pass: deadlines draw nearer, breakers let a probe through."""
        self.clock.now_s += seconds
        self.core.verdicts.tick()

    def add(self, service: str, version: str = "1.0", address: str = "", *, environment: str = "") -> str:
        """A node appears; its address, which is made up if none is given."""
        address = address or f"http://{service}-{len(self._addresses) + 1}.test"
        sender = f"node-of-{address}"
        self._addresses[sender] = address
        self.core.node_active(self._message(service, version, address, sender, environment))
        return address

    def remove(self, service: str, address: str, *, environment: str = "") -> None:
        """A node disappears."""
        self.core.node_expired(self._message(service, "", address, f"node-of-{address}", environment))

    @property
    def said(self) -> list[Said]:
        """What sessions have logged so far, and sent at their trace level, in order."""
        self._take()
        return self._said

    @property
    def reported(self) -> list[Reported]:
        """The interactions that have finished so far, in order."""
        self._take()
        return self._reported

    @property
    def registered(self) -> list[tuple[str, str, str]]:
        """Service, version and address of everything that was registered."""
        return [(str(node.service), str(node.version), str(node.address)) for node in self.core.own_nodes()]

    def _node_after_wait(self, environment: Environment, service: str, version: str | None, wait_s: float) -> Node:
        """Move the clock to when there is a node, or to the end of the wait. Raises ResolveTimeout, or Stopped."""
        if self.core.is_stopped:
            raise self.stopped_error(environment, service, version, 0.0)
        start = self.clock.now_s
        while (deadline := self.core.verdicts.deadline) is not None and deadline <= start + wait_s:
            self.advance(max(0.0, deadline - self.clock.now_s))
            node = self.core.resolve_now(environment, service, version)
            if node is not None:
                return node
        self.advance(start + wait_s - self.clock.now_s)
        raise self.core.resolve_error(
            environment, service, version, waited_s=wait_s, surroundings="in a test, with the nodes that it added"
        )

    def _message(self, service: str, version: str, address: str, sender: str, environment: str) -> messages.Node:
        place = parse_environment(environment) if environment else self.core.environment
        return messages.Node(
            id=sender, service=service, version=version, address=address, environment=place.message, properties={}
        )

    def _take(self) -> None:
        for item in self.intake.take(len(self.intake)):
            if isinstance(item, tuple):
                session, properties, _, _, level, category, text = item
                self._said.append(Said(level, category, text, session.trace_id, properties))
            else:
                results = {self._addresses.get(node, node): bool(result) for node, result in item.results.items()}
                self._reported.append(Reported(item.session, results))
        self.intake.hold()


class FakeMDK(Fake[Session], MDK):
    """Everything that an MDK does, without network, threads or waiting.

    A resolve that would wait moves the clock to the end of its wait instead, and so does the pause between the
    attempts of `session.call`.
    """

    def __init__(self, environment: str = "") -> None:
        super().__init__(environment)
        self.sleep = self.advance

    def start(self) -> MDK:
        """Nothing but what a stop() has ended."""
        self.core.start_waiting()
        return self

    def wait_for_node(self, environment: Environment, service: str, version: str | None, wait_s: float) -> Node:
        """Move the clock to when there is a node, or to the end of the wait. Raises ResolveTimeout."""
        return self._node_after_wait(environment, service, version, wait_s)


class FakeAioMDK(Fake[aio.Session], aio.MDK):
    """As `FakeMDK`, for code that awaits: every MDK of `mdk.aio`, without network.

    What the application itself awaits takes its time: `session.call` cuts it by the loop's clock, not by this one.
    """

    def __init__(self, environment: str = "") -> None:
        super().__init__(environment)
        self.sleep = self._sleep

    async def start(self) -> Self:
        """Nothing but what a stop() has ended."""
        self.core.start_waiting()
        return self

    async def wait_for_node(self, environment: Environment, service: str, version: str | None, wait_s: float) -> Node:
        """Move the clock to when there is a node, or to the end of the wait. Raises ResolveTimeout."""
        return self._node_after_wait(environment, service, version, wait_s)

    async def _sleep(self, seconds: float) -> None:
        self.advance(seconds)
