"""Old against new, and new against old: what goes wrong there and with neither version alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mdkgen.breaking.change import NEW_CONNECTOR, OLD_CONNECTOR, Change, Pair, Version, change
from mdkgen.configuration import Arrival, Place, View
from mdkgen.diagnostics import Diagnostic, TraceStep
from mdkgen.explore import Explorer
from mdkgen.liveness import endless_entries
from mdkgen.model import Part, Protocol, Span
from mdkgen.verify import trace_of


@dataclass(frozen=True)
class _Meeting:
    """Two versions of a protocol on one connection."""

    pair: Pair
    sides: tuple[Version, Version]
    protocols: tuple[Protocol, Protocol]

    @property
    def who(self) -> str:
        """For a message."""
        connector, acceptor = self.protocols[0].connector, self.protocols[1].acceptor
        ages = ("old", "new") if self.pair == OLD_CONNECTOR else ("new", "old")
        return f"{ages[0]} {connector}, {ages[1]} {acceptor}"


def explore(old: Version, new: Version) -> Iterator[Change]:
    """Each protocol of both versions with each part that one of them has; what parts have in common comes once."""
    seen: set[str] = set()
    for one in _explore(old, new):
        if one.diagnostic.message not in seen:
            seen.add(one.diagnostic.message)
            yield one


def _explore(old: Version, new: Version) -> Iterator[Change]:
    for name, after in new.protocols.items():
        before = old.protocols.get(name)
        if before is None or any(
            endless_entries(m, p) for one in (before, after) for p in one.parts for m in p.machines
        ):
            continue
        for part in _part_names(before, after):
            alone = [_run((one, one), (version, version), part) for one, version in ((before, old), (after, new))]
            for meeting in (
                _Meeting(OLD_CONNECTOR, (old, new), (before, after)),
                _Meeting(NEW_CONNECTOR, (new, old), (after, before)),
            ):
                mixed = _run(meeting.protocols, meeting.sides, part)
                yield from _compared(meeting, mixed, alone, new, part)


def _trace(meeting: _Meeting, mixed: Explorer, place: Place) -> tuple[TraceStep, ...]:
    """With who is old and who is new; what an old side takes stands in a text that is not at hand."""
    news = 1 if meeting.pair == OLD_CONNECTOR else 0
    steps: list[TraceStep] = []
    for one in trace_of(mixed, place):
        if not one.role:
            steps.append(one)
            continue
        is_new = mixed.roles.index(one.role) == news
        text = f"{'new' if is_new else 'old'} {one.text}"
        steps.append(replace(one, text=text, span=one.span if is_new else None))
    return tuple(steps)


def _part_names(before: Protocol, after: Protocol) -> list[str]:
    names = dict.fromkeys(part.name for one in (after, before) for part in one.parts[1:])
    return list(names) or [""]


def _run(protocols: tuple[Protocol, Protocol], versions: tuple[Version, Version], part: str) -> Explorer:
    views = [
        View(protocols[index], _part(protocols[index], part), _hears(versions[1 - index], versions[index]))
        for index in (0, 1)
    ]
    explorer = Explorer(views[0], views[1])
    explorer.run()
    return explorer


def _part(protocol: Protocol, name: str) -> Part | None:
    return next((one for one in protocol.parts[1:] if one.name == name), None)


def _hears(writer: Version, reader: Version) -> dict[str, str]:
    """The writer's messages to those that the reader takes them for."""
    read = {wire: one.name for one in reader.spec.messages for wire in (one.wire, *one.also)}
    return {one.name: read[one.wire] for one in writer.spec.messages if one.wire in read}


def _compared(meeting: _Meeting, mixed: Explorer, alone: list[Explorer], new: Version, part: str) -> Iterator[Change]:
    found = mixed.found
    protocol = new.protocols[meeting.protocols[0].name]
    span = next((one.span for one in protocol.parts if one.name == part), protocol.span)
    if found.cut_short or any(one.found.cut_short for one in alone):
        yield _cut_short(meeting, mixed, part or protocol.name, span)
    known = {one for explorer in alone for one in explorer.found.unspecified}
    for arrival, place in found.unspecified.items():
        if arrival not in known:
            yield _arrival(meeting, mixed, arrival, place, span)
    for arrival, place in found.unknown.items():
        policy = meeting.protocols[mixed.roles.index(arrival.role)].unknown
        fails = policy.drop_max == 0
        ends = "and ends the connection" if fails else "and drops it"
        message = f"{meeting.who}: the {arrival.role} does not know {arrival.message} {ends}"
        yield change(
            "MDK6202",
            message,
            span,
            (meeting.pair,) if fails else (),
            expected="sent only to a peer that has said that it knows it",
            severity="error" if fails else "warning",
            trace=_trace(meeting, mixed, place),
        )
    if found.deadlock is not None and all(one.found.deadlock is None for one in alone):
        message = f"{meeting.who}: both sides wait for one another"
        trace = _trace(meeting, mixed, Place(found.deadlock, None))
        yield change("MDK6204", message, span, (meeting.pair,), expected="a message, timer or call of one", trace=trace)
    if not found.cut_short:
        yield from _lost(meeting, mixed, alone, span)
        yield from _unanswered(meeting, mixed, alone, span)


def _cut_short(meeting: _Meeting, mixed: Explorer, name: str, span: Span) -> Change:
    message = (
        f"{meeting.who}: {name} has too many configurations, only the first {mixed.found.configurations} were compared"
    )
    hint = "what is said of other changes holds; that nothing else breaks is not shown"
    return Change(Diagnostic("MDK4002", "warning", message, span, hint=hint), "behaviour", frozenset())


def _unanswered(meeting: _Meeting, mixed: Explorer, alone: list[Explorer], span: Span) -> Iterator[Change]:
    """Questions that both sides knew, or the old one does, and that only a peer of the asking side's own version answers."""
    for index, role in enumerate(mixed.roles):
        is_old = (meeting.pair == OLD_CONNECTOR) == (index == 0)
        own = alone[0 if is_old else 1].found.answered
        before = {one.message for part in alone[0].views[index].parts for one in part.requests}
        for part in mixed.views[index].parts:
            for one in part.requests:
                answered = (role, one.reply) in own and (role, one.reply) not in mixed.found.answered
                if one.sender == role and answered and one.message in before:
                    message = f"{meeting.who}: no {one.reply} ever reaches the {role}, and each {one.name} times out"
                    yield change("MDK6206", message, span, (meeting.pair,), expected="answered until nobody asks")


def _arrival(meeting: _Meeting, mixed: Explorer, arrival: Arrival, place: Place, span: Span) -> Change:
    where = f"in state {arrival.state}" if arrival.state is not None else "before it is live"
    message = f"{meeting.who}: the {arrival.role} may receive {arrival.message} {where} of {arrival.part}"
    expected = "taken or ignored there by the version before, or sent only to a peer that takes it"
    trace = _trace(meeting, mixed, place)
    return change("MDK6201", message, span, (meeting.pair,), expected=expected, trace=trace)


def _lost(meeting: _Meeting, mixed: Explorer, alone: list[Explorer], span: Span) -> Iterator[Change]:
    """States that each version reaches with its own kind: old ones must be reached, new ones need not."""
    old, new = (one.found.states for one in alone)
    for index, role in enumerate(mixed.roles):
        own = old if (meeting.pair == OLD_CONNECTOR) == (index == 0) else new
        for state in sorted(one for one in own if one[0] == role and one not in mixed.found.states):
            message = f"{meeting.who}: the {role} never comes into state {state[2]} of {state[1]}"
            if state in old:
                yield change("MDK6203", message, span, (meeting.pair,), expected="a way there also with older peers")
            else:
                yield change("MDK6203", message + ", which is new", span, severity="note")
