"""Every order in which two sides and a link that may break can meet, for a protocol and one part.

A configuration is what both sides and both queues hold; data is left out, but for flags. A guard over data is taken
both ways, a timer may fire whenever it is armed, a hook may have an answer for `for` or none, and the
connection may be cut at any moment. Queues hold `bounds` messages; a send into a full one is not followed.
The two sides may be of two versions: each has its own view of the protocol.

What a side does is worked out once for each of its states and inputs (`local`); here it is only put together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from mdkgen.configuration import Arrival, Configuration, Exploration, Outcome, Place, Side, Step, View
from mdkgen.local import LocalSide
from mdkgen.model import Span

CONFIGURATIONS_MAX = 200_000
"""Past it the exploration ends and says so: a checker must answer while somebody waits."""

_LOST = Step("lost", 0, "the connection is lost")
_CONNECT = Step("connect", 0, "connect")

Move = tuple[Step, int, tuple[str, ...], bool, bool]
"""Step, the side's next state, what it sends, whether it goes, and whether in order."""


class Explorer:
    """Breadth first, so that the first way to a problem is a shortest one."""

    def __init__(self, connecting: View, accepting: View) -> None:
        self.found = Exploration((0, 0))
        self.locals = (LocalSide(0, connecting, self.found), LocalSide(1, accepting, self.found))
        self.roles = (self.locals[0].role, self.locals[1].role)
        self.views = (connecting, accepting)
        first, second = (max(2, 1 + one.burst()) for one in self.locals)
        self.found.bounds = (first, second)
        self._sides: tuple[list[Side], list[Side]] = ([], [])
        self._hot: tuple[dict[int, bool], dict[int, bool]] = ({}, {})
        self._numbers: tuple[dict[Side, int], dict[Side, int]] = ({}, {})
        self._moves: tuple[list[list[Move] | None], list[list[Move] | None]] = ([], [])
        self._receptions: tuple[dict[tuple[int, str], _Reception], dict[tuple[int, str], _Reception]] = ({}, {})
        self._queues: list[tuple[str, ...]] = [()]
        self._queue_numbers: dict[tuple[str, ...], int] = {(): 0}
        self._pushed: dict[tuple[int, tuple[str, ...], int], int] = {}
        self._popped: list[int] = [0]

    # --- numbers for sides and queues -------------------------------------------------------------

    def _number(self, index: int, side: Side) -> int:
        known = self._numbers[index].get(side)
        if known is None:
            known = self._numbers[index][side] = len(self._sides[index])
            self._sides[index].append(side)
            if self.locals[index].hot_states(side):
                self._hot[index][known] = True
            self._moves[index].append(None)
        return known

    def side(self, here: Configuration, index: int) -> Side:
        """One side of a configuration."""
        return self._sides[index][here[index]]

    def queue(self, here: Configuration, index: int) -> tuple[str, ...]:
        """What one side has sent and the other not yet received."""
        return self._queues[here[2 + index]]

    def _queue_number(self, messages: tuple[str, ...]) -> int:
        known = self._queue_numbers.get(messages)
        if known is None:
            known = self._queue_numbers[messages] = len(self._queues)
            self._queues.append(messages)
            self._popped.append(-1)
        return known

    def _push(self, queue: int, messages: tuple[str, ...], index: int) -> int:
        """The queue with more in it; -1 if it does not fit."""
        key = (queue, messages, index)
        known = self._pushed.get(key)
        if known is None:
            whole = self._queues[queue] + messages
            fits = len(whole) <= self.found.bounds[index]
            known = self._pushed[key] = self._queue_number(whole) if fits else -1
        if known < 0:
            self.found.bound_reached = True
        return known

    def _pop(self, queue: int) -> int:
        known = self._popped[queue]
        if known < 0:
            known = self._popped[queue] = self._queue_number(self._queues[queue][1:])
        return known

    # --- the search -------------------------------------------------------------------------------

    def run(self) -> Exploration:
        """Explore everything."""
        found = self.found
        first: Configuration = (self._number(0, self.locals[0].fresh()), self._number(1, self.locals[1].fresh()), 0, 0)
        parents = found.parents
        parents[first] = None
        todo: deque[Configuration] = deque([first])
        while todo:
            here = todo.popleft()
            moves = False
            kept = found.moves.setdefault(here, []) if self._is_hot(here) else None
            for step, there in self._steps(here):
                if there not in parents:
                    parents[there] = (here, step)
                    todo.append(there)
                if not moves and (step.kind in _PROGRESS or (step.kind == "call" and there != here)):
                    moves = True
                if kept is not None:
                    kept.append((step, there))
            idle = (
                here[2] == 0 == here[3]
            )  # What waits in a queue can be received; only the bound kept it from being followed.
            if not moves and idle and found.deadlock is None and self._waits(here):
                found.deadlock = here
            if len(parents) > CONFIGURATIONS_MAX:
                found.cut_short = True
                break
        found.configurations = len(parents)
        return found

    def _is_hot(self, here: Configuration) -> bool:
        return self._hot[0].get(here[0], False) or self._hot[1].get(here[1], False)

    def _waits(self, here: Configuration) -> bool:
        """Whether both are connected and one waits for the other."""
        sides = [self.side(here, index) for index in (0, 1)]
        return all(side.up for side in sides) and any(
            local.waits(side) for local, side in zip(self.locals, sides, strict=True)
        )

    def where(self, here: Configuration, step: Step) -> Span | None:
        """What stands in the spec for a step: the transition that it takes."""
        return self.locals[step.actor].where(self.side(here, step.actor), step)

    # --- steps ------------------------------------------------------------------------------------

    def _steps(self, here: Configuration) -> Iterator[tuple[Step, Configuration]]:
        ups = (self._sides[0][here[0]].up, self._sides[1][here[1]].up)
        if ups[0] or ups[1]:
            yield _LOST, self._down(self._down(here, 0), 1)
        else:
            for there in self._connect(here):
                yield _CONNECT, there
        for index in (0, 1):
            if ups[index]:
                if here[3 - index]:
                    yield from self._receive(here, index)
                elif not ups[1 - index]:
                    yield Step("end", index, f"{self.roles[index]} sees the end"), self._down(here, index)
            for step, side, sent, gone, orderly in self._own_moves(index, here[index]):
                moved = self._moved(here, index, side, sent, gone=gone)
                if moved is not None:
                    yield step, moved
                    if orderly and here[3 - index]:
                        self._note_orphans(here, index, step)

    def _connect(self, here: Configuration) -> Iterator[Configuration]:
        for one in self.locals[0].begin(self.side(here, 0)):
            for other in self.locals[1].begin(self.side(here, 1)):
                start = (self._number(0, one.side), self._number(1, other.side), 0, 0)
                middle = self._moved(start, 0, start[0], one.sent, gone=False)
                both = None if middle is None else self._moved(middle, 1, start[1], other.sent, gone=False)
                if both is not None:
                    there = self._down(both, 0) if one.gone else both
                    yield self._down(there, 1) if other.gone else there

    def _own_moves(self, index: int, number: int) -> list[Move]:
        """What a side may do by itself, worked out once."""
        known = self._moves[index][number]
        if known is None:
            local, side = self.locals[index], self._sides[index][number]
            both = [*(local.unprompted(side) if side.up else ()), *local.calls(side)]
            known = [(step, *self._outcome(index, one)) for step, one in dict.fromkeys(both)]
            self._moves[index][number] = known
        return known

    def _outcome(self, index: int, one: Outcome) -> tuple[int, tuple[str, ...], bool, bool]:
        return self._number(index, one.side), one.sent, one.gone, one.orderly

    def _moved(
        self, here: Configuration, index: int, side: int, sent: tuple[str, ...], *, gone: bool
    ) -> Configuration | None:
        """A side has a new state and has sent; None if the queue is full. What is sent to nobody is lost."""
        first, second, out, back = here
        if sent:
            if index == 0:
                out = self._push(out, sent, 0) if self._sides[1][second].up else out
            else:
                back = self._push(back, sent, 1) if self._sides[0][first].up else back
            if out < 0 or back < 0:
                return None
        there = (side, second, out, back) if index == 0 else (first, side, out, back)
        return self._down(there, index) if gone else there

    def _down(self, here: Configuration, index: int) -> Configuration:
        """One side has hung up or seen the end: what it sent still arrives, what was sent to it does not."""
        first, second, out, back = here
        gone = self._number(index, self.locals[index].gone(self._sides[index][here[index]]))
        if index == 0:
            return (gone, second, out, 0) if self._sides[1][second].up else (gone, second, 0, 0)
        return (first, gone, 0, back) if self._sides[0][first].up else (first, gone, 0, 0)

    def _note_orphans(self, here: Configuration, index: int, step: Step) -> None:
        for message in self.queue(here, 1 - index):
            self.found.orphans.setdefault(Arrival(self.roles[index], "", None, message), Place(here, step))

    # --- messages ---------------------------------------------------------------------------------

    def _receive(self, here: Configuration, index: int) -> Iterator[tuple[Step, Configuration]]:
        waiting = here[3 - index]
        message = self._queues[waiting][0]
        key = (here[index], message)
        reception = self._receptions[index].get(key)
        if reception is None:
            reception = self._receptions[index][key] = self._reception(index, *key)
        rest = self._pop(waiting)
        there = (here[0], here[1], here[2], rest) if index == 0 else (here[0], here[1], rest, here[3])
        if reception.problem is not None:
            problems = self.found.unknown if reception.step.kind == "unknown" else self.found.unspecified
            if reception.problem not in problems:
                problems[reception.problem] = Place(here, reception.step)
        followed = 0
        for side, sent, gone, _ in reception.outcomes:
            moved = self._moved(there, index, side, sent, gone=gone)
            if moved is not None:
                followed += 1
                yield reception.step, moved
                if reception.sure and len(reception.outcomes) == 1:
                    self.found.replies.setdefault(here, []).append(moved)
        if reception.sure and not followed:
            self.found.choked.add((index, reception.step.name))

    def _reception(self, index: int, number: int, sent: str) -> _Reception:
        """What a side makes of a message, worked out once."""
        local, side, view = self.locals[index], self._sides[index][number], self.views[index]
        message = sent if view.hears is None else view.hears.get(sent, "")
        part = local.owner.get(message)
        if part is None:
            return self._unknown(index, side, sent, known=bool(message))
        step = Step("receive", index, f"{local.role} receives {message}", message, part.name)
        state = local.state_in(side, part)
        stays = [self._outcome(index, Outcome(side))]
        if state is None and side.was_live:
            return _Reception(step._replace(kind="late", text=f"{step.text}, late"), stays, sure=False, problem=None)
        handled, outcomes, sure = local.receive(side, part, message)
        plain = [self._outcome(index, one) for one in outcomes]
        if handled:
            return _Reception(step, plain, sure=sure, problem=None)
        return _Reception(step, [*plain, *stays], sure=False, problem=Arrival(local.role, part.name, state, message))

    def _unknown(self, index: int, side: Side, message: str, *, known: bool) -> _Reception:
        """A message of another version, or of a part that is not explored here."""
        local, policy = self.locals[index], self.views[index].protocol.unknown
        step = Step("unknown", index, f"{local.role} does not know {message}", message)
        problem = None if known else Arrival(local.role, "", None, message)
        fails = not known and policy.drop_max == 0
        closes = (local.close,) if fails and local.close is not None else ()
        return _Reception(step, [self._outcome(index, Outcome(side, closes, gone=fails))], sure=False, problem=problem)


class _Reception:
    """What one side in one state makes of one message."""

    __slots__ = ("outcomes", "problem", "step", "sure")

    def __init__(
        self,
        step: Step,
        outcomes: list[tuple[int, tuple[str, ...], bool, bool]],
        *,
        sure: bool,
        problem: Arrival | None,
    ) -> None:
        self.step = step
        self.outcomes = outcomes
        self.sure = sure
        self.problem = problem


_PROGRESS = ("receive", "timer", "send", "end")
