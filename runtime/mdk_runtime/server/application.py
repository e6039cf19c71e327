"""A server from its start to its orderly end."""

from __future__ import annotations

import asyncio
import fcntl
import gc
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mdk_protocol.messages import Open, ProtocolError
from mdk_protocol.tables import SESSION_SERVER
from mdk_runtime.core.server.limits import Limits
from mdk_runtime.own_version import own_version
from mdk_runtime.server.audit import AuditLog
from mdk_runtime.server.auth import Gate
from mdk_runtime.server.connections import patient_connections
from mdk_runtime.server.errors import CannotListen, DataFolderUnusable, PackagesMissing, ReadyFileUnusable
from mdk_runtime.server.hub import Hub
from mdk_runtime.server.options import is_about_host, reason_of
from mdk_runtime.server.proxies import TrustedProxies
from mdk_runtime.server.settings import Settings
from mdk_runtime.server.supervision import notify, reloading
from mdk_runtime.server.tls import Certificate, keep_buffers_apart
from mdkspec_runtime.links.accepting import Listener, serve

if TYPE_CHECKING:
    from mdk_runtime.server.http.listener import HTTPListener

FLUSH_S = 2.0
"""At the end, storage has that long for what was received."""
SWITCH_S = 0.001
"""How long a thread that wants Python's lock waits for one that holds it. It is for the worst case, a loop that never
rests: beside one 2,000 rows are stored in 130 ms, with the usual 5 ms in 210. Where the loop rests now and then it makes
no difference (bench/server_logs.py), nor to a query that takes one step of SQLite."""
GARBAGE = (20_000, 20, 50)
"""How many objects come into being before Python looks for cycles among the young ones, and how seldom among older ones.
Its usual 700 are a third of a batch of logs: looking through messages that wait to be stored took longer than reading
them (measured: 4.3 µs a row, 1.3 of them for reading)."""
FAREWELL_S = 1.5
"""And clients that long for the closing handshake."""
CLOSE_S = 0.5
"""And storage that long for its files, beside the step that it is at."""
SHUTDOWN = ProtocolError(code="shutdown", title="the server ends")

logger = logging.getLogger("mdk.server")


async def run_server(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ServerError: It cannot start.
    """
    settings.check()
    descriptors = raise_descriptor_limit()
    if descriptors < settings.connections_max:
        logger.warning("%d descriptors for files and connections are fewer than connections_max", descriptors)
    sys.setswitchinterval(SWITCH_S)
    gc.set_threshold(*GARBAGE)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with locked(settings.data):
        await _serve(settings, stop)


async def _serve(settings: Settings, stop: asyncio.Event) -> None:
    certificate = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        certificate = Certificate(settings.tls_cert, settings.tls_key)
        certificate.watch()
        keep_buffers_apart()
    if settings.ready_file is not None:
        with suppress(OSError):  # What cannot be removed cannot be written, and that is said.
            settings.ready_file.unlink()  # Of the server before: it says who is ready now.
    make_http = _http_maker() if settings.http else None  # Imported before anybody can wait for it.
    hub = _hub(settings)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, hub, certificate)
    hub.storage.start()
    try:
        async with AsyncExitStack() as stack:
            listener = await _listen(settings, hub, certificate, stack)
            http = await make_http(settings, hub, certificate) if make_http is not None else None
            ready = _urls(settings, listener, http)
            _announce(settings, ready, hub.gate)
            if settings.ready_file is not None:
                write_ready_file(settings.ready_file, {**ready, "pid": os.getpid()})
            notify("READY=1", f"STATUS=serving {' and '.join(ready.values())}")
            gc.freeze()  # What is there by now stays: nobody need look through it again.
            await stop.wait()
            await _end(hub, listener, http)
    finally:
        unstored = await asyncio.to_thread(hub.storage.stop, timeout_s=CLOSE_S)
        if unstored:
            text = "%d messages were received and are given up: none was acknowledged, so their senders have them still"
            logger.warning(text, unstored)
    logger.info("ended")


def _http_maker() -> Callable[[Settings, Hub, Certificate | None], Awaitable[HTTPListener]]:
    """What starts the HTTP side. Raises PackagesMissing."""
    try:
        from mdk_runtime.server.http.application import application_of
        from mdk_runtime.server.http.listener import HTTPListener
        from mdk_runtime.server.http.site import Site
    except ImportError as error:
        raise PackagesMissing("the HTTP port", without="--no-http") from error

    async def make(settings: Settings, hub: Hub, certificate: Certificate | None) -> HTTPListener:
        site = Site(hub, settings, AuditLog(settings.data))
        http = HTTPListener(
            application_of(site),
            settings.host,
            settings.http_port_wanted,
            context=certificate.context if certificate is not None else None,
            frame_bytes_max=settings.message_bytes_max,
            browsers=site.browsers,
        )
        await http.start()
        return http

    return make


def _urls(settings: Settings, listener: Listener, http: HTTPListener | None) -> dict[str, str]:
    secure = "" if settings.tls_cert is None else "s"
    host = _in_url(settings.host)
    urls = {"rtp": f"ws{secure}://{host}:{listener.port}{SESSION_SERVER.path}"}
    if http is not None:
        urls["http"] = f"http{secure}://{host}:{http.port}/"
    return urls


def _hub(settings: Settings) -> Hub:
    limits = Limits(settings.connections_max, settings.nodes_max, settings.logs_per_second_max)
    return Hub(
        settings.data,
        Open(mdk_version=own_version()),
        grace_s=settings.grace,
        limits=settings.storage(),
        gate=Gate(settings.key, failures_max=settings.auth_failures_max),
        tenant_limits=limits,
        tenants_max=settings.tenants_max,
        proxies=TrustedProxies(settings.trusted_proxy),
    )


def _reload(hub: Hub, certificate: Certificate | None) -> None:
    """SIGHUP: keys and certificate may be others now."""
    notify(reloading())
    hub.reload()
    if certificate is not None:
        certificate.reload()
    notify("READY=1")


async def _listen(settings: Settings, hub: Hub, certificate: Certificate | None, stack: AsyncExitStack) -> Listener:
    try:
        return await stack.enter_async_context(
            serve(
                hub.accept,
                settings.host,
                settings.port,
                path=SESSION_SERVER.path,
                message_bytes_max=SESSION_SERVER.codec.message_bytes_max,
                frame_bytes_max=settings.message_bytes_max,
                ended=hub.ended,
                ping_every_s=settings.ping,
                ssl=certificate.context if certificate is not None else None,
                connection_class=patient_connections(hub.may_read),
                logger=logging.getLogger("mdk.server.link"),
            )
        )
    except (OSError, OverflowError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise CannotListen(settings.host, settings.port, reason, is_host=is_about_host(error)) from error


async def _end(hub: Hub, listener: Listener, http: HTTPListener | None) -> None:
    """Accept no more, store and acknowledge what was received, say goodbye, hang up."""
    notify("STOPPING=1", "STATUS=storing what was received")
    logger.info("ending: storing what was received, then closing %d connections", listener.connections)
    listener.stop_accepting()
    await hub.flush(timeout_s=FLUSH_S)
    hub.close(SHUTDOWN)
    with suppress(TimeoutError):
        async with asyncio.timeout(FAREWELL_S):
            await asyncio.gather(listener.close(), *([http.close()] if http is not None else []))


def _announce(settings: Settings, urls: Mapping[str, str], gate: Gate) -> None:
    logger.info("serving %s, data in %s", " and ".join(urls.values()), settings.data)
    if gate.has_keys:
        logger.info("keys: %s", gate.keys_shown)
    elif settings.insecure:
        logger.warning("no keys: whoever reaches this port is let in, and names its tenant by any token")
    else:
        logger.info("no keys: any token is its own tenant, no token is tenant 'default'")


def raise_descriptor_limit() -> int:
    """Have as many descriptors as the system lets us: a shell gives 1,024, and each connection is one. How many they are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # As where the hard limit is none, and the system's own is lower.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def write_ready_file(path: Path, content: dict[str, object]) -> None:
    """Write JSON so that a reader sees all of it or nothing.

    Raises:
        ReadyFileUnusable: It cannot be written.
    """
    try:
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_text(json.dumps(content) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise ReadyFileUnusable(path, reason_of(error)) from error
    except ValueError as error:  # As `/` or `..`.
        raise ReadyFileUnusable(path, "that names no file") from error


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Keep other servers out of a data folder, which is made if needed. The lock ends with the process.

    Raises:
        DataFolderUnusable: It cannot be written, or another server has it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = (folder / "lock").open("w", encoding="utf-8")
    except OSError as error:
        raise DataFolderUnusable(folder, reason_of(error)) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataFolderUnusable(folder, "another server uses it") from error
        yield


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
