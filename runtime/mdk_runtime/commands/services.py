"""The commands about services: services, resolve, register."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from mdk_runtime.commands.connecting import CONNECT_WITHIN_S, POLL_S, connected
from mdk_runtime.commands.statuses import FAILED, FINE

if TYPE_CHECKING:
    from types import FrameType

    from mdk_runtime.client import MDK
    from mdk_runtime.core.client.nodes import Node

QUIET_S = 0.5
"""A table that has not changed for so long is taken for whole, where nobody says that it is: an original server, or a file."""
PASSED_ON = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")]


def add(commands: Any) -> None:
    """Add them to the parser."""
    services = commands.add_parser("services", help="list the services and their nodes")
    services.add_argument("--json", action="store_true", help="print one JSON object a node")
    services.set_defaults(run=_services)
    resolve = commands.add_parser("resolve", help="print the address of a node")
    resolve.add_argument("service")
    resolve.add_argument("version", nargs="?")
    resolve.add_argument("--timeout", type=_seconds, default=CONNECT_WITHIN_S, help="seconds (default: %(default)s)")
    resolve.add_argument("--json", action="store_true", help="print the node as JSON")
    resolve.set_defaults(run=_resolve)
    register = commands.add_parser("register", help="offer a service while a command runs: ... -- COMMAND")
    for name in ("service", "version", "address"):
        register.add_argument(name)
    register.add_argument("command", nargs="+", metavar="COMMAND", help="after --, with its arguments")
    register.set_defaults(run=_register)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; expected 0 or more")
    return seconds


def _services(arguments: argparse.Namespace) -> int:
    with connected() as mdk:
        nodes = _all_nodes(mdk)
    for node in nodes:
        if arguments.json:
            print(json.dumps(_as_json(node)))
        else:
            print(f"{node.service}  {node.version or '-'}  {node.environment}  {node.address}")
    if not nodes:
        print("mdk: no service is registered", file=sys.stderr)
    return FINE


def _all_nodes(mdk: MDK) -> list[Node]:
    """Once the server has said that it has named them all, or no more come."""
    nodes: list[Node] = []
    quiet_since = time.monotonic()
    is_whole = False
    while not is_whole and time.monotonic() < quiet_since + QUIET_S:
        is_whole = mdk.core.knows_all()
        now = [node for service in mdk.services() for node in mdk.nodes(service)]
        if len(now) != len(nodes):
            quiet_since = time.monotonic()
        nodes = now
        if not is_whole:
            time.sleep(POLL_S)
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
    with connected() as mdk:
        node = mdk.session().resolve_until(arguments.service, arguments.version, arguments.timeout)
        print(json.dumps(_as_json(node)) if arguments.json else node.address)
    return FINE


def _register(arguments: argparse.Namespace) -> int:
    """The exit status is the command's; 128 and the number of the signal that ended it, as in a shell.

    The command runs whether or not the server can be reached: what it offers does not depend on who finds it.
    """
    from mdk_runtime.client import init

    child = _Child()
    with init() as mdk:
        if not child.start(arguments.command):
            return FAILED
        mdk.register(arguments.service, arguments.version, arguments.address)
        try:
            status = child.wait(CONNECT_WITHIN_S)
        except subprocess.TimeoutExpired:
            if not mdk.connected:
                reason = f" ({mdk.connection_failure})" if mdk.connection_failure else ""
                print(f"mdk: not connected to {mdk.server_url}{reason}; it is tried again and again", file=sys.stderr)
            status = child.wait(None)
    return 128 - status if status < 0 else status


class _Child:
    """A command that gets the signals that we get.

    Ctrl-C goes to both from the terminal itself, so there it is not passed on: once is what the user meant.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        """Signals that came before there was a process."""
        for number in PASSED_ON:
            signal.signal(number, self._pass_on)
        signal.signal(signal.SIGINT, self._ignore if sys.stdin.isatty() else self._pass_on)

    def start(self, command: list[str]) -> bool:
        """False, and the reason on stderr, if it cannot be run."""
        try:
            self._process = subprocess.Popen(command)  # noqa: S603  # what the user asked for
        except OSError as error:
            print(f"mdk: cannot run {command[0]!r}: {error.strerror}", file=sys.stderr)
            return False
        for number in self._early:
            self._process.send_signal(number)
        return True

    def wait(self, timeout_s: float | None) -> int:
        """Its exit status."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)

    def _ignore(self, number: int, _: FrameType | None) -> None:
        """Not SIG_IGN, which the command would inherit."""
