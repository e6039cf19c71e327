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
    Machine,
    Part,
    Policy,
    Protocol,
    Release,
    Request,
    Send,
    SetFlag,
    Span,
    State,
    Tell,
    Transition,
    Trigger,
)
from mdkgen.table_nodes import receives
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
        self.takers = dict(receives(protocol, role))
        self.machines = [part.machine(role) for part in protocol.parts]
        self.states: list[str | None] = [None for _ in self.parts]
        self.was_live = [False for _ in self.parts]
        self.entries = [0 for _ in self.parts]
        self.flags: dict[str, bool] = {}
        self.answers = dict(hooks)
        self.scope = Scope(self.answers, {}, self.flags)
        params = {param.name: values.worth(param.default, self.scope) for part in self.parts for param in part.params}
        self.scope.params = params
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
        self.last_frames: list[Struct] = []
        self.last_events: list[tuple[str, list[Any]]] = []
        """What `take` gave last, before it became JSON."""
        self.sending = {d.name: _Sending(d.first) for _, d in self._deliveries(mine=True)}
        self.receiving = {d.name: _Receiving() for _, d in self._deliveries(mine=False)}
        self.asked: dict[str, int] = {request.name: 1 for part in self.parts for request in part.requests}

    # --- what is seen ---------------------------------------------------------------------------------

    def take(self) -> tuple[list[Any], list[list[Any]]]:
        """The frames and events since the last time, as JSON."""
        if self.owes and self.up:
            self._settle()
        self.owes = False
        frames, events = self.last_frames, self.last_events = self.frames, self.events
        self.frames, self.events = [], []
        return [self.values.wire(one) for one in frames], [
            [name, *map(self.values.wire, args)] for name, args in events
        ]

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
        index = self._index(part)
        transition = self._step(index, "call", name, tuple(args))
        if transition is None and name not in self._ignored(index):
            raise IllegalCallError
        if self.up:
            self._settle()
        if transition is not None:
            self._run(index, transition, tuple(args))

    def deliver(self, name: str, message: Struct) -> None:
        """It has something to deliver."""
        part, delivery = next(one for one in self._deliveries(mine=True) if one[1].name == name)
        sending = self.sending[name]
        numbered = message.with_field(delivery.number, sending.next_number)
        sending.kept[sending.next_number] = numbered
        sending.next_number += 1
        if self.states[self._index(part.name)] is not None:
            self.owes |= self._is_batched(delivery)
            self.frames.append(numbered)

    def acknowledge(self, name: str, number: int) -> None:
        """What came is safe."""
        part, delivery = next(one for one in self._deliveries(mine=False) if one[1].name == name)
        if self.states[self._index(part.name)] is None:
            return
        if self._is_batched(delivery):
            self.receiving[name].unsafe.discard(number)
            self.owes = True
        else:
            self.frames.append(self.values.completed(delivery.ack, {delivery.ack_number: number}))

    def ask(self, name: str, message: Struct) -> None:
        """It asks."""
        part, request = next((p, r) for p in self.parts for r in p.requests if r.name == name)
        if self.states[self._index(part.name)] is None:
            self.events.append(("failed", [name, "lost"]))
            return
        number = self.asked[name]
        self.asked[name] = number + 1
        timeout = self.values.worth(request.timeout_s, self.scope)
        self.due["request", name, number] = self.now + timeout
        self.frames.append(message.with_field(request.number, number))

    def reply(self, name: str, question: Struct, reply: Struct) -> None:
        """It answers a question."""
        part, request = next((p, r) for p in self.parts for r in p.requests if r.name == name)
        if self.states[self._index(part.name)] is not None:
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
        index = self._taker(message.type)
        if index is None:
            raise _IllegalError
        if self.states[index] is None and self.was_live[index]:
            return
        batch = self._batch_of(message.type)
        if batch is not None and self.states[0] not in batch.states:
            raise _IllegalError
        packed = next((d for _, d in self._deliveries(mine=False) if d.batch is not None and d.batch is batch), None)
        if packed is not None and batch is not None and message.type == batch.message:
            self._good()
            for item in message.fields[batch.field]:
                if self.states[index] is not None:
                    self._one(index, packed, item)
            return
        settled = self._by_engine(message)
        if settled and self.states[index] is None:
            raise _IllegalError
        transition = self._step(index, "recv", message.type, (message,))
        if transition is None and not settled and message.type not in self._ignored(index):
            raise _IllegalError
        self._good(prove=False)
        self._settle_answer(message)
        delivery = next((d for _, d in self._deliveries(mine=False) if d.message == message.type), None)
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

    def _good(self, *, prove: bool = True) -> None:
        self.in_a_row = dict.fromkeys(self.in_a_row, 0)

    def _taker(self, name: str) -> int | None:
        part = self.takers.get(name)
        return None if part is None else self._index(part)

    def _batch_of(self, name: str) -> Any:
        for part in self.parts:
            for delivery in part.deliveries:
                batch = delivery.batch
                if batch is not None and name == (batch.ack if delivery.sender == self.role else batch.message):
                    return batch
        return None

    def _by_engine(self, message: Struct) -> bool:
        acks = {name for _, d in self._deliveries(mine=True) for name in d.acks}
        replies = {r.reply for part in self.parts for r in part.requests if r.sender == self.role}
        return message.type in acks | replies

    def _settle_answer(self, message: Struct) -> None:
        for _, delivery in self._deliveries(mine=True):
            kept, batch = self.sending[delivery.name].kept, delivery.batch
            if message.type == delivery.ack:
                self._acknowledged(kept, message.fields.get(delivery.ack_number), upto=delivery.ack_mode == "upto")
            elif batch is not None and message.type == batch.ack:
                self._acknowledged(kept, message.fields.get(batch.ack_number), upto=True)
        for request in (r for part in self.parts for r in part.requests if r.sender == self.role):
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
        for _, delivery in self._deliveries(mine=False):
            receiving, batch = self.receiving[delivery.name], delivery.batch
            safe = min(receiving.unsafe) - 1 if receiving.unsafe else receiving.highest
            if batch is not None and safe > receiving.told:
                receiving.told = safe
                self.frames.append(self.values.completed(batch.ack, {batch.ack_number: safe}))

    # --- transitions ----------------------------------------------------------------------------------

    def _step(self, index: int, kind: str, name: str, args: tuple[Any, ...]) -> Transition | None:
        state = self.states[index]
        own = self._state(index).transitions if state is not None else ()
        matching = [one for one in own if (one.trigger.kind, one.trigger.name) == (kind, name)]
        if not matching and not (state is not None and name in self._state(index).ignores):
            matching = [
                one for one in self.machines[index].always if (one.trigger.kind, one.trigger.name) == (kind, name)
            ]
        part = self.parts[index].name
        for one in matching:
            names = dict(zip(one.trigger.binds, args, strict=False))
            if one.guard is None or self.values.worth(one.guard, self.scope, part, names):
                return one
        return None

    def _ignored(self, index: int) -> tuple[str, ...]:
        return () if self.states[index] is None else self._state(index).ignores

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
        scope = next(one.scope for one in self.machines[index].leases if one.name == lease)
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
        scopes = {(i, one.name): one.scope for i, machine in enumerate(self.machines) for one in machine.leases}
        for key in [key for key in self.due if key[0] == "lease" and scopes[key[1], key[2]] == "connection"]:
            del self.due[key]

    def _begin(self, index: int) -> None:
        self.was_live[index] = True
        self.states[index] = next(state.name for state in self.machines[index].states if state.start)
        self.entries[index] += 1
        self._entered(index)

    def _entered(self, index: int) -> None:
        entry = self.entries[index]
        timed = [one.trigger for one in self._state(index).transitions if one.trigger.kind in ("after", "every")]
        for number, trigger in enumerate(timed):
            self.due["timer", index, number] = self.now + self._delay(index, trigger)
        self._fire(index, "enter", "", ())
        if self.entries[index] != entry:
            return
        self._resend(index)
        for other in range(1, len(self.parts)) if index == 0 else ():
            if self.entries[0] == entry and self.states[other] is None and self.states[0] in self.parts[other].live_in:
                self._begin(other)

    def _resend(self, index: int) -> None:
        for part, delivery in self._deliveries(mine=True):
            kept = list(self.sending[delivery.name].kept.values())
            if self._index(part.name) != index or not kept:
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
        timed = [one for one in self._state(index).transitions if one.trigger.kind in ("after", "every")]
        transition = timed[number]
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
            for part, delivery in self._deliveries(mine=False):
                if self._index(part.name) == index:
                    self.receiving[delivery.name] = _Receiving()

    def _leave(self, index: int) -> None:
        for key in [key for key in self.due if key[:2] == ("timer", index)]:
            del self.due[key]

    # --- pieces ---------------------------------------------------------------------------------------

    def _state(self, index: int) -> State:
        machine: Machine = self.machines[index]
        return next(one for one in machine.states if one.name == self.states[index])

    def _index(self, part: str) -> int:
        return next(index for index, one in enumerate(self.parts) if one.name == part)

    def _deliveries(self, *, mine: bool) -> list[tuple[Part, Delivery]]:
        return [(part, one) for part in self.parts for one in part.deliveries if (one.sender == self.role) == mine]

    def _reset_flags(self, scope: str) -> None:
        for part, machine in zip(self.parts, self.machines, strict=True):
            self.flags |= {f"{part.name}.{one.name}": one.initial for one in machine.flags if one.scope == scope}
