"""`mdk`: the command line. Exit status: 0 fine, 1 it did not work, 2 wrong usage."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from mdk_runtime.client_commands import add_client_commands
from mdk_runtime.errors import ConfigurationError, MDKError
from mdk_runtime.log_commands import add_log_commands
from mdk_runtime.server.backup_command import add_backup_command
from mdk_runtime.server.configuration import add_server_arguments
from mdk_runtime.server.token_commands import add_token_commands

FINE, FAILED, USAGE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. No traceback reaches the user."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest:
        known = f"`mdk {arguments.chosen} --help` says what there is"
        parser.error(f"unrecognized arguments: {' '.join(rest)}; {known}")
    try:
        return int(arguments.run(arguments))
    except MDKError as error:
        print(f"mdk: {error}", file=sys.stderr)
        return USAGE if isinstance(error, ConfigurationError) else FAILED
    except BrokenPipeError:  # Whoever reads has seen enough: `mdk logs | head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except KeyboardInterrupt:
        return FAILED
    except Exception as error:
        logging.getLogger("mdk").debug("internal error", exc_info=True)
        print(f"mdk: internal error, please report it: {type(error).__name__}: {error}", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mdk", description="Discovery and tracing for Python microservices.")
    parser.add_argument("--version", action=_Version, help="print the version and exit")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="chosen")
    server = commands.add_parser("server", help="run the discovery and tracing server")
    add_server_arguments(server)
    server.set_defaults(run=_server)
    add_client_commands(commands)
    add_log_commands(commands)
    add_token_commands(commands)
    add_backup_command(commands)
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
    from mdk_runtime.server.configuration import as_toml, read_configuration
    from mdk_runtime.server.errors import ListenRefused, TLSIncomplete
    from mdk_runtime.server.options import BadSetting, UnreadableConfiguration

    try:
        configuration = read_configuration(arguments, os.environ)
        if arguments.print_config:
            print(as_toml(configuration), end="")
            return FINE
        configuration.settings.check()
    except (BadSetting, UnreadableConfiguration, ListenRefused, TLSIncomplete) as error:
        print(f"mdk: {error}", file=sys.stderr)
        return USAGE
    from mdk_runtime.server.application import run_server
    from mdk_runtime.server.reporting import configure_logging

    settings = configuration.settings
    configure_logging(settings.log_format, settings.log_level)
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


if __name__ == "__main__":
    sys.exit(main())
