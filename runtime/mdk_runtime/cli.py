"""`mdk`: the command line. Exit status: 0 fine, 1 it did not work, 2 wrong usage."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from mdk_runtime.commands import backup, logs, server, services, tokens
from mdk_runtime.commands.statuses import FAILED, FINE, USAGE
from mdk_runtime.errors import ConfigurationError, MDKError
from mdk_runtime.own_version import own_version


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
    for group in (server, services, logs, tokens, backup):
        group.add(commands)
    demo = commands.add_parser("demo", help="a server, two services and a client; one service is killed")
    demo.set_defaults(run=_demo)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that takes longer than the rest of a short run."""

    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:  # noqa: A002  # argparse's name
        super().__init__(option_strings, dest, nargs=0, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print it and exit."""
        print(f"mdk {own_version()}")
        parser.exit()


def _demo(_: argparse.Namespace) -> int:
    from mdk_runtime.demo.main import run

    return run()


if __name__ == "__main__":
    sys.exit(main())
