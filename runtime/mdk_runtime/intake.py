"""Where log calls of any thread leave their messages for the I/O thread: quick to fill, bounded, counted."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mdk_protocol.messages import InteractionEvent
    from mdk_runtime.base_session import BaseSession
    from mdk_runtime.ports import WallClock

COUNT_MAX = 10_000
"""As many as the outbox behind it holds; past it the oldest go."""
TEXT_CHARS_MAX = 256 * 1024
"""A text is cut here, so that no message passes the protocol's 1 MiB."""

INTERACTION = "interaction"
"""Among what is counted as dropped; the rest are levels."""

LogEntry = tuple["BaseSession", Mapping[str, Any], int, float, str, str, str]
"""Session, its properties, tick, wall clock, level, category, text: at the moment of the call."""


_muted: ContextVar[Intake | None] = ContextVar("mdk_muted", default=None)
"""The intake whose reader runs in this context: its own log calls would come back to it for ever."""


def _nobody() -> None:
    """There is no reader to wake."""


class Intake:
    """A queue that may be filled by any thread and is emptied by one.

    The reader is woken only when somebody adds to a queue that the reader has left.
    """

    def __init__(self, wall: WallClock) -> None:
        self._wall = wall
        self._wake: Callable[[], object] = _nobody
        self._items: deque[LogEntry | InteractionEvent] = deque()
        self._woken = True
        """True while nobody needs waking: before the reader runs, and until it has taken what is there."""
        self.dropped_by_kind: Counter[str] = Counter()
        """How many were pushed out by newer ones: logs by their level, and interactions."""
        self._dropping = Lock()
        self.shut = False
        """Nothing is taken while this is true: there is no server to send to."""

    @property
    def dropped(self) -> int:
        """How many were pushed out by newer ones."""
        return self.dropped_by_kind.total()

    def add_log(
        self, session: BaseSession, properties: Mapping[str, Any], tick: int, level: str, category: object, text: object
    ) -> None:
        """Leave a log message."""
        if self.shut or _muted.get() is self:
            return
        if type(text) is not str:
            text = str(text)
        if type(category) is not str:
            category = str(category)
        if len(text) > TEXT_CHARS_MAX:
            text = f"{text[:TEXT_CHARS_MAX]}... ({len(text)} characters)"
        self._add((session, properties, tick, self._wall(), level, category, text))

    def add_interaction(self, event: InteractionEvent) -> None:
        """Leave the report of an interaction."""
        if not self.shut:
            self._add(event)

    def _add(self, item: LogEntry | InteractionEvent) -> None:
        items = self._items
        items.append(item)
        if len(items) > COUNT_MAX:
            try:
                oldest = items.popleft()
            except IndexError:
                return  # The reader was quicker.
            with self._dropping:
                self.dropped_by_kind[oldest[4] if isinstance(oldest, tuple) else INTERACTION] += 1
        if not self._woken:
            self._woken = True
            self._wake()

    def attend(self, wake: Callable[[], object]) -> None:
        """There is a reader, to be woken by `wake`."""
        self._wake = wake

    def muted_context(self) -> Context:
        """For the reader to run in: log calls that are made there are dropped."""
        context = Context()
        context.run(_muted.set, self)
        return context

    @contextmanager
    def unmuted(self) -> Generator[None]:
        """The application's code may log, wherever it is called."""
        token = _muted.set(None)
        try:
            yield
        finally:
            _muted.reset(token)

    def take(self, limit: int) -> Iterator[LogEntry | InteractionEvent]:
        """Take up to `limit` items; with fewer there, the reader wants to be woken for the next."""
        left = limit
        while left:
            try:
                item = self._items.popleft()
            except IndexError:
                self._woken = False
                if not self._items:
                    return
                self._woken = True  # Somebody came in between, and may have woken nobody.
                continue
            left -= 1
            yield item

    def count_logs(self) -> int:
        """How many of the items are logs."""
        return sum(isinstance(item, tuple) for item in self._items.copy())

    def hold(self) -> None:
        """The reader stops; items wait for the next one."""
        self._woken = True

    def empty(self) -> None:
        """Forget what is there: in a forked child it is the parent's to send."""
        self._items = deque()
        self._dropping = Lock()
        self._woken = True
        self.dropped_by_kind.clear()

    def __bool__(self) -> bool:
        return bool(self._items)

    def __len__(self) -> int:
        return len(self._items)
