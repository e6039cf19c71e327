"""What a log call answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mdk_runtime.base_session import BaseSession


class LoggedMessageId:
    """Where a log message stands in its trace."""

    __slots__ = ("_session", "_tick")

    def __init__(self, session: BaseSession, tick: int) -> None:
        self._session = session
        self._tick = tick

    @property
    def trace_id(self) -> str:
        """The trace that the message belongs to."""
        return self._session.trace_id

    @property
    def causal_level(self) -> list[int]:
        """The session's clock when the message was logged."""
        return [*self._session.clock_prefix, self._tick]

    @property
    def environment(self) -> str:
        """The name of the session's environment."""
        return self._session.environment.name

    @property
    def environment_fallback(self) -> str | None:
        """The name of the environment that the session falls back to."""
        return self._session.environment.fallback_name

    traceId = trace_id
    causalLevel = causal_level
    environmentFallback = environment_fallback

    def _key(self) -> tuple[str, list[int], str, str | None]:
        return self.trace_id, self.causal_level, self.environment, self.environment_fallback

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LoggedMessageId) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash((self.trace_id, self._tick))

    def __repr__(self) -> str:
        return f"LoggedMessageId(trace_id={self.trace_id!r}, causal_level={self.causal_level!r})"
