"""What a spec means: one side of a protocol, stepped through in the plainest way.

This is the reference that engines are compared with, not one of them: it knows no limits, keeps no heap, and holds
messages as values. Its rules are those of docs/language.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mdkgen.model import (
    Delivery,
    Do,
    Fail,
    Grant,
    Hangup,
    Policy,
    Protocol,
    Release,
    Request,
    Send,
    SetFlag,
    Span,
    Tell,
    Transition,
    Trigger,
)
from mdkgen.vectors.role import role_of
from mdkgen.vectors.values import Scope, Struct, Values

ANY_TEXT = "<any text>"
"""What an error of a peer is called is for people: any words will do."""


class IllegalCallError(Exception):
    """The state does not take the call."""


class _IllegalError(Exception):
    """The state does not take the message."""


@dataclass(slots=True)
class _Sending:
    """The sending end of a delivery."""

    next_number: int
    kept: dict[int, Struct] = field(default_factory=dict[int, Struct])


@dataclass(slots=True)
class _Receiving:
    """The receiving end of a delivery that is written in batches."""

    unsafe: set[int] = field(default_factory=set[int])
    highest: int = -1
    told: int = -1


class Interpreter:
    """One side of a protocol.

    Args:
        values: Of the spec.
        protocol: Which one.
        role: Which side.
        hooks: What each hook answers, always.
    """

    def __init__(self, values: Values, protocol: Protocol, role: str, hooks: Mapping[str, Any]) -> None:
        self.values = values
        self.protocol = protocol
        self.role = role
        self.parts = protocol.parts
        self.rules = role_of(values, protocol, role)
        self.states: list[str | None] = [None for _ in self.parts]
        self.was_live = [False for _ in self.parts]
        self.entries = [0 for _ in self.parts]
        self.flags: dict[str, bool] = {}
        self.answers = dict(hooks)
        self.scope = Scope(self.answers, self.rules.params, self.flags)
        self._reset_flags("session")
        self._reset_flags("connection")
        self.due: dict[tuple[Any, ...], float] = {}
        self.shared: dict[tuple[Any, ...], float] = {}
        self.now = 0.0
        self.up = self.linked = self.wanted = self.hanging_up = False
        self.owes = False
        """Something has become safe, or waits, since the frames were last taken: what acknowledges all is sent then."""
        self.connect_at: float | None = None
        self.wait_s = protocol.reconnect.first_s
        self.in_a_row = {"malformed": 0, "illegal": 0, "unknown": 0}
        self.fired: set[Span] = set()
        """Where the transitions stand that were taken."""
        self.frames: list[Struct] = []
        self.events: list[tuple[str, list[Any]]] = []
        self.sending = {one.name: _Sending(one.first) for _, one in self.rules.sent}
        self.receiving = {one.name: _Receiving() for _, one in self.rules.received}
        self.asked: dict[str, int] = {request.name: 1 for _, request in self.rules.requests}

    # --- what is seen ---------------------------------------------------------------------------------

    def take(self) -> tuple[list[Struct], list[tuple[str, list[Any]]]]:
        """The frames and events since the last time."""
        if self.owes and self.up:
            self._settle()
        self.owes = False
        frames, events = self.frames, self.events
        self.frames, self.events = [], []
        return frames, events

    @property
    def deadline(self) -> float | None:
        """When something is due."""
        return min(self.due.values(), default=None)

    def pending(self, request: Request) -> list[int]:
        """The numbers of the questions that wait for an answer."""
        return [key[2] for key in self.due if key[:2] == ("request", request.name)]

    # --- inputs ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """The application wants a connection."""
        self.wanted = True
        if not self.linked and self.connect_at is None:
            self.connect_at = self.now

    def stop(self) -> None:
        """It wants none any more."""
        self.wanted = False
        self.connect_at = None
        if self.up:
            self._settle()
        self._hang_up()

    def connected(self) -> None:
        """A connection stands."""
        self.connect_at = None
        self.linked = self.up = True
        self.hanging_up = False
        self.in_a_row = dict.fromkeys(self.in_a_row, 0)
        self._reset_flags("connection")
        self.was_live = [False for _ in self.parts]
        self._begin(0)

    def lost(self) -> None:
        """It is gone."""
        self._down()
        self.hanging_up = False
        self.frames = []
        if self.linked:
            self.linked = False
            if self.wanted and self.role == self.protocol.connector:
                self.connect_at = self.now + self.wait_s
                policy = self.protocol.reconnect
                self.wait_s = min(self.wait_s * policy.factor, policy.longest_s)
        for key in [key for key in self.due if key[0] == "request"]:
            del self.due[key]
            self.events.append(("failed", [key[1], "lost"]))

    def advance(self, to: float) -> None:
        """Let time pass, and what is due happen, as one late look at the clock would have it."""
        self.now = to
        while self.due and min(self.due.values()) <= to:
            key = min(self.due, key=lambda one: self.due[one])
            at = self.due.pop(key)
            if key[0] == "request":
                self.events.append(("failed", [key[1], "timeout"]))
            elif key[0] == "lease":
                self._fire(key[1], "lapse", key[2], (key[3],))
            else:
                self._timer(key, at)

    def call(self, part: str, name: str, args: list[Any]) -> None:
        """The application calls."""
        index = self.rules.index[part]
        transition = self._step(index, "call", name, tuple(args))
        if transition is None and name not in self.rules.ignored(index, self.states[index]):
            raise IllegalCallError
        if self.up:
            self._settle()
        if transition is not None:
            self._run(index, transition, tuple(args))

    def deliver(self, name: str, message: Struct) -> None:
        """It has something to deliver."""
        index, delivery = self.rules.part_of(name)
        sending = self.sending[name]
        numbered = message.with_field(delivery.number, sending.next_number)
        sending.kept[sending.next_number] = numbered
        sending.next_number += 1
        if self.states[index] is not None:
            self.owes |= self._is_batched(delivery)
            self.frames.append(numbered)

    def acknowledge(self, name: str, number: int) -> None:
        """What came is safe."""
        index, delivery = self.rules.part_of(name)
        if self.states[index] is None:
            return
        if self._is_batched(delivery):
            self.receiving[name].unsafe.discard(number)
            self.owes = True
        else:
            self.frames.append(self.values.completed(delivery.ack, {delivery.ack_number: number}))

    def ask(self, name: str, message: Struct) -> None:
        """It asks."""
        index, request = self.rules.request(name)
        if self.states[index] is None:
            self.events.append(("failed", [name, "lost"]))
            return
        number = self.asked[name]
        self.asked[name] = number + 1
        timeout = self.values.worth(request.timeout_s, self.scope)
        self.due["request", name, number] = self.now + timeout
        self.frames.append(message.with_field(request.number, number))

    def reply(self, name: str, question: Struct, reply: Struct) -> None:
        """It answers a question."""
        index, request = self.rules.request(name)
        if self.states[index] is not None:
            number = question.fields.get(request.number)
            answer = reply.with_field(request.reply_number, number)
            self.frames.append(answer if number is not None else reply)

    def offend(self, kind: str) -> None:
        """A frame that is no message (`malformed`) or of a type that the spec does not have (`unknown`)."""
        if not self.up:
            return
        policies: dict[str, Policy] = {
            "malformed": self.protocol.malformed, "illegal": self.protocol.illegal, "unknown": self.protocol.unknown,
        }  # fmt: skip
        self.in_a_row[kind] += 1
        limit = policies[kind].drop_max
        if limit is not None and self.in_a_row[kind] > limit:
            self._fail(policies[kind].code, ANY_TEXT)

    def receive(self, message: Struct) -> None:
        """A message comes."""
        if not self.up:
            return
        try:
            self._take(message)
        except _IllegalError:
            self.offend("illegal")

    # --- messages -------------------------------------------------------------------------------------

    def _take(self, message: Struct) -> None:
        index = self.rules.takers.get(message.type)
        if index is None:
            raise _IllegalError
        if self.states[index] is None and self.was_live[index]:
            return
        batch = self.rules.batches.get(message.type)
        if batch is not None and self.states[0] not in batch.states:
            raise _IllegalError
        packed = self.rules.packed.get(message.type)
        if packed is not None and batch is not None:
            self._good()
            for item in message.fields[batch.field]:
                if self.states[index] is not None:
                    self._one(index, packed, item)
            return
        settled = message.type in self.rules.settled
        if settled and self.states[index] is None:
            raise _IllegalError
        transition = self._step(index, "recv", message.type, (message,))
        ignored = message.type in self.rules.ignored(index, self.states[index])
        if transition is None and not settled and not ignored:
            raise _IllegalError
        self._good()
        self._settle_answer(message)
        delivery = self.rules.carried.get(message.type)
        if delivery is not None:
            self._came(delivery, message)
        if transition is not None:
            self._run(index, transition, (message,))
        if self.up:
            self.wait_s = self.protocol.reconnect.first_s

    def _one(self, index: int, delivery: Delivery, item: Struct) -> None:
        self._came(delivery, item)
        transition = self._step(index, "recv", delivery.message, (item,))
        if transition is not None:
            self._run(index, transition, (item,))

    def _good(self) -> None:
        self.in_a_row = dict.fromkeys(self.in_a_row, 0)

    def _settle_answer(self, message: Struct) -> None:
        for _, delivery in self.rules.sent:
            kept, batch = self.sending[delivery.name].kept, delivery.batch
            if message.type == delivery.ack:
                self._acknowledged(kept, message.fields.get(delivery.ack_number), upto=delivery.ack_mode == "upto")
            elif batch is not None and message.type == batch.ack:
                self._acknowledged(kept, message.fields.get(batch.ack_number), upto=True)
        for request in self.rules.asked:
            number = message.fields.get(request.reply_number)
            if message.type == request.reply and self.due.pop(("request", request.name, number), None) is not None:
                self.events.append(("answered", [request.name, message]))

    def _acknowledged(self, kept: dict[int, Struct], number: int | None, *, upto: bool) -> None:
        last = max(kept, default=-1)
        for one in list(kept):
            if number is not None and (one == number or (upto and one <= number <= last)):
                del kept[one]

    def _came(self, delivery: Delivery, message: Struct) -> None:
        number = message.fields.get(delivery.number)
        if number is not None and self._is_batched(delivery):
            receiving = self.receiving[delivery.name]
            receiving.highest = max(receiving.highest, number)
            receiving.unsafe.add(number)

    def _is_batched(self, delivery: Delivery) -> bool:
        return delivery.batch is not None and self.states[0] in delivery.batch.states

    def _settle(self) -> None:
        for _, delivery in self.rules.received:
            receiving, batch = self.receiving[delivery.name], delivery.batch
            safe = min(receiving.unsafe) - 1 if receiving.unsafe else receiving.highest
            if batch is not None and safe > receiving.told:
                receiving.told = safe
                self.frames.append(self.values.completed(batch.ack, {batch.ack_number: safe}))

    # --- transitions ----------------------------------------------------------------------------------

    def _step(self, index: int, kind: str, name: str, args: tuple[Any, ...]) -> Transition | None:
        for one in self.rules.matching(index, self.states[index], kind, name):
            part = self.parts[index].name
            names = dict(zip(one.trigger.binds, args, strict=False))
            if one.guard is None or self.values.worth(one.guard, self.scope, part, names):
                return one
        return None

    def _run(self, index: int, transition: Transition, args: tuple[Any, ...]) -> None:
        self.fired.add(transition.span)
        target = transition.target
        entry = -1
        if target is not None:
            self._leave(index)
            self.states[index] = target
            self.entries[index] += 1
            entry = self.entries[index]
            if index == 0:
                for other in range(1, len(self.parts)):
                    if target not in self.parts[other].live_in:
                        self._end(other)
        names = dict(zip(transition.trigger.binds, args, strict=False))
        for action in transition.actions:
            self._perform(index, action, names)
        if target is not None and self.entries[index] == entry:
            self._entered(index)

    def _perform(self, index: int, action: Any, names: dict[str, Any]) -> None:
        part = self.parts[index].name

        def worth(expr: Any, **more: Any) -> Any:
            return self.values.worth(expr, self.scope, part, {**names, **more})

        match action:
            case Send(_, value, None):
                self._send(worth(value))
            case Send(_, value, (variable, hook)):
                for item in worth(hook):
                    self._send(worth(value, **{variable: item}))
            case Tell(name, args) | Do(name, args):
                self.events.append((name, [worth(one) for one in args]))
            case SetFlag(flag, value):
                self.flags[f"{part}.{flag}"] = value
            case Grant(lease, key, ttl_s):
                self._grant(index, lease, worth(key), worth(ttl_s))
            case Release(lease, key):
                self.due.pop(("lease", index, lease, worth(key)), None)
            case Fail(code):
                self._fail(code, code.replace("_", " "))
            case Hangup():
                self._hang_up()
            case _:
                raise AssertionError(action)

    def _grant(self, index: int, lease: str, key: str, ttl_s: float) -> None:
        scope = self.rules.lease(index, lease).scope
        if scope == "session" or (scope == "connection" and self.up):
            self.due["lease", index, lease, key] = self.now + ttl_s

    def _send(self, message: Struct) -> None:
        if self.up:
            self.frames.append(message)

    def _fail(self, code: str, title: str) -> None:
        if self.up and self.protocol.close is not None:
            self._send(self.values.worth(self.protocol.close, self.scope, "", {"CODE": code, "TITLE": title}))
        self._hang_up()

    def _hang_up(self) -> None:
        if self.up:
            self._down()
            self.hanging_up = True

    def _down(self) -> None:
        self.up = False
        for index in range(len(self.parts)):
            self._end(index)
        for key in [key for key in self.due if key[0] == "lease"]:
            if self.rules.lease(key[1], key[2]).scope == "connection":
                del self.due[key]

    def _begin(self, index: int) -> None:
        self.was_live[index] = True
        self.states[index] = self.rules.starts[index]
        self.entries[index] += 1
        self._entered(index)

    def _entered(self, index: int) -> None:
        entry = self.entries[index]
        for number, timer in enumerate(self._timers(index)):
            self.due["timer", index, number] = self.now + self._delay(index, timer.trigger)
        self._fire(index, "enter", "", ())
        if self.entries[index] != entry:
            return
        self._resend(index)
        for other in range(1, len(self.parts)) if index == 0 else ():
            if self.entries[0] == entry and self.states[other] is None and self.states[0] in self.parts[other].live_in:
                self._begin(other)

    def _resend(self, index: int) -> None:
        for owner, delivery in self.rules.sent:
            kept = [*self.sending[delivery.name].kept.values()] if owner == index else []
            if not kept:
                continue
            if delivery.batch is not None and self._is_batched(delivery) and len(kept) > 1:
                self.frames.append(Struct(delivery.batch.message, {delivery.batch.field: kept}))
            else:
                self.frames += kept

    def _fire(self, index: int, kind: str, name: str, args: tuple[Any, ...]) -> None:
        transition = self._step(index, kind, name, args)
        if transition is not None:
            self._run(index, transition, args)

    def _timer(self, key: tuple[Any, ...], at: float) -> None:
        index, number = int(key[1]), int(key[2])
        transition = self._timers(index)[number]
        if transition.trigger.kind == "every":
            period = self._delay(index, transition.trigger)
            self.due[key] = at + period * ((self.now - at) // period + 1)
        guard = transition.guard
        if guard is None or self.values.worth(guard, self.scope, self.parts[index].name):
            self._run(index, transition, ())

    def _delay(self, index: int, trigger: Trigger) -> float:
        assert trigger.delay_s is not None, "a timer has one"
        return float(self.values.worth(trigger.delay_s, self.scope, self.parts[index].name))

    def _end(self, index: int) -> None:
        if self.states[index] is not None:
            self._leave(index)
            self.states[index] = None
            self.entries[index] += 1
            for owner, delivery in self.rules.received:
                if owner == index:
                    self.receiving[delivery.name] = _Receiving()

    def _leave(self, index: int) -> None:
        for key in [key for key in self.due if key[:2] == ("timer", index)]:
            del self.due[key]

    # --- pieces ---------------------------------------------------------------------------------------

    def _timers(self, index: int) -> tuple[Transition, ...]:
        state = self.states[index]
        return () if state is None else self.rules.timers(index, state)

    def _reset_flags(self, scope: str) -> None:
        for part, machine in zip(self.parts, self.rules.machines, strict=True):
            self.flags |= {f"{part.name}.{one.name}": one.initial for one in machine.flags if one.scope == scope}
