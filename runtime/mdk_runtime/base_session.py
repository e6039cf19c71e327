"""What a session is, with threads or on the caller's loop: everything but waiting."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from mdk_runtime.core.context import (
    CONTEXT_HEADER,
    ROUTES_PROPERTY,
    TIMEOUT_PROPERTY,
    TRACE_PROPERTY,
    Context,
    deadline_of,
    encode_context,
)
from mdk_runtime.core.interactions import (
    FAILURE_CATEGORY,
    FINISH_TEXT,
    LOG_CATEGORY,
    START_TEXT,
    Level,
    failure_text,
    interaction_event,
)
from mdk_runtime.core.levels import DEFAULT_RANK, LEVELS, threshold
from mdk_runtime.core.routes import routed, with_route
from mdk_runtime.core.trace_context import Upstream, write_headers
from mdk_runtime.errors import BadValue, NoInteraction

if TYPE_CHECKING:
    from types import TracebackType

    from mdk_runtime.base_client import BaseMDK
    from mdk_runtime.core.environments import Environment
    from mdk_runtime.core.nodes import Node


RESOLVE_WAIT_S = 10.0
"""As long as a resolve waits for a node that nobody knows yet, unless the deadline comes sooner."""
PROPERTY_BYTES_MAX = 64 * 1024
"""A property travels in every header and every log message of its session."""

_log = logging.getLogger("mdk.session")
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


class BaseSession:
    """A trace as this process sees it: logging, properties, deadline and interactions.

    Logging, `inject` and `resolve` may be called by several threads at once: each call has a clock value of its own.
    Properties, the deadline and interactions belong to one thread at a time, as a request does.
    """

    __slots__ = (
        "__weakref__",
        "_advance",
        "_intake",
        "_levels",
        "_mdk",
        "_pickers",
        "_properties",
        "_routed",
        "_threshold",
        "clock_prefix",
        "environment",
        "trace_id",
        "upstream",
    )

    def __init__(self, mdk: BaseMDK[Any], context: Context, upstream: Upstream) -> None:
        self._mdk = mdk
        self._intake = mdk.intake
        self._pickers = mdk.core.table.pickers.ready
        self.upstream = upstream
        """What the caller's W3C headers said; a trace id other than this session's is a link, not the trace."""
        self.trace_id = context.trace_id
        self.environment = context.environment
        self.clock_prefix = context.prefix
        self._advance = count(context.tick).__next__
        """Returns the last level of the clock and ticks it, in one step that no thread can come between."""
        self._properties = context.properties
        """Never changed in place: log messages that are still to be sent hold it."""
        self._routed = False
        if context.properties:
            self._properties_changed()
        else:
            levels = mdk.core.levels
            self._threshold = max(DEFAULT_RANK, levels.rank(self.trace_id)) if levels.rules else DEFAULT_RANK
        self._levels: list[Level] = [Level(0.0)]
        """The last is the innermost interaction; the first is there from the start and never finished."""

    # Travelling.

    def inject(self) -> str:
        """This session as text for the X-MDK-Context header of one call, or for a message. Use each result once."""
        clocks = [*self.clock_prefix, self._advance()]
        return encode_context(self.trace_id, clocks, self._properties, self.environment)

    externalize = inject

    def inject_headers(self, headers: MutableMapping[str, str]) -> None:
        """Put this session into the headers of one call: X-MDK-Context, traceparent, tracestate and baggage.

        Baggage carries the properties that MDK_BAGGAGE_PROPERTIES names, and what came in as baggage.
        """
        clocks = [*self.clock_prefix, self._advance()]
        headers[CONTEXT_HEADER] = encode_context(self.trace_id, clocks, self._properties, self.environment)
        write_headers(
            headers,
            trace_id=self.trace_id,
            clocks=clocks,
            interaction_clock=self._innermost().start_clock,
            properties=self._properties,
            allowed=self._mdk.config.baggage_properties,
            upstream=self.upstream,
        )

    # Logging.

    def critical(self, category: str, text: str) -> LoggedMessageId:
        """Log what stops the show."""
        tick = self._advance() + 1
        self._intake.add_log(self, self._properties, tick, "CRITICAL", category, text)
        return LoggedMessageId(self, tick)

    def error(self, category: str, text: str) -> LoggedMessageId:
        """Log what went wrong."""
        tick = self._advance() + 1
        if self._threshold >= 1:
            self._intake.add_log(self, self._properties, tick, "ERROR", category, text)
        return LoggedMessageId(self, tick)

    def warn(self, category: str, text: str) -> LoggedMessageId:
        """Log what may go wrong."""
        tick = self._advance() + 1
        if self._threshold >= 2:
            self._intake.add_log(self, self._properties, tick, "WARN", category, text)
        return LoggedMessageId(self, tick)

    def info(self, category: str, text: str) -> LoggedMessageId:
        """Log what happens."""
        tick = self._advance() + 1
        if self._threshold >= 3:
            self._intake.add_log(self, self._properties, tick, "INFO", category, text)
        return LoggedMessageId(self, tick)

    def debug(self, category: str, text: str) -> LoggedMessageId:
        """Log how it happens."""
        tick = self._advance() + 1
        if self._threshold >= 4:
            self._intake.add_log(self, self._properties, tick, "DEBUG", category, text)
        return LoggedMessageId(self, tick)

    def log(self, level: str, category: str, text: str) -> LoggedMessageId:
        """Log at a level given by name. Raises BadValue if there is no such level."""
        if level not in LEVELS:
            raise BadValue("level", level, f"one of {', '.join(LEVELS)}")
        tick = self._advance() + 1
        if self._threshold >= LEVELS.index(level):
            self._intake.add_log(self, self._properties, tick, level, category, text)
        return LoggedMessageId(self, tick)

    def trace(self, level: str) -> None:
        """Send messages of this session down to `level` from now on, here and wherever the session goes."""
        name = level.upper()
        if name not in LEVELS:
            _log.warning("trace(%r): expected one of %s; only CRITICAL messages are sent now", level, ", ".join(LEVELS))
            name = level
        self.set_property(TRACE_PROPERTY, name)

    # Properties and the deadline.

    def get_property(self, name: str) -> Any:
        """The value of a property; None if there is none."""
        return self._properties.get(name)

    def has_property(self, name: str) -> bool:
        """Whether there is such a property."""
        return name in self._properties

    def set_property(self, name: str, value: Any) -> None:
        """Keep a JSON value with the session. Prefix the name with your application's: `shop:items`.

        Raises BadValue for what JSON cannot carry.
        """
        self._set(checked_text("name", name), _json_value(name, value))

    def set_deadline(self, seconds: float) -> None:
        """The session ends in so many seconds. A deadline can be brought forward, never put off."""
        deadline = self._mdk.wall() + checked_seconds(seconds)
        before = deadline_of(self._properties)
        if before is None or deadline < before:
            self._set(TIMEOUT_PROPERTY, deadline)

    def get_remaining_time(self) -> float | None:
        """Seconds until the deadline, negative after it; None without one."""
        deadline = deadline_of(self._properties)
        return None if deadline is None else deadline - self._mdk.wall()

    def get_environment(self) -> Environment:
        """The environment in which this session resolves."""
        return self.environment

    def route(self, service: str, version: str, target: str, target_version: str) -> None:
        """Send resolves of a service to another, here and downstream, where MDK_EXPERIMENTAL is set."""
        routes = self._properties.get(ROUTES_PROPERTY)
        self._set(ROUTES_PROPERTY, with_route(routes, service, version, target, target_version))

    # Resolving, as far as nothing waits.

    def _resolve_ready(self, service: str, version: str | None) -> Node | None:
        """The next node, if its service has not changed since the last resolve. No lock, no clock."""
        if not self._routed:
            pick = self._pickers.get((self.environment.key, service, version))
            if pick is not None:
                node = pick(self.trace_id)
                if node is not None:
                    self._innermost().nodes[node] = None
                    return node
        return None

    def _resolve_key(self, key: str, service: str, version: str | None) -> Node | None:
        """The node that a key has, or None if there is none now."""
        service, version = self._target(service, version)
        node = self._mdk.core.resolve_for(self.environment, service, version, str(key))
        if node is not None:
            self._use(node)
        return node

    def _use(self, node: Node) -> None:
        """The innermost interaction uses a node."""
        self._innermost().nodes[node] = None

    # Interactions.

    def start_interaction(self) -> None:
        """From here on, the nodes that are resolved belong to a new interaction, inside the one before."""
        self.begin_level()

    def begin_level(self) -> Level:
        """`start_interaction`, for whoever has to know which one it is."""
        level = Level(self._mdk.wall())
        level.start_clock = self.info(LOG_CATEGORY, START_TEXT).causal_level
        self._push(level)
        return level

    def return_to(self, level: Level | None) -> None:
        """An interaction goes on, or ends, in another context than it began in: as one may with threads."""

    def fail_interaction(self, message: str) -> None:
        """What was resolved so far in the innermost interaction has failed. What comes counts afresh."""
        nodes = self._innermost().fail()
        for node in nodes:
            node.failure()
        self.error(FAILURE_CATEGORY, failure_text(nodes, message))

    def finish_interaction(self) -> None:
        """The innermost interaction is over; what was resolved in it since its last failure has worked."""
        level = self._pop()
        for node in level.finish():
            node.success()
        end_clock = self.info(LOG_CATEGORY, FINISH_TEXT).causal_level
        self._intake.add_interaction(
            interaction_event(
                level,
                uuid=self._mdk.new_uuid(),
                trace_id=self.trace_id,
                node_id=self._mdk.core.node_id,
                environment=self.environment,
                ended_s=self._mdk.wall(),
                end_clock=end_clock,
            )
        )

    def abandon_interaction(self) -> None:
        """What was resolved so far in the innermost interaction has neither worked nor failed. What comes counts afresh."""
        for node in self._innermost().abandon():
            node.release()

    def interaction(self) -> Interaction:
        """An interaction as a context manager: it fails on an exception and finishes in any case."""
        return Interaction(self)

    @property
    def interaction_depth(self) -> int:
        """How many interactions are open, one inside the other."""
        return len(self._levels) - 1

    def _innermost(self) -> Level:
        return self._levels[-1]

    def _push(self, level: Level) -> None:
        self._levels.append(level)

    def _pop(self) -> Level:
        if len(self._levels) == 1:
            raise NoInteraction(self.trace_id)
        level = self._levels.pop()
        level.is_over = True
        return level

    # Being the current one.

    def __enter__(self) -> Self:
        _entered.set(_Entered(self, _entered.get()))
        return self

    def __exit__(self, *_: object) -> None:
        entered = _entered.get()
        if (
            entered is not None and entered.session is self
        ):  # Not so where a block ends in another context than it began.
            _entered.set(entered.outer)

    def __repr__(self) -> str:
        return f"<Session {self.trace_id} in {self.environment}>"

    # The names of the original.

    getProperty = get_property
    setProperty = set_property
    hasProperty = has_property
    getEnvironment = get_environment
    setDeadline = set_deadline
    setTimeout = set_deadline
    set_timeout = set_deadline
    getRemainingTime = get_remaining_time

    def _set(self, name: str, value: Any) -> None:
        self._properties = {**self._properties, name: value}
        self._properties_changed()

    def _properties_changed(self) -> None:
        levels = self._mdk.core.levels
        wanted = threshold(self._properties.get(TRACE_PROPERTY))
        self._threshold = max(wanted, levels.rank(self.trace_id)) if levels.rules else wanted
        self._routed = self._mdk.config.experimental and ROUTES_PROPERTY in self._properties

    def _wait_s(self, timeout: float) -> float:
        remaining = self.get_remaining_time()
        timeout = checked_seconds(timeout)
        return max(0.0, timeout if remaining is None else min(timeout, remaining))

    def _target(self, service: str, version: str | None) -> tuple[str, str | None]:
        """Where a resolve goes. A version that is no text is read as its text."""
        service = checked_text("service", service)
        version = None if version is None else str(version)
        if self._routed:
            return routed(self._properties.get(ROUTES_PROPERTY), service, version)
        return service, version


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


def checked_seconds(seconds: object) -> float:
    """A number of seconds. Raises BadValue for anything else, NaN included."""
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds == seconds:
        return float(seconds)
    raise BadValue("seconds", seconds, "a number")


def checked_text(name: str, value: object) -> str:
    """An argument that has to be a text, and not an empty one. Raises BadValue."""
    if isinstance(value, str) and value:
        return value
    raise BadValue(name, value, "a text")


def checked_callable(name: str, value: object) -> None:
    """Raises BadValue for what cannot be called: where it will be, nobody could say who gave it."""
    if not callable(value):
        raise BadValue(name, value, "a function")


def _json_value(name: str, value: Any) -> Any:
    """A copy as the other side will read it: what travels is what `get_property` answers here, too."""
    import json  # A millisecond, and many sessions have no property.

    try:
        text = json.dumps([name, value], allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
        copy = json.loads(text)[1]
    except (TypeError, ValueError, RecursionError) as error:
        raise BadValue(f"property {name!r}", value, f"a JSON value ({error})") from error
    if len(text) > PROPERTY_BYTES_MAX:
        raise BadValue(f"property {name!r}", value, f"at most {PROPERTY_BYTES_MAX} bytes of JSON, not {len(text)}")
    return copy
