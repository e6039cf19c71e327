"""The server's certificate, which may be renewed while it runs."""

from __future__ import annotations

import ctypes
import logging
import ssl
from contextlib import suppress
from pathlib import Path

from mdk_runtime.server.errors import BadCertificate
from mdk_runtime.server.options import reason_of

MMAP_THRESHOLD = -3
"""As glibc's malloc.h calls it: M_MMAP_THRESHOLD."""
APART_BYTES = 128 * 1024
"""glibc's own, until it has seen something larger come and go."""

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

    def _load(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self._chain, self._key, password=_refuse)
        except _Encrypted as error:
            raise BadCertificate(self._chain, f"its key {self._key} is encrypted") from error
        except ssl.SSLError as error:
            reason = (error.reason or str(error)).lower().replace("_", " ")
            raise BadCertificate(self._chain, f"{reason} (with the key {self._key})") from error
        except OSError as error:
            missing = self._key if self._chain.exists() else self._chain
            raise BadCertificate(self._chain, f"{missing}: {reason_of(error)}") from error


class _Encrypted(Exception):
    pass


def _refuse() -> str:
    """Otherwise a server would stop and ask at its terminal."""
    raise _Encrypted
