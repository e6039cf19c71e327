"""`mdkgen`: the command line. It and its commands are the only modules of the compiler that print and exit.

Exit status: 0 fine, 1 findings, 2 wrong usage, 70 a bug of mdkgen, 130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from mdkgen.commands import checking, driving, editing, writing
from mdkgen.commands.findings import FINDINGS, USAGE
from mdkgen.source import ConfigurationError, NoSpecError

BUG, INTERRUPTED = 70, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest and not hasattr(arguments, "tool"):
        known = f"`mdkgen {arguments.chosen} --help` says what there is"
        parser.error(f"unrecognized arguments: {' '.join(rest)}; {known}")
    arguments.rest = rest
    collecting = gc.isenabled()
    gc.disable()  # a run is over before there is anything worth collecting
    try:
        return _run(arguments)
    finally:
        if collecting:
            gc.enable()


def _run(arguments: argparse.Namespace) -> int:
    """Run a command, and turn what it raises into a line and a status."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)  # which a test's stand-in may lack
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # as stderr: a terminal without UTF-8 is no reason to fail
    try:
        status = int(arguments.run(arguments))
        if not getattr(sys.stdout, "closed", True):  # None where there is none; a language server closes its own
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `mdkgen ir spec | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINDINGS
    except ModuleNotFoundError as error:
        if error.name not in ("lark", "jinja2", "pygments"):
            raise
        print(f'mdkgen: {error.name} is missing; run: pip install "mdk[gen]"', file=sys.stderr)
        return USAGE
    except (NoSpecError, ConfigurationError) as error:
        print(f"mdkgen: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"mdkgen: {error.filename or getattr(arguments, 'spec', '')}: {error.strerror or error}", file=sys.stderr)
        return USAGE
    except Exception as error:  # no traceback reaches a user; the text asks for a report instead
        print(f"mdkgen: this is a bug of mdkgen, not of your spec: {type(error).__name__}: {error}", file=sys.stderr)
        return BUG


class _Parser(argparse.ArgumentParser):
    """One that names what was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Exit 2."""
        found = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        if found is not None:
            from mdkgen.diagnostics import did_you_mean

            near = did_you_mean(found[1], re.findall(r"[\w-]+", found[2]))
            message += f"; {near}" if near else ""
        super().error(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mdkgen", description="Check a protocol and generate its Python package.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", dest="chosen")
    for group in (checking, editing, writing, driving):
        group.add(commands)
    return parser
