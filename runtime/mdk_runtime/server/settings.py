"""How a server is set up, and what is refused before it starts."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mdk_runtime.core.tenant import GRACE_S
from mdk_runtime.server.errors import ListenRefused

PORT = 8765


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line says."""

    host: str = "127.0.0.1"
    port: int = PORT
    """0 takes a free one."""
    data: Path = field(default_factory=lambda: default_data_folder(os.environ))
    ready_file: Path | None = None
    grace_s: float = GRACE_S
    insecure: bool = False

    def check(self) -> None:
        """Refuse what would be dangerous.

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
