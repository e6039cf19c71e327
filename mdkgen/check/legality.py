"""What one look at a protocol's tables shows: calls that are not taken, messages that go nowhere."""

from __future__ import annotations

from mdkgen import syntax
from mdkgen.check.names import Names
from mdkgen.model import Construct, Machine, Part, Send
from mdkgen.model_walk import alphabet, transitions_of


def check_calls(names: Names, parts: list[Part]) -> None:
    """Every call of a role is taken, or ignored, in every state of its part."""
    for part in parts:
        for machine in part.machines:
            anywhere = {one.trigger.name for one in machine.always if one.trigger.kind == "call"}
            for state in machine.states:
                taken = {one.trigger.name for one in state.transitions if one.trigger.kind == "call"}
                for call in machine.calls:
                    if call.name not in taken | anywhere | set(state.ignores):
                        message = f"the call {call.name} is not taken in state {state.name} of {part.name}"
                        expected = f"`call {call.name}(...)` or `ignore {call.name}`"
                        names.report("MDK3007", message, state.span, expected=expected)


def check_messages(names: Names, parts: list[Part], close_item: syntax.Item | None, close: Construct | None) -> None:
    """Each message belongs to one part; what one side takes the other can send, and the reverse."""
    owner: dict[str, str] = {}
    for part in parts:
        for message in sorted(alphabet(part)):
            if message in names.messages and owner.setdefault(message, part.name) != part.name:
                text = f"{message} is used by {owner[message]} and by {part.name}"
                names.report("MDK3005", text, part.span, expected="each message in one part only")
    for part in parts:
        for machine, peer in (part.machines, part.machines[::-1]):
            sent = _sent(part, machine)
            if close is not None and part is parts[0]:
                sent.add(close.type.name)
            for message in sorted(sent - _taken(part, peer)):
                where = next((one.span for one in transitions_of(machine) if message in _sends(one.actions)), None)
                span = where or (close_item.span if close_item is not None else machine.span)
                text = f"the {machine.role} sends {message} in {part.name}, but the {peer.role} never takes it"
                names.report(
                    "MDK3011", text, span, expected=f"`recv {message}` or `ignore {message}` in role {peer.role}"
                )


def _sends(actions: tuple[object, ...]) -> set[str]:
    return {one.message for one in actions if isinstance(one, Send)}


def _sent(part: Part, machine: Machine) -> set[str]:
    sent = {message for one in transitions_of(machine) for message in _sends(one.actions)}
    for one in part.deliveries:
        sent |= set(one.packets if one.sender == machine.role else one.acks)
    return sent | {one.message if one.sender == machine.role else one.reply for one in part.requests}


def _taken(part: Part, machine: Machine) -> set[str]:
    taken = {one.trigger.name for one in transitions_of(machine) if one.trigger.kind == "recv"}
    taken |= {name for state in machine.states for name in state.ignores}
    for one in part.deliveries:
        taken |= set(one.acks if one.sender == machine.role else one.packets[1:])
    return taken | {one.reply for one in part.requests if one.sender == machine.role}
