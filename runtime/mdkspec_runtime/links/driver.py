"""Keeps one endpoint going, whatever carries its frames: its deadline, its hang-up, and what others do wrong on it."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.errors import PeerError
from mdkspec_runtime.links.timer import Timer

HANGUP_WITHIN_S = 5.0
"""From the endpoint's hang-up to the end: a peer that reads nothing cannot be told, and is cut."""
OFFENCES_NAMED_MAX = 5
"""Frames of one connection that are named in the log for not being taken; the endpoint counts the rest."""


class Driver(ABC):
    """One connection of an endpoint, from `connected` to `lost`. The carrier is the deriving class's.

    What the application raises is logged, and the connection goes on: the fault is not the peer's.
    """

    __slots__ = ("_cut", "_endpoint", "_log", "_loop", "_offences", "_timer")

    def __init__(self, endpoint: Endpoint, logger: logging.Logger) -> None:
        self._endpoint = endpoint
        self._log = logger
        self._loop = asyncio.get_running_loop()
        self._timer = Timer(self._loop)
        self._cut: asyncio.TimerHandle | None = None
        self._offences = 0

    @abstractmethod
    def wake(self) -> None:
        """Something is to be written, or the deadline has moved."""

    @abstractmethod
    def abort(self) -> None:
        """End the connection without a word: the peer does not even read that it ends."""

    def _begin(self) -> None:
        self._endpoint.wake = self.wake
        self._endpoint.on_offence = self._name_offence
        self._input(lambda: self._endpoint.connected(now=self._loop.time()))

    def _let_go(self) -> None:
        """The endpoint asks for nothing any more."""
        self._endpoint.wake = self._endpoint.on_offence = self._endpoint.write_now = None
        self._timer.stop()

    def _lost(self) -> None:
        """The connection is gone."""
        if self._cut is not None:
            self._cut.cancel()
        self._input(lambda: self._endpoint.lost(now=self._loop.time()))

    def _receive(self, frame: str | bytes) -> None:
        try:
            self._endpoint.receive(frame, now=self._loop.time(), binary=isinstance(frame, bytes))
        except Exception:
            self._log.exception("the application failed on a message; the connection goes on")

    def _look_at_hangup(self) -> None:
        if self._endpoint.hanging_up and self._cut is None:
            self._cut = self._loop.call_later(HANGUP_WITHIN_S, self.abort)

    def _set_timer(self) -> None:
        self._timer.move(self._endpoint.deadline, self._tick)

    def _tick(self) -> None:
        self._input(lambda: self._endpoint.tick(now=self._loop.time()))
        self.wake()

    def _input(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            self._log.exception("the application failed on an event; the connection goes on")

    def _name_offence(self, offence: PeerError) -> None:
        self._offences += 1
        if self._offences <= OFFENCES_NAMED_MAX:
            last = "; no more are named on this connection" if self._offences == OFFENCES_NAMED_MAX else ""
            self._log.warning("a frame of %s is not taken: %s%s", self._endpoint.peer_shown, offence, last)
