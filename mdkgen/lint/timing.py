"""Timers of the two sides against one another: heartbeats, leases, timeouts, waits."""

from __future__ import annotations

from collections.abc import Iterator

from mdkgen.diagnostics import Diagnostic
from mdkgen.lint.finding import finding
from mdkgen.model import (
    ArgRef,
    Construct,
    Expr,
    Grant,
    Machine,
    Part,
    Protocol,
    Send,
    Spec,
    State,
    Transition,
)
from mdkgen.model_walk import Numbers, transitions_of


def check(spec: Spec) -> Iterator[Diagnostic]:
    """Every protocol and part."""
    numbers = Numbers(spec)
    for protocol in spec.protocols:
        for part in protocol.parts:
            for machine, peer in (part.machines, part.machines[::-1]):
                yield from _heartbeats(protocol, part, machine, peer, numbers)
                yield from _timeouts(part, machine, peer, numbers)
        for machine in protocol.parts[0].machines:
            yield from _waiting(protocol, machine)


def _given(expr: Expr, field: str) -> Expr | None:
    """What a construction gives a field."""
    return dict(expr.fields).get(field) if isinstance(expr, Construct) else None


def _leases(machine: Machine, message: str) -> Iterator[Expr]:
    """The durations for which a message grants a lease."""
    for one in transitions_of(machine):
        if (one.trigger.kind, one.trigger.name) == ("recv", message):
            yield from (action.ttl_s for action in one.actions if isinstance(action, Grant))


def _heartbeats(
    protocol: Protocol, part: Part, machine: Machine, peer: Machine, numbers: Numbers
) -> Iterator[Diagnostic]:
    for one in transitions_of(machine):
        if one.trigger.kind != "every" or one.trigger.delay_s is None:
            continue
        period_s = numbers.value(one.trigger.delay_s)
        for action in one.actions:
            if not isinstance(action, Send) or period_s is None:
                continue
            for ttl in _leases(peer, action.message):
                lease = _given(action.value, ttl.path[-1]) if isinstance(ttl, ArgRef) and ttl.path else ttl
                lease_s = None if lease is None else numbers.value(lease)
                if lease_s is None:
                    continue
                if period_s > lease_s / 2:
                    message = f"{action.message} comes every {period_s:g} s, but its lease holds for {lease_s:g} s only"
                    yield finding("MDK5110", message, one.span, expected=f"every {lease_s / 2:g}s or sooner")
                longest_s = protocol.reconnect.longest_s * (1 + protocol.reconnect.jitter)
                if machine.role == protocol.connector and longest_s >= lease_s:
                    message = f"a {machine.role} may wait {longest_s:g} s to reconnect, longer than its lease of {lease_s:g} s"
                    yield finding("MDK5112", message, one.span, expected="a shorter wait, or a longer lease")


def _timeouts(part: Part, machine: Machine, peer: Machine, numbers: Numbers) -> Iterator[Diagnostic]:
    """A state that a message enters anew, which re-arms its `after`: the message must come often enough."""
    for state in machine.states:
        delays = [numbers.value(one.trigger.delay_s) for one in state.transitions if _is_timer(one, "after")]
        limit_s = min((one for one in delays if one is not None), default=None)
        fed = {one.trigger.name for one in state.transitions if one.trigger.kind == "recv" and one.target == state.name}
        for one in transitions_of(peer):
            period_s = numbers.value(one.trigger.delay_s) if _is_timer(one, "every") else None
            beats = {action.message for action in one.actions if isinstance(action, Send)} & fed
            if beats and limit_s is not None and period_s is not None and period_s >= limit_s:
                name = ", ".join(sorted(beats))
                message = (
                    f"{state.name} of {part.name} gives up after {limit_s:g} s, but {name} comes every {period_s:g} s"
                )
                yield finding("MDK5111", message, state.span, expected="a timeout of two periods or more")


def _is_timer(one: Transition, kind: str) -> bool:
    return one.trigger.kind == kind and one.trigger.delay_s is not None


def _waiting(protocol: Protocol, machine: Machine) -> Iterator[Diagnostic]:
    """A state of the protocol's machine in which no part is live, and which only a message of the peer ends."""
    live = {name for part in protocol.parts[1:] for name in part.live_in}
    for state in machine.states:
        if len(protocol.parts) > 1 and state.name not in live and _only_messages_end(state):
            message = f"the {machine.role} waits in {state.name} for as long as its peer says nothing"
            yield finding("MDK5113", message, state.span, expected='after 10s -> fail "..."')


def _only_messages_end(state: State) -> bool:
    leaves = [one for one in state.transitions if one.target is not None and one.target != state.name]
    timed = any(one.trigger.kind in ("after", "every", "enter") for one in state.transitions)
    return bool(leaves) and all(one.trigger.kind == "recv" for one in leaves) and not timed
