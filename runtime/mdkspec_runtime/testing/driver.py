"""Plays the peer of an implementation, step by step, and looks at what comes.

It waits for what must come, not for a time: only that nothing more comes is known by silence.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mdkspec_runtime.tables import Role
from mdkspec_runtime.testing.plan import Case, Outcome, Step
from mdkspec_runtime.testing.talk import NextConnection, Sight, Talk, numbers_at

LATE_S = 2.0
"""A timer may be so much later than its time, and a tenth of it."""


@dataclass(frozen=True)
class Limits:
    """How long to wait."""

    quiet_s: float
    """Silence after which all has been said."""
    due_s: float
    """For what must come: a message, or the end."""
    answer_s: float
    """For what only the application brings forth."""
    timers_s: float
    """The longest timer that is waited for."""


class _NotReached(Exception):
    """The case cannot go on, and nobody is to blame."""


class _Failed(Exception):
    """The implementation does not conform."""


class Driver:
    """Drives cases of one role, any number side by side."""

    def __init__(
        self,
        role: Role,
        peer: Role,
        limits: Limits,
        said: Mapping[str, Mapping[str, Any]],
        called: frozenset[str] = frozenset(),
    ) -> None:
        self.role = role
        self.peer = peer
        self.limits = limits
        self.said = said
        """Fields to send, by type of message."""
        self.called = called
        """Types of messages that only a call of the application sends: they may come at any time, and lead elsewhere."""
        self.idle: set[str] = set()
        """Deliveries and requests of which the application began none: waited for once."""
        self.seen: set[Sight] = set()
        """Of every frame that came while only one state was possible."""

    async def drive(self, case: Case, connection: NextConnection) -> None:
        """Take the steps; what came of them is noted in the case."""
        run = _Run(self, case, connection)
        try:
            try:
                await run.go()
            except _NotReached as reason:
                case.not_reached = str(reason)
            run.judge()
        except _Failed as problem:
            case.problem = str(problem)
        finally:
            await run.talk.end()


class _Run:
    """One case, as it is taken."""

    def __init__(self, driver: Driver, case: Case, connection: NextConnection) -> None:
        self._driver = driver
        self._limits = driver.limits
        self._case = case
        self.talk = Talk(driver.role, driver.peer, connection, driver.seen)
        self._alive = [*case.outcomes]
        self._numbers: dict[str, int] = {}

    async def go(self) -> None:
        case = self._case
        for place, step in enumerate(case.steps):
            before = len(self.talk.came)
            await self._do(step)
            await self._settle(place, step, before)
            for of, fields in step.again.items():
                await self._repeated(of, fields)
            if self._alive[0][place].hangs:
                if place + 1 < len(case.steps):
                    case.was_refused = True
                    raise _NotReached(f"the application refused {step}")
                break
        takes = [{source for outcome in one for source in outcome.takes} for one in self._alive]
        case.taken = set[str].intersection(*takes)

    # --- steps ----------------------------------------------------------------------------------------

    async def _do(self, step: Step) -> None:
        match step.do:
            case "connect":
                await self.talk.connect()
            case "cut":
                await self.talk.cut(self._limits.due_s)
            case "send":
                await self._send(step)
            case "await" if step.what == "call":
                await self._called(step)
            case "await":
                await self._await(step)
            case "wait" if step.s > self._limits.timers_s:
                raise _NotReached(f"{step.s:g} s is longer than --timers-s")
            case _:
                pass

    async def _send(self, step: Step) -> None:
        frame = step.frame
        if not isinstance(frame, str):
            changed = {step.place: self._numbers[step.of]} if step.of in self._numbers else {}
            said = self._driver.said.get(frame[self._driver.role.codec.tag], {})
            frame = json.dumps({**frame, **said, **changed})
        await self.talk.say(frame)

    async def _await(self, step: Step) -> None:
        is_own = step.what in ("delivery", "question")
        within_s = 0.0 if step.of in self._driver.idle else self._limits.answer_s
        found: list[int] = []

        def take() -> bool:
            for type_, path in step.fields.items():
                for value in self.talk.frames[type_]:
                    numbers = numbers_at(value, path)
                    if _fits(numbers, step):
                        self.talk.frames[type_].remove(value)
                        found.extend(numbers)
                        return True
            return False

        if not await self.talk.until(take, within_s):
            if is_own:
                self._driver.idle.add(step.of)
                raise _NotReached(f"the application began no {step.what} of {step.of}")
            self._check_own()
            number = "" if step.number is None else f" of number {step.number}"
            raise _Failed(f"no {step.what} of {step.of}{number} within {self._limits.answer_s:g} s")
        if found:
            self._numbers[step.of] = found[0]

    async def _called(self, step: Step) -> None:
        """Wait for what a call of the application sends, or another one."""
        frames = [self.talk.frames[type_] for type_ in step.fields]
        within_s = 0.0 if step.of in self._driver.idle else self._limits.answer_s
        await self.talk.until(lambda: any(frames) or self._sent_of_its_own() != "", within_s)
        for came in frames:
            if came:
                came.pop(0)
                return
        self._check_own()
        self._driver.idle.add(step.of)
        raise _NotReached(f"the application made no call {step.of}")

    async def _repeated(self, of: str, fields: Mapping[str, Sequence[str]]) -> None:
        """What was not acknowledged before the cut comes once more, under its number."""
        number = self._numbers[of]

        def came() -> bool:
            return any(
                number in numbers_at(value, path) for type_, path in fields.items() for value in self.talk.frames[type_]
            )

        if not await self.talk.until(came, self._limits.due_s):
            raise _Failed(f"the delivery of {of} with number {number} did not come again")

    # --- what comes -----------------------------------------------------------------------------------

    async def _settle(self, place: int, step: Step, before: int) -> None:
        """Wait until one way to answer explains what came, and keep those that do."""
        ways = self._alive

        def met(way: list[Outcome]) -> bool:
            wanted = [type_ for outcome in way[: place + 1] for type_ in outcome.required]
            return _in_order(wanted, self.talk.came) and (step.do == "cut" or self.talk.is_closed == way[place].hangs)

        def told_apart(way: list[Outcome]) -> bool:
            others = {type_ for one in ways for type_ in one[place].required} - {*way[place].required}
            return any(type_ in others for type_ in self.talk.came[before:])

        def is_decided() -> bool:
            return any(map(met, ways)) and all(met(one) or told_apart(one) for one in ways)

        asked = [one for one in ways if one[place].required or one[place].hangs]
        if asked:
            within_s = self._limits.due_s if len(asked) == len(ways) else self._limits.quiet_s
            await self._answered(step, within_s, lambda: any(map(met, asked)), is_decided)
        elif step.do == "wait":
            await asyncio.sleep(step.s * 1.1)
        is_last = place + 1 == len(self._case.steps)
        if (is_last or any(one[place].more for one in ways)) and not self.talk.is_closed:
            await self.talk.silence(self._limits.quiet_s)
        explained = [one for one in ways if met(one)]
        if not explained:
            self.judge()
            self._check_own()
            raise _Failed(self._difference(place, step))
        most = max(len(one[place].required) + one[place].hangs for one in explained)
        self._alive = [one for one in explained if len(one[place].required) + one[place].hangs == most]

    async def _answered(
        self, step: Step, within_s: float, is_met: Callable[[], bool], is_decided: Callable[[], bool]
    ) -> None:
        """Wait for what must come, and a little for what may come in its place."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        late_s = step.s * 1.1 + LATE_S if step.do == "wait" else 0.0
        await self.talk.until(lambda: is_met() or is_decided(), within_s + late_s)
        if not is_decided():
            await self.talk.until(is_decided, self._limits.quiet_s)
        if step.do == "wait" and loop.time() - begun < step.s / 2:
            raise _Failed(f"a timer of {step.s:g} s came after {loop.time() - begun:.1f} s")

    def _check_own(self) -> None:
        """What came is no fault if the application went elsewhere meanwhile, by a call of which the case knows nothing."""
        type_ = self._sent_of_its_own()
        if type_:
            self._case.was_refused = True  # so it is tried once more, by itself
            raise _NotReached(f"its application sent {type_} of its own")

    def _sent_of_its_own(self) -> str:
        """A type of message that only a call sends, and that came more often than the case waits for it."""
        left = Counter(type_ for type_ in self.talk.came if type_ in self._driver.called)
        left.subtract(type_ for step in self._case.steps if step.what == "call" for type_ in step.fields)
        return next((type_ for type_, count in left.items() if count > 0), "")

    def judge(self) -> None:
        """What the tables say of the frames that came.

        For what a peer does wrong the engine closes in any state.
        """
        role = self._driver.role
        close = type(role.close("", "")).__name__ if role.close is not None else "nothing"
        hangs = any(outcome.hangs for one in self._alive for outcome in one)
        for problem in self.talk.problems:
            if not hangs or not problem.startswith(f"{role.role} may not send {close} "):
                raise _Failed(problem)

    def _difference(self, place: int, step: Step) -> str:
        came = f"sent {', '.join(self.talk.came) or 'nothing'} and {'ended' if self.talk.is_closed else 'did not end'}"
        wanted: dict[str, None] = {}
        for way in self._alive:
            types = [type_ for outcome in way[: place + 1] for type_ in outcome.required]
            wanted[f"{', '.join(types) or 'nothing'} and {'the end' if way[place].hangs else 'no end'}"] = None
        return f"after {step}: {came}; expected {' or '.join(wanted)}"


def _fits(numbers: Sequence[int], step: Step) -> bool:
    if step.number is None or step.number in numbers:
        return True
    return step.upto and any(number >= step.number for number in numbers)


def _in_order(wanted: Sequence[str], came: Sequence[str]) -> bool:
    """Whether all that is wanted came, in its order; anything may stand between."""
    rest = iter(came)
    return all(one in rest for one in wanted)
