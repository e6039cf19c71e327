"""What a process has to say, on its way from the intake to the outboxes; and what of it got lost."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from mdk_protocol import messages
from mdk_runtime.core.client.context import shared_context
from mdk_runtime.intake import INTERACTION
from mdkspec_runtime.errors import ProtocolRuntimeError

if TYPE_CHECKING:
    import asyncio

    from mdk_protocol.client import SessionClient
    from mdk_runtime.core.client.core import ClientCore
    from mdk_runtime.intake import Intake, LogEntry

BATCH = 500
"""Items taken from the intake before the loop looks at the socket again."""
DROP_WARNING_EVERY_S = 5.0
OUTBOXES = ("logs", "interactions")

_log = logging.getLogger("mdk.io")


class Outgoing:
    """Moves what the intake holds to the endpoint. On the loop; its counts may be read by any thread."""

    def __init__(
        self, core: ClientCore, endpoint: SessionClient, intake: Intake, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._core = core
        self._endpoint = endpoint
        self._intake = intake
        self._loop = loop
        self._goes_on = False
        """True if there will be a next turn already: two for each would be twice as many each time."""
        self._drop_warning: asyncio.TimerHandle | None = None
        self._dropped_said = 0
        self._unsendable = 0
        self._unsendable_logs = 0
        """Of these."""
        self._dropped_levels: Counter[str] = Counter()
        """Of logs that were dropped with a number already."""
        endpoint.outbox("logs").on_drop = self._count_level

    @property
    def dropped(self) -> int:
        """Messages that were given up, because they could not be sent in time or at all."""
        outboxes = (self._endpoint.outbox(name) for name in OUTBOXES)
        return self._intake.dropped + self._unsendable + sum(outbox.dropped for outbox in outboxes)

    @property
    def queued(self) -> int:
        """Messages that the server has not acknowledged yet."""
        return len(self._intake) + sum(self._endpoint.outbox(name).count for name in OUTBOXES)

    def statistics(self) -> messages.Statistics:
        """How the logs of this process fare: emitted = acknowledged + kept + dropped."""
        outbox = self._endpoint.outbox("logs")
        unnumbered = self._intake.dropped_by_kind.copy()
        del unnumbered[INTERACTION]
        early, waiting = unnumbered.total() + self._unsendable_logs, self._intake.count_logs()
        return messages.Statistics(
            emitted=outbox.next_number + early + waiting,
            queued=outbox.count + waiting,
            dropped=outbox.dropped + early,
            dropped_by_level=dict(unnumbered + self._dropped_levels),
            dropped_ranges=[
                messages.NumberRange(first=one, last=other) for one, other in outbox.dropped_ranges.spans()
            ],
        )

    def move(self) -> None:
        """Hand what is there to the endpoint, a batch now and the rest in the loop's next turns."""
        taken = 0
        now = self._loop.time()
        for item in self._intake.take(BATCH):
            taken += 1
            try:
                if isinstance(item, tuple):
                    self._endpoint.deliver_logs(self._log_message(item), now=now)
                else:
                    self._endpoint.deliver_interactions(item, now=now)
            except ProtocolRuntimeError as error:
                self._unsendable += 1
                self._unsendable_logs += isinstance(item, tuple)
                _log.warning("a message cannot be sent: %s", error)
        if taken == BATCH and not self._goes_on:
            self._goes_on = True
            self._loop.call_soon(self._go_on)
        if self._drop_warning is None and self._overflown() > self._dropped_said:
            self.say_drops()
            self._drop_warning = self._loop.call_later(DROP_WARNING_EVERY_S, self._warn_again)

    def _go_on(self) -> None:
        self._goes_on = False
        self.move()

    def say_drops(self) -> None:
        """Log how many were dropped since that was said."""
        dropped = self._overflown()
        if dropped > self._dropped_said:
            _log.warning(
                "%d messages were dropped, %d in all: the server does not take them as fast as they come",
                dropped - self._dropped_said,
                dropped,
            )
            self._dropped_said = dropped

    def stop(self) -> None:
        """Say nothing more of drops."""
        if self._drop_warning is not None:
            self._drop_warning.cancel()

    def _log_message(self, entry: LogEntry) -> messages.Log:
        session, properties, tick, timestamp_s, level, category, text = entry
        clocks = [*session.clock_prefix, tick]
        return messages.Log(
            context=shared_context(session.trace_id, clocks, properties, session.environment),
            timestamp=int(timestamp_s * 1000),
            node=self._core.node_id,
            level=messages.Level(level),
            category=_sendable(category),
            text=_sendable(text),
        )

    def _overflown(self) -> int:
        """Those that were too many; what could not be sent at all was said for each."""
        return self.dropped - self._unsendable

    def _count_level(self, data: bytes) -> None:
        self._dropped_levels[msgspec.json.decode(data, type=_Levelled).level] += 1

    def _warn_again(self) -> None:
        self._drop_warning = None
        self.say_drops()


class _Levelled(msgspec.Struct):
    level: str = ""


def _sendable(text: str) -> str:
    """The text, with question marks for halves of characters, which no encoding can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
