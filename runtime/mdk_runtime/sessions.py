"""How sessions begin: new, or from what a caller has sent."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mdk_runtime.arguments import finite_seconds
from mdk_runtime.base_session import BaseSession
from mdk_runtime.core.client.context import (
    CONTEXT_HEADER,
    TIMEOUT_PROPERTY,
    BrokenContext,
    Context,
    decode_context,
    derivation_text,
    derived,
    joined,
    uuid_text,
)
from mdk_runtime.core.client.trace_context import NO_UPSTREAM, Upstream, read_upstream, wanted
from mdk_runtime.current import current_session
from mdk_runtime.errors import BadValue

if TYPE_CHECKING:
    from random import Random

    from mdk_runtime.config import Config
    from mdk_runtime.ports import HeaderItems, WallClock

S = TypeVar("S", bound=BaseSession)

DERIVE_CATEGORY = "mdk"

_log = logging.getLogger("mdk")


class Sessions(ABC, Generic[S]):
    """Makes the sessions of an MDK. Any thread may call it, and nothing here waits."""

    CONTEXT_HEADER = CONTEXT_HEADER
    """The HTTP header for `session.inject()` and `join`."""

    def __init__(self, config: Config, wall: WallClock) -> None:
        self.config = config
        self.wall = wall
        self._random = new_random()
        self._default_deadline_s: float | None = None

    @abstractmethod
    def make_session(self, context: Context, upstream: Upstream) -> S:
        """A session of the kind that belongs to this MDK."""

    def session(self) -> S:
        """A new session, in this process's environment."""
        properties: Mapping[str, Any] = {}
        if self._default_deadline_s is not None:
            properties = {TIMEOUT_PROPERTY: self.wall() + self._default_deadline_s}
        return self.make_session(Context(self.new_uuid(), (), 0, properties, self.config.environment), NO_UPSTREAM)

    def join(self, encoded: str | bytes | None) -> S:
        """The session that a caller has sent, from here on; a new one if there is none, or none that can be read."""
        context = self._decode(encoded)
        if context is None:
            return self.session()
        return self._received(joined(context, new_id=self.new_uuid), NO_UPSTREAM)

    def derive(self, encoded: str | bytes | None) -> S:
        """A new session with the properties of another, but for its deadline: for what has many receivers."""
        context = self._decode(encoded)
        if context is None:
            return self.session()
        new = derived(context, trace_id=self.new_uuid(), environment=self.config.environment)
        session = self.make_session(new, NO_UPSTREAM)
        session.info(DERIVE_CATEGORY, derivation_text(context))
        return session

    def join_headers(self, headers: HeaderItems) -> S:
        """`join` what a request's headers hold, whatever the case of their names.

        X-MDK-Context decides. Without one, the trace of a W3C traceparent goes on, with the clock that its tracestate
        and the properties that its baggage carry; the deadline and the environment do not travel there.
        """
        found = wanted(headers)
        upstream = read_upstream(found)
        context = self._decode(found.get(CONTEXT_HEADER.lower()))
        if context is not None:
            return self._received(joined(context, new_id=self.new_uuid), upstream)
        received = upstream.context(self.config.environment, self.config.baggage_properties)
        if received is not None:
            return self._received(received, upstream)
        session = self.session()
        session.upstream = upstream
        return session

    def _received(self, context: Context, upstream: Upstream) -> S:
        session = self.make_session(context, upstream)
        if self._default_deadline_s is not None:
            session.set_deadline(self._default_deadline_s)
        return session

    def set_default_deadline(self, seconds: float) -> None:
        """Sessions that are made or joined from now on end in so many seconds, if not sooner."""
        self._default_deadline_s = finite_seconds(seconds)

    def set_deadline(self, seconds: float) -> None:
        """Lower the deadline of the current session; outside of one, that of the sessions to come."""
        session = current_session()
        if session is not None:
            session.set_deadline(seconds)
        elif self._default_deadline_s is None or finite_seconds(seconds) < self._default_deadline_s:
            self.set_default_deadline(seconds)

    def new_uuid(self) -> str:
        """For a trace or an interaction."""
        return uuid_text(self._random.getrandbits(128))

    def _decode(self, encoded: str | bytes | None) -> Context | None:
        if not encoded:
            return None
        try:
            return decode_context(encoded)
        except BrokenContext as error:
            _log.warning("a session context cannot be read, a new session begins: %s", error)
            return None
        except TypeError as error:
            raise BadValue("context", encoded, "what session.inject() gave, as text or as bytes") from error


def new_random() -> Random:
    """Ids must differ, not be secret."""
    from random import Random  # 3 ms, and only needed by who makes an MDK.

    return Random()  # noqa: S311
