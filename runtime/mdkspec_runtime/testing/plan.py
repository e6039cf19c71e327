"""What `mdkgen conform` is to bring about, as mdkgen writes it: read once, never made here."""

from __future__ import annotations

from itertools import groupby
from typing import Any, Literal

from msgspec import Struct, field


class Step(Struct, frozen=True):
    """What the peer of the implementation does next."""

    do: Literal["connect", "cut", "send", "await", "wait"]
    name: str = ""
    """Of the message that is sent, or what kind of rubbish it is."""
    frame: Any = None
    """JSON, or text as it stands."""
    place: str = ""
    """Of a frame that acknowledges or answers: the field with the number of what came."""
    of: str = ""
    """Which delivery or request it is about."""
    what: Literal["", "acknowledgement", "answer", "call", "delivery", "question"] = ""
    """What is waited for."""
    fields: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """Types that are waited for, and where their number stands."""
    number: int | None = None
    """The number that must stand there."""
    upto: bool = False
    """Or a higher one."""
    again: dict[str, dict[str, list[str]]] = field(default_factory=dict[str, dict[str, list[str]]])
    """Deliveries of which what came, and was not acknowledged, must come again: `fields` of each."""
    s: float = 0.0
    """To wait for a timer."""

    def __str__(self) -> str:
        match self.do:
            case "send":
                return self.name
            case "await":
                return f"{self.what} of {self.of}"
            case "wait":
                return f"{self.s:g} s"
            case _:
                return self.do


class Outcome(Struct, frozen=True):
    """What must come of a step."""

    required: list[str]
    """Types of messages that are sent of necessity, in order."""
    more: bool
    """Whether others may be sent, by what the application answers."""
    hangs: bool
    takes: list[str]
    """Where the transitions stand that it takes."""


class Case(Struct):
    """Steps, and for each way in which the application may answer an outcome of every step."""

    steps: list[Step]
    outcomes: list[list[Outcome]]
    problem: str | None = None
    not_reached: str | None = None
    """Why the situation that it looks at did not come about."""
    was_refused: bool = False
    """Because the application answered with the end."""
    taken: set[str] = field(default_factory=set[str])
    """Where the transitions stand that were taken."""

    @property
    def name(self) -> str:
        """The steps in words."""
        words = [str(step) for step in self.steps if step.do != "connect"] or ["connect"]
        counted = [(word, len(list(same))) for word, same in groupby(words)]
        return " then ".join(word if count == 1 else f"{count} x {word}" for word, count in counted)

    def does(self, what: str) -> bool:
        """Whether a step does this."""
        return any(step.do == what for step in self.steps)

    @property
    def is_good(self) -> bool:
        """Whether something is sent that may come there."""
        return any(
            step.do == "send" and not outcome.hangs
            for way in self.outcomes
            for step, outcome in zip(self.steps, way, strict=True)
        )

    def again(self) -> None:
        """Forget what came of it."""
        self.problem = self.not_reached = None
        self.was_refused = False
        self.taken = set()


class TransitionFact(Struct, frozen=True):
    """A transition of the role's tables."""

    source: str
    part: str
    state: str
    """Empty for one of `always`."""
    kind: str
    name: str
    delay_s: float | None
    guarded: bool
    goes: bool
    """Whether it leads to another state, or changes a flag."""
    sends: list[str]

    def __str__(self) -> str:
        input_ = " ".join(word for word in (self.kind, self.name) if word)
        after = f" {self.delay_s:g} s" if self.delay_s is not None else ""
        return f"{self.source} {self.part} {self.state or 'always'}: {input_}{after}"


class Plan(Struct):
    """All that can be brought about, and all that there is."""

    cases: list[Case]
    transitions: list[TransitionFact]
