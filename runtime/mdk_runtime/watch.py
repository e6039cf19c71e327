"""A service's changes, as an iterator."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mdk_runtime.core.client.core import ClientCore, NodeStatus
    from mdk_runtime.core.client.nodes import Node

ADDED, CHANGED, REMOVED, OUT, BACK = "added", "changed", "removed", "out", "back"
SUSPECT, TRUSTED = "suspect", "trusted"


class Change(NamedTuple):
    """One change of a service.

    `kind` is added, changed, removed, out (a breaker opened), back (it closed), suspect (the server lost touch with the
    node) or trusted (it is in touch again).
    """

    kind: str
    node: Node


class BaseWatch:
    """Compares what a service was at the last look with what it is now.

    Whoever looks seldom sees less of what came and went in between, and never a wrong end; so nothing queues up.

    Args:
        core: What is watched.
        service: Its name.
        wake: Called, on any thread, when there is something to look at. It must be quick and take no lock of ours.
    """

    def __init__(self, core: ClientCore, service: str, wake: Callable[[], None]) -> None:
        self.service = service
        self._core = core
        self._wake_reader = wake
        self._closed = False
        self._seen: dict[tuple[str, str], NodeStatus] = {}
        self._changes: deque[Change] = deque()
        with core.lock:
            core.table.watch(service, wake)

    def close(self) -> None:
        """End the watch; whoever waits for it goes on."""
        self._closed = True
        with self._core.lock:
            self._core.table.unwatch(self.service, self._wake_reader)
        self._wake_reader()

    @property
    def _is_over(self) -> bool:
        """Nothing more will change, as far as can be told now."""
        return self._closed or self._core.is_stopped

    def _look(self) -> None:
        before, self._seen = self._seen, self._core.snapshot(self.service)
        for place, (node, is_out, is_suspect) in self._seen.items():
            old = before.pop(place, None)
            if old is None:
                self._changes.append(Change(ADDED, node))
            elif not old.node.says_the_same(node):
                self._changes.append(Change(CHANGED, node))
            if is_out != (old is not None and old.is_out):
                self._changes.append(Change(OUT if is_out else BACK, node))
            if is_suspect != (old is not None and old.is_suspect):
                self._changes.append(Change(SUSPECT if is_suspect else TRUSTED, node))
        self._changes.extend(Change(REMOVED, old.node) for old in before.values())


class Watch(BaseWatch):
    """A service's changes: iterating blocks until the next, and ends when the watch is closed or the MDK stopped."""

    def __init__(self, core: ClientCore, service: str) -> None:
        self._wake = Event()
        self._wake.set()
        super().__init__(core, service, self._wake.set)

    def next(self, timeout: float | None = None) -> Change | None:
        """The next change; None if there was none in so many seconds, if the watch is closed, or the MDK stopped."""
        end = None if timeout is None else monotonic() + timeout
        while not self._changes and not self._is_over:
            if not self._wake.wait(None if end is None else max(0.0, end - monotonic())):
                return None
            self._wake.clear()
            self._look()
        return self._changes.popleft() if self._changes else None

    def __iter__(self) -> Iterator[Change]:
        while (change := self.next()) is not None:
            yield change

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
