"""A session on the caller's loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Self, TypeVar, cast

from mdk_runtime import current, interaction
from mdk_runtime.base_session import RESOLVE_WAIT_S, BaseSession
from mdk_runtime.errors import NoInteraction, ResolveTimeout, Stopped, UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from mdk_runtime.aio.client import MDK
    from mdk_runtime.core.client.interactions import Level
    from mdk_runtime.core.client.nodes import Node

T = TypeVar("T")

_open: ContextVar[tuple[tuple[BaseSession, Level], ...]] = ContextVar("mdk_interactions", default=())
"""The interactions that the code runs in, the innermost last. A task sees those that it was started in, and its own."""


def current_session() -> Session | None:
    """The session whose `with` block, or request, this code runs in.

    One of an MDK with threads is found by `mdk.current_session()`.
    """
    session = current.current_session()
    return session if isinstance(session, Session) else None


class Session(BaseSession):
    """A trace as this process sees it: logging, resolving, properties, deadline and interactions.

    Several tasks may use one session at once: each log call has a clock value of its own, and an interaction belongs to
    the task that began it and to the tasks that were started inside it. Properties and the deadline are the session's.
    """

    __slots__ = ()

    @property
    def _client(self) -> MDK:
        return cast("MDK", self._mdk)  # Its make_session() makes the sessions of this kind.

    # Resolving.

    async def resolve(self, service: str, version: str | None = None) -> Node:
        """The next node of a service that answers requests for `version` ("1.2": 1.2 and later 1.x; none: any).

        Waits up to 10 s, or to the session's deadline, for one to come. Raises ResolveTimeout, or Stopped.
        """
        node = self._resolve_ready(service, version)
        return node if node is not None else await self.resolve_until(service, version, RESOLVE_WAIT_S)

    async def resolve_for(self, key: str, service: str, version: str | None = None) -> Node:
        """As `resolve`, but a key always gets the same node, as long as that is there (consistent hashing)."""
        node = self._resolve_key(key, service, version)
        return node if node is not None else await self.resolve_until(service, version, RESOLVE_WAIT_S)

    async def resolve_until(self, service: str, version: str | None, timeout: float) -> Node:  # noqa: ASYNC109  # as the blocking one
        """As `resolve`, waiting `timeout` seconds at most."""
        service, version = self._target(service, version)
        wait_s = self._wait_s(timeout)
        node = self._mdk.core.resolve_now(self.environment, service, version, self.trace_id)
        if node is None:
            node = await self._client.wait_for_node(self.environment, service, version, wait_s)
        self._use(node)
        return node

    def resolve_async(self, service: str, version: str | None = None) -> asyncio.Task[Node]:
        """As `resolve`, at once: the task's result is the node, its exception ResolveTimeout. Keep a reference to it."""
        return asyncio.get_running_loop().create_task(self.resolve(service, version))

    async def call(
        self,
        service: str,
        version: str | None,
        work: Callable[[Node], Awaitable[T]],
        *,
        attempts: int = 1,
        retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
    ) -> T:
        """Await `work(node)` with a node of a service, as an interaction; what it returns.

        Args:
            service: As for `resolve`.
            version: As for `resolve`.
            work: Calls the node. At the session's deadline it is cancelled, and TimeoutError raised.
            attempts: How often at most; more than 1 only for what may be done twice. Each attempt resolves anew.
                Retries stay within a fifth of the calls to the service, and within the session's deadline.
            retry_on: The errors after which another attempt makes sense.

        Raises ResolveTimeout, Stopped, and what the last `work` raised.
        """
        retries = self._mdk.retries(service, attempts)
        while True:
            try:
                async with self.interaction():
                    node = await self.resolve(service, version)
                    async with asyncio.timeout(self.get_remaining_time()):
                        return await work(node)
            except (UsageError, ResolveTimeout, Stopped):
                raise
            except retry_on:
                pause = retries.pause_s(self.get_remaining_time())
                if pause is None:
                    raise
            await self._client.sleep(pause)

    # Interactions.

    async def interact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Await `work(session)` as an interaction, which fails if `work` raises."""
        async with self.interaction():
            return await work(self)

    def interaction(self) -> Interaction:
        """An interaction as a context manager: it fails on an exception and finishes in any case."""
        return Interaction(self)

    def return_to(self, level: Level | None) -> None:
        """An interaction goes on, or ends, in another context than it began in, such as that of a streamed answer."""
        if level is not None and not level.is_over and (self, level) not in _open.get():
            self._push(level)

    @property
    def interaction_depth(self) -> int:
        """How many interactions are open here, one inside the other."""
        return sum(1 for session, level in _open.get() if session is self and not level.is_over)

    def _innermost(self) -> Level:
        for session, level in reversed(_open.get()):
            if session is self and not level.is_over:
                return level
        return self._levels[0]

    def _push(self, level: Level) -> None:
        _open.set((*_open.get(), (self, level)))

    def _pop(self) -> Level:
        level = self._innermost()
        if level is self._levels[0]:
            raise NoInteraction(self.trace_id)
        level.is_over = True  # Also for the tasks that were started inside it, whose contexts are copies.
        _open.set(tuple(one for one in _open.get() if not one[1].is_over))
        return level

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()


class Interaction(interaction.Interaction):
    """One interaction of a session, as a context manager for `async with` and for `with`."""

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)
