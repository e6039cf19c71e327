"""The session that code runs in, found without handing it on."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mdk_runtime.base_session import BaseSession

_entered: ContextVar[_Entered | None] = ContextVar("mdk_session", default=None)


class _Entered(NamedTuple):
    """A session whose block the code runs in, and the one around it.

    Not a token: those of one context are of no use in another, and a session may be entered in several at once.
    """

    session: BaseSession
    outer: _Entered | None


def current_session() -> BaseSession | None:
    """The session whose `with` block, or request, this code runs in, of whichever kind."""
    entered = _entered.get()
    return entered.session if entered is not None else None


def enter(session: BaseSession) -> None:
    """It is the current one from now on."""
    _entered.set(_Entered(session, _entered.get()))


def leave(session: BaseSession) -> None:
    """The one around it is current again; nothing happens where a block ends in another context than it began."""
    entered = _entered.get()
    if entered is not None and entered.session is session:
        _entered.set(entered.outer)
