"""`mdk server`."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from mdk_runtime.commands.statuses import FINE, USAGE
from mdk_runtime.server.configuration import add_server_arguments, as_toml, read_configuration
from mdk_runtime.server.errors import ListenRefused, TLSIncomplete
from mdk_runtime.server.options import BadSetting, UnreadableConfiguration


def add(commands: Any) -> None:
    """Add it to the parser."""
    server = commands.add_parser("server", help="run the discovery and tracing server")
    add_server_arguments(server)
    server.set_defaults(run=_server)


def _server(arguments: argparse.Namespace) -> int:
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
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run_server(settings))
    return FINE


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """That of uvloop, where it is installed."""
    try:
        uvloop: Any = importlib.import_module("uvloop")
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
