"""What storage answers, as records of the protocol."""

from __future__ import annotations

from msgspec import UNSET

from mdk_protocol import messages
from mdk_runtime.storage import answers
from mdk_runtime.storage.reader import Reader


def filter_of(wanted: messages.Selection) -> answers.Filter:
    """What storage is asked for. Empty texts, but for a service, are as absent ones."""
    return answers.Filter(
        trace_id=wanted.trace_id or None,
        service=None if wanted.service is UNSET else wanted.service,
        level=str(wanted.level) if wanted.level else None,
        text=wanted.text or None,
        since_ms=None if wanted.since is UNSET else wanted.since,
        until_ms=None if wanted.until is UNSET else wanted.until,
        environment=wanted.environment or None,
        node=wanted.node or None,
        category=wanted.category or None,
        failed=None if wanted.failed is UNSET else wanted.failed,
    )


def log(one: answers.StoredLog) -> messages.StoredLog:
    """A log."""
    return messages.StoredLog(
        position=str(one.position),
        trace_id=one.trace_id,
        clock=list(one.clock),
        timestamp=one.timestamp_ms,
        node=one.node,
        service=one.service,
        version=one.version,
        sequence=UNSET if one.sequence is None else one.sequence,
        level=messages.Level(one.level),
        category=one.category,
        text=one.text,
        environment=_environment(one.environment, one.fallback),
        properties=dict(one.properties),
    )


def interaction(one: answers.StoredInteraction) -> messages.StoredInteraction:
    """An interaction."""
    return messages.StoredInteraction(
        position=str(one.position),
        uuid=one.uuid,
        trace_id=one.trace_id,
        start=one.start_ms,
        end=one.end_ms,
        node=one.node,
        service=one.service,
        version=one.version,
        results=dict(one.results),
        callees=dict(one.callees),
        failed=one.failed,
        start_clock=list(one.start_clock),
        end_clock=list(one.end_clock),
        environment=_environment(one.environment, one.fallback),
    )


def trace_item(one: answers.StoredLog | answers.StoredInteraction) -> messages.TraceItem:
    """A row of a trace."""
    if isinstance(one, answers.StoredLog):
        return messages.TraceItem(log=log(one))
    return messages.TraceItem(interaction=interaction(one))


def trace(one: answers.StoredTrace) -> messages.StoredTrace:
    """A trace in short."""
    return messages.StoredTrace(
        trace_id=one.trace_id,
        start=one.start_ms,
        end=one.end_ms,
        environments=list(one.environments),
        services=list(one.services),
        levels=dict(one.levels),
        interactions=one.interactions,
        failed=one.failed,
        worst_level=one.worst_level or UNSET,
        first_error=one.first_error or UNSET,
        entry=one.entry,
        first_text=one.first_text or UNSET,
        partial=one.partial,
    )


def rates(reader: Reader, query: messages.RatesQuery) -> messages.Rates:
    """Counts by span of time."""
    environment = query.environment or None
    logs = reader.log_rates(
        since_ms=query.since, until_ms=query.until, step_minutes=query.step_minutes, environment=environment
    )
    calls = reader.call_rates(
        since_ms=query.since, until_ms=query.until, step_minutes=query.step_minutes, environment=environment
    )
    return messages.Rates(
        logs=[
            messages.LogRate(
                start=one.start_ms,
                environment=one.environment,
                service=one.service,
                version=one.version,
                levels=dict(one.levels),
            )
            for one in logs
        ],
        calls=[
            messages.CallRate(
                start=one.start_ms,
                environment=one.environment,
                caller=one.caller,
                callee=one.callee,
                ok=one.ok,
                failed=one.failed,
            )
            for one in calls
        ],
    )


def edge(one: answers.Edge) -> messages.Edge:
    """Who calls whom."""
    return messages.Edge(
        environment=one.environment, caller=one.caller, callee=one.callee, ok=one.ok, failed=one.failed
    )


def storage_state(one: answers.Stats) -> messages.StorageState:
    """How much there is."""
    return messages.StorageState(
        bytes=one.size_bytes,
        logs=one.logs,
        interactions=one.interactions,
        segments=len(one.segments),
        oldest=UNSET if one.horizon_ms is None else one.horizon_ms,
        dropped_segments=one.dropped_segments,
    )


def _environment(name: str, fallback: str | None) -> messages.Environment:
    return messages.Environment(name=name, fallback_name=fallback or UNSET)
