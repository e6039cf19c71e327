"""The server's certificate, which may be renewed while it runs."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from mdk_runtime.server.errors import BadCertificate
from mdk_runtime.server.options import reason_of

MMAP_THRESHOLD = -3
"""As glibc's malloc.h calls it: M_MMAP_THRESHOLD."""
APART_BYTES = 128 * 1024
"""glibc's own, until it has seen something larger come and go."""

DAY_S = 86_400.0
WARNED_S = 7 * DAY_S
"""So long before the end of a certificate its operator is warned, each day."""

logger = logging.getLogger("mdk.server")


def keep_buffers_apart() -> None:
    """Have the C library map large pieces of memory by themselves, always.

    Of the 256 KiB that uvloop holds for each connection with TLS, one page is used. glibc maps such a piece, and so the
    rest takes no memory, but only until the first is freed: then it begins to lay them between others, in memory
    that was in use before. A connection took 56 kB instead of 35.
    """
    with suppress(AttributeError):  # Another C library, which does not do that.
        ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, APART_BYTES)


class Certificate:
    """A certificate chain and its key; `context` is good for every listener and stays the same.

    Raises:
        BadCertificate: They cannot be used.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self._chain = chain
        self._key = key
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._load(self.context)

    def reload(self) -> None:
        """Read the files again; handshakes from now on see what they hold. If that cannot be used, nothing changes."""
        try:
            self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        except BadCertificate as error:
            logger.error("the certificate is not read again, that of before holds: %s", error)
            return
        self._load(self.context)
        logger.info("the certificate is read again")
        self.warn(now=time.time())

    def watch(self) -> None:
        """Warn now, and once a day from now on, on the loop that runs."""
        self.warn(now=time.time())
        asyncio.get_running_loop().call_later(DAY_S, self.watch)

    def warn(self, *, now: float) -> None:
        """Say that the certificate ends soon, or has ended, `now` seconds since the epoch."""
        ends_at = _ends_at(self._chain)
        if ends_at is None or ends_at - now > WARNED_S:
            return
        when = f"{datetime.fromtimestamp(ends_at, UTC):%Y-%m-%d %H:%M} UTC"
        if ends_at > now:
            logger.warning("the certificate %s ends on %s; put another one there and send SIGHUP", self._chain, when)
        else:
            text = "the certificate %s ended on %s: clients refuse it; put another one there and send SIGHUP"
            logger.error(text, self._chain, when)

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self._chain, self._key, password=_refuse)
        except _Encrypted as error:
            raise BadCertificate(self._chain, f"its key {self._key} is encrypted") from error
        except ssl.SSLError as error:
            if error.library == "SSL" and error.reason in (None, "PEM_LIB"):
                reason = f"it, or its key {self._key}, is no PEM of that kind"
            else:
                reason = f"{(error.reason or str(error)).lower().replace('_', ' ')} (with the key {self._key})"
            raise BadCertificate(self._chain, reason) from error
        except OSError as error:
            missing = self._key if self._chain.exists() else self._chain
            raise BadCertificate(self._chain, f"{missing}: {reason_of(error)}") from error


def _ends_at(chain: Path) -> float | None:
    """When the first of a chain ends, in seconds since the epoch; None where nothing is installed that can tell."""
    try:
        from cryptography.x509 import load_pem_x509_certificates
    except ImportError:
        return None
    try:
        return min(one.not_valid_after_utc.timestamp() for one in load_pem_x509_certificates(chain.read_bytes()))
    except (OSError, ValueError):  # It was read a moment ago; what holds is in memory.
        return None


class _Encrypted(Exception):
    pass


def _refuse() -> str:
    """Otherwise a server would stop and ask at its terminal."""
    raise _Encrypted
