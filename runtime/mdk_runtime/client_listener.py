"""What the core of a client reports, passed on: to the process's log, to its uplink, to who wants the logs of others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from mdk_protocol.messages import Statistics

if TYPE_CHECKING:
    from mdk_protocol.messages import BreakerStatus, Log, Open, ProtocolError, TailLogs
    from mdk_runtime.uplink import Uplink

_log = logging.getLogger("mdk")
_protocol_log = logging.getLogger("mdk.protocol")


class ClientListener:
    """The Listener of an MDK's core.

    Args:
        uplink: Answers the one that there is.
        server_url: Answers the server's, for the log.
    """

    def __init__(self, uplink: Callable[[], Uplink | None], server_url: Callable[[], str | None]) -> None:
        self._uplink = uplink
        self._server_url = server_url
        self.subscribers: list[Callable[[Log], None]] = []
        """Called with every log of the tenant."""
        self.tail_handler: Callable[[Log | int], None] | None = None
        """Called with the logs that were asked for, and with how many were left out."""

    def opened(self, message: Open) -> None:
        """The server has answered."""
        _log.info("connected to %s, MDK %s", self._server_url(), message.mdk_version or "of unknown version")
        uplink = self._uplink()
        if uplink is not None:
            uplink.opened()

    def closed(self, error: ProtocolError | None) -> None:
        """The server closes."""
        if error is None:
            _protocol_log.info("the server closes the connection")
            return
        _protocol_log.error(
            "the server closes the connection: code=%s title=%s detail=%s id=%s",
            error.code or "-",
            error.title or "-",
            error.detail or "-",
            error.id or "-",
        )

    def log_received(self, message: Log) -> None:
        """Somebody in the tenant has logged."""
        for handler in tuple(self.subscribers):
            try:
                handler(message)
            except Exception:
                _log.exception("a subscriber failed on a log message")

    def tail_received(self, message: TailLogs) -> None:
        """Logs that fit what `tail` was given."""
        handler = self.tail_handler
        if handler is None:
            return
        try:
            for log in message.logs:
                handler(log)
            if message.skipped:
                handler(message.skipped)
        except Exception:
            _log.exception("a tail's handler failed")

    def breaker_changed(self, statuses: list[BreakerStatus]) -> None:
        """The server shall know it."""
        uplink = self._uplink()
        if uplink is not None:
            uplink.call_soon(lambda: uplink.breaker_changed(statuses))

    def own_statistics(self) -> Statistics:
        """For the server."""
        uplink = self._uplink()
        return uplink.outgoing.statistics() if uplink is not None else Statistics()

    def storing_changed(self, works: bool) -> None:
        """Who runs this process learns why log messages may get lost."""
        if works:
            _log.warning("the server stores log messages again")
        else:
            _log.warning(
                "the server cannot store log messages at present; they wait here, and the oldest are dropped when they"
                " get too many"
            )

    def rescheduled(self) -> None:
        """A breaker has a new deadline."""
        uplink = self._uplink()
        if uplink is not None:
            uplink.reschedule()
