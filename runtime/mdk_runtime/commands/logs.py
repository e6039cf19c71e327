"""The commands that show what was said: logs and trace. What is stored comes from the server's HTTP side."""

from __future__ import annotations

import argparse
import json
import os
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from mdk_runtime.commands.connecting import connected
from mdk_runtime.commands.http_queries import DEFAULT_HTTP_URL, HttpQueries
from mdk_runtime.commands.statuses import FINE
from mdk_runtime.commands.trace_tree import Entry, printable, tree
from mdk_runtime.core.client.interactions import FINISH_TEXT, LOG_CATEGORY, START_TEXT
from mdk_runtime.core.levels import LEVELS

if TYPE_CHECKING:
    from mdk_protocol.messages import Log

ROWS = 100
TRACE_ROWS_MAX = 10_000
"""A trace of more is shown up to here, and says so."""
WAKE_EVERY_S = 1.0
"""So that an interruption is noticed while nothing comes."""


def add(commands: Any) -> None:
    """Add them to the parser."""
    logs = commands.add_parser("logs", help="print the tenant's log messages: the last ones, or as they come")
    logs.add_argument("--follow", action="store_true", help="as they come, until interrupted")
    logs.add_argument("--level", choices=LEVELS, type=str.upper, default="DEBUG", help="this one and those above")
    logs.add_argument("--service", help="of nodes of this service")
    logs.add_argument("--trace", help="of this trace")
    logs.add_argument("--text", help="with these words; not with --follow")
    logs.add_argument("--since", help="a time, or 15m, 2h, 1d for so long ago; not with --follow")
    logs.add_argument("--limit", type=_rows, default=ROWS, help="as many at most (default: %(default)s)")
    logs.add_argument("--json", action="store_true", help="print one JSON object a message")
    logs.set_defaults(run=_logs)
    trace = commands.add_parser("trace", help="print one trace as a tree")
    trace.add_argument("trace", metavar="ID")
    trace.add_argument("--json", action="store_true", help="print one JSON object a log message or interaction")
    trace.set_defaults(run=_trace)
    for parser in (logs, trace):
        parser.add_argument(
            "--http", metavar="URL", help=f"the server's HTTP side (default: MDK_HTTP_URL, or {DEFAULT_HTTP_URL})"
        )


def _rows(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= TRACE_ROWS_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no limit; expected a number from 1 to {TRACE_ROWS_MAX}")
    return int(text)


def _queries(arguments: argparse.Namespace) -> HttpQueries:
    from mdk_runtime.config import read_config

    config = read_config(os.environ)
    url = arguments.http or os.environ.get("MDK_HTTP_URL") or DEFAULT_HTTP_URL
    return HttpQueries(url, config.token, config.ca_file)


def _logs(arguments: argparse.Namespace) -> int:
    if arguments.follow:
        with suppress(KeyboardInterrupt):  # As it is meant to end.
            _follow(arguments)
        return FINE
    level = None if arguments.level == LEVELS[-1] else arguments.level
    filters = {name: getattr(arguments, name) for name in ("service", "trace", "text", "since")}
    rows = _queries(arguments).logs(arguments.limit, level=level, **filters)
    for log in in_order([_stored(row) for row in rows]):
        _show(log, arguments)
    return FINE


def in_order(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By time, and within a trace by its clock.

    They come as they arrived: late ones last. No message stands before what caused it, even if a clock on the wall says
    so: it counts as no older than what comes before it in its trace.
    """
    traces: dict[str, list[dict[str, Any]]] = {}
    for log in logs:
        traces.setdefault(log["trace"], []).append(log)
    timed: list[tuple[int, dict[str, Any]]] = []
    for trace in traces.values():
        latest = 0
        for log in sorted(trace, key=lambda one: one["clock"]):
            latest = max(latest, log["timestamp"])
            timed.append((latest, log))
    return [log for _, log in sorted(timed, key=lambda one: one[0])]


def _follow(arguments: argparse.Namespace) -> None:
    lowest = LEVELS.index(arguments.level)
    with connected(needs_server=True) as mdk:
        arrived: SimpleQueue[Log] = SimpleQueue()
        mdk.subscribe(arrived.put)
        while True:
            try:
                log = arrived.get(timeout=WAKE_EVERY_S)
            except Empty:
                continue
            rank = LEVELS.index(level) if (level := str(log.level)) in LEVELS else 0
            if rank > lowest or (arguments.trace and log.context.trace_id != arguments.trace):
                continue
            services = {node.service for name in mdk.services() for node in mdk.nodes(name) if node.node_id == log.node}
            if not arguments.service or arguments.service in services:
                _show(_arrived(log, sorted(services)), arguments)


def _arrived(log: Log, services: list[str]) -> dict[str, Any]:
    return {
        "timestamp": log.timestamp,
        "level": str(log.level),
        "services": services,
        "node": log.node,
        "category": log.category,
        "text": log.text,
        "trace": log.context.trace_id,
        "clock": log.context.clock.clocks,
    }


def _stored(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the API in the form of one that has just arrived."""
    return {
        "timestamp": row.get("timestamp_ms", 0),
        "level": row.get("level", ""),
        "services": [row["service"]] if row.get("service") else [],
        "node": row.get("node", ""),
        "category": row.get("category", ""),
        "text": row.get("text", ""),
        "trace": row.get("trace_id", ""),
        "clock": row.get("clock", []),
    }


def _show(log: dict[str, Any], arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(json.dumps(log), flush=True)
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(log["timestamp"] / 1000))
    line = f"{log['level']!s:8} {_who(log)} {log['category']}: {log['text']}"
    print(f"{when}.{log['timestamp'] % 1000:03d} {printable(line)}  [{printable(log['trace'])}]", flush=True)


def _who(log: dict[str, Any]) -> str:
    return ",".join(log["services"]) or str(log["node"])[:8]


# --- a trace -----------------------------------------------------------------------------------------------


def _trace(arguments: argparse.Namespace) -> int:
    rows = _queries(arguments).trace(arguments.trace, TRACE_ROWS_MAX)
    if arguments.json:
        for row in rows:
            print(json.dumps(row))
        return FINE
    for line in tree(_entries(rows)):
        print(line)
    if len(rows) == TRACE_ROWS_MAX:
        print(f"... only the first {TRACE_ROWS_MAX} rows are shown")
    return FINE


def _entries(rows: list[dict[str, Any]]) -> list[Entry]:
    """A stored interaction says more than its two log messages, so it stands in their place."""
    interactions = [row for row in rows if row.get("kind") == "interaction"]
    ends = {tuple(row.get(name, ())) for row in interactions for name in ("start_clock", "end_clock")}
    entries = [_interaction(row) for row in interactions]
    for row in rows:
        log = _stored(row)
        is_end = log["category"] == LOG_CATEGORY and log["text"] in (START_TEXT, FINISH_TEXT)
        if row.get("kind") != "interaction" and not (is_end and tuple(log["clock"]) in ends):
            text = f"{log['category']}: {log['text']}"
            entries.append(Entry(log["clock"], printable(_who(log)), str(log["level"]), text))
    return entries


def _interaction(row: dict[str, Any]) -> Entry:
    results: dict[str, int] = row.get("results") or {}
    callees: dict[str, str] = row.get("callees") or {}
    used = ", ".join(f"{callees.get(node) or node[:8]} {'worked' if ok else 'failed'}" for node, ok in results.items())
    took_ms = row.get("end_ms", 0) - row.get("start_ms", 0)
    who = row.get("service") or str(row.get("node", ""))[:8]
    return Entry(row.get("start_clock", []), printable(who), "", f"interaction, {took_ms} ms: {used or 'no node used'}")
