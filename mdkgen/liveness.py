"""What an exploration shows besides single messages: things that never happen, and things that never end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mdkgen.configuration import FAULTS, Configuration, Place
from mdkgen.explore import Explorer
from mdkgen.model import Fail, Hangup, Machine, Part, State, Transition
from mdkgen.model_walk import Numbers

# --- floods ---------------------------------------------------------------------------------------


def endless_entries(machine: Machine, part: Part) -> State | None:
    """A state whose `enter` leads, without anything else happening, back to it."""
    leads: dict[str, str] = {}
    for state in machine.states:
        for one in state.transitions:
            if one.trigger.kind == "enter" and one.target is not None:
                leads.setdefault(state.name, one.target)
    for state in machine.states:
        here, seen = state.name, set[str]()
        while here in leads and here not in seen:
            seen.add(here)
            here = leads[here]
        if here == state.name and seen:
            return state
    return None


def flood(explorer: Explorer) -> Configuration | None:
    """A configuration that comes again by receptions alone, which no data, timer or call interrupts."""
    if not _comes_again(explorer.found.brings):
        return None
    done: set[Configuration] = set()
    for start in explorer.found.parents:
        path: list[tuple[Configuration, Iterator[Configuration]]] = [(start, explorer.replies(start))]
        on_path = {start} - done
        while path and on_path:
            here, rest = path[-1]
            there = next(rest, None)
            if there is None:
                path.pop()
                on_path.discard(here)
                done.add(here)
            elif there in on_path:
                return there
            elif there not in done:
                path.append((there, explorer.replies(there)))
                on_path.add(there)
    return None


def _comes_again(brings: Mapping[tuple[int, str], set[str]]) -> bool:
    """Whether some message brings itself about, by others: if none does, what is on its way only gets less."""
    left = {here: {(1 - here[0], sent) for sent in following} for here, following in brings.items()}
    while True:
        last = [here for here, following in left.items() if not following & left.keys()]
        if not last:
            return bool(left)
        for here in last:
            del left[here]


def growing_flood(explorer: Explorer) -> tuple[str, Configuration] | None:
    """A message whose answers bring about more and more, and where that begins."""
    found = explorer.found.choked.items()
    return next(((message, here) for (_, message, _), here in found if explorer.floods(here)), None)


# --- states that must be left ---------------------------------------------------------------------


def stuck(explorer: Explorer) -> Iterator[tuple[int, Part, str, Place]]:
    """Hot states that can be entered and then, as long as the link holds, never be left: with the first way into each."""
    hot = explorer.hot()
    for index in (0, 1):
        regions: dict[tuple[str, str], list[Configuration]] = {}
        parts: dict[str, Part] = {}
        for here in hot:
            for part, state in explorer.locals[index].hot_states(explorer.side(here, index)):
                regions.setdefault((part.name, state), []).append(here)
                parts[part.name] = part
        for (name, state), region in regions.items():
            leaving = _leaving(explorer, set(region))
            first = next((here for here in region if here not in leaving), None)
            if first is not None:
                yield index, parts[name], state, Place(first, None)


def _leaving(explorer: Explorer, region: set[Configuration]) -> set[Configuration]:
    """Those of a region from which some way leads out of it without a fault."""
    back: dict[Configuration, list[Configuration]] = {}
    leaving: set[Configuration] = set()
    for here in region:
        within: list[Configuration] = []
        for step, there in explorer.steps(here):
            if step.kind in FAULTS:
                continue
            if there not in region:
                leaving.add(here)
                break
            within.append(there)
        else:
            for there in within:
                back.setdefault(there, []).append(here)
    todo = list(leaving)
    while todo:
        for before in back.get(todo.pop(), []):
            if before not in leaving:
                leaving.add(before)
                todo.append(before)
    return leaving


# --- timers ---------------------------------------------------------------------------------------


def cancelled_timers(machine: Machine, numbers: Numbers) -> Iterator[tuple[State, Transition, Transition]]:
    """State, timer, and what always comes before it: another timer, or the state's own `enter`."""
    for state in machine.states:
        leaves = [one for one in state.transitions if one.guard is None and _ends_state(one)]
        for timer in state.transitions:
            if timer.trigger.kind not in ("after", "every"):
                continue
            delay_s = numbers.value(timer.trigger.delay_s)
            for other in leaves:
                if other is timer:
                    continue
                other_s = 0.0 if other.trigger.kind == "enter" else numbers.value(other.trigger.delay_s)
                if other.trigger.kind not in ("enter", "after", "every") or other_s is None or delay_s is None:
                    continue
                if other_s < delay_s:
                    yield state, timer, other
                    break


def _ends_state(one: Transition) -> bool:
    return one.target is not None or any(isinstance(action, Hangup | Fail) for action in one.actions)
