"""What a protocol's simulation is told beside its tables: types of what applications give and answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mdkgen.model import Machine, Part, Protocol, Tell
from mdkgen.pretty import Node, call, dict_of, layout, list_of, quoted, tuple_of
from mdkgen.strategies import StrategyWriter
from mdkgen.stubs import Stub


@dataclass(frozen=True, slots=True)
class Simulation:
    """A class of testing.py."""

    name: str
    protocol: str
    facts: tuple[str, ...]
    """Its attributes, a statement each."""


def simulations(
    protocols: tuple[Protocol, ...], stubs: list[Stub], writer: StrategyWriter, call_class: str
) -> list[Simulation]:
    """One for each protocol; the writer notes the strategies that they need."""
    return [
        _Facts(one, [stub for stub in stubs if stub.protocol == one.name], writer, call_class).simulation()
        for one in protocols
    ]


class _Facts:
    def __init__(self, protocol: Protocol, stubs: list[Stub], writer: StrategyWriter, call_class: str) -> None:
        self._call_class = call_class
        self._protocol = protocol
        self._stubs = {stub.role: stub for stub in stubs}
        self._writer = writer

    def simulation(self) -> Simulation:
        protocol = self._protocol
        connector, acceptor = (self._stubs[role] for role in (protocol.connector, protocol.acceptor))
        facts: list[tuple[str, Node]] = [("connector", connector.name), ("acceptor", acceptor.name)]
        if acceptor.has_shared:
            facts.append(("shared", f"{acceptor.name}Shared"))
        hooks, calls, messages = tuple(self._hooks()), tuple(self._calls()), tuple(self._messages())
        if hooks:
            facts.append(("hooks: ClassVar", dict_of(*hooks)))
        if calls:
            facts.append(("calls", tuple_of(*calls)))
        if messages:
            facts.append(("messages: ClassVar", dict_of(*messages)))
        if certain := list(self._certain()):
            facts.append(("certain", call("frozenset", list_of(*map(quoted, certain)))))
        if lapses := self._lapses():
            facts.append(("lapses", call("frozenset", list_of(*map(quoted, lapses)))))
        return Simulation(
            f"{protocol.name}Simulation",
            protocol.name,
            tuple(_attribute(name, value) for name, value in facts),
        )

    def _machines(self) -> Iterator[tuple[Part, Machine]]:
        for part in self._protocol.parts:
            for machine in part.machines:
                yield part, machine

    def _hooks(self) -> Iterator[tuple[str, Node]]:
        for _, machine in self._machines():
            for hook in machine.hooks:
                if hook.result is not None:
                    one = self._writer.type(hook.result)
                    answer = call("st.lists", one, "max_size=2") if hook.each else one
                    yield f"{machine.role}.{hook.name}", answer

    def _calls(self) -> Iterator[Node]:
        for part, machine in self._machines():
            for one in machine.calls:
                arguments = tuple_of(*(self._writer.argument(argument) for argument in one.arguments))
                yield call(self._call_class, quoted(machine.role), quoted(part.name), quoted(one.name), arguments)

    def _messages(self) -> Iterator[tuple[str, Node]]:
        deliveries = [one.message for part in self._protocol.parts for one in part.deliveries]
        requests = [name for part in self._protocol.parts for one in part.requests for name in (one.message, one.reply)]
        for name in dict.fromkeys((*deliveries, *requests)):
            yield name, self._writer.function_name(name)

    def _certain(self) -> Iterator[str]:
        """Deliveries whose part the sender's own machine makes live without a call, if hooks and guards let it."""
        for part in self._protocol.parts:
            for delivery in part.deliveries:
                root = self._protocol.parts[0].machine(delivery.sender)
                if not part.live_in or _reached(root) & set(part.live_in):
                    yield delivery.name

    def _lapses(self) -> list[str]:
        """What every lapse of a shared lease tells; nothing if one may go untold."""
        found: dict[str, None] = {}
        for _, machine in self._machines():
            for lease in (one.name for one in machine.leases if one.scope == "shared"):
                ways = [one for one in machine.always if (one.trigger.kind, one.trigger.name) == ("lapse", lease)]
                told = [action.event for one in ways for action in one.actions if isinstance(action, Tell)]
                if len(told) != 1 or ways[0].guard is not None:
                    return []
                found[told[0]] = None
        return list(found)


def _reached(machine: Machine) -> set[str]:
    """States to which messages and timers lead from the start."""
    states = {one.name: one for one in machine.states}
    ahead = [one.name for one in machine.states if one.start]
    reached = set(ahead)
    while ahead:
        for one in (*states[ahead.pop()].transitions, *machine.always):
            if one.target is not None and one.trigger.kind != "call" and one.target not in reached:
                reached.add(one.target)
                ahead.append(one.target)
    return reached


def _attribute(name: str, value: Node) -> str:
    head = f"    {name} = "
    return head + layout(value, indent=4, used=len(head))
