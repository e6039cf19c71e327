"""What is said to whoever started the server, if it listens: systemd, and what does as it does (sd_notify(3))."""

from __future__ import annotations

import logging
import os
import socket
import time

logger = logging.getLogger("mdk.server")


def notify(*lines: str) -> None:
    """Say it, where `NOTIFY_SOCKET` names a socket; nobody waits for an answer."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as to:
            to.connect("\0" + address[1:] if address.startswith("@") else address)
            to.sendall("\n".join(lines).encode())
    except OSError as error:
        logger.warning("%s, which NOTIFY_SOCKET names, is not told of %s: %s", address, lines[0], error)


def reloading() -> str:
    """That keys and certificate are read again, since now; `READY=1` follows."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
