"""One side of one protocol, without I/O: frames and `now` come in; frames, a deadline and told events come out."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from mdkspec_runtime.counters import Counters
from mdkspec_runtime.errors import (
    IllegalMessage,
    MalformedMessage,
    PeerError,
    UnknownMessage,
    UnsendableMessage,
)
from mdkspec_runtime.failures import raise_all
from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.machines import Machines, RequestKey
from mdkspec_runtime.outbox import Outbox
from mdkspec_runtime.parameters import checked_parameters
from mdkspec_runtime.plan import plan_of
from mdkspec_runtime.policies import Offences
from mdkspec_runtime.receiver import Receiver
from mdkspec_runtime.reconnect import Backoff, no_jitter
from mdkspec_runtime.requests import OnError, OnReply, PendingRequests, Requests
from mdkspec_runtime.senders import Senders
from mdkspec_runtime.step import step
from mdkspec_runtime.tables import Role, Scope, Send, Transition

DUE_MAX = 1000
"""Timers, lapses and timeouts in one `tick`; what is left stays due, so that a shell can do other work between."""

NONE: Mapping[str, str] = MappingProxyType({})


class Endpoint:
    """One side of one protocol.

    A shell moves frames between an endpoint and a connection, and after each of its inputs looks at
    `take_output`, `hanging_up`, `deadline` and, on the connecting side, `connect_at`. What applications call
    comes at any time, also from inside the handler; `wake` tells the shell that it has to look again.

    Times are seconds on any monotonic clock. An error that the handler raises leaves the endpoint in order: what
    belonged to the same input has been done, then the error is raised to the shell, which logs it and goes on.

    Args:
        role: The generated tables.
        handler: Has the hooks and is told the events.
        params: The spec's parameters that differ from their defaults.
        shared: What the accepting side's endpoints have in common, where the spec has shared leases.
        random: For jitter; answers numbers from 0 to 1.
    """

    __slots__ = (
        "_backoff",
        "_codec",
        "_inside",
        "_is_linked",
        "_machines",
        "_offences",
        "_plan",
        "_receiver",
        "_requests",
        "_scope",
        "_seen_deadline",
        "_senders",
        "_wanted",
        "_woken_for",
        "connect_at",
        "counters",
        "on_offence",
        "told_together",
        "wake",
        "write_now",
    )

    def __init__(
        self,
        role: Role,
        handler: object,
        *,
        params: Mapping[str, float] | None = None,
        shared: SharedLeases | None = None,
        random: Callable[[], float] = no_jitter,
    ) -> None:
        self._plan = plan_of(role)
        if shared is None and "shared" in self._plan.lease_scopes.values():
            raise TypeError(f"{role.protocol}'s {role.role} has shared leases: give it what its endpoints share")
        flags = dict(self._plan.flags)
        self._scope = Scope(handler, checked_parameters(role.params, params), flags)
        self._codec = role.codec
        self.counters = Counters()
        self._machines = Machines(self._plan, self._scope, flags, shared, self.counters)
        self._offences = Offences(role, self.counters)
        self._senders = Senders(role, self._plan.index, self._machines)
        self._requests = Requests(self._plan, self._scope, self._machines, self.counters)
        self._backoff = Backoff(role.reconnect, random) if role.reconnect is not None else None
        self._receiver = Receiver(
            self._plan,
            self._scope,
            self._machines,
            self._senders,
            self._requests,
            self._offences,
            self._backoff,
            self.counters,
        )
        self._wanted = False
        self._inside = 0
        """Inputs of the shell that are running: it looks at the outputs afterwards by itself."""
        self._woken_for = 0
        """What the shell has been woken for since it last looked: 1 output, 2 a hang-up, which output does not hide."""
        self._seen_deadline: float | None = None
        self._is_linked = False
        self.connect_at: float | None = None
        """When the shell shall connect; None for: not at all, or it has."""
        self.wake: Callable[[], None] | None = None
        """Set by the shell; called when a call has made output or moved the deadline forward by itself."""
        self.write_now: Callable[[Sequence[bytes]], bool] | None = None
        """Set by the shell if it likes; called with frames that it may write before all other output, at once. False: it
        cannot now, and shall find them in the output. Who is sent the same frames is given the same object."""
        self.on_offence: Callable[[PeerError], None] | None = None
        """Set by the shell; told of every frame that is not taken, for its log."""
        self.told_together: Mapping[str, str] = NONE
        """Set by the application: the handler's methods that take the messages of a batch as a list, at once, by the
        events that tell of them one by one."""

    @property
    def peer_shown(self) -> str:
        """How the peer is called in the log of a shell; an application that knows more of it says so."""
        return f"the {self.role.peer}"

    @property
    def role(self) -> Role:
        """The tables."""
        return self._plan.role

    # --- what the shell reads ---------------------------------------------------------------------

    def take_output(self) -> list[bytes]:
        """Frames to write as text, in order. Call until it answers none: a long backlog comes in pieces."""
        self._woken_for = 0
        if self._senders.has_backlog:
            self._senders.flow()
        return self._machines.output.take()

    @property
    def hanging_up(self) -> bool:
        """True when the shell shall close the connection as soon as the output is written."""
        return self._machines.hanging_up

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        self._seen_deadline = self._machines.schedule.deadline
        return self._seen_deadline

    @property
    def is_connected(self) -> bool:
        """True between `connected` and `lost`, unless one side has hung up."""
        return self._machines.is_up

    # --- inputs of the shell ----------------------------------------------------------------------

    def connected(self, *, now: float) -> None:
        """A connection stands."""
        self.connect_at = None
        self._is_linked = True
        self.counters.connections += 1
        self._offences.forgive()
        errors: list[Exception] = []
        self._inside += 1
        self._machines.start(now, errors)
        self._inside -= 1
        raise_all(errors)

    def receive(self, frame: str | bytes, *, now: float, binary: bool = False) -> None:
        """A frame came. Whatever it holds, no error of the peer's leaves this method."""
        machines = self._machines
        if not machines.is_up:
            self.counters.discarded += 1
            return
        self._inside += 1
        try:
            if binary:
                raise MalformedMessage("a binary frame, expected text")
            self._receiver.take(self._codec.decode(frame, on_alias=self._count_alias), self.told_together, now)
        except (UnknownMessage, MalformedMessage, IllegalMessage) as offence:
            self._offend(offence)
        finally:
            self._inside -= 1

    def lost(self, *, now: float) -> None:
        """The connection is gone, whoever closed it."""
        self._inside += 1
        self._machines.end()
        self._machines.hanging_up = False
        self._machines.output.take()
        self._woken_for = 0
        if self._is_linked:
            self._is_linked = False
            self._retry(now)
        errors: list[Exception] = []
        self._requests.lost(errors)
        self._inside -= 1
        raise_all(errors)

    def tick(self, *, now: float) -> None:
        """Run what is due, earliest first."""
        errors: list[Exception] = []
        self._inside += 1
        for _ in range(DUE_MAX):
            due = self._machines.schedule.pop_due(now)
            if due is None:
                break
            key, at = due
            if isinstance(key, RequestKey):
                self._requests.timed_out(key, errors)
            else:
                self._machines.due(key, at, now, errors)
        self._inside -= 1
        raise_all(errors)

    def start(self, *, now: float) -> None:
        """Want a connection, from now on and again after each loss."""
        self._wanted = True
        if not self._is_linked and self.connect_at is None:
            self.connect_at = now
        self._notify(force=True)

    def stop(self, *, now: float) -> None:
        """Want no connection any more; one that stands is closed when the output is written."""
        self._wanted = False
        self.connect_at = None
        self._senders.settle()
        self._machines.hang_up()
        self._notify(force=True)

    def connect_failed(self, *, now: float) -> None:
        """The shell could not connect."""
        self._retry(now)

    # --- calls of the application -----------------------------------------------------------------

    def call(self, part: str, name: str, *args: Any, now: float) -> None:
        """Make a call of the spec.

        Raises:
            IllegalCall: The state does not allow it; nothing was changed.
            UnsendableMessage: A message that it sends cannot be written; the rest of the call was done.
        """
        index = self._plan.index[part]
        machines = self._machines
        transition = step(self._plan.role.machines[index], machines.states[index], f"call {name}", self._scope, args)
        errors: list[Exception] = []
        self._senders.settle()
        machines.run(index, transition, args, now, errors)
        self._notify()
        if errors:
            raise_all(errors)

    def only_sends(self, part: str, name: str, message: msgspec.Struct) -> bool:
        """True if the call with this message would send it and do nothing else, in whatever state its guards' data are."""
        index = self._plan.index[part]
        state = self._machines.states[index]
        transitions = self._plan.role.machines[index].states[state].get(f"call {name}", ()) if state is not None else ()
        match transitions:
            case (Transition(actions=(Send(each=None, make=make),), target=None, guard=None),):
                return make(self._scope, message) is message
            case _:
                return False

    def put(self, frames: Sequence[bytes], part: str, states: Container[str | None]) -> bool:
        """Send the frames of messages, if the part is in one of these states, of which `only_sends` is true for each.

        Returns:
            False if it is in another one; then nothing is done.
        """
        machines = self._machines
        if machines.states[self._plan.index[part]] not in states:
            return False
        if self.write_now is None or machines.output.frames or not self.write_now(frames):
            for frame in frames:
                if machines.is_up:
                    machines.write(frame)
            if not self._woken_for:
                self._notify()
        return True

    def deliver(self, delivery: str, message: msgspec.Struct, *, now: float) -> int:
        """Number a message, keep it until it is acknowledged, write it when its part is live.

        Returns:
            Its number.

        Raises:
            UnsendableMessage: It cannot be written, or is larger than the whole outbox; no number was used.
        """
        sender = self._senders[delivery]
        outbox = sender.outbox
        data = self._codec.encode(replace(message, **{sender.number: outbox.next_number}))
        if len(data) > sender.size_bytes_max:
            raise UnsendableMessage(
                type(message).__name__, f"{len(data)} bytes as JSON, the whole outbox has {sender.size_bytes_max}"
            )
        number = outbox.put(data)
        if sender.is_open:
            self._senders.grown(sender)
            self._notify()
        return number

    def acknowledge(self, delivery: str, number: int, *, now: float) -> None:
        """Tell the peer that a message is safe. Without a connection nothing is said: the peer will send it again."""
        self.acknowledge_all(delivery, (number,), now=now)

    def acknowledge_all(self, delivery: str, numbers: Sequence[int], *, now: float) -> None:
        """The same for several messages."""
        receiving = self._senders.receiving[delivery]
        if self._machines.states[receiving.index] is None:
            self.counters.unsent += len(numbers)
            return
        self._senders.acknowledge(receiving, numbers)
        self._notify()

    def request(self, name: str, message: msgspec.Struct, on_reply: OnReply, on_error: OnError, *, now: float) -> None:
        """Ask. Exactly one of the two is called once: `on_error` at once if nothing can be asked now.

        Raises:
            UnsendableMessage: The question cannot be written; neither will be called.
        """
        self._requests.ask(name, message, on_reply, on_error, now=now)
        self._notify()

    def reply(self, name: str, question: msgspec.Struct, reply: msgspec.Struct, *, now: float) -> None:
        """Answer a question. Without the connection on which it came nothing is said."""
        self._requests.reply(name, question, reply)
        self._notify()

    def state(self, part: str) -> str | None:
        """Where a part is; None while it is not live."""
        return self._machines.states[self._plan.index[part]]

    def outbox(self, delivery: str) -> Outbox:
        """What waits for its acknowledgement."""
        return self._senders[delivery].outbox

    def pending(self, request: str) -> PendingRequests:
        """Questions that wait for their answers."""
        return self._requests[request]

    # --- inside -----------------------------------------------------------------------------------

    def _offend(self, offence: PeerError) -> None:
        if self.on_offence is not None:
            self.on_offence(offence)
        code = self._offences.commit(offence)
        if code is not None:
            self._machines.fail(code, str(offence))

    def _retry(self, now: float) -> None:
        if self._wanted and self._backoff is not None:
            self.connect_at = now + self._backoff.wait_s()

    def _count_alias(self, name: str) -> None:
        self.counters.aliases[name] += 1

    def _notify(self, *, force: bool = False) -> None:
        if self._inside or self.wake is None:
            return
        machines = self._machines
        has_output = bool(machines.output.frames) or self._senders.has_backlog
        reason = 2 if machines.hanging_up else 1 if has_output or force else 0
        if force or reason > self._woken_for:
            self._woken_for = reason
            self.wake()
            return
        due = machines.schedule.deadline
        if due is not None and (self._seen_deadline is None or due < self._seen_deadline):
            self._seen_deadline = due
            self.wake()
