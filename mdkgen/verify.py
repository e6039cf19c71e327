"""Client against server over a link that may break: what no look at one side alone can find.

"No error" holds for the order of messages within the bound of the queues; a guard over data is taken both ways, so
an error may need a combination of data that never occurs: the trace shows which.
"""

from __future__ import annotations

from mdkgen.diagnostics import Diagnostic
from mdkgen.explore import Exploration, Explorer, Unspecified, transitions_of
from mdkgen.model import Part, Protocol, Spec


def verify(spec: Spec) -> list[Diagnostic]:
    """Explore each protocol with each of its parts, one at a time.

    That is enough: parts share no messages and nothing but the states in which they are live.
    """
    found: list[Diagnostic] = []
    for protocol in spec.protocols:
        parts = protocol.parts[1:] or (None,)
        explorations = [(part, Explorer(protocol, part).run()) for part in parts]
        problems = {
            (one.role, one.part, one.state, one.message): one
            for _, exploration in explorations
            for one in exploration.unspecified.values()
        }
        found += [_unspecified(one) for one in problems.values()]
        found += [_cut_short(protocol, part, one) for part, one in explorations if one.cut_short]
        if not any(one.cut_short for _, one in explorations):
            found += _unreached(protocol, [one for _, one in explorations])
    return found


def _unspecified(one: Unspecified) -> Diagnostic:
    where = f"in state {one.state}" if one.state is not None else "before it is live"
    return Diagnostic(
        code="MDK4001",
        severity="error",
        message=f"the {one.role} may receive {one.message} {where} of {one.part}, where it is neither taken nor ignored",
        span=one.span,
        expected=f"`recv {one.message} -> ...` or `ignore {one.message}`",
        notes=("the shortest way there: " + "; ".join(one.trace),),
    )


def _cut_short(protocol: Protocol, part: Part | None, one: Exploration) -> Diagnostic:
    name = f"{protocol.name} with {part.name}" if part is not None else protocol.name
    return Diagnostic(
        code="MDK4002",
        severity="warning",
        message=f"{name} has too many configurations: only the first {one.configurations} were verified",
        span=(part or protocol).span,
        hint="split the part, or merge states that do the same",
    )


def _unreached(protocol: Protocol, explorations: list[Exploration]) -> list[Diagnostic]:
    states = {one for exploration in explorations for one in exploration.states}
    fired = {one for exploration in explorations for one in exploration.fired}
    found: list[Diagnostic] = []
    for part in protocol.parts:
        for machine in part.machines:
            role = machine.role
            lost = [state for state in machine.states if (role, part.name, state.name) not in states]
            for state in lost:
                message = f"no order of events brings the {role} into state {state.name} of {part.name}"
                found.append(Diagnostic("MDK4003", "error", message, state.span, expected="a `goto` that can be taken"))
            silent = {one.span for state in lost for one in state.transitions}
            for transition in transitions_of(machine):
                if transition.trigger.kind == "lapse" or (role, transition.span) in fired or transition.span in silent:
                    continue  # A shared lease lapses without a connection.
                message = f"the {role} never comes to take this `{transition.trigger.kind}` in {part.name}"
                hint = "its peer does not send this then, or an earlier transition always comes first"
                found.append(Diagnostic("MDK4004", "warning", message, transition.span, hint=hint))
    return found
