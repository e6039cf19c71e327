"""The one function that reads the tables."""

from __future__ import annotations

from typing import Any

from mdkspec_runtime.errors import IllegalCall, IllegalMessage
from mdkspec_runtime.tables import Machine, Scope, Transition

NOTHING = Transition("")
"""What an `enter`, a timer or a lapse does whose guards all say no."""


def step(machine: Machine, state: str | None, input_: str, scope: Scope, args: tuple[Any, ...] = ()) -> Transition:
    """The transition that an input takes; runs nothing but guards and changes nothing.

    Args:
        machine: One side of one part.
        state: Where it is; None while the part is not live.
        input_: As the tables call it: `recv Open`, `call register`, `enter`, `after 0`.
        scope: What guards read.
        args: What came with the input.

    Raises:
        IllegalMessage: No transition takes the message.
        IllegalCall: No transition takes the call.
    """
    transitions = None if state is None else machine.states[state].get(input_)
    if transitions is None:
        transitions = machine.always.get(input_, ())
    for transition in transitions:
        guard = transition.guard
        if guard is None or guard(scope, *args):
            return transition
    kind, _, name = input_.partition(" ")
    if kind == "recv":
        raise IllegalMessage(name, machine.part, state, allowed(machine, state, "recv"))
    if kind == "call":
        raise IllegalCall(name, machine.part, state, allowed(machine, state, "call"))
    return NOTHING


def allowed(machine: Machine, state: str | None, kind: str) -> tuple[str, ...]:
    """What a state takes of one kind (`recv`, `call`), in the order of the spec."""
    inputs = [*(() if state is None else machine.states[state]), *machine.always]
    names = [input_.partition(" ") for input_ in inputs]
    return tuple(dict.fromkeys(name for found, _, name in names if found == kind))
