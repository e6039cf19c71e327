"""A network in memory between one connecting endpoint and the accepting ones that it meets."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.testing.clock import VirtualClock

SETTLE_STEPS_MAX = 100_000
"""Frames and events in one `settle` or `advance`; more means that two endpoints talk without end."""


@dataclass
class _Pipe:
    """One direction: frames with the time at which they arrive."""

    frames: deque[tuple[float, bytes]] = field(default_factory=deque[tuple[float, bytes]])
    lost: int = 0


class LossyLink:
    """Carries frames between two endpoints under a virtual clock, and fails when it is told to.

    As on TCP, frames arrive in order and are lost only together with the connection: those under way at a `cut`,
    and all that are sent into a half-open one. Nothing here is random: a test chooses what happens, from a seed
    or by Hypothesis.

    Args:
        connector: The connecting endpoint; `connector.start` must have been called.
        accept: Makes the accepting endpoint of a new connection.
        clock: Moved by `advance` only.
        delay_s: From the sending of a frame to its arrival.
        ended: Called when an accepting endpoint has lost its connection.
        take: Has an endpoint receive a frame that arrives; by default nobody looks at it.
    """

    def __init__(
        self,
        connector: Endpoint,
        accept: Callable[[], Endpoint],
        clock: VirtualClock,
        *,
        delay_s: float = 0.0,
        ended: Callable[[Endpoint], None] | None = None,
        take: Callable[[Endpoint, bytes], None] | None = None,
    ) -> None:
        self.connector = connector
        self.acceptor: Endpoint | None = None
        """The accepting end of the present connection, if there is one."""
        self.clock = clock
        self.delay_s = delay_s
        self.is_reachable = True
        """False: attempts to connect fail."""
        self.is_half_open = False
        """True: both ends believe in a connection on which nothing passes."""
        self._accept = accept
        self._ended = ended
        self._take = take or self._receive
        self._to_acceptor = _Pipe()
        self._to_connector = _Pipe()

    @property
    def frames_under_way(self) -> int:
        """How many frames are on the link."""
        return len(self._to_acceptor.frames) + len(self._to_connector.frames)

    @property
    def frames_lost(self) -> int:
        """How many frames never arrived, since the beginning."""
        return self._to_acceptor.lost + self._to_connector.lost

    # --- what a test does -------------------------------------------------------------------------

    def step(self) -> bool:
        """Do the next thing that is due now: connect, send, arrive or hang up; False if there is nothing."""
        self._collect()
        return self._connect() or self._arrive() or self._hang_up()

    def settle(self) -> None:
        """Do all that is due now; time stands still."""
        for _ in range(SETTLE_STEPS_MAX):
            if not self.step():
                return
        raise AssertionError("the endpoints do not come to rest")

    def advance(self, seconds: float) -> None:
        """Let time pass, with everything that becomes due on the way, in order."""
        end = self.clock.now() + seconds
        for _ in range(SETTLE_STEPS_MAX):
            self.settle()
            due = self._next_due()
            if due is None or due > end:
                self.clock.move_to(end)
                self.settle()
                return
            self.clock.move_to(max(due, self.clock.now()))
            self._tick()
        raise AssertionError("the endpoints do not come to rest")

    def cut(self) -> None:
        """Break the connection: what is under way is lost, and both ends are told."""
        self._collect()
        self._drop_all()
        acceptor, self.acceptor = self.acceptor, None
        self.is_half_open = False
        if acceptor is None:
            return
        self.connector.lost(now=self.clock.now())
        self._lose(acceptor)

    def go_half_open(self) -> None:
        """From now on nothing passes, and nobody is told; ends with `cut`."""
        self._collect()
        self._drop_all()
        self.is_half_open = self.acceptor is not None

    # --- inside -----------------------------------------------------------------------------------

    def _connect(self) -> bool:
        at, now = self.connector.connect_at, self.clock.now()
        if at is None or at > now or self.acceptor is not None:
            return False
        if not self.is_reachable:
            self.connector.connect_failed(now=now)
            return True
        self.acceptor = self._accept()
        self.acceptor.connected(now=now)
        self.connector.connected(now=now)
        return True

    def _collect(self) -> None:
        """Put what the endpoints have written on the link."""
        if self.acceptor is None:
            return
        arrival = self.clock.now() + self.delay_s
        for endpoint, pipe in ((self.connector, self._to_acceptor), (self.acceptor, self._to_connector)):
            while frames := endpoint.take_output():
                if self.is_half_open:
                    pipe.lost += len(frames)
                else:
                    pipe.frames.extend((arrival, frame) for frame in frames)

    def _arrive(self) -> bool:
        for pipe, endpoint in ((self._to_acceptor, self.acceptor), (self._to_connector, self.connector)):
            if endpoint is not None and pipe.frames and pipe.frames[0][0] <= self.clock.now():
                self._take(endpoint, pipe.frames.popleft()[1])
                return True
        return False

    def _receive(self, endpoint: Endpoint, frame: bytes) -> None:
        endpoint.receive(frame, now=self.clock.now())

    def _hang_up(self) -> bool:
        """A side that hangs up is seen to do so when all that it sent has arrived."""
        if self.acceptor is None or self.is_half_open:
            return False
        if (self.acceptor.hanging_up and not self._to_connector.frames) or (
            self.connector.hanging_up and not self._to_acceptor.frames
        ):
            self.cut()
            return True
        return False

    def _drop_all(self) -> None:
        for pipe in (self._to_acceptor, self._to_connector):
            pipe.lost += len(pipe.frames)
            pipe.frames.clear()

    def _lose(self, acceptor: Endpoint) -> None:
        acceptor.lost(now=self.clock.now())
        if self._ended is not None:
            self._ended(acceptor)

    def _next_due(self) -> float | None:
        times = [pipe.frames[0][0] for pipe in (self._to_acceptor, self._to_connector) if pipe.frames]
        deadlines = [endpoint.deadline for endpoint in (self.connector, self.acceptor) if endpoint is not None]
        if self.acceptor is None:
            deadlines.append(self.connector.connect_at)
        return min([*times, *(one for one in deadlines if one is not None)], default=None)

    def _tick(self) -> None:
        for endpoint in (self.connector, self.acceptor):
            if endpoint is not None:
                endpoint.tick(now=self.clock.now())
