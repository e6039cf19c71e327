"""A session: one request, job or conversation, wherever it goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from mdk_runtime import current
from mdk_runtime.base_session import RESOLVE_WAIT_S, BaseSession
from mdk_runtime.errors import ResolveTimeout, Stopped, UsageError
from mdk_runtime.interaction import Interaction
from mdk_runtime.logged_message import LoggedMessageId

if TYPE_CHECKING:
    from concurrent.futures import Future

    from mdk_runtime.client import MDK
    from mdk_runtime.core.client.nodes import Node

T = TypeVar("T")


def current_session() -> Session | None:
    """The session whose `with` block, or request, this code runs in.

    One of an `mdk.aio` MDK is found by `mdk.aio.current_session()`.
    """
    session = current.current_session()
    return session if isinstance(session, Session) else None


class Session(BaseSession):
    """A trace as this process sees it: logging, resolving, properties, deadline and interactions.

    Logging, `inject` and `resolve` may be called by several threads at once: each call has a clock value of its own.
    Properties, the deadline and interactions belong to one thread at a time, as a request does.
    """

    __slots__ = ()

    @property
    def _client(self) -> MDK:
        return cast("MDK", self._mdk)  # Its make_session() makes the sessions of this kind.

    # Resolving.

    def resolve(self, service: str, version: str | None = None) -> Node:
        """The next node of a service that answers requests for `version` ("1.2": 1.2 and later 1.x; none: any).

        Waits up to 10 s, or to the session's deadline, for one to come. Raises ResolveTimeout, or Stopped.
        """
        node = self._resolve_ready(service, version)
        return node if node is not None else self.resolve_until(service, version, RESOLVE_WAIT_S)

    def resolve_for(self, key: str, service: str, version: str | None = None) -> Node:
        """As `resolve`, but a key always gets the same node, as long as that is there (consistent hashing)."""
        node = self._resolve_key(key, service, version)
        return node if node is not None else self.resolve_until(service, version, RESOLVE_WAIT_S)

    def call(
        self,
        service: str,
        version: str | None,
        work: Callable[[Node], T],
        *,
        attempts: int = 1,
        retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
    ) -> T:
        """Do `work(node)` with a node of a service, as an interaction; what it returns.

        Args:
            service: As for `resolve`.
            version: As for `resolve`.
            work: Calls the node. It should end by the session's deadline; the HTTP integrations see to that.
            attempts: How often at most; more than 1 only for what may be done twice. Each attempt resolves anew.
                Retries stay within a fifth of the calls to the service, and within the session's deadline.
            retry_on: The errors after which another attempt makes sense.

        Raises ResolveTimeout, Stopped, and what the last `work` raised.
        """
        retries = self._mdk.retries(service, attempts)
        while True:
            try:
                with self.interaction():
                    return work(self.resolve(service, version))
            except (UsageError, ResolveTimeout, Stopped):
                raise
            except retry_on:
                pause = retries.pause_s(self.get_remaining_time())
                if pause is None:
                    raise
            self._client.sleep(pause)

    def resolve_until(self, service: str, version: str | None, timeout: float) -> Node:
        """As `resolve`, waiting `timeout` seconds at most."""
        service, version = self._target(service, version)
        wait_s = self._wait_s(timeout)
        node = self._mdk.core.resolve_now(self.environment, service, version, self.trace_id)
        if node is None:
            node = self._client.wait_for_node(self.environment, service, version, wait_s)
        self._use(node)
        return node

    def resolve_async(self, service: str, version: str | None = None) -> Future[Node]:
        """As `resolve`, without waiting: the future's result is the node, its exception ResolveTimeout."""
        service, version = self._target(service, version)
        level = self._innermost()
        future = self._client.future_node(self.environment, service, version, self._wait_s(RESOLVE_WAIT_S))

        def used(done: Future[Node]) -> None:
            if not done.cancelled() and done.exception() is None:
                level.nodes[done.result()] = None

        future.add_done_callback(used)
        return future

    # Interactions.

    def interact(self, work: Callable[[Session], T]) -> T:
        """Do `work(session)` as an interaction, which fails if `work` raises."""
        with self.interaction():
            return work(self)


__all__ = ["Interaction", "LoggedMessageId", "Session", "current_session"]
