"""An interaction as a context manager, for threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from mdk_runtime.base_session import BaseSession
    from mdk_runtime.core.client.interactions import Level


class Interaction:
    """One interaction of a session, as a context manager."""

    def __init__(self, session: BaseSession) -> None:
        self.session = session
        self._level: Level | None = None

    def __enter__(self) -> Self:
        self._level = self.session.begin_level()
        return self

    def fail(self, message: str) -> None:
        """It has failed, and nothing was raised."""
        self.session.return_to(self._level)
        self.session.fail_interaction(message)

    def abandon(self) -> None:
        """Nobody waits for it any more: what was used so far has neither worked nor failed."""
        self.session.return_to(self._level)
        self.session.abandon_interaction()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, Exception):
            self.fail(f"{type(error).__name__}: {error}")
        elif error is not None:  # Cancelled, or the program ends: no node is to blame.
            self.abandon()
        self.session.return_to(self._level)
        while self._level is not None and not self._level.is_over:
            self.session.finish_interaction()  # Those started inside and left open end here, too.
