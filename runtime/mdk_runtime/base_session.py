"""What a session is, with threads or on the caller's loop: everything but waiting."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from mdk_runtime.arguments import checked_seconds, checked_text, finite_seconds, property_value
from mdk_runtime.core.client.context import (
    CONTEXT_HEADER,
    ROUTES_PROPERTY,
    TIMEOUT_PROPERTY,
    TRACE_PROPERTY,
    Context,
    deadline_of,
    encode_context,
)
from mdk_runtime.core.client.interactions import (
    FAILURE_CATEGORY,
    FINISH_TEXT,
    LOG_CATEGORY,
    START_TEXT,
    Level,
    failure_text,
    interaction_event,
)
from mdk_runtime.core.client.routes import routed, with_route
from mdk_runtime.core.client.trace_context import Upstream, write_headers
from mdk_runtime.core.levels import DEFAULT_RANK, LEVELS, threshold
from mdk_runtime.current import enter, leave
from mdk_runtime.errors import BadValue, NoInteraction
from mdk_runtime.interaction import Interaction
from mdk_runtime.logged_message import LoggedMessageId

if TYPE_CHECKING:
    from mdk_runtime.base_client import BaseMDK
    from mdk_runtime.core.client.environments import Environment
    from mdk_runtime.core.client.nodes import Node


RESOLVE_WAIT_S = 10.0
"""As long as a resolve waits for a node that nobody knows yet, unless the deadline comes sooner."""
_log = logging.getLogger("mdk.session")


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
        self._set(checked_text("name", name), property_value(name, value))

    def set_deadline(self, seconds: float) -> None:
        """The session ends in so many seconds. A deadline can be brought forward, never put off."""
        deadline = self._mdk.wall() + finite_seconds(seconds)
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
        enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        leave(self)

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
