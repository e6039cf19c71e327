"""One side of an exploration and what it has sent that has not arrived: all that its moves depend on but one thing.

That one thing is whether the other side is up. So what a half may do is worked out once for each of the two cases, as
numbers that only have to be added to those of the other half.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mdkgen.configuration import FAULTS, Arrival, Exploration, Outcome, Side, Step
from mdkgen.local import LocalSide
from mdkgen.model_walk import alphabet

HALF_BITS = 32
"""A configuration is the sum of its halves' numbers: those of the connecting side are below, the others above."""
LOW = (1 << HALF_BITS) - 1

_PROGRESS = ("receive", "timer", "send", "end")

Lasting = tuple[tuple[int, Step], ...]


class Moves:
    """What a half may do by itself."""

    __slots__ = ("calm", "leaves", "orderly", "stays")

    def __init__(self, stays: Lasting, leaves: Lasting, *, calm: bool, orderly: Step | None) -> None:
        self.stays = stays
        """What to add to the configuration. What changes nothing is left out, what does the same as another, too."""
        self.leaves = leaves
        """The half that has hung up: what was sent to it does not arrive."""
        self.calm = calm
        """Whether nothing of it leads on."""
        self.orderly = orderly
        """The first that hangs up in order."""


class Reception:
    """What a half makes of one message."""

    __slots__ = ("leaves", "only", "problem", "stays", "step")

    def __init__(self, step: Step, stays: tuple[int, ...], leaves: tuple[int, ...], *, only: bool) -> None:
        self.step = step
        self.stays = stays
        """The halves after it."""
        self.leaves = leaves
        """Those that have hung up."""
        self.only = only
        """Whether no data decides what follows, and it is one thing."""
        self.problem: Arrival | None = None


class Facts:
    """What is known of one side, whatever is on its way: worked out once for all its halves."""

    __slots__ = ("gone", "halves", "hot", "receptions", "side", "steps")

    def __init__(self, side: Side, *, hot: bool) -> None:
        self.side = side
        self.hot = hot
        self.gone = self
        """The same side after the end of the connection."""
        self.halves: dict[tuple[str, ...], int] = {}
        """By what it has sent that has not arrived."""
        self.steps: list[tuple[Step, Following]] | None = None
        self.receptions: dict[str, tuple[Step, list[Following], bool, Arrival | None]] = {}


class Following(NamedTuple):
    """An outcome, with what is known of its side."""

    facts: Facts
    sent: tuple[str, ...]
    gone: bool
    orderly: bool


class Half:
    """One side, with its own queue. Of other halves it has the numbers."""

    __slots__ = (
        "empty", "ended", "facts", "gone", "head", "index", "moves", "number", "orphaned", "quiet", "receptions", "rest",
        "sent", "up",
    )  # fmt: skip

    def __init__(self, index: int, number: int, facts: Facts, sent: tuple[str, ...]) -> None:
        self.index = index
        self.number = number
        self.facts = facts
        self.sent = sent
        self.up = facts.side.up
        self.head = sent[0] if sent else None
        """What arrives next at the other side."""
        self.rest = self.empty = number
        """The same half without its first message, and without any."""
        self.gone = self.ended = number
        """The same after the end of the connection, and when only this side has ended it: what it sent still arrives."""
        self.quiet = False
        """Whether, with both sides up, nothing of it leads on; known when its moves are."""
        self.orphaned = False
        """Whether it is noted that what it sent may be lost in an orderly end."""
        self.moves: list[Moves | None] = [None, None]
        """By whether the other side is up."""
        self.receptions: tuple[dict[str, Reception], dict[str, Reception]] = ({}, {})
        """By whether the other side is up, and by message."""


class Halves:
    """All halves of one side that were met so far.

    Args:
        local: The side.
        sent_max: Messages that its queue holds.
        known: All halves of both sides by number.
    """

    def __init__(self, local: LocalSide, sent_max: int, known: dict[int, Half], found: Exploration) -> None:
        self.local = local
        self.index = local.index
        self.sent_max = sent_max
        self.found = found
        self._known = known
        self._facts: dict[Side, Facts] = {}
        self._count = 0

    def facts(self, side: Side) -> Facts:
        """What is known of a side."""
        known = self._facts.get(side)
        if known is None:
            known = self._facts[side] = Facts(side, hot=bool(self.local.hot_states(side)))
            if side.up:
                known.gone = self.facts(self.local.gone(side))
        return known

    def number(self, facts: Facts, sent: tuple[str, ...]) -> int:
        """The number of a half."""
        number = facts.halves.get(sent)
        if number is None:
            self._count += 1
            number = facts.halves[sent] = self._count << (HALF_BITS if self.index else 0)
            half = self._known[number] = Half(self.index, number, facts, sent)
            if sent:
                half.rest, half.empty = self.number(facts, sent[1:]), self.number(facts, ())
            if half.up or sent:
                half.gone, half.ended = self.number(facts.gone, ()), self.number(facts.gone, sent)
        return number

    def after(self, half: Half, following: Following, *, peer_up: bool) -> int | None:
        """The half after something; None if its queue has no room. What is sent to nobody is lost."""
        facts, more, gone, _ = following
        sent = half.sent
        if more and peer_up:
            sent += more
            if len(sent) > self.sent_max:
                self.found.bound_reached = True
                return None
        if not gone:
            return self.number(facts, sent)
        return self.number(facts.gone, sent if peer_up else ())

    def moves(self, half: Half, *, peer_up: bool) -> Moves:
        """What a half may do by itself, worked out once."""
        stays: dict[tuple[int, bool], Step] = {}
        leaves: dict[tuple[int, bool], Step] = {}
        calm, orderly = True, None
        for step, outcome in self._steps(half.facts):
            there = self.after(half, outcome, peer_up=peer_up)
            if there is None:
                continue
            if step.kind in _PROGRESS or (step.kind == "call" and (outcome.gone or there != half.number)):
                calm = False
            if outcome.orderly and orderly is None:
                orderly = step
            if outcome.gone:
                leaves.setdefault((there, step.kind in FAULTS), step)
            elif there != half.number:
                stays.setdefault((there - half.number, step.kind in FAULTS), step)
        made = Moves(_first_of(stays.items()), _first_of(leaves.items()), calm=calm, orderly=orderly)
        half.moves[peer_up] = made
        if peer_up:
            half.quiet = half.up and calm and not half.sent
        return made

    def _steps(self, facts: Facts) -> list[tuple[Step, Following]]:
        if facts.steps is None:
            side = facts.side
            both = [*(self.local.unprompted(side) if side.up else ()), *self.local.calls(side)]
            facts.steps = [(step, self.following(outcome)) for step, outcome in dict.fromkeys(both)]
        return facts.steps

    def following(self, outcome: Outcome) -> Following:
        """An outcome, with what is known of its side."""
        return Following(self.facts(outcome.side), outcome.sent, outcome.gone, outcome.orderly)

    def reception(self, half: Half, message: str, *, peer_up: bool) -> Reception:
        """What a half makes of a message as the other side sent it, worked out once."""
        facts = half.facts
        if message not in facts.receptions:
            step, made, sure, problem = self._received(facts.side, message)
            facts.receptions[message] = step, [self.following(one) for one in dict.fromkeys(made)], sure, problem
        step, outcomes, sure, problem = facts.receptions[message]
        stays: list[int] = []
        leaves: list[int] = []
        for outcome in outcomes:
            there = self.after(half, outcome, peer_up=peer_up)
            if there is not None:
                (leaves if outcome.gone else stays).append(there)
        only = sure and len(outcomes) == 1
        if sure and not stays and not leaves:
            self.found.choked.add((self.index, step.name))
        if only and peer_up:
            self.found.brings.setdefault((self.index, message), set()).update(outcomes[0].sent)
        reception = Reception(step, tuple(stays), tuple(leaves), only=only)
        reception.problem = problem
        half.receptions[peer_up][message] = reception
        return reception

    def _received(self, side: Side, sent: str) -> tuple[Step, list[Outcome], bool, Arrival | None]:
        local, view = self.local, self.local.view
        message = sent if view.hears is None else view.hears.get(sent, "")
        part = local.owner.get(message)
        if part is None:
            return self._unknown(side, sent, known=message)
        step = Step("receive", self.index, f"{local.role} receives {message}", message, part.name)
        state = local.state_in(side, part)
        if state is None and side.was_live:
            return step._replace(kind="late", text=f"{step.text}, late"), [Outcome(side)], False, None
        handled, outcomes, sure = local.receive(side, part, message)
        if handled:
            return step, outcomes, sure, None
        return step, [*outcomes, Outcome(side)], False, Arrival(local.role, part.name, state, message)

    def _unknown(self, side: Side, message: str, *, known: str) -> tuple[Step, list[Outcome], bool, Arrival | None]:
        """A message of another version, or of a part that is not explored here, or one that no part takes any more."""
        local, policy = self.local, self.local.view.protocol.unknown
        if known and all(known not in alphabet(one) for one in local.view.protocol.parts):
            step = Step("receive", self.index, f"{local.role} receives {known}", known, local.view.root.name)
            return step, [Outcome(side)], False, Arrival(local.role, local.view.root.name, side.root, known)
        step = Step("unknown", self.index, f"{local.role} does not know {message}", message)
        problem = None if known else Arrival(local.role, "", None, message)
        fails = not known and policy.drop_max == 0
        closes = (local.close,) if fails and local.close is not None else ()
        return step, [Outcome(side, closes, gone=fails)], False, problem


def _first_of(steps: Iterable[tuple[tuple[int, bool], Step]]) -> Lasting:
    """Where each leads; twice if a fault leads there and something else, too."""
    return tuple((there, step) for (there, _), step in steps)
