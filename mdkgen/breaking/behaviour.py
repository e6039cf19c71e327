"""How the two sides behave: deliveries, timers, policies, defaults. What their order shows is `mixed`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mdkgen.breaking.change import BOTH, Change, Pair, Version, change, new_to_old, old_to_new, parts_in_both
from mdkgen.breaking.mixed import explore
from mdkgen.breaking.types import by_key
from mdkgen.model import Batch, Delivery, Grant, Machine, Part, Policy, Protocol, Request, Send, State, Transition
from mdkgen.model_walk import Numbers, alphabet, transitions_of


def compare(old: Version, new: Version) -> Iterator[Change]:
    """What mixed versions do, and the changes that explain it or that no order shows."""
    yield from explore(old, new)
    for before, old_part, after, part in parts_in_both(old, new):
        roles = (after.connector, after.acceptor)
        yield from _deliveries(old, new, old_part, part, roles)
        yield from _requests(old, new, old_part, part)
        for role in roles:
            if any(one.role == role for one in old_part.machines):
                yield from _Timers(old, new, old_part, part, role, roles.index(role)).compare()
                yield from _guards(old_part.machine(role), part.machine(role), part)
        if part is after.parts[0]:
            yield from _policies(before, after)
            yield from _moved(old, new, before, after)
            kept = {one.name for one in after.parts}
            for gone in before.parts:
                if gone.name not in kept:
                    yield from _deliveries(old, new, gone, replace(part, deliveries=()), roles)
    yield from _defaults(old, new)


def _deliveries(old: Version, new: Version, before: Part, after: Part, roles: tuple[str, str]) -> Iterator[Change]:
    now = {one.name: one for one in after.deliveries}
    for one in before.deliveries:
        sender = (roles.index(one.sender),)
        other = now.get(one.name) or next((new for new in now.values() if new.message == one.message), None)
        if other is None:
            message = f"the delivery {one.name} is gone: an older {one.sender} keeps what nobody acknowledges"
            yield change(
                "MDK6206", message, after.span, old_to_new(sender), expected="acknowledged until nobody sends it"
            )
            continue
        if one.ack_mode != other.ack_mode:
            message = f"an {other.ack} of {one.name} now acknowledges `{other.ack_mode}`, was `{one.ack_mode}`"
            yield change("MDK6205", message, other.span, BOTH, expected="another message for another meaning")
        if _numbering(old, one) != _numbering(new, other):
            message = f"{one.name} is numbered otherwise: {other.number} from {other.first}, was {one.number} from {one.first}"
            yield change("MDK6207", message, other.span, BOTH, expected="a new delivery beside the old one")
        elif (
            one.batch is not None
            and other.batch is not None
            and _batching(old, one.batch) != _batching(new, other.batch)
        ):
            message = (
                f"batches of {one.name} are read otherwise: other keys hold their messages, or what is acknowledged"
            )
            yield change("MDK6207", message, other.batch.span, BOTH, expected="another message for another batch")


def _requests(old: Version, new: Version, before: Part, after: Part) -> Iterator[Change]:
    now = {one.name: one for one in after.requests}
    for one in before.requests:
        other = now.get(one.name) or next((new for new in now.values() if new.message == one.message), None)
        if other is not None and (one.message, one.reply) == (other.message, other.reply):
            was, is_now = _pairing(old, one), _pairing(new, other)
            if was != is_now:
                message = (
                    f"{other.name} is paired otherwise: by {other.message}.{other.number} and {other.reply}.{other.reply_number},"
                    f" was by {was[0]!r} and {was[1]!r}"
                )
                yield change("MDK6207", message, other.span, BOTH, expected="a new request beside the old one")


def _moved(old: Version, new: Version, before: Protocol, after: Protocol) -> Iterator[Change]:
    """Messages that belong to another part now: mixed versions are explored part by part, and do not show it."""
    was, now = ({name: part for part in one.parts for name in alphabet(part)} for one in (before, after))
    for name, part in now.items():
        if name not in was or was[name].name == part.name:
            continue
        old_states, new_states = _live(was[name], before), _live(part, after)
        forth = old_to_new(old.senders.get(name, ())) if old_states - new_states else frozenset[Pair]()
        back = new_to_old(new.senders.get(name, ())) if new_states - old_states else frozenset[Pair]()
        if forth or back:
            message = f"{name} is taken in {_states(part)} now, was in {_states(was[name])}"
            yield change("MDK6201", message, part.span, forth | back, expected="the states in which it was taken")


def _live(part: Part, protocol: Protocol) -> set[str]:
    """The states of the protocol in which a part takes messages; its own machine does so in all."""
    every = {state.name for machine in protocol.parts[0].machines for state in machine.states}
    return set(part.live_in) if part.live_in else every


def _states(part: Part) -> str:
    return f"{part.name}, live in {', '.join(part.live_in)}" if part.live_in else part.name


def _numbering(version: Version, one: Delivery) -> tuple[str, int, str]:
    """The keys on the wire, and the first number: what the fields are called in the spec is no peer's business."""
    return version.key(one.message, one.number), one.first, version.key(one.ack, one.ack_number)


def _batching(version: Version, one: Batch) -> tuple[str, str]:
    return version.key(one.message, one.field), version.key(one.ack, one.ack_number)


def _pairing(version: Version, one: Request) -> tuple[str, str]:
    return version.key(one.message, one.number), version.key(one.reply, one.reply_number)


class _Timers:
    """The timers of one role, matched by state and by what they send or do."""

    def __init__(self, old: Version, new: Version, before: Part, after: Part, role: str, index: int) -> None:
        self.before, self.after, self.role, self.index = before, after, role, index
        self.numbers = (Numbers(old.spec), Numbers(new.spec))

    def compare(self) -> Iterator[Change]:
        """Shortened, slowed down, gone."""
        states = {one.name: one for one in self.after.machine(self.role).states}
        for state in self.before.machine(self.role).states:
            if state.name in states:
                yield from self._state(state, states[state.name])

    def _state(self, before: State, after: State) -> Iterator[Change]:
        for kind in ("after", "every"):
            olds, news = _of_kind(before, kind), _of_kind(after, kind)
            for number, one in enumerate(olds):
                if number >= len(news):
                    yield from self._gone(one, after)
                    continue
                was, now = (
                    numbers.value(timer.trigger.delay_s)
                    for numbers, timer in zip(self.numbers, (one, news[number]), strict=True)
                )
                if was is None or now is None or was == now:
                    continue
                if kind == "after" and now < was:
                    message = f"the {self.role} waits {now:g} s in {after.name} of {self.after.name}, was {was:g} s"
                    yield change("MDK6208", message, news[number].span, expected="time enough for an older peer")
                elif kind == "every" and now > was:
                    yield from self._slower(news[number], now)

    def _slower(self, timer: Transition, period_s: float) -> Iterator[Change]:
        for message, lease_s in self._old_leases(timer):
            if period_s > lease_s:
                text = f"{message} comes every {period_s:g} s now, and older peers wait {lease_s:g} s for it"
                broken = new_to_old((self.index,))
                yield change("MDK6209", text, timer.span, broken, expected=f"every {lease_s / 2:g}s or sooner")

    def _gone(self, timer: Transition, state: State) -> Iterator[Change]:
        beats = [message for message, _ in self._old_leases(timer)]
        if beats:
            message = f"the {self.role} no longer sends {', '.join(beats)} by the clock, and older peers wait for it"
            yield change("MDK6210", message, state.span, new_to_old((self.index,)), expected="the timer, as it was")

    def _old_leases(self, timer: Transition) -> Iterator[tuple[str, float]]:
        """What a timer sends, with the seconds for which the older peer then grants a lease."""
        peer = next(one for one in self.before.machines if one.role != self.role)
        sent = {action.message for action in timer.actions if isinstance(action, Send)}
        for one in transitions_of(peer):
            if one.trigger.kind == "recv" and one.trigger.name in sent:
                for action in one.actions:
                    lease_s = self.numbers[0].value(action.ttl_s) if isinstance(action, Grant) else None
                    if lease_s is not None:
                        yield one.trigger.name, lease_s


def _of_kind(state: State, kind: str) -> list[Transition]:
    return [one for one in state.transitions if one.trigger.kind == kind]


def _guards(before: Machine, after: Machine, part: Part) -> Iterator[Change]:
    states = {one.name: one for one in after.states}
    for state in before.states:
        now = states.get(state.name)
        if now is None:
            continue
        for one in state.transitions:
            same = [new for new in now.transitions if _input(new) == _input(one)]
            if one.trigger.kind == "recv" and same and one.guard is None and all(new.guard is not None for new in same):
                message = f"`recv {one.trigger.name}` in {state.name} of {part.name} is taken under a condition now"
                yield change("MDK6211", message, same[0].span, expected="what older peers send, taken as it was")


def _input(one: Transition) -> tuple[str, str]:
    return one.trigger.kind, one.trigger.name


def _policies(before: Protocol, after: Protocol) -> Iterator[Change]:
    for name, was, now in (
        ("unknown", before.unknown, after.unknown),
        ("illegal", before.illegal, after.illegal),
        ("malformed", before.malformed, after.malformed),
    ):
        if _patience(now) < _patience(was):
            message = f"a message that is {name} ends the connection sooner than it did"
            yield change("MDK6212", message, after.span, expected=f"{name} message -> as it was")
    old_close, new_close = (None if one.close is None else one.close for one in (before, after))
    if old_close is not None and (new_close is None or new_close.type != old_close.type):
        message = f"a failing side no longer says why with {old_close.type.name}"
        yield change("MDK6213", message, after.span, expected=f"close with {old_close.type.name}(...)")
    if before.reconnect != after.reconnect:
        was_s, now_s = before.reconnect.longest_s, after.reconnect.longest_s
        message = f"the waits to reconnect have changed; the longest is {now_s:g} s, was {was_s:g} s"
        yield change("MDK6214", message, after.span)


def _patience(policy: Policy) -> float:
    return float("inf") if policy.drop_max is None else policy.drop_max


def _defaults(old: Version, new: Version) -> Iterator[Change]:
    for name, struct in old.structs.items():
        if name not in new.structs:
            continue
        for field, after in by_key(struct.fields, new.structs[name].fields):
            if field.presence == after.presence == "default" and old.plain(field.default) != new.plain(after.default):
                message = f"the default of {name}.{after.name} has changed: who leaves it out means another value now"
                yield change("MDK6215", message, after.span, expected="the old default, given where another is meant")
