"""What keeps a client connected, on an asyncio loop: moves bytes, waits until deadlines, and sends what the intake holds.

Whose loop it is does not matter here: `io_thread` has a thread with one, `aio` takes the caller's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from random import randrange
from typing import TYPE_CHECKING, Any

from mdk_protocol import messages
from mdk_runtime.errors import ConfigurationError
from mdk_runtime.outgoing import BATCH, Outgoing
from mdk_runtime.sources.synapse import watch_folder
from mdkspec_runtime.errors import IllegalCall, ProtocolRuntimeError
from mdkspec_runtime.links.connecting import ClientLink, shown_url
from mdkspec_runtime.links.timer import Timer

if TYPE_CHECKING:
    import ssl

    from mdk_protocol.client import SessionClient
    from mdk_runtime.config import Config
    from mdk_runtime.core.client.core import ClientCore
    from mdk_runtime.intake import Intake

CANCEL_ROUNDS = 5
CANCEL_ROUND_S = 0.02
"""A task that is cancelled, and then waits for something in its clean-up, is cancelled again."""
ACK_CHECK_EVERY_S = 0.005
LAST_WORDS_WITHIN_S = 1.8
"""As long as a loop that is ended without a stop() is held up."""
ACKS_WITHIN_S = 1.0
"""As long as a farewell waits for a connected server to acknowledge what it was sent."""

_log = logging.getLogger("mdk.io")
_messages_log = logging.getLogger("mdk.messages")
"""Every frame, where MDK_LOG_MESSAGES is set."""


class Uplink:
    """Keeps one MDK connected until it is stopped; not to be run again.

    `run` and its callbacks run on the loop, in a context of their own; what the intake is told there is dropped, for it
    would come back for ever. The rest may be called by any thread.
    """

    def __init__(
        self,
        core: ClientCore,
        endpoint: SessionClient,
        intake: Intake,
        config: Config,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._core = core
        self._endpoint = endpoint
        self._intake = intake
        self._config = config
        self._urls = config.connection_urls
        self._turn = randrange(len(self._urls)) if self._urls else 0  # noqa: S311  # spreads clients over servers
        self._tls = _tls_context(config)
        self._link: ClientLink | None = None
        self._loop = loop
        self.outgoing = Outgoing(core, endpoint, intake, loop)
        """What this process has to say."""
        self._context = intake.muted_context()
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: dict[Callable[[], None], asyncio.TimerHandle] = {}
        """What is to be called later, or at the end."""
        self._stopping = asyncio.Event()
        self._stop_within_s = 0.0
        self._timer = Timer(loop)
        self._sweep = Timer(loop)
        self._has_ended = False

    # Called by any thread.

    def start(self, *, after: asyncio.Task[None] | None = None) -> asyncio.Task[None]:
        """Begin, when the one before on this loop has ended. The task ends when the uplink has ended."""
        return self._loop.create_task(self._run(after), context=self._context)

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Call an input of the endpoint, which wants `now`, on the loop."""
        self.call_soon(lambda: self._input(function, *args))

    def call_later(self, delay_s: float, function: Callable[[], None]) -> None:
        """Call a function on the loop, in a while, or when the uplink ends."""
        if not self.call_soon(lambda: self._call_later(delay_s, function)):
            function()

    def reschedule(self) -> None:
        """The core's deadline may have moved."""
        self.call_soon(self._set_timer)

    def begin_stop(self, within_s: float) -> None:
        """Say goodbye and end."""
        self._stop_within_s = within_s
        self.call_soon(self._stopping.set)

    @property
    def connected(self) -> bool:
        """Whether the server can be talked to."""
        return self._endpoint.is_connected

    @property
    def failure(self) -> str:
        """Why the last attempt to connect failed; empty if it did not."""
        return self._link.failure if self._link is not None else ""

    @property
    def server_url(self) -> str:
        """The server that is talked to, or was tried last."""
        return shown_url(self._urls[self._turn % len(self._urls)]) if self._urls else ""

    @property
    def descriptor(self) -> int | None:
        """The open connection's, for a forked child to let go of."""
        return self._link.descriptor if self._link is not None else None

    def call_soon(self, function: Callable[[], object]) -> bool:
        """Call a function on the loop, after what it is doing. False if the loop has ended, and with it what was to be done."""
        try:
            self._loop.call_soon_threadsafe(function, context=self._context)
        except RuntimeError:
            return False
        return True

    # On the loop.

    async def _run(self, after: asyncio.Task[None] | None) -> None:
        # Not `finally`: a coroutine whose loop was closed under it is thrown away, and can do nothing any more.
        try:
            if after is not None and after.get_loop() is self._loop:
                await asyncio.wait([after])
            await self._work()
        except asyncio.CancelledError:  # The loop's owner ends everything, without a stop() before.
            await end_tasks(self._tasks)
            await self._last_words(LAST_WORDS_WITHIN_S)
            await self._end()
            raise
        except Exception:
            _log.exception("the MDK's connection has failed; nothing is sent or received any more")
        await self._end()

    async def _work(self) -> None:
        self._intake.attend(lambda: self.call_soon(self.outgoing.move))
        if self._config.synapse_path:
            self._task(watch_folder(self._config.synapse_path, self._core))
        link: asyncio.Task[None] | None = None
        if self._urls:
            _log.info(
                "connecting to %s as node %s in environment %s",
                ", ".join(map(shown_url, self._urls)),
                self._core.node_id,
                self._core.environment,
            )
            link = self._connect()
        self.outgoing.move()
        self._set_timer()
        await self._stopping.wait()
        if link is not None:
            await self._farewell(link, self._loop.time() + self._stop_within_s)
        self.outgoing.say_drops()

    def _ask_more(self) -> None:
        """On the loop's thread: have the server tell of services that are used from now on."""
        if self._endpoint.state("Table") is not None and (more := self._core.more_wanted()) is not None:
            self._input(self._endpoint.follow, more)

    def _connect(self) -> asyncio.Task[None]:
        self._core.asks_more = lambda: self.call_soon(self._ask_more)
        observe = _log_frame if self._config.log_messages else None
        self._link = ClientLink(
            self._endpoint,
            self._next_url,
            ssl=self._tls,
            ping_every_s=self._config.ping_s,
            logger=_log,
            observe=observe,
        )
        return self._task(self._link.run())

    def _next_url(self) -> str:
        """Each attempt goes to the next server."""
        self._turn += 1
        return self._urls[self._turn % len(self._urls)]

    def _task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work, context=self._context)
        task.add_done_callback(_log_failure)
        self._tasks.append(task)
        return task

    def _call_later(self, delay_s: float, function: Callable[[], None]) -> None:
        def call() -> None:
            del self._waiting[function]
            function()

        if self._has_ended:
            function()
            return
        self._waiting[function] = self._loop.call_later(delay_s, call)

    def _input(self, function: Callable[..., object], *args: object) -> None:
        try:
            function(*args, now=self._loop.time())
        except ProtocolRuntimeError as error:
            _log.error("%s", error)

    def _set_timer(self) -> None:
        self._timer.move(self._core.verdicts.deadline, self._tick)

    def _tick(self) -> None:
        self._core.verdicts.tick()
        self._set_timer()

    def opened(self) -> None:
        """A connection is up: what the server does not name within a ttl went while we were away."""
        self._sweep.move(self._loop.time() + messages.NODE_TTL, self._sweep_table)

    def _sweep_table(self) -> None:
        if self.connected and (gone := self._core.sweep()):
            _log.info("%d nodes went while the server was away", gone)

    def breaker_changed(self, statuses: list[messages.BreakerStatus]) -> None:
        """Tell the server, if it is one of ours; a new connection begins with how breakers stand. On the loop."""
        with suppress(IllegalCall):
            for status in statuses:
                self._endpoint.breaker_changed(status, now=self._loop.time())

    # The end.

    async def _farewell(self, link: asyncio.Task[None], end: float) -> None:
        for _ in range(0, len(self._intake), BATCH):  # What is there now: other threads may log on.
            self.outgoing.move()
        for node in self._core.own_nodes():
            self._endpoint.unregister(node, now=self._loop.time())
        patience = min(end - 0.2, self._loop.time() + ACKS_WITHIN_S) if self.connected else end - 0.2
        while self.outgoing.queued and self._loop.time() < patience:  # noqa: ASYNC110  # no event tells of an ack
            await asyncio.sleep(ACK_CHECK_EVERY_S)
        with suppress(IllegalCall):
            self._endpoint.report(now=self._loop.time())
        self._endpoint.stop(now=self._loop.time())
        await asyncio.wait([link], timeout=max(0.05, end - self._loop.time()))
        if lost := self.outgoing.queued:
            _log.warning("stopped with %d messages that the server has not acknowledged", lost)

    async def say_goodbye(self, within_s: float) -> None:
        """Instead of `start`, for what the loop before this one has left unsaid."""
        self._endpoint.lost(now=self._loop.time())
        await self._last_words(within_s)
        await self._end()

    async def _last_words(self, within_s: float) -> None:
        """Say goodbye over a link of its own."""
        end = self._loop.time() + within_s
        if not self._urls or not (self.outgoing.queued or tuple(self._core.own_nodes())):
            return
        self._endpoint.stop(now=self._loop.time())  # Whatever pause was kept between two attempts is over.
        link = self._connect()
        while not (self.connected or link.done()) and self._loop.time() < end - 0.5:  # noqa: ASYNC110  # as above
            await asyncio.sleep(ACK_CHECK_EVERY_S)
        await self._farewell(link, end)
        self.outgoing.say_drops()

    async def _end(self) -> None:
        self._has_ended = True
        self._intake.hold()
        await end_tasks(self._tasks)
        self._timer.stop()
        self._sweep.stop()
        self.outgoing.stop()
        for function, timer in tuple(self._waiting.items()):
            timer.cancel()
            function()


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel what still runs, such as a closing handshake that the server does not answer."""
    for _ in range(CANCEL_ROUNDS):
        running = [task for task in tasks if not task.done()]
        if not running:
            return
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCEL_ROUND_S)


def _tls_context(config: Config) -> ssl.SSLContext | None:
    """Raises ConfigurationError if the CA file cannot be used."""
    if config.ca_file is None:
        return None
    import ssl  # Slow to import, and only needed here.

    try:
        return ssl.create_default_context(cafile=config.ca_file)
    except (OSError, ssl.SSLError) as error:
        expected = f"a file of certificates in PEM ({error})"
        raise ConfigurationError("MDK_CA_FILE", config.ca_file, expected) from error


def _log_frame(direction: str, frame: str | bytes) -> None:
    text = frame if isinstance(frame, str) else frame.decode(errors="replace")
    _messages_log.info("%s %s", direction, text)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("the MDK's connection has failed for good", exc_info=error)
