"""The MDK on the caller's loop: the same as with threads, as coroutines."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from functools import partial
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Self

from mdk_runtime import lifecycle
from mdk_runtime.aio.session import Interaction, Session, current_session
from mdk_runtime.aio.watch import Watch
from mdk_runtime.base_client import STOP_WITHIN_S, BaseMDK, configured
from mdk_runtime.io_thread import PatientLoop

if TYPE_CHECKING:
    from mdk_runtime.config import Config
    from mdk_runtime.core.client.context import Context
    from mdk_runtime.core.client.environments import Environment
    from mdk_runtime.core.client.nodes import Node
    from mdk_runtime.core.client.trace_context import Upstream
    from mdk_runtime.ports import Monotonic, WallClock
    from mdk_runtime.uplink import Uplink

STOP_SLACK_S = 0.3
"""For what is cancelled when the time to stop is over."""

_abandoned: list[object] = []
"""What runs no more is kept: a forked child shares its parent's epoll, and tasks of a loop that was closed under them
would wake up once more when they are thrown away."""


class MDK(BaseMDK[Session]):
    """One process's part in the system, on one loop from `start` to `stop`; no thread.

    Coroutines, `watch` and `resolve_async` belong to that loop; everything else may be called by any thread, so that
    code in a thread pool can log and report, too.
    """

    def __init__(
        self, config: Config | None = None, *, monotonic: Monotonic = monotonic, wall: WallClock = time
    ) -> None:
        super().__init__(config, monotonic=monotonic, wall=wall)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: asyncio.Task[None] | None = None
        """Of the last connection; the next waits for it, as both have one endpoint."""
        self.sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
        """Between the attempts of `session.call`."""

    def make_session(self, context: Context, upstream: Upstream) -> Session:
        """A session that waits by awaiting."""
        return Session(self, context, upstream)

    # Starting and stopping.

    async def start(self) -> Self:
        """Connect, in the background. Starting twice is starting once, but where the loop of before is closed."""
        self._leave_closed_loop()
        if self._uplink is None:
            loop = asyncio.get_running_loop()
            uplink = self._make_uplink(loop)
            self._prepare()
            self._uplink, self._loop = uplink, loop
            lifecycle.watch(self)
            self._ended = uplink.start(after=self._ended)
            self._ended.add_done_callback(partial(self._has_ended, uplink))
        return self

    async def stop(self) -> None:
        """Take this process's nodes out of discovery, send what is queued, disconnect: in 2 s at most."""
        loop = asyncio.get_running_loop()
        if self._leave_closed_loop():
            await self._make_uplink(loop).say_goodbye(STOP_WITHIN_S)
            return
        ended = self._ended
        self._begin_stop()
        if ended is not None and ended.get_loop() is loop:
            _, late = await asyncio.wait([ended], timeout=STOP_WITHIN_S + STOP_SLACK_S)
            for task in late:
                task.cancel()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _leave_closed_loop(self) -> bool:
        """Let go of a loop that was closed under this MDK; false if it was not. What is still to be said is there."""
        if self._uplink is None or self._loop is None or not self._loop.is_closed():
            return False
        _abandoned.append((self._loop, self._ended, self._uplink))
        self._begin_stop()
        self._loop = self._ended = None
        endpoint = self.endpoint
        endpoint.wake = endpoint.on_offence = endpoint.write_now = None
        endpoint.lost(now=self._monotonic())
        endpoint.stop(now=self._monotonic())  # So that the next start makes no pause, as after a loss.
        return True

    def _has_ended(self, uplink: Uplink, _: asyncio.Task[None]) -> None:
        """Stopped, or cancelled with its loop: then it has said goodbye by itself."""
        if self._uplink is uplink:
            self._begin_stop()

    def begin_farewell(self) -> Callable[[float], None]:
        """The process ends and the loop has not said goodbye: it goes on for that, or another does it."""
        loop, ended = self._loop, self._ended
        if loop is not None and not loop.is_closed():
            self._begin_stop()
            return partial(_wait_for_loop, loop, ended)
        self._begin_stop()
        return self._say_goodbye

    def _say_goodbye(self, timeout_s: float) -> None:
        """Over another uplink, on a loop for just that."""
        loop = PatientLoop()
        uplink = self._make_uplink(loop)
        try:
            loop.run_until_complete(uplink.say_goodbye(timeout_s))
        finally:
            loop.close()

    def after_fork_in_child(self) -> None:
        """Be another process: the loop that runs this MDK is the parent's, so it has to be started again."""
        uplink = self._become_another()
        lifecycle.unwatch(self)
        self.intake.shut = self.config.server_url is None
        _abandoned.append((self._loop, self._ended, uplink))
        self._loop = self._ended = None
        if uplink is not None and (descriptor := uplink.descriptor) is not None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, descriptor, inheritable=False)  # So that the connection ends when the parent does.
            os.close(nowhere)

    # Discovery.

    def watch(self, service: str) -> Watch:
        """Changes of a service's nodes and breakers, as they happen; those that are there come first, as added.

        `async for change in m.watch("hello")` waits; `await watch.next(timeout)` so long; `watch.close()` ends both.
        """
        return Watch(self.core, service)

    async def wait_for_node(self, environment: Environment, service: str, version: str | None, wait_s: float) -> Node:
        """Wait until there is a node. Raises ResolveTimeout, or Stopped."""
        loop = asyncio.get_running_loop()
        start = self._monotonic()
        future: asyncio.Future[Node] = loop.create_future()

        def deliver(node: Node) -> None:
            # What came together with this node is taken in first, so that the next resolve sees all of it.
            loop.call_soon_threadsafe(_answer, future, node)

        def ended() -> None:
            error = self.stopped_error(environment, service, version, self._monotonic() - start)
            with suppress(RuntimeError):  # The loop is closed, and with it whoever waited.
                loop.call_soon_threadsafe(_fail, future, error)

        waiter = self.core.resolve_later(environment, service, version, deliver, ended)
        try:
            async with asyncio.timeout(wait_s):
                return await future
        except TimeoutError:
            waited_s = self._monotonic() - start
            raise self.resolve_error(environment, service, version, waited_s) from None
        finally:
            if waiter is not None:
                self.core.cancel(waiter)


class Starting:
    """An MDK that is about to be started: `await` it, or use it in `async with`."""

    def __init__(self, mdk: MDK) -> None:
        self._mdk = mdk

    def __await__(self) -> Generator[Any, None, MDK]:
        return self._mdk.start().__await__()

    async def __aenter__(self) -> MDK:
        return await self._mdk.start()

    async def __aexit__(self, *_: object) -> None:
        await self._mdk.stop()

    if not TYPE_CHECKING:  # Type checkers say the same, if there is no such method.

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(
                f"mdk.aio.start() has no {name} before it is awaited, or entered by `async with`", name=name, obj=self
            )


def init(environment: str | None = None) -> MDK:
    """Make an MDK from the environment variables. It opens nothing before its start()."""
    return MDK(configured(environment))


def start(environment: str | None = None) -> Starting:
    """Make an MDK from the environment variables, and connect it when this is awaited, or entered by `async with`.

    At the end of an `async with` it is stopped.
    """
    return Starting(init(environment))


def _answer(future: asyncio.Future[Node], node: Node) -> None:
    if not future.done():
        future.set_result(node)


def _fail(future: asyncio.Future[Node], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _wait_for_loop(loop: asyncio.AbstractEventLoop, ended: asyncio.Task[None] | None, timeout_s: float) -> None:
    """Until the uplink has ended, on a loop that runs in another thread, or in none."""
    if ended is None:
        return
    if loop.is_running():
        asyncio.run_coroutine_threadsafe(asyncio.wait([ended]), loop).result(timeout_s)
    else:
        loop.run_until_complete(asyncio.wait([ended], timeout=timeout_s))


__all__ = ["MDK", "Interaction", "Session", "Starting", "Watch", "current_session", "init", "start"]
