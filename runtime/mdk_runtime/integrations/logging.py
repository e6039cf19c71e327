"""Standard logging into the MDK."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mdk_runtime.current import current_session
from mdk_runtime.logged_message import LoggedMessageId

if TYPE_CHECKING:
    from mdk_runtime.base_client import BaseMDK
    from mdk_runtime.base_session import BaseSession

_LEVELS = (
    (logging.CRITICAL, "CRITICAL"),
    (logging.ERROR, "ERROR"),
    (logging.WARNING, "WARN"),
    (logging.INFO, "INFO"),
)


def level_name(number: int) -> str:
    """The MDK's level for one of standard logging, whatever it is called there: the next one below, or DEBUG."""
    return next((name for least, name in _LEVELS if number >= least), "DEBUG")


class MDKHandler(logging.Handler):
    """Sends standard logging to the MDK; the category is the logger's name.

    Args:
        mdk: The MDK.
        get_session: Finds the session to log in; by default the current one. Where there is none, the handler uses a
            session of its own.
        level: As for any handler.
    """

    def __init__(
        self,
        mdk: BaseMDK[Any],
        get_session: Callable[[], BaseSession | None] = current_session,
        level: int | str = logging.NOTSET,
    ) -> None:
        super().__init__(level)
        self._get_session = get_session
        self._default_session: BaseSession = mdk.session()

    def emit(self, record: logging.LogRecord) -> LoggedMessageId | None:  # type: ignore[override]  # as the original
        """Log a record. Answers where it stands in its trace."""
        try:
            session = self._get_session() or self._default_session
            return session.log(level_name(record.levelno), record.name, self.format(record))
        except Exception:  # As every handler of the standard library: logging never breaks what logs.
            self.handleError(record)
            return None
