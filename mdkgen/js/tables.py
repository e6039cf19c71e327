"""Machines of the model as the trees that become `tables.js`."""

from __future__ import annotations

from mdkgen.js.expressions import Expressions, literal, object_of
from mdkgen.js.names import Names
from mdkgen.model import (
    Action,
    Batch,
    Delivery,
    Do,
    Expr,
    Fail,
    Grant,
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
)
from mdkgen.pretty import Node, call, list_of
from mdkgen.table_nodes import input_name, machine_name, receives, source_of


class TableNodes:
    """Writes the tables of one protocol; `used` collects the names that they need from other modules."""

    def __init__(self, protocol: Protocol, names: Names) -> None:
        self.protocol = protocol
        self.names = names
        self.used: set[str] = set()

    def role(self, name: str) -> Node:
        """The `Role` of one side."""
        protocol = self.protocol
        connects = name == protocol.connector
        parts = protocol.parts
        member = self.names.member
        return object_of(
            ("protocol", literal(protocol.name)),
            ("role", literal(name)),
            ("peer", literal(protocol.acceptor if connects else protocol.connector)),
            ("connects", literal(connects)),
            ("path", literal(protocol.path)),
            ("machines", list_of(*(machine_name(part, name) for part in parts))),
            ("receives", object_of(*((message, literal(part)) for message, part in receives(protocol, name)))),
            ("deliveries", list_of(*(self._delivery(part, one) for part in parts for one in part.deliveries))),
            ("requests", list_of(*(self._request(part, one) for part in parts for one in part.requests))),
            ("params", object_of(*((member(p.name), self.expr(q, p.default)) for q in parts for p in q.params))),
            ("policies", self._policies()),
            ("close", self._close()),
            ("reconnect", self._reconnect() if connects else "null"),
            ("codec", "CODEC"),
        )

    def machine(self, part: Part, machine: Machine) -> Node:
        """The `Machine` of one side of one part."""
        writer = _MachineWriter(self, part, machine)
        timers = [(state.name, writer.timers(state)) for state in machine.states]
        flags = {
            scope: object_of(
                *((f"{part.name}.{f.name}", literal(f.initial)) for f in machine.flags if f.scope == scope)
            )
            for scope in ("session", "connection")
        }
        return object_of(
            ("part", literal(part.name)),
            ("start", literal(next(state.name for state in machine.states if state.start))),
            ("states", object_of(*((state.name, writer.state(state)) for state in machine.states))),
            ("always", writer.inputs(machine.always, (), machine.span)),
            ("timers", object_of(*((name, list_of(*nodes)) for name, nodes in timers if nodes))),
            ("liveIn", list_of(*map(literal, part.live_in))),
            ("sessionFlags", flags["session"]),
            ("connectionFlags", flags["connection"]),
            ("leases", object_of(*((f"{part.name}.{one.name}", literal(one.scope)) for one in machine.leases))),
        )

    def expr(self, part: Part, expr: Expr | None) -> Node:
        """An expression, with the names it needs noted."""
        expressions = Expressions(self.names, part.name)
        node = "null" if expr is None else expressions.node(expr)
        self.used |= expressions.used
        return node

    def function(self, binds: tuple[str, ...], body: Node, *, scope: bool = True) -> Node:
        """An arrow function."""
        return Expressions(self.names).function(binds, body, scope=scope)

    def _delivery(self, part: Part, one: Delivery) -> Node:
        self.used.add(one.ack)
        ack_number = self.names.member(one.ack_number)
        ack = call(f"new {one.ack}", object_of((ack_number, "number")))
        return object_of(
            ("name", literal(one.name)),
            ("part", literal(part.name)),
            ("sender", literal(one.sender)),
            ("message", literal(one.message)),
            ("number", literal(self.names.member(one.number))),
            ("first", literal(one.first)),
            ("ack", literal(one.ack)),
            ("ackNumber", literal(ack_number)),
            ("ackMode", literal(one.ack_mode)),
            ("resend", literal(one.resend)),
            ("countMax", literal(one.count_max)),
            ("sizeBytesMax", literal(one.size_bytes_max)),
            ("overflow", literal(one.overflow)),
            ("makeAck", self.function(("number",), ack, scope=False)),
            ("batch", "null" if one.batch is None else self._batch(one.batch)),
        )

    def _batch(self, one: Batch) -> Node:
        self.used |= {one.message, one.ack}
        field, ack_number = self.names.member(one.field), self.names.member(one.ack_number)
        made = call(f"new {one.message}", object_of((field, "items")))
        ack = call(f"new {one.ack}", object_of((ack_number, "number")))
        return object_of(
            ("message", literal(one.message)),
            ("field", literal(field)),
            ("countMax", literal(one.count_max)),
            ("ack", literal(one.ack)),
            ("ackNumber", literal(ack_number)),
            ("states", list_of(*map(literal, one.states))),
            ("make", self.function(("items",), made, scope=False)),
            ("makeAck", self.function(("number",), ack, scope=False)),
        )

    def _request(self, part: Part, one: Request) -> Node:
        return object_of(
            ("name", literal(one.name)),
            ("part", literal(part.name)),
            ("sender", literal(one.sender)),
            ("message", literal(one.message)),
            ("number", literal(self.names.member(one.number))),
            ("reply", literal(one.reply)),
            ("replyNumber", literal(self.names.member(one.reply_number))),
            ("timeoutS", self.function((), self.expr(part, one.timeout_s))),
            ("pendingMax", literal(one.pending_max)),
        )

    def _policies(self) -> Node:
        protocol = self.protocol
        kinds = (("unknown", protocol.unknown), ("illegal", protocol.illegal), ("malformed", protocol.malformed))
        return object_of(*((kind, _policy(policy)) for kind, policy in kinds))

    def _close(self) -> Node:
        if self.protocol.close is None:
            return "null"
        body = self.expr(self.protocol.parts[0], self.protocol.close)
        return self.function(("CODE", "TITLE"), body, scope=False)

    def _reconnect(self) -> Node:
        policy = self.protocol.reconnect
        return object_of(
            ("firstS", literal(policy.first_s)),
            ("longestS", literal(policy.longest_s)),
            ("factor", literal(policy.factor)),
            ("jitter", literal(policy.jitter)),
        )


class _MachineWriter:
    """Writes the states of one machine."""

    def __init__(self, tables: TableNodes, part: Part, machine: Machine) -> None:
        self.tables = tables
        self.part = part
        self.machine = machine

    def state(self, state: State) -> Node:
        return self.inputs(state.transitions, state.ignores, state.span)

    def inputs(self, transitions: tuple[Transition, ...], ignores: tuple[str, ...], span: Span) -> Node:
        """Input to transitions, in the order of the spec; what is ignored has a last one that does nothing."""
        collected: dict[str, list[Node]] = {}
        timers = 0
        for transition in transitions:
            trigger = transition.trigger
            number = timers if trigger.kind in ("after", "every") else None
            timers += number is not None
            collected.setdefault(input_name(trigger, number), []).append(self._transition(transition))
        calls = {one.name for one in self.machine.calls}
        for name in ignores:
            nothing = object_of(("source", literal(source_of(span))))
            collected.setdefault(f"{'call' if name in calls else 'recv'} {name}", []).append(nothing)
        return object_of(*((name, list_of(*nodes)) for name, nodes in collected.items()))

    def timers(self, state: State) -> list[Node]:
        timed = [one.trigger for one in state.transitions if one.trigger.kind in ("after", "every")]
        return [
            object_of(
                ("input", literal(input_name(trigger, number))),
                ("delayS", self._function((), trigger.delay_s)),
                ("repeat", literal(trigger.kind == "every")),
            )
            for number, trigger in enumerate(timed)
        ]

    def _transition(self, transition: Transition) -> Node:
        binds = transition.trigger.binds or (("_",) if transition.trigger.kind in ("recv", "lapse") else ())
        items: list[tuple[str, Node]] = [("source", literal(source_of(transition.span)))]
        if transition.actions:
            items.append(("actions", list_of(*(self._action(action, binds) for action in transition.actions))))
        if transition.target is not None:
            items.append(("target", literal(transition.target)))
        if transition.guard is not None:
            items.append(("guard", self._function(binds, transition.guard)))
        return object_of(*items)

    def _action(self, action: Action, binds: tuple[str, ...]) -> Node:
        match action:
            case Send(message, value, None):
                return call("$.send", literal(message), self._function(binds, value))
            case Send(message, value, (variable, hook)):
                make = self._function((*binds, variable), value)
                return call("$.send", literal(message), make, self._function(binds, hook))
            case Tell(name, args) | Do(name, args):
                values = list_of(*(self.tables.expr(self.part, one) for one in args))
                member = literal(self.tables.names.member(name))
                return call("$.tell", member, self.tables.function(binds, values))
            case SetFlag(flag, value):
                return call("$.setFlag", literal(f"{self.part.name}.{flag}"), literal(value))
            case Grant(lease, key, ttl_s):
                name = literal(f"{self.part.name}.{lease}")
                return call("$.grant", name, self._function(binds, key), self._function(binds, ttl_s))
            case Release(lease, key):
                return call("$.release", literal(f"{self.part.name}.{lease}"), self._function(binds, key))
            case Fail(code):
                return call("$.fail", literal(code))
            case _:
                return call("$.hangup")

    def _function(self, binds: tuple[str, ...], expr: Expr | None) -> Node:
        return self.tables.function(binds, self.tables.expr(self.part, expr))


def _policy(policy: Policy) -> Node:
    return object_of(("dropMax", literal(policy.drop_max)), ("code", literal(policy.code)))
