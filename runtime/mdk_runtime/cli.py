"""`mdk`: the command line. Exit status: 0 fine, 1 it did not work, 2 wrong usage."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mdk_runtime.client_commands import add_client_commands
from mdk_runtime.errors import MDKError

FINE, FAILED, USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. No traceback reaches the user."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except MDKError as error:
        print(f"mdk: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED
    except Exception as error:
        logging.getLogger("mdk").debug("internal error", exc_info=True)
        print(f"mdk: internal error, please report it: {type(error).__name__}: {error}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mdk", description="Discovery and tracing for Python microservices.")
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    server = commands.add_parser("server", help="run the discovery and tracing server")
    server.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    server.add_argument("--port", type=_port, default=None, help="port; 0 takes any free one (default: 8765)")
    server.add_argument("--data", type=Path, default=None, help="folder for what is stored (default: per user)")
    server.add_argument("--ready-file", type=Path, default=None, help="written as JSON when the server listens")
    server.add_argument("--grace", type=_seconds, default=None, help="seconds that nodes outlive a broken connection")
    server.add_argument("--insecure", action="store_true", help="let other machines in without keys")
    server.add_argument("--verbose", action="store_true", help="log more")
    server.set_defaults(run=_server)
    add_client_commands(commands)
    demo = commands.add_parser("demo", help="a server, two services and a client; one service is killed")
    demo.set_defaults(run=_demo)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that takes longer than the rest of a short run."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:  # noqa: A002  # argparse's name
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it and exit."""
        from importlib.metadata import version

        print(f"mdk {version('mdk')}")
        parser.exit()


def _server(arguments: argparse.Namespace) -> int:
    from mdk_runtime.server.application import run_server
    from mdk_runtime.server.errors import ListenRefused
    from mdk_runtime.server.settings import Settings

    level = logging.DEBUG if arguments.verbose else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    given = {
        "host": arguments.host,
        "port": arguments.port,
        "data": arguments.data,
        "ready_file": arguments.ready_file,
        "grace_s": arguments.grace,
        "insecure": arguments.insecure,
    }
    settings = Settings(**{name: value for name, value in given.items() if value is not None})
    try:
        settings.check()
    except ListenRefused as error:
        print(f"mdk: {error}", file=sys.stderr)
        return USAGE
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(run_server(settings))
    return FINE


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """That of uvloop, where it is installed."""
    try:
        uvloop: Any = importlib.import_module("uvloop")
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _demo(_: argparse.Namespace) -> int:
    from mdk_runtime.demo.main import run

    return run()


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; expected a number from 0 to 65535")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; expected 0 or more")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
