"""Client against server over a link that may break: what no look at one side alone can find.

"No error" holds for the order of messages within the bound of the queues; a guard over data is taken both ways, so
an error may need a combination of data that never occurs: the trace shows which.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from mdkgen.configuration import Arrival, Place, View
from mdkgen.diagnostics import Diagnostic, TraceStep
from mdkgen.explore import Explorer
from mdkgen.liveness import cancelled_timers, endless_entries, flood, growing_flood, stuck
from mdkgen.model import Delivery, Machine, Part, Protocol, Span, Spec
from mdkgen.model_walk import Numbers, alphabet, transitions_of


@dataclass(frozen=True, slots=True)
class Explored:
    """One exploration, in numbers."""

    name: str
    bounds: tuple[int, int]
    """Messages that the queue from each side holds: one more than its longest burst in the spec, at least two."""
    configurations: int
    bound_reached: bool
    cut_short: bool
    time_s: float

    def __str__(self) -> str:
        """As `mdkgen verify` prints it."""
        full = ", reached" if self.bound_reached else ""
        return (
            f"{self.name}: {self.configurations} configurations in {self.time_s * 1000:.0f} ms;"
            f" queues of {self.bounds[0]} and {self.bounds[1]} messages{full}"
        )


@dataclass(frozen=True, slots=True)
class Verification:
    """All explorations of a spec, and what they found."""

    explored: tuple[Explored, ...]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True)
class Exploring:
    """The exploration of a protocol with one part."""

    protocol: Protocol
    """Of the parts only those that were explored."""
    explorer: Explorer

    @cached_property
    def blocked(self) -> tuple[Diagnostic, ...]:
        """What never happens in it, and what never ends."""
        return tuple(_blocked(self.explorer))


Kept = dict[tuple[str, str], Exploring]
"""By protocol and part the last exploration: while somebody types, most machines stay as they are."""


def verify(spec: Spec, kept: Kept | None = None) -> list[Diagnostic]:
    """The errors and warnings; with `kept`, only what has changed since is explored."""
    return _verified(spec, kept, noting=False)[1]


def verification(spec: Spec) -> Verification:
    """The same with notes, and with figures."""
    explored, found = _verified(spec, None, noting=True)
    return Verification(tuple(explored), tuple(found))


def _verified(spec: Spec, kept: Kept | None, *, noting: bool) -> tuple[list[Explored], list[Diagnostic]]:
    """Explore each protocol with each of its parts, one at a time.

    That is enough: parts share no messages and nothing but the states in which they are live.
    """
    found: list[Diagnostic] = []
    explored: list[Explored] = []
    numbers = Numbers(spec)
    for protocol in spec.protocols:
        endless = list(_endless(protocol))
        found += endless
        if endless:
            continue  # Entering such a state never ends, here too.
        explorings: list[Exploring] = []
        for part in protocol.parts[1:] or (None,):
            begun = time.perf_counter()
            exploring = _explored(protocol, part, kept)
            result = exploring.explorer.found
            explorings.append(exploring)
            name = f"{protocol.name} with {part.name}" if part is not None else protocol.name
            time_s = time.perf_counter() - begun
            explored.append(
                Explored(name, result.bounds, result.configurations, result.bound_reached, result.cut_short, time_s)
            )
        found += _of_protocol(protocol, explorings, numbers)
        found += _orphans(protocol, [one.explorer for one in explorings]) if noting else ()
    return explored, found


def _explored(protocol: Protocol, part: Part | None, kept: Kept | None) -> Exploring:
    """The exploration of a part, made now or as it was kept: it depends on nothing but the two machines and the policies."""
    parts = protocol.parts[:1] if part is None else (protocol.parts[0], part)
    alone = replace(protocol, parts=parts)
    key = (protocol.name, parts[-1].name)
    if kept is not None and key in kept and kept[key].protocol == alone:
        return kept[key]
    explorer = Explorer(View(alone, part), View(alone, part))
    explorer.run()
    made = Exploring(alone, explorer)
    if kept is not None:
        kept[key] = made
    return made


def _of_protocol(protocol: Protocol, explorings: list[Exploring], numbers: Numbers) -> Iterator[Diagnostic]:
    explorers = [one.explorer for one in explorings]
    problems: dict[Arrival, tuple[Explorer, Place]] = {}
    for explorer in explorers:
        for arrival, place in explorer.found.unspecified.items():
            problems.setdefault(arrival, (explorer, place))
    for arrival, (explorer, place) in problems.items():
        yield _unspecified(protocol, arrival, explorer, place)
    for exploring in explorings:
        if exploring.explorer.found.cut_short:
            yield _cut_short(protocol, exploring.explorer)
        yield from exploring.blocked
    if not any(one.found.cut_short for one in explorers):
        yield from _unreached(protocol, explorers)
        yield from _unanswered(protocol, explorers)
    for part in protocol.parts:
        for machine in part.machines:
            yield from _cancelled(part, machine, numbers)


# --- traces ---------------------------------------------------------------------------------------


def trace_of(explorer: Explorer, place: Place) -> tuple[TraceStep, ...]:
    """A shortest way to a place, with what stands in the spec for each step."""
    way = explorer.way_to(place)
    ends = [here for here, _ in way[1:]] + [place.configuration if place.step is None else None]
    return tuple(
        TraceStep(
            step.text,
            step.kind,
            "" if step.kind in ("connect", "lost") else explorer.roles[step.actor],
            step.name,
            explorer.where(here, step, there),
        )
        for (here, step), there in zip(way, ends, strict=True)
    )


# --- single findings ------------------------------------------------------------------------------


def _unspecified(protocol: Protocol, one: Arrival, explorer: Explorer, place: Place) -> Diagnostic:
    where = f"in state {one.state}" if one.state is not None else "before it is live"
    part = next(part for part in protocol.parts if part.name == one.part)
    machine = part.machine(one.role)
    span = next((state.span for state in machine.states if state.name == one.state), machine.span)
    return Diagnostic(
        code="MDK4001",
        severity="error",
        message=f"the {one.role} may receive {one.message} {where} of {one.part}, where it is neither taken nor ignored",
        span=span,
        expected=f"`recv {one.message} -> ...` or `ignore {one.message}`",
        trace=trace_of(explorer, place),
    )


def _cut_short(protocol: Protocol, explorer: Explorer) -> Diagnostic:
    part = explorer.views[0].part
    name = f"{protocol.name} with {part.name}" if part is not None else protocol.name
    return Diagnostic(
        code="MDK4002",
        severity="warning",
        message=f"{name} has too many configurations: only the first {explorer.found.configurations} were verified",
        span=(part or protocol).span,
        hint="split the part, or merge states that do the same",
    )


def _endless(protocol: Protocol) -> Iterator[Diagnostic]:
    for part in protocol.parts:
        for machine in part.machines:
            state = endless_entries(machine, part)
            if state is not None:
                message = f"the {machine.role} enters {state.name} of {part.name} again and again, without end"
                yield Diagnostic("MDK4006", "error", message, state.span, expected="an `enter` without this `goto`")


def _blocked(explorer: Explorer) -> Iterator[Diagnostic]:
    """Deadlock, flood, and hot states that are never left."""
    found = explorer.found
    part = explorer.views[0].part or explorer.views[0].root
    if found.deadlock is not None:
        sides = [explorer.side(found.deadlock, index) for index in (0, 1)]
        states = " and ".join(
            f"the {role} in {', '.join(state for state in (side.root, side.part) if state)}"
            for role, side in zip(explorer.roles, sides, strict=True)
        )
        trace = trace_of(explorer, Place(found.deadlock, None))
        message = f"both sides wait for the other: {states}"
        expected = "a timer, a call, or a message that one of them sends by itself"
        yield Diagnostic("MDK4005", "error", message, part.span, expected=expected, trace=trace)
    here = flood(explorer)
    growing = growing_flood(explorer) if here is None else None
    if here is not None:
        trace = trace_of(explorer, Place(here, None))
        message = f"in {part.name} each message is answered by the next, without end and as fast as the link can carry"
        yield Diagnostic(
            "MDK4006", "error", message, part.span, expected="a timer, a call or a guard in it", trace=trace
        )
    elif growing is not None:
        trace = trace_of(explorer, Place(growing[1], None))
        message = f"in {part.name} each {growing[0]} brings about more of its kind, without end"
        yield Diagnostic(
            "MDK4006", "error", message, part.span, expected="a timer, a call or a guard in it", trace=trace
        )
    if found.cut_short:
        return  # How a state is left may be among what was not explored.
    for index, owner, name, place in stuck(explorer):
        machine = owner.machine(explorer.roles[index])
        span = next(state.span for state in machine.states if state.name == name)
        message = f"the {machine.role} may come into the hot state {name} of {owner.name} and never leave it"
        expected = "a timer, or a message or call that surely comes, with `goto`"
        yield Diagnostic("MDK4007", "error", message, span, expected=expected, trace=trace_of(explorer, place))


def _unreached(protocol: Protocol, explorers: list[Explorer]) -> Iterator[Diagnostic]:
    states = {one for explorer in explorers for one in explorer.found.states}
    fired = {one for explorer in explorers for one in explorer.found.fired}
    for part in protocol.parts:
        for machine in part.machines:
            role = machine.role
            lost = [state for state in machine.states if (role, part.name, state.name) not in states]
            for state in lost:
                message = f"no order of events brings the {role} into state {state.name} of {part.name}"
                yield Diagnostic("MDK4003", "error", message, state.span, expected="a `goto` that can be taken")
            silent = {one.span for state in lost for one in state.transitions}
            dead = set(_dead_calls(machine, fired))
            shared = {one.name for one in machine.leases if one.scope == "shared"}  # they lapse without a connection
            for transition in transitions_of(machine):
                trigger = transition.trigger
                if (
                    (trigger.kind == "lapse" and trigger.name in shared)
                    or (role, transition.span) in fired
                    or transition.span in silent
                ):
                    continue
                if trigger.kind == "call" and trigger.name in dead:
                    dead.discard(trigger.name)
                    message = f"the {role} can take the call {trigger.name} of {part.name} in no state that it reaches"
                    hint = "its guard is never true, or its state never entered"
                    yield Diagnostic("MDK4009", "warning", message, transition.span, hint=hint)
                    silent |= {one.span for one in transitions_of(machine) if one.trigger.name == trigger.name}
                    continue
                message = f"the {role} never comes to take this `{trigger.kind}` in {part.name}"
                hint = "its peer does not send this then, or an earlier transition always comes first"
                yield Diagnostic("MDK4004", "warning", message, transition.span, hint=hint)


def _dead_calls(machine: Machine, fired: set[tuple[str, Span]]) -> Iterator[str]:
    for call in machine.calls:
        own = [one for one in transitions_of(machine) if (one.trigger.kind, one.trigger.name) == ("call", call.name)]
        if not any((machine.role, one.span) in fired for one in own):
            yield call.name


def _unanswered(protocol: Protocol, explorers: list[Explorer]) -> Iterator[Diagnostic]:
    answered = {one for explorer in explorers for one in explorer.found.answered}
    for part in protocol.parts:
        for delivery in part.deliveries:
            for ack in delivery.acks:
                if (delivery.sender, ack) not in answered and not _is_packed(protocol, part, delivery, ack, explorers):
                    message = f"no {ack} ever reaches the {delivery.sender}: {delivery.name} keeps all it sends"
                    expected = f"`recv {delivery.message}(m) -> tell ...`, so that the application can acknowledge"
                    yield Diagnostic("MDK4008", "error", message, delivery.span, expected=expected)
        for request in part.requests:
            if (request.sender, request.reply) not in answered:
                message = f"no {request.reply} ever reaches the {request.sender}: each {request.name} times out"
                expected = f"`recv {request.message}(m) -> tell ...`, so that the application can answer"
                yield Diagnostic("MDK4008", "error", message, request.span, expected=expected)


def _is_packed(protocol: Protocol, part: Part, delivery: Delivery, ack: str, explorers: list[Explorer]) -> bool:
    """Whether it acknowledges single messages, and there are none: wherever the sender comes, they travel in batches."""
    if delivery.batch is None or ack != delivery.ack:
        return False
    reached = {one for explorer in explorers for one in explorer.found.states}
    root = protocol.parts[0]
    states = [state.name for state in root.machine(delivery.sender).states]
    live = {one for one in states if one in (part.live_in or states) and (delivery.sender, root.name, one) in reached}
    return live <= set(delivery.batch.states)


def _cancelled(part: Part, machine: Machine, numbers: Numbers) -> Iterator[Diagnostic]:
    for state, timer, other in cancelled_timers(machine, numbers):
        message = (
            f"`{timer.trigger.kind}` in state {state.name} of {part.name} never comes: line {other.span.line} is sooner"
        )
        hint = "a state's timers begin anew whenever it is entered, and end when it is left"
        yield Diagnostic("MDK4010", "warning", message, timer.span, hint=hint, other=other.span)


def _orphans(protocol: Protocol, explorers: list[Explorer]) -> Iterator[Diagnostic]:
    """Messages that an orderly close leaves unread, if nothing sends them again."""
    kept = {name for part in protocol.parts for one in part.deliveries for name in (*one.packets, *one.acks)}
    kept |= {name for part in protocol.parts for one in part.requests for name in (one.message, one.reply)}
    kept |= {protocol.close.type.name} if protocol.close is not None else set()
    seen: set[Arrival] = set()
    for explorer in explorers:
        for arrival, place in explorer.found.orphans.items():
            if arrival.message in kept or arrival in seen:
                continue
            seen.add(arrival)
            owner = next(one for one in protocol.parts if arrival.message in alphabet(one))
            message = f"{arrival.message} may be on its way to the {arrival.role} when it hangs up, and is lost then"
            expected = "a delivery, if it must arrive"
            trace = trace_of(explorer, place)
            yield Diagnostic("MDK4011", "note", message, owner.span, expected=expected, trace=trace)
