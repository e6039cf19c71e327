"""Machines of the model as the trees that become `tables.py`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import PurePosixPath

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
    Trigger,
)
from mdkgen.pretty import Labelled, Node, call, dict_of, list_of, quoted, tuple_of
from mdkgen.python import Expressions


class TableNodes:
    """Writes the tables of one protocol; `used` collects the names that they need from other modules.

    Args:
        protocol: Of the specification.
        taken: Its names of types: what the engine calls so, too, is imported under another name.
    """

    def __init__(self, protocol: Protocol, taken: Collection[str] = ()) -> None:
        self.protocol = protocol
        self.engine: set[str] = set()
        self.used: set[str] = set()
        self._taken = taken

    def node(self, name: str, *items: Node) -> Node:
        """A call of a class of the engine."""
        alias = beside(name, self._taken)
        self.engine.add(name if alias == name else f"{name} as {alias}")
        return call(alias, *items)

    def role(self, name: str) -> Node:
        """The `Role` of one side."""
        protocol = self.protocol
        connects = name == protocol.connector
        parts = protocol.parts
        items: list[tuple[str, Node]] = [
            ("protocol", quoted(protocol.name)),
            ("role", quoted(name)),
            ("peer", quoted(protocol.acceptor if connects else protocol.connector)),
            ("connects", repr(connects)),
            ("path", quoted(protocol.path)),
            ("machines", tuple_of(*(machine_name(part, name) for part in parts))),
            ("receives", dict_of(*((message, quoted(part)) for message, part in receives(protocol, name)))),
            ("deliveries", tuple_of(*(self._delivery(part, one) for part in parts for one in part.deliveries))),
            ("requests", tuple_of(*(self._request(part, one) for part in parts for one in part.requests))),
            ("params", dict_of(*((p.name, self.expr(part, p.default)) for part in parts for p in part.params))),
            ("unknown", self._policy(protocol.unknown)),
            ("illegal", self._policy(protocol.illegal)),
            ("malformed", self._policy(protocol.malformed)),
            ("close", self._close()),
            ("reconnect", self._reconnect() if connects else "None"),
            ("codec", "CODEC"),
        ]
        return self.node("Role", *(Labelled(f"{key}=", node) for key, node in items))

    def machine(self, part: Part, machine: Machine) -> Node:
        """The `Machine` of one side of one part."""
        writer = _MachineWriter(self, part, machine)
        items: list[tuple[str, Node]] = [
            ("part", quoted(part.name)),
            ("start", quoted(next(state.name for state in machine.states if state.start))),
            ("states", dict_of(*((state.name, writer.state(state)) for state in machine.states))),
        ]
        if machine.always:
            items.append(("always", writer.inputs(machine.always, (), machine.span)))
        timers = [(state.name, writer.timers(state)) for state in machine.states]
        if any(node for _, node in timers):
            items.append(("timers", dict_of(*((name, tuple_of(*nodes)) for name, nodes in timers if nodes))))
        if part.live_in:
            items.append(("live_in", _frozenset(part.live_in)))
        sends = [(state.name, sorted(sent_in(part, machine, state))) for state in machine.states]
        items.append(("sends", dict_of(*((name, _frozenset(messages)) for name, messages in sends))))
        for scope in ("session", "connection"):
            flags = [(f"{part.name}.{f.name}", repr(f.initial)) for f in machine.flags if f.scope == scope]
            if flags:
                items.append((f"{scope}_flags", dict_of(*flags)))
        if machine.leases:
            items.append(
                ("leases", dict_of(*((f"{part.name}.{one.name}", quoted(one.scope)) for one in machine.leases)))
            )
        return self.node("Machine", *(Labelled(f"{key}=", node) for key, node in items))

    def expr(self, part: Part, expr: Expr | None) -> Node:
        """An expression, with the names it needs noted."""
        expressions = Expressions(part.name)
        node = "None" if expr is None else expressions.node(expr)
        self.used |= expressions.used
        return node

    def _delivery(self, part: Part, delivery: Delivery) -> Node:
        self.used.add(delivery.ack)
        return self.node(
            "Delivery",
            f"name={quoted(delivery.name)}",
            f"part={quoted(part.name)}",
            f"sender={quoted(delivery.sender)}",
            f"message={quoted(delivery.message)}",
            f"number={quoted(delivery.number)}",
            f"first={delivery.first}",
            f"ack={quoted(delivery.ack)}",
            f"ack_number={quoted(delivery.ack_number)}",
            f"ack_mode={quoted(delivery.ack_mode)}",
            f"resend={delivery.resend}",
            f"count_max={delivery.count_max}",
            f"size_bytes_max={delivery.size_bytes_max}",
            f"overflow={quoted(delivery.overflow)}",
            f"make_ack=lambda number: {delivery.ack}({delivery.ack_number}=number)",
            *([] if delivery.batch is None else [Labelled("batch=", self._batch(delivery.batch))]),
        )

    def _batch(self, batch: Batch) -> Node:
        self.used |= {batch.message, batch.ack}
        return self.node(
            "Batch",
            f"message={quoted(batch.message)}",
            f"field={quoted(batch.field)}",
            f"count_max={batch.count_max}",
            f"ack={quoted(batch.ack)}",
            f"ack_number={quoted(batch.ack_number)}",
            Labelled("states=", _frozenset(batch.states)),
            f"make=lambda items: {batch.message}({batch.field}=items)",
            f"make_ack=lambda number: {batch.ack}({batch.ack_number}=number)",
        )

    def _request(self, part: Part, request: Request) -> Node:
        return self.node(
            "Request",
            f"name={quoted(request.name)}",
            f"part={quoted(part.name)}",
            f"sender={quoted(request.sender)}",
            f"message={quoted(request.message)}",
            f"number={quoted(request.number)}",
            f"reply={quoted(request.reply)}",
            f"reply_number={quoted(request.reply_number)}",
            Labelled("timeout_s=lambda x: ", self.expr(part, request.timeout_s)),
            f"pending_max={request.pending_max}",
        )

    def _policy(self, policy: Policy) -> Node:
        return self.node("Policy", f"drop_max={policy.drop_max}", f"code={quoted(policy.code)}")

    def _close(self) -> Node:
        if self.protocol.close is None:
            return "None"
        return Labelled("lambda code, title: ", self.expr(self.protocol.parts[0], self.protocol.close))

    def _reconnect(self) -> Node:
        policy = self.protocol.reconnect
        return self.node(
            "Reconnect",
            f"first_s={policy.first_s!r}",
            f"longest_s={policy.longest_s!r}",
            f"factor={policy.factor!r}",
            f"jitter={policy.jitter!r}",
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
            nothing = self.tables.node("Transition", quoted(source_of(span)))
            collected.setdefault(f"{'call' if name in calls else 'recv'} {name}", []).append(nothing)
        return dict_of(*((name, tuple_of(*nodes)) for name, nodes in collected.items()))

    def timers(self, state: State) -> list[Node]:
        timed = [one.trigger for one in state.transitions if one.trigger.kind in ("after", "every")]
        nodes: list[Node] = []
        for number, trigger in enumerate(timed):
            delay = Labelled("delay_s=lambda x: ", self._expr(trigger.delay_s))
            nodes.append(
                self.tables.node(
                    "Timer", quoted(input_name(trigger, number)), delay, f"repeat={trigger.kind == 'every'}"
                )
            )
        return nodes

    def _expr(self, expr: Expr | None) -> Node:
        return self.tables.expr(self.part, expr)

    def _transition(self, transition: Transition) -> Node:
        binds = transition.trigger.binds or (("_",) if transition.trigger.kind in ("recv", "lapse") else ())
        items: list[Node] = [quoted(source_of(transition.span))]
        if transition.actions:
            items.append(
                Labelled("actions=", tuple_of(*(self._action(action, binds) for action in transition.actions)))
            )
        if transition.target is not None:
            items.append(f"target={quoted(transition.target)}")
        if transition.guard is not None:
            items.append(Labelled("guard=", _function(binds, self._expr(transition.guard))))
        return self.tables.node("Transition", *items)

    def _action(self, action: Action, binds: tuple[str, ...]) -> Node:
        match action:
            case Send(message, value, None):
                return self.tables.node("Send", quoted(message), _function(binds, self._expr(value)))
            case Send(message, value, (variable, hook)):
                make = _function((*binds, variable), self._expr(value))
                return self.tables.node(
                    "Send", quoted(message), make, Labelled("each=", _function(binds, self._expr(hook)))
                )
            case Tell(name, args) | Do(name, args):
                values = tuple_of(*map(self._expr, args))
                return self.tables.node(type(action).__name__, quoted(name), _function(binds, values))
            case SetFlag(flag, value):
                return self.tables.node("SetFlag", quoted(f"{self.part.name}.{flag}"), repr(value))
            case Grant(lease, key, ttl_s):
                functions = (_function(binds, self._expr(key)), _function(binds, self._expr(ttl_s)))
                return self.tables.node("Grant", quoted(f"{self.part.name}.{lease}"), *functions)
            case Release(lease, key):
                return self.tables.node(
                    "Release", quoted(f"{self.part.name}.{lease}"), _function(binds, self._expr(key))
                )
            case Fail(code):
                return self.tables.node("Fail", quoted(code))
            case _:
                return self.tables.node("Hangup")


def beside(name: str, taken: Collection[str]) -> str:
    """A name of the engine where the specification's are used, too."""
    while name in taken:
        name += "_"
    return name


def machine_name(part: Part, role: str) -> str:
    """The constant that holds one side's machine."""
    return f"{part.name}_{role}_machine".upper()


def input_name(trigger: Trigger, number: int | None) -> str:
    """How the tables call an input."""
    if number is not None:
        return f"{trigger.kind} {number}"
    return f"{trigger.kind} {trigger.name}".strip()


def receives(protocol: Protocol, role: str) -> list[tuple[str, str]]:
    """Messages that a role takes somewhere, with the part that takes them, in order of the spec."""
    found: dict[str, str] = {}
    for part in protocol.parts:
        machine = part.machine(role)
        calls = {one.name for one in machine.calls}
        for transitions, ignores in [(machine.always, ()), *((s.transitions, s.ignores) for s in machine.states)]:
            triggers = [one.trigger for one in transitions]
            messages = [trigger.name for trigger in triggers if trigger.kind == "recv"]
            for message in (*messages, *(name for name in ignores if name not in calls)):
                found.setdefault(message, part.name)
        for delivery in part.deliveries:
            for message in delivery.acks if delivery.sender == role else delivery.packets:
                found.setdefault(message, part.name)
        for request in part.requests:
            found.setdefault(request.reply if request.sender == role else request.message, part.name)
    return list(found.items())


def sent_in(part: Part, machine: Machine, state: State) -> set[str]:
    """Messages that one side may send while in a state."""
    actions = [action for one in (*state.transitions, *machine.always) for action in one.actions]
    sent = {action.message for action in actions if isinstance(action, Send)}
    for one in part.deliveries:
        sent |= set(one.packets if one.sender == machine.role else one.acks)
    sent |= {one.message if one.sender == machine.role else one.reply for one in part.requests}
    return sent


def _function(binds: tuple[str, ...], body: Node) -> Node:
    return Expressions().function(binds, body)


def source_of(span: Span) -> str:
    """Where the spec says it: `discovery.mdkspec:42`."""
    return f"{PurePosixPath(span.file).name}:{span.line}"


def _frozenset(names: tuple[str, ...] | list[str]) -> Node:
    return call("frozenset", list_of(*map(quoted, names))) if names else "frozenset()"
