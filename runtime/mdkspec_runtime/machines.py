"""The machines of one endpoint: the states of all parts, and the one place where transitions run.

The rules, in the order in which they apply to a transition:

1. The new state holds. Timers of the old one are gone; parts that are not live in the new one have ended.
2. The actions run, in order.
3. Unless an action changed the state again or hung up: the timers of the new state are armed, its `enter`
   runs, and the parts that are live from now on start, in the order of the spec.

An error raised by the application (a hook, a told handler, a message that cannot be written) does not stop this:
it is held back, the rest runs, so that state and wire agree, and then it is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import msgspec

from mdkspec_runtime.counters import Counters
from mdkspec_runtime.errors import UnsendableMessage
from mdkspec_runtime.leases import LeaseKey, SharedLeases
from mdkspec_runtime.plan import Plan
from mdkspec_runtime.schedule import Schedule
from mdkspec_runtime.step import step
from mdkspec_runtime.tables import (
    Do,
    Fail,
    Grant,
    Hangup,
    Release,
    Scope,
    Send,
    SetFlag,
    Tell,
    Timer,
    Transition,
)

UNREAD_BYTES_MAX = 16 * 1024 * 1024
"""Output that a shell may leave untaken because the peer does not read: a table of 50,000 nodes fits in.

Past it the peer is cut, with the code SLOW_CODE. Deliveries do not count: they wait in their outboxes.
"""

SLOW_CODE = "slow_consumer"

PERIOD_S_MIN = 0.001
"""A shorter period, from a parameter near 0, would only keep the processor busy."""


class TimerKey(NamedTuple):
    """A timer of the state that a part is in: the part's place, and the input that it makes."""

    place: int
    input: str


class RequestKey(NamedTuple):
    """The timeout of one question."""

    request: str
    number: int


DueKey = TimerKey | LeaseKey | RequestKey


class Output:
    """Frames to write."""

    __slots__ = ("frames", "size_bytes")

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.size_bytes = 0

    def add(self, data: bytes) -> None:
        """Write a frame after all others."""
        self.frames.append(data)
        self.size_bytes += len(data)

    def take(self) -> list[bytes]:
        """All frames; there are none afterwards."""
        frames = self.frames
        self.frames = []
        self.size_bytes = 0
        return frames


class Machines:
    """States, flags, timers and leases of one endpoint.

    Args:
        plan: What the role may do.
        scope: What the tables' functions read; its flags are `flags`.
        flags: Set and cleared here.
        shared: Holds the shared leases, if the role has any.
        counters: Of the endpoint.
    """

    __slots__ = (
        "_counters",
        "_entries",
        "_flags",
        "_machines",
        "_plan",
        "_scope",
        "_shared",
        "hanging_up",
        "is_up",
        "on_ended",
        "on_started",
        "output",
        "schedule",
        "states",
        "was_live",
    )

    def __init__(
        self, plan: Plan, scope: Scope, flags: dict[str, bool], shared: SharedLeases | None, counters: Counters
    ) -> None:
        self._plan = plan
        self._machines = plan.role.machines
        self._scope = scope
        self._flags = flags
        self._shared = shared
        self._counters = counters
        self._entries = [0] * len(self._machines)
        """How often each part changed its state: tells whether an action did."""
        self.states: list[str | None] = [None] * len(self._machines)
        self.was_live = [False] * len(self._machines)
        """On this connection."""
        self.schedule: Schedule[DueKey] = Schedule()
        self.output = Output()
        self.is_up = False
        """True while there is a connection on which nobody has hung up."""
        self.hanging_up = False
        self.on_started: Callable[[int], None] = _nothing
        """Called when a part's `enter` has run."""
        self.on_ended: Callable[[int], None] = _nothing

    def start(self, now: float, errors: list[Exception]) -> None:
        """A connection stands: the protocol's machine starts, and with it the parts."""
        self._flags.update(self._plan.connection_flags)
        self.was_live = [False] * len(self._machines)
        self.output.take()
        self.is_up = True
        self.hanging_up = False
        self._begin(0, self._machines[0].start, now, errors)

    def end(self) -> None:
        """The connection is gone, or going: no part is live, and nothing that belongs to it is due any more."""
        self.is_up = False
        for index in range(len(self.states)):
            self._end(index)
        scopes = self._plan.lease_scopes
        if "connection" in scopes.values():
            for key in self.schedule.keys():  # noqa: SIM118  # no mapping
                if isinstance(key, LeaseKey) and scopes[key.lease] == "connection":
                    self.schedule.remove(key)

    def hang_up(self) -> None:
        """End everything, and have the connection closed when what was sent is written."""
        if self.is_up:
            self.end()
            self.hanging_up = True

    def fail(self, code: str, title: str) -> None:
        """Send the protocol's close message, if it has one and it can be written, and hang up."""
        close = self._plan.role.close
        if self.is_up and close is not None:
            try:
                self.send(close(code, title))
            except UnsendableMessage:
                self._counters.unsent += 1
        self.hang_up()

    def send(self, message: msgspec.Struct) -> None:
        """Write a message; it is dropped and counted if there is no connection to write it on.

        Raises:
            UnsendableMessage: It cannot be written.
        """
        data = self._plan.role.codec.encode(message)
        if self.is_up:
            self.write(data)
        else:
            self._counters.unsent += 1

    def write(self, data: bytes) -> None:
        """Write a frame; if there are too many that nobody reads, drop them all and end the connection."""
        output = self.output
        output.add(data)
        if output.size_bytes > UNREAD_BYTES_MAX:
            self._counters.overruns += 1
            output.take()
            self.fail(SLOW_CODE, f"more than {UNREAD_BYTES_MAX} bytes were not read")

    def run(
        self, index: int, transition: Transition, args: tuple[Any, ...], now: float, errors: list[Exception]
    ) -> None:
        """Run a transition that `step` chose, by the rules of this module."""
        target = transition.target
        entry = 0
        if target is not None:
            self._leave(index)
            self.states[index] = target
            self._entries[index] = entry = self._entries[index] + 1
            if index == 0:
                self._end_parts(target)
        for action in transition.actions:
            try:
                self.PERFORM[type(action)](self, action, args, now, errors)
            except Exception as error:
                errors.append(error)
        if target is not None and self._entries[index] == entry:
            self._entered(index, now, errors)

    def due(self, key: TimerKey | LeaseKey, at: float, now: float, errors: list[Exception]) -> None:
        """A timer or a lease is due."""
        if isinstance(key, LeaseKey):
            index = self._plan.lease_parts[key.lease]
            self._run_input(index, f"lapse {key.lease.partition('.')[2]}", (key.key,), now, errors)
            return
        index, input_ = key
        state = self.states[index]
        assert state is not None, "timers end with their state"
        timer = next(timer for timer in self._machines[index].timers[state] if timer.input == input_)
        if timer.repeat:
            period = self._period(timer)
            again = at + period * ((now - at) // period + 1)
            self.schedule.set(key, again if again > now else again + period)  # rounding may fall short of now
        self._run_input(index, input_, (), now, errors)

    def _run_input(self, index: int, input_: str, args: tuple[Any, ...], now: float, errors: list[Exception]) -> None:
        try:
            transition = step(self._machines[index], self.states[index], input_, self._scope, args)
        except Exception as error:
            errors.append(error)
            return
        self.run(index, transition, args, now, errors)

    # --- states -----------------------------------------------------------------------------------

    def _begin(self, index: int, state: str, now: float, errors: list[Exception]) -> None:
        self.was_live[index] = True
        self.states[index] = state
        self._entries[index] += 1
        self._entered(index, now, errors)

    def _entered(self, index: int, now: float, errors: list[Exception]) -> None:
        machine = self._machines[index]
        state = self.states[index]
        assert state is not None, "only a live part is entered"
        entry = self._entries[index]
        for timer in machine.timers.get(state, ()):
            delay = self._period(timer) if timer.repeat else timer.delay_s(self._scope)
            self.schedule.set(TimerKey(index, timer.input), now + delay)
        if "enter" in machine.states[state]:
            self._run_input(index, "enter", (), now, errors)
        if self._entries[index] != entry:
            return
        self.on_started(index)
        if index == 0:
            self._start_parts(state, entry, now, errors)

    def _start_parts(self, state: str, entry: int, now: float, errors: list[Exception]) -> None:
        for index in range(1, len(self._machines)):
            if self._entries[0] != entry:
                return
            machine = self._machines[index]
            if self.states[index] is None and state in machine.live_in:
                self._begin(index, machine.start, now, errors)

    def _end_parts(self, state: str) -> None:
        for index in range(1, len(self._machines)):
            if state not in self._machines[index].live_in:
                self._end(index)

    def _end(self, index: int) -> None:
        if self.states[index] is not None:
            self._leave(index)
            self.states[index] = None
            self._entries[index] += 1
            self.on_ended(index)

    def _leave(self, index: int) -> None:
        state = self.states[index]
        assert state is not None, "who has no state takes no transition"
        for timer in self._machines[index].timers.get(state, ()):
            self.schedule.remove(TimerKey(index, timer.input))

    def _period(self, timer: Timer) -> float:
        return max(timer.delay_s(self._scope), PERIOD_S_MIN)

    # --- actions ----------------------------------------------------------------------------------

    def _send_each(self, action: Send, args: tuple[Any, ...], now: float, errors: list[Exception]) -> None:
        scope = self._scope
        if action.each is None:
            self.send(action.make(scope, *args))
            return
        for item in action.each(scope, *args):
            try:
                self.send(action.make(scope, *args, item))
            except Exception as error:
                errors.append(error)

    def _tell(self, action: Tell, args: tuple[Any, ...], now: float, errors: list[Exception]) -> None:
        getattr(self._scope.hooks, action.event)(*action.args(self._scope, *args))

    def _do(self, action: Do, args: tuple[Any, ...], now: float, errors: list[Exception]) -> None:
        getattr(self._scope.hooks, action.hook)(*action.args(self._scope, *args))

    def _set_flag(self, action: SetFlag, args: tuple[Any, ...], now: float, errors: list[Exception]) -> None:
        self._flags[action.flag] = action.value

    def _grant(self, action: Grant, args: tuple[Any, ...], now: float, errors: list[Exception]) -> None:
        key = action.key(self._scope, *args)
        until = now + action.ttl_s(self._scope, *args)
        scope = self._plan.lease_scopes[action.lease]
        if scope == "shared":
            assert self._shared is not None, "checked when the endpoint was made"
            self._shared.grant(action.lease, key, until)
        elif scope == "session" or self.is_up:
            self.schedule.set(LeaseKey(action.lease, key), until)

    def _release(self, action: Release, args: tuple[Any, ...], now: float, errors: list[Exception]) -> None:
        key = action.key(self._scope, *args)
        if self._plan.lease_scopes[action.lease] == "shared":
            assert self._shared is not None, "checked when the endpoint was made"
            self._shared.release(action.lease, key)
        else:
            self.schedule.remove(LeaseKey(action.lease, key))

    def _hang_up(self, action: Hangup, args: tuple[Any, ...], now: float, errors: list[Exception]) -> None:
        self.hang_up()

    def _fail(self, action: Fail, args: tuple[Any, ...], now: float, errors: list[Exception]) -> None:
        self.fail(action.code, action.code.replace("_", " "))

    PERFORM: ClassVar[Mapping[type, Callable[..., None]]] = {
        Send: _send_each,
        Tell: _tell,
        Do: _do,
        SetFlag: _set_flag,
        Grant: _grant,
        Release: _release,
        Hangup: _hang_up,
        Fail: _fail,
    }
    """What runs each kind of action."""


def _nothing(index: int) -> None:
    """Nobody wants to know."""
