"""Files of the console as they are sent: compressed once, and asked for once by a browser that has them."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
import re
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

FILES_MAX: Final = 64
"""Kept in memory: more than the console and the documentation have."""
GZIP_BYTES_MIN: Final = 500
"""Below, a header costs what is saved."""
NAMED_BY_CONTENT: Final = re.compile(r"-[0-9A-Z]{8}\.(?:js|css)")
"""As console/build.mjs names what it makes: another content has another name."""
FOREVER: Final = "public, max-age=31536000, immutable"
A_DAY: Final = "public, max-age=86400"
"""Pictures: an old one does no harm."""
ASK_AGAIN: Final = "no-cache"


class Asset(NamedTuple):
    """A file, read."""

    content: bytes
    packed: bytes | None
    """With gzip, where that is shorter."""
    tag: str
    media_type: str
    lifetime: str


async def asset(request: Request, path: Path) -> Response:
    """The file, unless the browser says that it has it."""
    one = await asyncio.to_thread(_current, path)  # Packing takes a while, the first time.
    headers = {"Cache-Control": one.lifetime, "ETag": one.tag, "Vary": "Accept-Encoding"}
    if one.tag in request.headers.get("If-None-Match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    content = one.content
    if one.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        content, headers = one.packed, {**headers, "Content-Encoding": "gzip"}
    return Response(content, media_type=one.media_type, headers=headers)


def _current(path: Path) -> Asset:
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=FILES_MAX)
def _read(path: Path, _changed_ns: int) -> Asset:
    content = path.read_bytes()
    packed = gzip.compress(content, 9, mtime=0) if len(content) >= GZIP_BYTES_MIN else None
    if packed is not None and len(packed) >= len(content):
        packed = None
    return Asset(
        content,
        packed,
        f'W/"{hashlib.sha256(content).hexdigest()[:32]}"',
        mimetypes.guess_type(path.name)[0] or "application/octet-stream",
        FOREVER if NAMED_BY_CONTENT.search(path.name) else A_DAY if path.suffix == ".svg" else ASK_AGAIN,
    )
