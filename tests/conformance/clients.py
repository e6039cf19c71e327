"""An MDK with threads and one on the caller's loop, behind the same coroutines: one suite runs on both."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar, cast

import mdk
import mdk.aio
from mdk_runtime.base_client import BaseMDK
from mdk_runtime.base_session import BaseSession
from mdk_runtime.config import Config
from mdk_runtime.core.client.nodes import Node
from mdk_runtime.current import current_session
from mdk_runtime.interaction import Interaction
from mdk_runtime.watch import BaseWatch, Change
from service.scripted_server import ScriptedServer

WITHIN_S = 60.0
"""As long as a test waits for anything that should happen at once."""

M = TypeVar("M", bound=BaseMDK[Any])
T = TypeVar("T")


class Client(ABC, Generic[M]):
    """One MDK. What its two kinds have in common is called on `mdk`, the rest here."""

    kind: str

    def __init__(self, mdk: M) -> None:
        self.mdk = mdk

    @classmethod
    @abstractmethod
    def make(cls, config: Config) -> Client[Any]:
        """One that is not started."""

    @abstractmethod
    async def start(self) -> None:
        """`mdk.start()`."""

    @abstractmethod
    async def stop(self) -> None:
        """`mdk.stop()`."""

    @abstractmethod
    async def resolve(
        self, session: BaseSession, service: str, version: str | None = "1.0", wait_s: float | None = None
    ) -> str:
        """The address that `session.resolve`, or with a wait `session.resolve_until`, answers."""

    @abstractmethod
    async def wait_for(self, session: BaseSession, service: str) -> Node:
        """`session.resolve`, in the background where it blocks."""

    @abstractmethod
    async def wait_to_call(self, service: str) -> Node:
        """`session.call` of a function that returns its node, in the background where it blocks."""

    @abstractmethod
    async def resolve_for(self, session: BaseSession, key: str, service: str) -> str:
        """The address that `session.resolve_for` answers."""

    @abstractmethod
    def resolve_async(self, session: BaseSession, service: str, version: str | None = "1.0") -> Any:
        """`session.resolve_async`."""

    @abstractmethod
    async def result(self, future: Any) -> Node:
        """What the future of a `resolve_async` comes to."""

    @abstractmethod
    def interaction(self, session: BaseSession) -> Any:
        """`session.interaction()`, for `async with`."""

    @abstractmethod
    async def call(self, session: BaseSession, service: str, work: Callable[[Node], T], **options: Any) -> T:
        """`session.call` with a function that does not wait."""

    @abstractmethod
    async def next_change(self, watch: BaseWatch, wait_s: float) -> Change | None:
        """`watch.next(wait_s)`."""

    @abstractmethod
    def watch(self, service: str) -> BaseWatch:
        """`mdk.watch(service)`."""

    @abstractmethod
    async def all_changes(self, watch: BaseWatch) -> list[Change]:
        """What iterating over a watch yields until it is closed."""

    @abstractmethod
    def current_session(self) -> BaseSession | None:
        """`current_session()` of the kind."""

    async def changes(self, watch: BaseWatch, count: int) -> list[tuple[str, str]]:
        """The next so many."""
        found = [await self.next_change(watch, WITHIN_S) for _ in range(count)]
        return [(one.kind, one.node.address) for one in found if one is not None]

    async def __aenter__(self) -> Client[M]:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


class ThreadsClient(Client[mdk.MDK]):
    """With threads: every call blocks, which nobody else minds here."""

    kind = "threads"

    @classmethod
    def make(cls, config: Config) -> ThreadsClient:
        """As said above."""
        return cls(mdk.MDK(config))

    async def start(self) -> None:
        """As said above."""
        self.mdk.start()

    async def stop(self) -> None:
        """As said above."""
        self.mdk.stop()

    async def resolve(
        self, session: BaseSession, service: str, version: str | None = "1.0", wait_s: float | None = None
    ) -> str:
        """As said above."""
        one = cast("mdk.Session", session)
        node = one.resolve(service, version) if wait_s is None else one.resolve_until(service, version, wait_s)
        return node.address

    async def wait_for(self, session: BaseSession, service: str) -> Node:
        """As said above."""
        return await asyncio.to_thread(cast("mdk.Session", session).resolve, service, "1.0")

    async def wait_to_call(self, service: str) -> Node:
        """As said above."""
        return await asyncio.to_thread(self.mdk.session().call, service, "1.0", lambda node: node, attempts=3)

    async def resolve_for(self, session: BaseSession, key: str, service: str) -> str:
        """As said above."""
        return cast("mdk.Session", session).resolve_for(key, service, "1.0").address

    def resolve_async(self, session: BaseSession, service: str, version: str | None = "1.0") -> Future[Node]:
        """As said above."""
        return cast("mdk.Session", session).resolve_async(service, version)

    async def result(self, future: Future[Node]) -> Node:
        """As said above."""
        return future.result(WITHIN_S)

    @asynccontextmanager
    async def interaction(self, session: BaseSession) -> AsyncIterator[Interaction]:
        """As said above."""
        with cast("mdk.Session", session).interaction() as interaction:
            yield interaction

    async def call(self, session: BaseSession, service: str, work: Callable[[Node], T], **options: Any) -> T:
        """As said above."""
        return cast("mdk.Session", session).call(service, "1.0", work, **options)

    def watch(self, service: str) -> mdk.Watch:
        """As said above."""
        return self.mdk.watch(service)

    async def next_change(self, watch: BaseWatch, wait_s: float) -> Change | None:
        """As said above."""
        return cast("mdk.Watch", watch).next(wait_s)

    async def all_changes(self, watch: BaseWatch) -> list[Change]:
        """As said above."""
        return await asyncio.to_thread(list, cast("mdk.Watch", watch))

    def current_session(self) -> BaseSession | None:
        """As said above."""
        return mdk.current_session()


class AioClient(Client[mdk.aio.MDK]):
    """On the test's own loop."""

    kind = "asyncio"

    @classmethod
    def make(cls, config: Config) -> AioClient:
        """As said above."""
        return cls(mdk.aio.MDK(config))

    async def start(self) -> None:
        """As said above."""
        await self.mdk.start()

    async def stop(self) -> None:
        """As said above."""
        await self.mdk.stop()

    async def resolve(
        self, session: BaseSession, service: str, version: str | None = "1.0", wait_s: float | None = None
    ) -> str:
        """As said above."""
        one = cast("mdk.aio.Session", session)
        wait = one.resolve(service, version) if wait_s is None else one.resolve_until(service, version, wait_s)
        return (await wait).address

    async def wait_for(self, session: BaseSession, service: str) -> Node:
        """As said above."""
        return await cast("mdk.aio.Session", session).resolve(service, "1.0")

    async def wait_to_call(self, service: str) -> Node:
        """As said above."""

        async def same(node: Node) -> Node:
            return node

        return await self.mdk.session().call(service, "1.0", same, attempts=3)

    async def resolve_for(self, session: BaseSession, key: str, service: str) -> str:
        """As said above."""
        return (await cast("mdk.aio.Session", session).resolve_for(key, service, "1.0")).address

    def resolve_async(self, session: BaseSession, service: str, version: str | None = "1.0") -> asyncio.Task[Node]:
        """As said above."""
        return cast("mdk.aio.Session", session).resolve_async(service, version)

    async def result(self, future: Awaitable[Node]) -> Node:
        """As said above."""
        return await asyncio.wait_for(future, WITHIN_S)

    def interaction(self, session: BaseSession) -> mdk.aio.Interaction:
        """As said above."""
        return cast("mdk.aio.Session", session).interaction()

    async def call(self, session: BaseSession, service: str, work: Callable[[Node], T], **options: Any) -> T:
        """As said above."""

        async def later(node: Node) -> T:
            return work(node)

        return await cast("mdk.aio.Session", session).call(service, "1.0", later, **options)

    def watch(self, service: str) -> mdk.aio.Watch:
        """As said above."""
        return self.mdk.watch(service)

    async def next_change(self, watch: BaseWatch, wait_s: float) -> Change | None:
        """As said above."""
        return await cast("mdk.aio.Watch", watch).next(wait_s)

    async def all_changes(self, watch: BaseWatch) -> list[Change]:
        """As said above."""
        return [change async for change in cast("mdk.aio.Watch", watch)]

    def current_session(self) -> BaseSession | None:
        """As said above."""
        return mdk.aio.current_session()


KINDS: tuple[type[Client[Any]], ...] = (ThreadsClient, AioClient)
Make = Callable[[Config], Client[Any]]


async def until(condition: Callable[[], object], message: str = "what was awaited") -> None:
    """Poll a condition; fails with the message if it does not become true."""
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end, message
        await asyncio.sleep(0.002)


async def greeted(server: ScriptedServer) -> None:
    """Once the client has said who it is, and was answered."""
    await until(lambda: server.heard("open"), "a client")


__all__ = ["KINDS", "WITHIN_S", "AioClient", "Client", "Make", "ThreadsClient", "current_session", "greeted", "until"]
