"""The commands that show what was said: logs and trace. What is stored comes from the server's HTTP side."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Any

from mdk_runtime.commands.connecting import POLL_S, connected
from mdk_runtime.commands.http_queries import DEFAULT_HTTP_URL, HttpQueries
from mdk_runtime.commands.statuses import FINE
from mdk_runtime.commands.trace_tree import Entry, printable, tree
from mdk_runtime.core.client.interactions import FINISH_TEXT, LOG_CATEGORY, START_TEXT
from mdk_runtime.core.levels import LEVELS

if TYPE_CHECKING:
    from mdk_protocol.messages import Log
    from mdk_runtime.client import MDK

ROWS = 100
TRACE_ROWS_MAX = 10_000
"""A trace of more is shown up to here, and says so."""
WAKE_EVERY_S = 1.0
"""So that an interruption is noticed while nothing comes."""
OURS_WITHIN_S = 1.0
"""A server that has not said for so long that it is ours is taken for an original."""
ARRIVALS_MAX = 10_000
"""So many messages wait to be printed; a terminal or a pipe may take none for hours."""


def add(commands: Any) -> None:
    """Add them to the parser."""
    logs = commands.add_parser("logs", help="print the tenant's log messages: the last ones, or as they come")
    which = logs.add_mutually_exclusive_group()
    which.add_argument("--follow", action="store_true", help="as they come, until interrupted")
    which.add_argument("--since", help="a time, or 15m, 2h, 1d for so long ago")
    logs.add_argument("--level", choices=LEVELS, type=str.upper, default="DEBUG", help="this one and those above")
    logs.add_argument("--service", help="of nodes of this service")
    logs.add_argument("--trace", help="of this trace")
    logs.add_argument("--text", help="with these words; with --follow, with this text, whatever the case")
    logs.add_argument("--limit", type=_rows, help=f"as many at most (default: {ROWS}; with --follow, no end)")
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
    rows = _queries(arguments).logs(arguments.limit or ROWS, level=level, **filters)
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


# --- as they come ------------------------------------------------------------------------------------------


class Arrivals:
    """Messages between the thread that gets them and the one that prints them."""

    def __init__(self) -> None:
        self._queue: Queue[Log] = Queue(ARRIVALS_MAX)
        self._left_out = 0
        """So far; written by the first thread, read by the second."""
        self._said = 0

    def put(self, log: Log | int) -> None:
        """A message; or how many the server has left out."""
        if isinstance(log, int):
            self._left_out += log
            return
        try:
            self._queue.put_nowait(log)
        except Full:
            self._left_out += 1

    def get(self) -> Log:
        """The next one. Raises Empty when none has come for a while."""
        return self._queue.get(timeout=WAKE_EVERY_S)

    def left_out(self) -> int:
        """How many were left out since this was asked last: they came faster than they could be shown."""
        news = self._left_out - self._said
        self._said += news
        return news


def _follow(arguments: argparse.Namespace) -> None:
    with connected(needs_server=True) as mdk:
        arrivals = Arrivals()
        is_ours = _is_ours(mdk)
        if is_ours:
            filters = {name: getattr(arguments, name) for name in ("service", "trace", "text")}
            mdk.tail(arrivals.put, level=None if arguments.level == LEVELS[-1] else arguments.level, **filters)
        else:
            mdk.subscribe(arrivals.put)
        shown = 0
        while arguments.limit is None or shown < arguments.limit:
            if left_out := arrivals.left_out():
                print(f"mdk: {left_out} more came too fast to be shown", file=sys.stderr)
            with suppress(Empty):
                log = arrivals.get()
                services = _services_of(mdk, log.node)
                if is_ours or _fits(log, services, arguments):
                    _show(_arrived(log, services), arguments)
                    shown += 1


def _is_ours(mdk: MDK) -> bool:
    """Whether the server chooses what is sent; an original sends everything."""
    end = time.monotonic() + OURS_WITHIN_S
    while not mdk.core.revision and time.monotonic() < end:
        time.sleep(POLL_S)
    return mdk.core.revision > 0


def _services_of(mdk: MDK, node_id: str) -> list[str]:
    return sorted({node.service for name in mdk.services() for node in mdk.nodes(name) if node.node_id == node_id})


def _fits(log: Log, services: list[str], arguments: argparse.Namespace) -> bool:
    """As a server of ours chooses."""
    rank = LEVELS.index(level) if (level := str(log.level)) in LEVELS else 0
    return (
        rank <= LEVELS.index(arguments.level)
        and arguments.trace in (None, log.context.trace_id)
        and (arguments.text or "").casefold() in log.text.casefold()
        and (not arguments.service or arguments.service in services)
    )


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
