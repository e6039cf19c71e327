"""The commands that ask a server, or offer something through it: services, resolve, logs, register."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from mdk_runtime.core.levels import LEVELS
from mdk_runtime.errors import MDKError

if TYPE_CHECKING:
    from mdk_protocol.messages import Log
    from mdk_runtime.client import MDK
    from mdk_runtime.core.nodes import Node

CONNECT_WITHIN_S = 5.0
QUIET_S = 0.2
"""A table that has not changed for so long is taken for whole: nothing in the protocol says that it is."""
POLL_S = 0.02


class NotConnected(MDKError):
    """The server cannot be reached."""

    def __init__(self, url: str | None, reason: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(url, reason)

    def __str__(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        return f"not connected to {self.url or 'any server'} within {CONNECT_WITHIN_S:g} s{reason}; see MDK_SERVER_URL"


def add_client_commands(commands: Any) -> None:
    """Add them to the parser."""
    services = commands.add_parser("services", help="list the services and their nodes")
    services.add_argument("--json", action="store_true", help="print one JSON object a node")
    services.set_defaults(run=_services)
    resolve = commands.add_parser("resolve", help="print the address of a node")
    resolve.add_argument("service")
    resolve.add_argument("version", nargs="?")
    resolve.add_argument("--timeout", type=float, default=CONNECT_WITHIN_S, help="seconds (default: %(default)s)")
    resolve.add_argument("--json", action="store_true", help="print the node as JSON")
    resolve.set_defaults(run=_resolve)
    logs = commands.add_parser("logs", help="print the tenant's log messages as they come")
    logs.add_argument("--follow", action="store_true", required=True, help="as they come, until interrupted")
    logs.add_argument("--level", choices=LEVELS, type=str.upper, default="DEBUG", help="this one and those above")
    logs.add_argument("--service", help="of nodes of this service")
    logs.add_argument("--trace", help="of this trace")
    logs.add_argument("--json", action="store_true", help="print one JSON object a message")
    logs.set_defaults(run=_logs)
    register = commands.add_parser("register", help="offer a service while a command runs: ... -- COMMAND")
    for name in ("service", "version", "address"):
        register.add_argument(name)
    register.add_argument("command", nargs="+", metavar="COMMAND", help="after --, with its arguments")
    register.set_defaults(run=_register)


@contextmanager
def _connected() -> Generator[MDK]:
    """A started MDK that has a server. Raises NotConnected."""
    from mdk_runtime.client import start

    mdk = start()
    try:
        end = time.monotonic() + CONNECT_WITHIN_S
        while mdk.config.server_url is not None and not mdk.connected:
            if time.monotonic() > end or mdk.connection_failure.startswith("HTTP "):
                raise NotConnected(mdk.server_url, mdk.connection_failure)
            time.sleep(POLL_S)
        yield mdk
    finally:
        mdk.stop()


def _services(arguments: argparse.Namespace) -> int:
    with _connected() as mdk:
        nodes = _settled(mdk)
        for node in nodes:
            if arguments.json:
                print(json.dumps(_as_json(node)))
            else:
                print(f"{node.service}  {node.version or '-'}  {node.environment}  {node.address}")
    return 0


def _settled(mdk: MDK) -> list[Node]:
    """All nodes, once no more come."""
    nodes: list[Node] = []
    quiet_since = time.monotonic()
    while time.monotonic() < quiet_since + QUIET_S:
        time.sleep(POLL_S)
        now = [node for service in mdk.services() for node in mdk.nodes(service)]
        if len(now) != len(nodes):
            nodes, quiet_since = now, time.monotonic()
    return sorted(nodes, key=lambda node: (node.service, str(node.environment), node.address))


def _as_json(node: Node) -> dict[str, Any]:
    return {
        "service": node.service,
        "version": node.version,
        "address": node.address,
        "environment": node.environment.name,
        "node": node.node_id,
        "properties": dict(node.properties),
    }


def _resolve(arguments: argparse.Namespace) -> int:
    with _connected() as mdk:
        node = mdk.session().resolve_until(arguments.service, arguments.version, arguments.timeout)
        print(json.dumps(_as_json(node)) if arguments.json else node.address)
    return 0


def _logs(arguments: argparse.Namespace) -> int:
    lowest = LEVELS.index(arguments.level)
    with _connected() as mdk:
        arrived: SimpleQueue[Log] = SimpleQueue()
        mdk.subscribe(arrived.put)
        while True:
            try:
                log = arrived.get(timeout=1.0)
            except Empty:
                continue
            level = str(log.level)
            rank = LEVELS.index(level) if level in LEVELS else 0
            if rank > lowest or (arguments.trace and log.context.trace_id != arguments.trace):
                continue
            services = {node.service for name in mdk.services() for node in mdk.nodes(name) if node.node_id == log.node}
            if arguments.service and arguments.service not in services:
                continue
            print(_json_line(log, services) if arguments.json else _text_line(log, services), flush=True)


def _text_line(log: Log, services: set[str]) -> str:
    when = time.strftime("%H:%M:%S", time.localtime(log.timestamp / 1000))
    who = ",".join(sorted(services)) or str(log.node)[:8]
    return (
        f"{when}.{log.timestamp % 1000:03d} {log.level!s:8} {who} {log.category}: {log.text}  [{log.context.trace_id}]"
    )


def _json_line(log: Log, services: set[str]) -> str:
    return json.dumps(
        {
            "timestamp": log.timestamp,
            "level": str(log.level),
            "services": sorted(services),
            "node": log.node,
            "category": log.category,
            "text": log.text,
            "trace": log.context.trace_id,
            "clock": log.context.clock.clocks,
        }
    )


def _register(arguments: argparse.Namespace) -> int:
    """The exit status is the command's; 128 and the number of the signal that ended it, as in a shell."""
    with _connected() as mdk:
        try:
            process = subprocess.Popen(arguments.command)  # noqa: S603  # what the user asked for
        except OSError as error:
            print(f"mdk: cannot run {arguments.command[0]!r}: {error.strerror}", file=sys.stderr)
            return 1
        mdk.register(arguments.service, arguments.version, arguments.address)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _: process.send_signal(received))
        status = process.wait()
    return 128 - status if status < 0 else status
