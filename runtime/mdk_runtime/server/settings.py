"""How a server is set up: each setting once, and what is refused before it starts.

Flags, environment variables, keys of the file, `--help`, `--print-config` and the table of docs/operations.md are all
made of the fields below, by configuration.py.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mdk_runtime.core.limits import GRACE_S
from mdk_runtime.server.errors import ListenRefused
from mdk_runtime.server.options import (
    FLAG,
    PATH,
    PORT,
    SECONDS,
    TEXT,
    choice,
    option,
)

PORT_DEFAULT = 8765
HTTP_PORT_DEFAULT = 8080
MESSAGE_BYTES_MAX = 2 << 20
"""Twice the protocol's largest message: what is a little too large is answered by name, and does not end a connection."""
TENANTS_MAX = 1000
AUTH_FAILURES_MAX = 20


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is a setting."""

    host: str = option("127.0.0.1", TEXT, "address to listen on, for both ports")
    port: int = option(PORT_DEFAULT, PORT, "port of the protocol; 0 takes any free one, for both")
    data: Path = option(
        lambda: default_data_folder(os.environ), PATH, "folder for what is stored", shown="~/.local/state/mdk"
    )
    ready_file: Path | None = option(None, PATH, "written as JSON when the server listens")
    grace: float = option(GRACE_S, SECONDS, "how long nodes outlive a connection that broke")
    insecure: bool = option(False, FLAG, "let other machines in without keys")
    log_format: str = option("text", choice("text", "json"), "how the server's own log is written")
    log_level: str = option("info", choice("debug", "info", "warning", "error"), "what the server's own log holds")

    def check(self) -> None:
        """Refuse what would be dangerous, .

        Raises:
            ListenRefused: Others could reach a server that trusts everyone.
        """
        if not is_loopback(self.host) and not self.insecure:
            raise ListenRefused(self.host)


def is_loopback(host: str) -> bool:
    """True if only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def default_data_folder(variables: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/mdk`, by default `~/.local/state/mdk`: what a user's programs keep and nobody else reads."""
    state = variables.get("XDG_STATE_HOME", "")
    # The XDG base directory specification: a relative path is to be ignored.
    return (Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state") / "mdk"
