"""One side of an exploration and what it has sent that has not arrived: all that its moves depend on but one thing.

That one thing is whether the other side is up. So what a half may do is worked out once for each of the two cases, as
numbers that only have to be added to those of the other half.
"""

from __future__ import annotations

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

    __slots__ = ("leaves", "orderly", "stays")

    def __init__(self, stays: Lasting, leaves: Lasting, orderly: Step | None) -> None:
        self.stays = stays
        """What to add to the configuration."""
        self.leaves = leaves
        """The half that has hung up: what was sent to it does not arrive."""
        self.orderly = orderly
        """The first that hangs up in order."""


class Reception:
    """What a half makes of one message."""

    __slots__ = ("choked", "leaves", "only", "problem", "stays", "step")

    def __init__(self, step: Step, stays: tuple[int, ...], leaves: tuple[int, ...], *, only: bool) -> None:
        self.step = step
        self.stays = stays
        """The halves after it."""
        self.leaves = leaves
        """Those that have hung up."""
        self.only = only
        """Whether no data decides what follows, and it is one thing."""
        self.problem: Arrival | None = None
        self.choked = False
        """Whether its answers had no room, whatever the data."""


class Facts:
    """What is known of one side, whatever is on its way: worked out once for all its halves."""

    __slots__ = ("busy", "consumed", "gone", "halves", "hot", "receptions", "side", "steps")

    def __init__(self, side: Side, *, hot: bool) -> None:
        self.side = side
        self.hot = hot
        self.gone = self
        """The same side after the end of the connection."""
        self.halves: dict[tuple[str, ...], int] = {}
        """By what it has sent that has not arrived."""
        self.steps: list[tuple[Step, Following, bool]] | None = None
        """What it may do by itself, and whether it is a fault: of what does the same one, and nothing that changes nothing."""
        self.busy = False
        """Whether there is something that changes nothing, and is more than a call."""
        self.receptions: dict[str, tuple[Step, list[Following], bool, Arrival | None]] = {}
        self.consumed: dict[str, tuple[Step, bool]] = {}
        """Messages that change nothing and are not answered, and whether no data decides that."""


class Following(NamedTuple):
    """An outcome, with what is known of its side; of one that hangs up, of the side that is gone."""

    facts: Facts
    sent: tuple[str, ...]
    gone: bool
    orderly: bool


class Half:
    """One side, with its own queue. Of other halves it has the numbers."""

    __slots__ = (
        "alone", "empty", "facts", "gone", "head", "index", "less", "moves", "number", "orphaned", "quiet",
        "receptions", "rest", "sent", "up",
    )  # fmt: skip

    def __init__(self, index: int, number: int, facts: Facts, sent: tuple[str, ...]) -> None:
        self.index = index
        self.number = number
        self.facts = facts
        self.sent = sent
        self.up = facts.side.up
        self.head = sent[0] if sent else ""
        """What arrives next at the other side."""
        self.rest = self.empty = number
        """The same half without its first message, and without any."""
        self.less = 0
        """What to add to a configuration when the first message has arrived."""
        self.gone = number
        """The same after the end of the connection."""
        self.quiet = self.orphaned = False
        """Whether, with both sides up, nothing of it leads on; whether it is noted that what it sent may be lost."""
        self.moves: Moves | None = None
        self.alone: Moves | None = None
        """The same when the other side is not up."""
        self.receptions: dict[tuple[str, bool], Reception] = {}
        """By message, and whether the other side is up."""


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
        return facts.halves.get(sent) or self._new(facts, sent)

    def _new(self, facts: Facts, sent: tuple[str, ...]) -> int:
        self._count += 1
        number = facts.halves[sent] = self._count << (HALF_BITS if self.index else 0)
        half = self._known[number] = Half(self.index, number, facts, sent)
        if sent:
            half.rest, half.empty = self.number(facts, sent[1:]), self.number(facts, ())
            half.less = half.rest - number
        if half.up or sent:
            half.gone = self.number(facts.gone, ())
        return number

    def after(self, half: Half, following: Following, *, peer_up: bool) -> int:
        """The half after something; 0 if its queue has no room. What is sent to nobody is lost."""
        facts, more, gone, _ = following
        sent = half.sent
        if more and peer_up:
            sent += more
            if len(sent) > self.sent_max:
                self.found.bound_reached = True
                return 0
        elif gone and not peer_up:
            sent = ()
        return facts.halves.get(sent) or self._new(facts, sent)

    def moves(self, half: Half, *, peer_up: bool) -> Moves:
        """What a half may do by itself, worked out once."""
        number, after = half.number, self.after
        stays: list[tuple[int, Step]] = []
        leaves: list[tuple[int, Step]] = []
        calm, orderly = not half.facts.busy, None
        for step, following, fault in self._steps(half.facts):
            there = after(half, following, peer_up=peer_up)
            if not there:
                continue
            calm = calm and fault
            if following.gone:
                orderly = orderly or (step if following.orderly else None)
                leaves.append((there, step))
            elif there != number:
                stays.append((there - number, step))
        made = Moves(tuple(stays), tuple(leaves), orderly)
        if peer_up:
            half.moves = made
            half.quiet = half.up and calm and not half.sent
        else:
            half.alone = made
        return made

    def _steps(self, facts: Facts) -> list[tuple[Step, Following, bool]]:
        if facts.steps is None:
            side = facts.side
            made: dict[tuple[Following, bool], Step] = {}
            for step, outcome in (*self.local.unprompted(side), *self.local.calls(side)):
                following = self.following(outcome)
                if following.facts is facts and not following.sent and not following.gone:
                    facts.busy |= step.kind in _PROGRESS
                else:
                    made.setdefault((following, step.kind in FAULTS), step)
            facts.steps = [(step, following, fault) for (following, fault), step in made.items()]
        return facts.steps

    def following(self, outcome: Outcome) -> Following:
        """An outcome, with what is known of its side."""
        facts = self.facts(outcome.side)
        return Following(facts.gone if outcome.gone else facts, outcome.sent, outcome.gone, outcome.orderly)

    def reception(self, half: Half, message: str, *, peer_up: bool) -> Reception:
        """What a half makes of a message as the other side sent it, worked out once."""
        step, outcomes, sure, problem = self._reception(half.facts, message)
        stays: list[int] = []
        leaves: list[int] = []
        for outcome in outcomes:
            there = self.after(half, outcome, peer_up=peer_up)
            if there:
                (leaves if outcome.gone else stays).append(there)
        only = sure and len(outcomes) == 1
        if only and peer_up:
            self.found.brings.setdefault((self.index, message), set()).update(outcomes[0].sent)
        reception = Reception(step, tuple(stays), tuple(leaves), only=only)
        reception.problem = problem
        reception.choked = sure and not stays and not leaves
        half.receptions[message, peer_up] = reception
        return reception

    def answer(self, facts: Facts, message: str) -> Following | None:
        """What a side makes of a message, if no data decides that, and it is one thing."""
        _, outcomes, sure, _ = self._reception(facts, message)
        return outcomes[0] if sure and len(outcomes) == 1 else None

    def _reception(self, facts: Facts, message: str) -> tuple[Step, list[Following], bool, Arrival | None]:
        known = facts.receptions.get(message)
        if known is None:
            step, made, sure, problem = self._received(facts.side, message)
            following = [self.following(one) for one in dict.fromkeys(made)]
            known = facts.receptions[message] = step, following, sure, problem
            if all(one.facts is facts and not one.sent and not one.gone for one in following):
                facts.consumed[message] = step, sure and len(following) == 1
        return known

    def _received(self, side: Side, sent: str) -> tuple[Step, list[Outcome], bool, Arrival | None]:
        local, view = self.local, self.local.view
        message = sent if view.hears is None else view.hears.get(sent, "")
        part = local.owner.get(message)
        if part is None:
            return self._unknown(side, sent, known=message)
        step = Step("receive", self.index, f"{local.role} receives {message}", message, part.name)
        state = local.state_in(side, part)
        if state is None and side.was_live:
            return step._replace(kind="late", text=f"{step.text}, late"), [Outcome(side)], True, None
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
