"""mdkgen.explore: what is put together from halves is what the plainest search finds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mdkgen.compiler import compile_texts
from mdkgen.configuration import Arrival, Exploration, Outcome, Side, View
from mdkgen.explore import Explorer
from mdkgen.local import LocalSide
from mdkgen.model import Part, Protocol
from mdkgen.rules import texts_of
from mdkgen.source import read_folder
from mutants import mutants

ROOT = Path(__file__).parents[3]
PLAIN_MAX = 3000
"""Configurations; the plainest search is slow."""

Here = tuple[Any, Any, Any, Any]
"""Both sides, and what each has sent that has not arrived."""


@dataclass
class Plain:
    """Every configuration by itself: nothing is worked out once, nothing has a number."""

    view: View
    bounds: tuple[int, int]
    seen: set[Here] = field(default_factory=set[Here])
    unspecified: set[Arrival] = field(default_factory=set[Arrival])
    orphans: set[Arrival] = field(default_factory=set[Arrival])

    def __post_init__(self) -> None:
        self.locals = tuple(LocalSide(index, self.view, Exploration(self.bounds)) for index in (0, 1))
        begin = (self.locals[0].fresh(), self.locals[1].fresh(), (), ())
        todo: deque[Here] = deque([begin])
        self.seen.add(begin)
        while todo:
            for there in self._steps(todo.popleft()):
                if there not in self.seen:
                    self.seen.add(there)
                    todo.append(there)

    def _steps(self, here: Here) -> Iterator[Here]:
        ups = here[0].up, here[1].up
        if any(ups):
            yield self._down(self._down(here, 0), 1)
        else:
            yield from self._connected(here)
        for index in (0, 1):
            local, side, waiting = self.locals[index], here[index], here[3 - index]
            if side.up and waiting:
                there = _with(here, 3 - index, waiting[1:])
                for outcome in self._received(index, side, waiting[0]):
                    yield from self._moved(there, index, outcome)
            elif side.up and not ups[1 - index]:
                yield self._down(here, index)
            for _, outcome in (*local.unprompted(side), *local.calls(side)):
                for there in self._moved(here, index, outcome):
                    yield there
                    if outcome.orderly:
                        self.orphans |= {Arrival(local.role, "", None, one) for one in waiting}

    def _connected(self, here: Here) -> Iterator[Here]:
        for one in self.locals[0].begin(here[0]):
            for other in self.locals[1].begin(here[1]):
                start: Here = (one.side, other.side, (), ())
                for middle in self._moved(start, 0, _staying(one)):
                    for both in self._moved(middle, 1, _staying(other)):
                        there = self._down(both, 0) if one.gone else both
                        yield self._down(there, 1) if other.gone else there

    def _received(self, index: int, side: Side, message: str) -> list[Outcome]:
        local = self.locals[index]
        part = local.owner[message]
        state = local.state_in(side, part)
        if state is None and side.was_live:
            return [Outcome(side)]
        handled, outcomes, _ = local.receive(side, part, message)
        if not handled:
            self.unspecified.add(Arrival(local.role, part.name, state, message))
        return outcomes if handled else [*outcomes, Outcome(side)]

    def _moved(self, here: Here, index: int, outcome: Outcome) -> Iterator[Here]:
        there = _with(here, index, outcome.side)
        if outcome.sent and here[1 - index].up:
            sent = here[2 + index] + outcome.sent
            if len(sent) > self.bounds[index]:
                return
            there = _with(there, 2 + index, sent)
        yield self._down(there, index) if outcome.gone else there

    def _down(self, here: Here, index: int) -> Here:
        """What the side has sent still arrives if the other is up; what was sent to it does not."""
        there = _with(_with(here, index, self.locals[index].gone(here[index])), 3 - index, ())
        return there if here[1 - index].up else _with(there, 2 + index, ())


def _staying(one: Outcome) -> Outcome:
    """The same, and the side stays."""
    return one._replace(gone=False)


def _with(here: Here, index: int, value: Any) -> Here:
    first, second, out, back = (value if place == index else one for place, one in enumerate(here))
    return first, second, out, back


def _pieces(texts: dict[str, str]) -> Iterator[tuple[Protocol, Part | None]]:
    spec = compile_texts(texts, verifying=False).spec
    for protocol in spec.protocols if spec is not None else ():
        for part in protocol.parts[1:] or (None,):
            yield replace(protocol, parts=tuple(one for one in (protocol.parts[0], part) if one is not None)), part


def _compare(texts: dict[str, str]) -> int:
    """So many explorations of a spec were compared."""
    compared = 0
    for protocol, part in _pieces(texts):
        view = View(protocol, part)
        explorer = Explorer(view, view)
        found = explorer.run()
        if found.configurations > PLAIN_MAX:
            continue
        plain = Plain(view, found.bounds)
        halves = [explorer.halves(here) for here in found.parents]
        assert {(one.facts.side, other.facts.side, one.sent, other.sent) for one, other in halves} == plain.seen
        assert found.unspecified.keys() == plain.unspecified
        assert found.orphans.keys() == plain.orphans
        compared += 1
    return compared


@pytest.mark.parametrize("folder", ["spec", "examples/chat/spec", "examples/jobs/spec"])
def test_our_specs_are_explored_as_by_the_plainest_search(folder: str) -> None:
    """The same configurations, arrivals that nobody takes, and messages that an orderly end leaves unread."""
    assert _compare(read_folder(ROOT / folder)) > 0


def test_mutants_are_explored_as_by_the_plainest_search() -> None:
    """Of specs in which something is missing or leads elsewhere, too."""
    texts = [dict(one.texts) for one in mutants() if one.folder == "examples/chat/spec"]
    assert sum(map(_compare, texts)) > 3


STAYS = "recv Ping -> send Pong()  recv Pong -> tell answered()  every 1s -> send Ping()"
ENDS = ("enter -> hangup", "enter -> send Ping(), hangup", 'enter -> fail "full"', "after 2s -> hangup")


@pytest.mark.parametrize("client", ["", *ENDS])
@pytest.mark.parametrize("server", ["", *ENDS])
def test_who_ends_a_connection_at_once_is_explored_as_by_the_plainest_search(client: str, server: str) -> None:
    """One side or both, with something said before; what a hot state does not stop is in it, too."""
    text = (
        f"role client {{ start hot state Up {{ {client}  {STAYS} }} }}\n"
        f"role server {{ start state Up {{ {server}  {STAYS} }} }}"
    )
    assert _compare(texts_of(text)) == 1


def test_an_exploration_that_is_too_large_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends, and what it has found until then stands."""
    monkeypatch.setattr("mdkgen.explore.CONFIGURATIONS_MAX", 10)
    ((protocol, part),) = _pieces(read_folder(ROOT / "examples/chat/spec"))
    found = Explorer(View(protocol, part), View(protocol, part)).run()
    assert (found.cut_short, found.configurations > 10) == (True, True)
