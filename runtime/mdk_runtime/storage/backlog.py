"""What waits to be stored: in order, and apart from it what belongs to folders that cannot be written at the moment.

Not for several threads: the writer holds its lock around every call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from mdk_protocol.messages import Log
from mdk_runtime.core.server.origin import Entry

RETRY_S_FIRST: Final = 0.05
RETRY_S_MAX: Final = 2.0
"""A write that fails (disk full, I/O error) is tried again, later and later; its acks wait."""
MESSAGE_BYTES: Final = 500
"""Of a message in memory, beside its texts."""


class Job(NamedTuple):
    """Messages of one tenant, to be stored in its folder; without any, the folder is only looked after."""

    folder: Path
    entries: list[Entry]
    token: Any = None
    """The submitter's, handed back with the results."""
    removes: bool = False
    """True: the folder goes, if it holds nothing."""


class Sized(NamedTuple):
    """A job, and about as much as it takes in memory."""

    job: Job
    size_bytes: int


@dataclass(slots=True)
class Amount:
    """Messages, and their bytes."""

    messages: int = 0
    size_bytes: int = 0

    def add(self, jobs: Sequence[Sized], sign: int = 1) -> None:
        """So much more, or less."""
        for job, size_bytes in jobs:
            self.messages += sign * len(job.entries)
            self.size_bytes += sign * size_bytes

    def reaches(self, messages: int, size_bytes: int) -> bool:
        """True from a limit on."""
        return self.messages >= messages or self.size_bytes >= size_bytes


@dataclass(slots=True)
class _Held:
    """The jobs of a folder that cannot be written."""

    retry_at: float
    wait_s: float
    jobs: deque[Sized] = field(default_factory=deque[Sized])


class Backlog:
    """Jobs in order of submission, each folder's by itself where one cannot be written: it is in nobody's way.

    Jobs that are taken count on; `worked` or `failed` must follow, for each folder's.

    Args:
        retry_s: The first wait after a failure; each is twice the one before.
    """

    def __init__(self, retry_s: float = RETRY_S_FIRST) -> None:
        self._retry_s = retry_s
        self._jobs: deque[Sized] = deque()
        self._held: dict[Path, _Held] = {}
        self.ready = Amount()
        """Of folders that can be written, as far as is known."""
        self.held = Amount()
        """Of the others."""

    @property
    def folders_held(self) -> int:
        """How many cannot be written."""
        return len(self._held)

    def holds(self, folder: Path) -> bool:
        """True from a write that failed to the next one that works."""
        return folder in self._held

    @property
    def retry_at(self) -> float | None:
        """When the next folder is tried again."""
        return min((held.retry_at for held in self._held.values()), default=None)

    def submit(self, job: Job) -> None:
        """Take one more."""
        sized = Sized(job, bytes_of(job.entries))
        held = self._held.get(job.folder)
        if held is not None and job.entries:
            held.jobs.append(sized)
            self.held.add([sized])
        elif held is None:
            self._jobs.append(sized)
            self.ready.add([sized])

    def hurry(self, *, now: float) -> None:
        """Every folder is due again: there is little time left."""
        for held in self._held.values():
            held.retry_at, held.wait_s = now, self._retry_s

    def take(self, most: int, *, now: float) -> list[Sized]:
        """The jobs of one round: of a folder that is due again, or of all that can be written, up to so many messages."""
        for held in self._held.values():
            if held.retry_at <= now:
                return _taken(held.jobs, most)
        return _taken(self._jobs, most)

    def failed(self, folder: Path, jobs: Sequence[Sized], *, now: float) -> bool:
        """They could not be stored, and nothing else of the folder is tried before them. True if that is new."""
        held = self._held.get(folder)
        is_new = held is None
        if held is None:
            held = self._held[folder] = _Held(now, self._retry_s)
            others = [one for one in self._jobs if one.job.folder == folder]
            if others:
                self._jobs = deque(one for one in self._jobs if one.job.folder != folder)
            held.jobs.extend(others)
            moved = [*jobs, *others]
            self.ready.add(moved, -1)
            self.held.add(moved)
        held.jobs.extendleft(reversed(jobs))
        held.retry_at = now + held.wait_s
        held.wait_s = min(held.wait_s * 2, RETRY_S_MAX)
        return is_new

    def worked(self, folder: Path, jobs: Sequence[Sized]) -> bool:
        """They are stored; what else is held of the folder is next. True if it could not be written before."""
        held = self._held.pop(folder, None)
        if held is None:
            self.ready.add(jobs, -1)
            return False
        self.held.add(jobs, -1)
        rest = list(held.jobs)
        self.held.add(rest, -1)
        self.ready.add(rest)
        self._jobs.extendleft(reversed(rest))
        return True


def _taken(jobs: deque[Sized], most: int) -> list[Sized]:
    """From the left: one at least, and more as long as there are not too many messages."""
    taken: list[Sized] = []
    count = 0
    while jobs and (not taken or count + len(jobs[0].job.entries) <= most):
        taken.append(jobs.popleft())
        count += len(taken[-1].job.entries)
    return taken


def bytes_of(entries: list[Entry]) -> int:
    """About as much as the messages take in memory."""
    total = MESSAGE_BYTES * len(entries)
    for message, *_ in entries:
        if isinstance(message, Log):
            total += len(message.text)
            if properties := message.context.properties:
                total += _bytes_in(properties)
        else:
            total += 100 * len(message.results)
    return total


def _bytes_in(value: object) -> int:
    """Of what JSON can say; without recursion, as it may be deep."""
    total, rest = 0, [value]
    while rest:
        one = rest.pop()
        total += 50
        if isinstance(one, str):
            total += len(one)
        elif isinstance(one, dict):
            rest += one
            rest += one.values()
        elif isinstance(one, list):
            rest += one
    return total
