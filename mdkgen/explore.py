"""Every order in which two sides and a link that may break can meet, for a protocol and one part.

A configuration is what both sides and both queues hold; data is left out, but for flags. A guard over data is taken
both ways, a timer may fire whenever it is armed (an `after` once, while its state goes on), a hook may have an answer for `for` or none, and the
connection may be cut at any moment. Queues hold `bounds` messages; a send into a full one is not followed.
The two sides may be of two versions: each has its own view of the protocol.

What a side does is worked out once for each of its states and inputs (`local`), and once for each of its queues
(`halves`); here it is only put together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from mdkgen.configuration import Arrival, Configuration, Exploration, Place, Side, Step, View
from mdkgen.halves import LOW, Half, Halves, Moves, Reception
from mdkgen.local import LocalSide
from mdkgen.model import Span

CONFIGURATIONS_MAX = 200_000
"""Past it the exploration ends and says so: a checker must answer while somebody waits."""

FLOOD_MESSAGES = 500
"""So many on their way, all of them answers to answers, are not meant: no burst of a spec is as long."""
FLOOD_ROUNDS_MAX = 20_000
"""Enough for a flood that grows by one message in forty rounds."""

_LOST = Step("lost", 0, "the connection is lost")
_CONNECT = Step("connect", 0, "connect")


class Explorer:
    """Breadth first, so that the first way to a problem is a shortest one."""

    def __init__(self, connecting: View, accepting: View) -> None:
        self.found = Exploration((0, 0))
        self.locals = (LocalSide(0, connecting, self.found), LocalSide(1, accepting, self.found))
        self.roles = (self.locals[0].role, self.locals[1].role)
        self.views = (connecting, accepting)
        first, second = (max(2, 1 + one.burst()) for one in self.locals)
        self.found.bounds = (first, second)
        self._known: dict[int, Half] = {}
        self._orphaned: tuple[set[str], set[str]] = (set(), set())
        """By who hangs up, the messages that are noted as lost then."""
        self._halves = tuple(
            Halves(local, bound, self._known, self.found)
            for local, bound in zip(self.locals, self.found.bounds, strict=True)
        )

    # --- what a configuration is ------------------------------------------------------------------

    def halves(self, here: Configuration) -> tuple[Half, Half]:
        """Both sides with what they have sent."""
        low = here & LOW
        return self._known[low], self._known[here - low]

    def side(self, here: Configuration, index: int) -> Side:
        """One side of a configuration."""
        return self.halves(here)[index].facts.side

    def hot(self) -> list[Configuration]:
        """The configurations in which a side is in a hot state, as they were found."""
        hot = {number for number, half in self._known.items() if half.facts.hot}
        return [here for here in self.found.parents if here & LOW in hot or here - (here & LOW) in hot]

    def where(self, here: Configuration, step: Step, there: Configuration | None) -> Span | None:
        """What stands in the spec for a step: the transition that it takes. None: where it leads is not followed."""
        after = None
        if there is not None:
            (half, peer), (then, _) = (self.halves(one)[:: 1 - 2 * step.actor] for one in (here, there))
            after = then.facts.side, then.sent[len(half.sent) :] if peer.up else None
        return self.locals[step.actor].where(self.side(here, step.actor), step, after)

    # --- the search -------------------------------------------------------------------------------

    def run(self) -> Exploration:
        """Explore everything."""
        found, known, parents = self.found, self._known, self.found.parents
        begin = sum(halves.number(halves.facts(halves.local.fresh()), ()) for halves in self._halves)
        parents[begin] = None
        order = [begin]  # grows while it is gone through
        # What is reached is looked up at each place anew: gathered in a list first, all takes 1.4 times as long.
        for here in order:
            low = here & LOW
            first, second = known[low], known[here - low]
            if first.up or second.up:
                there = first.gone + second.gone
                if there not in parents:
                    parents[there] = here
                    order.append(there)
            else:
                for there in self._connected(first, second):
                    if there not in parents:
                        parents[there] = here
                        order.append(there)
            for mine, peer in ((first, second), (second, first)):
                if mine.up and peer.head in mine.facts.consumed:
                    there = here + peer.less
                    if there not in parents:
                        parents[there] = here
                        order.append(there)
                elif mine.up and peer.head:
                    reception = mine.receptions.get((peer.head, peer.up)) or self._received(here, mine, peer)
                    for half in reception.stays:
                        there = half + peer.rest
                        if there not in parents:
                            parents[there] = here
                            order.append(there)
                    for half in reception.leaves:
                        there = half + peer.empty
                        if there not in parents:
                            parents[there] = here
                            order.append(there)
                elif mine.up and not peer.up:
                    there = mine.gone + peer.number
                    if there not in parents:
                        parents[there] = here
                        order.append(there)
                moves = (mine.moves if peer.up else mine.alone) or self._moves(mine, peer)
                for change, _ in moves.stays:
                    there = here + change
                    if there not in parents:
                        parents[there] = here
                        order.append(there)
                for half, _ in moves.leaves:
                    there = half + peer.empty
                    if there not in parents:
                        parents[there] = here
                        order.append(there)
                if moves.orderly is not None and not peer.orphaned:
                    self._note_orphans(here, mine, peer, moves.orderly)
            if first.quiet and second.quiet and found.deadlock is None and self._waits(first, second):
                found.deadlock = here
            if len(order) > CONFIGURATIONS_MAX:
                found.cut_short = True
                break
        found.configurations = len(order)
        return found

    def _waits(self, first: Half, second: Half) -> bool:
        """Whether one of both, which are connected, waits for the other."""
        return any(local.waits(half.facts.side) for local, half in zip(self.locals, (first, second), strict=True))

    def _connected(self, first: Half, second: Half) -> Iterator[Configuration]:
        """A connection of two sides that are down, with empty queues."""
        ours, theirs = self._halves
        for one in map(ours.following, self.locals[0].begin(first.facts.side)):
            for other in map(theirs.following, self.locals[1].begin(second.facts.side)):
                left = ours.after(first, one, peer_up=True)
                right = theirs.after(second, other, peer_up=True)
                if not left or not right:
                    continue
                if other.gone:  # what was sent to it does not arrive
                    left = self._known[left].empty
                if one.gone:
                    right = self._known[right].empty
                yield left + right

    def _end(self, mine: Half) -> Step:
        return Step("end", mine.index, f"{self.roles[mine.index]} sees the end")

    def _moves(self, mine: Half, peer: Half) -> Moves:
        return self._halves[mine.index].moves(mine, peer_up=peer.up)

    def _received(self, here: Configuration, mine: Half, peer: Half) -> Reception:
        """What a side makes of a message, for the first time; so this is a first way to what is wrong with it."""
        made = self._halves[mine.index].reception(mine, peer.head, peer_up=peer.up)
        if made.problem is not None:
            problems = self.found.unknown if made.step.kind == "unknown" else self.found.unspecified
            problems.setdefault(made.problem, Place(here, made.step))
        if made.choked:
            self.found.choked.setdefault((mine.index, made.step.name, mine.facts.side), here)
        return made

    def _note_orphans(self, here: Configuration, mine: Half, peer: Half, step: Step) -> None:
        peer.orphaned = True
        noted = self._orphaned[mine.index]
        for message in peer.sent:
            if message not in noted:
                noted.add(message)
                self.found.orphans[Arrival(self.roles[mine.index], "", None, message)] = Place(here, step)

    def floods(self, here: Configuration) -> bool:
        """Whether what is on its way is answered by ever more, while no timer, call or data interrupts."""
        facts = [half.facts for half in self.halves(here)]
        queues = [deque(half.sent) for half in self.halves(here)]
        for _ in range(FLOOD_ROUNDS_MAX):
            if not (queues[0] or queues[1]):
                return False
            for index in (0, 1):
                if queues[1 - index]:
                    answer = self._halves[index].answer(facts[index], queues[1 - index].popleft())
                    if answer is None or answer.gone:
                        return False
                    facts[index] = answer.facts
                    queues[index].extend(answer.sent)
            if max(map(len, queues)) > FLOOD_MESSAGES:
                return True
        return False

    # --- once more, for a closer look -------------------------------------------------------------

    def steps(self, here: Configuration) -> Iterator[tuple[Step, Configuration]]:
        """What leads on from a configuration, in the order in which it was followed; nothing, if the search ended before."""
        halves = self.halves(here)
        if halves[0].up or halves[1].up:
            yield _LOST, halves[0].gone + halves[1].gone
        else:
            yield from ((_CONNECT, there) for there in self._connected(*halves))
        for mine, peer in (halves, halves[::-1]):
            if mine.up and peer.head in mine.facts.consumed:
                yield mine.facts.consumed[peer.head][0], here + peer.less
            elif mine.up and peer.head:
                reception = mine.receptions.get((peer.head, peer.up))
                if reception is not None:
                    yield from ((reception.step, half + peer.rest) for half in reception.stays)
                    yield from ((reception.step, half + peer.empty) for half in reception.leaves)
            elif mine.up and not peer.up:
                yield self._end(mine), mine.gone + peer.number
            moves = mine.moves if peer.up else mine.alone
            if moves is not None:
                yield from ((step, here + change) for change, step in moves.stays)
                yield from ((step, half + peer.empty) for half, step in moves.leaves)

    def way_to(self, place: Place) -> list[tuple[Configuration, Step]]:
        """The steps of a shortest way, each with the configuration in which it happens."""
        there = place.configuration
        steps = [] if place.step is None else [(there, place.step)]
        here = self.found.parents[there]
        while here is not None:
            steps.append((here, next(step for step, led in self.steps(here) if led == there)))
            there, here = here, self.found.parents[here]
        return steps[::-1]

    def replies(self, here: Configuration) -> Iterator[Configuration]:
        """Where receptions that no data decides lead."""
        halves = self.halves(here)
        for mine, peer in (halves, halves[::-1]):
            if mine.up and peer.head in mine.facts.consumed:
                if mine.facts.consumed[peer.head][1]:
                    yield here + peer.less
            elif mine.up and peer.head:
                reception = mine.receptions.get((peer.head, peer.up))
                if reception is not None and reception.only:
                    yield from (half + peer.rest for half in reception.stays)
                    yield from (half + peer.empty for half in reception.leaves)
