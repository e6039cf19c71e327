"""What an exploration moves through: configurations of two sides and two queues, the steps between them, what is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mdkgen.model import Part, Protocol, Span

KINDS = ("connect", "lost", "fail", "end", "receive", "late", "unknown", "timer", "send", "call")
FAULTS = ("connect", "lost", "fail")
"""What no protocol can count on."""


class Side(NamedTuple):
    """One side: up or not, the state of the protocol's machine and of the part's, flags, what it owes answers to."""

    up: bool
    root: str | None
    part: str | None
    was_live: bool
    flags: frozenset[str]
    owes: frozenset[str]


Configuration = int
"""Both sides, and both queues, as one number (`mdkgen.halves`)."""


class Step(NamedTuple):
    """One thing that happens. `kind` is one of `KINDS`; `actor` names the side that acts (0 connects, 1 accepts)."""

    kind: str
    actor: int
    text: str
    """As a trace names it."""
    name: str = ""
    """The message, call or lease."""
    part: str = ""


@dataclass(frozen=True)
class View:
    """The protocol as one side knows it. Two versions may meet: then each side has its own."""

    protocol: Protocol
    part: Part | None
    """The part that is explored with the protocol; None if there is none, or if this side does not know it."""
    hears: Mapping[str, str] | None = None
    """The peer's message to the one that this side reads it as; one that is missing is unknown here. None: all the same."""

    @property
    def root(self) -> Part:
        """The protocol's own machines."""
        return self.protocol.parts[0]

    @property
    def parts(self) -> list[Part]:
        """What is explored."""
        return [self.root] if self.part is None else [self.root, self.part]


class Outcome(NamedTuple):
    """What one side makes of something: its new state, what it sends, and whether it then goes, in order or not."""

    side: Side
    sent: tuple[str, ...] = ()
    gone: bool = False
    orderly: bool = False


class Place(NamedTuple):
    """A way to a configuration: it, and the step in it that shows the problem (None: the configuration itself does)."""

    configuration: Configuration
    step: Step | None


class Arrival(NamedTuple):
    """A message in a state of a part; no state: before the part is live."""

    role: str
    part: str
    state: str | None
    message: str


@dataclass
class Exploration:
    """What was found. Sets of (role, ...), and for what is wrong a shortest way there."""

    bounds: tuple[int, int]
    """Messages that the queue from each side holds."""
    configurations: int = 0
    bound_reached: bool = False
    cut_short: bool = False
    parents: dict[Configuration, Configuration | None] = field(
        default_factory=dict[Configuration, "Configuration | None"]
    )
    """All that were found, in order, each with the one from which it was found first."""
    unspecified: dict[Arrival, Place] = field(default_factory=dict[Arrival, Place])
    """Messages that arrived where they are neither taken nor ignored."""
    unknown: dict[Arrival, Place] = field(default_factory=dict[Arrival, Place])
    """Messages that arrived where nobody knows them: only if two versions meet."""
    states: set[tuple[str, str, str]] = field(default_factory=set[tuple[str, str, str]])
    """(role, part, state) that were entered."""
    fired: set[tuple[str, Span]] = field(default_factory=set[tuple[str, Span]])
    """(role, where) of the transitions that were taken."""
    answered: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """(role, message) of the acknowledgements and replies that arrived."""
    deadlock: Configuration | None = None
    orphans: dict[Arrival, Place] = field(default_factory=dict[Arrival, Place])
    """Messages that were on their way when the side to which they went hung up of its own."""
    brings: dict[tuple[int, str], set[str]] = field(default_factory=dict[tuple[int, str], set[str]])
    """(side, message) to what is surely sent on its reception."""
    choked: dict[tuple[int, str, Side], Configuration] = field(
        default_factory=dict[tuple[int, str, Side], Configuration]
    )
    """Who received what as what, with answers that no data decides and that had no room: so the reception was not followed."""
