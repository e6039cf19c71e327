"""The MDK with threads: one in the background does the I/O, and any other may call and wait."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import current_thread
from time import monotonic, sleep, time
from typing import TYPE_CHECKING

from mdk_runtime import lifecycle
from mdk_runtime.base_client import STOP_WITHIN_S, BaseMDK, Statistics, configured
from mdk_runtime.errors import NotStarted
from mdk_runtime.session import Session
from mdk_runtime.watch import Watch

if TYPE_CHECKING:
    from concurrent.futures import Future

    from mdk_runtime.config import Config
    from mdk_runtime.core.client.context import Context
    from mdk_runtime.core.client.environments import Environment
    from mdk_runtime.core.client.nodes import Node
    from mdk_runtime.core.client.trace_context import Upstream
    from mdk_runtime.io_thread import IoThread
    from mdk_runtime.ports import Monotonic, WallClock


class MDK(BaseMDK[Session]):
    """One process's part in the system. Every method may be called by any thread."""

    def __init__(
        self, config: Config | None = None, *, monotonic: Monotonic = monotonic, wall: WallClock = time
    ) -> None:
        super().__init__(config, monotonic=monotonic, wall=wall)
        self._io: IoThread | None = None
        """The last one that was started; the next waits for its end, as both have one endpoint."""
        self.sleep: Callable[[float], None] = sleep
        """Between the attempts of `session.call`."""

    def make_session(self, context: Context, upstream: Upstream) -> Session:
        """A session that waits by blocking."""
        return Session(self, context, upstream)

    # Starting and stopping.

    def start(self) -> MDK:
        """Connect, in the background. Starting twice is starting once."""
        with self._lock:
            if self._uplink is None:
                from mdk_runtime.io_thread import IoThread  # asyncio and websockets are only needed from here on.

                self._prepare()
                before = self._io
                io = IoThread(self._make_uplink, after=before)
                self._io, self._uplink = io, io.uplink
                lifecycle.watch(self)
                try:
                    io.start()
                except RuntimeError:  # There are too many threads, or the interpreter ends.
                    self._io, self._uplink = before, None
                    lifecycle.unwatch(self)
                    raise
        return self

    def stop(self) -> None:
        """Take this process's nodes out of discovery, send what is queued, disconnect: in 2 s at most."""
        self.begin_farewell()(STOP_WITHIN_S)

    def begin_farewell(self) -> Callable[[float], None]:
        """The part of stop() that does not wait. What it answers is the other part."""
        self._begin_stop()
        return partial(_wait_ended, self._io)

    def __enter__(self) -> MDK:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def after_fork_in_child(self) -> None:
        """Be a process of one's own: another id, another uplink, nothing of the parent's to send."""
        uplink = self._become_another()
        io, self._io = self._io, None
        if io is not None and uplink is not None:
            io.abandon()
            self.start()

    # Discovery.

    def watch(self, service: str) -> Watch:
        """Changes of a service's nodes and breakers, as they happen; those that are there come first, as added.

        `for change in m.watch("hello")` blocks; `Watch.next(timeout)` waits so long; `Watch.close()` ends both.
        """
        return Watch(self.core, service)

    def wait_for_node(self, environment: Environment, service: str, version: str | None, wait_s: float) -> Node:
        """Block until there is a node. Raises ResolveTimeout, or Stopped."""
        from concurrent.futures import Future
        from concurrent.futures import TimeoutError as NotYet

        start = self._monotonic()
        future: Future[Node] = Future()

        def deliver(node: Node) -> None:
            io = self._io
            if io is not None and current_thread() is io.thread:
                # What came together with this node is taken in first, so that the next resolve sees all of it.
                io.uplink.call_soon(lambda: future.set_result(node))
            else:
                future.set_result(node)

        def ended() -> None:
            future.set_exception(self.stopped_error(environment, service, version, self._monotonic() - start))

        self.core.verdicts.tick()  # The I/O thread may not be running.
        waiter = self.core.resolve_later(environment, service, version, deliver, ended)
        while waiter is not None and not future.done():
            left = start + wait_s - self._monotonic()
            if left <= 0:
                self.core.cancel(waiter)
                break
            retry_at = self.core.verdicts.deadline
            try:
                return future.result(left if retry_at is None else min(left, max(0.0, retry_at - self._monotonic())))
            except NotYet:
                self.core.verdicts.tick()
        if future.done():
            return future.result()
        raise self.resolve_error(environment, service, version, self._monotonic() - start)

    def future_node(self, environment: Environment, service: str, version: str | None, wait_s: float) -> Future[Node]:
        """As `wait_for_node`, without blocking. Raises NotStarted, for nobody would look at the clock."""
        from concurrent.futures import Future, InvalidStateError

        uplink = self._uplink
        if uplink is None:
            raise NotStarted("resolve_async()")
        start = self._monotonic()
        future: Future[Node] = Future()

        def deliver(node: Node) -> None:
            if future.set_running_or_notify_cancel():
                with self.intake.unmuted():
                    future.set_result(node)

        def fail(error: Exception) -> None:
            try:
                with self.intake.unmuted():
                    future.set_exception(error)
            except InvalidStateError:
                pass  # It was answered, or cancelled.

        def ended() -> None:
            fail(self.stopped_error(environment, service, version, self._monotonic() - start))

        waiter = self.core.resolve_later(environment, service, version, deliver, ended)
        if waiter is not None:

            def give_up() -> None:
                if self.core.cancel(waiter):
                    fail(self.resolve_error(environment, service, version, self._monotonic() - start))

            uplink.call_later(wait_s, give_up)
        return future

    # The names of the original.

    setDefaultDeadline = BaseMDK[Session].set_default_deadline
    set_default_timeout = BaseMDK[Session].set_default_deadline
    setDefaultTimeout = BaseMDK[Session].set_default_deadline
    setDeadline = BaseMDK[Session].set_deadline
    setTimeout = BaseMDK[Session].set_deadline


def _wait_ended(io: IoThread | None, timeout_s: float) -> None:
    if io is not None and current_thread() is not io.thread:
        io.wait(timeout_s + 0.2)


def init(environment: str | None = None) -> MDK:
    """Make an MDK from the environment variables. It opens nothing before its start()."""
    return MDK(configured(environment))


def start(environment: str | None = None) -> MDK:
    """Make an MDK from the environment variables and connect it."""
    return init(environment).start()


__all__ = ["MDK", "Statistics", "init", "start"]
