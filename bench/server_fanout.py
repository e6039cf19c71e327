"""What the server's discovery costs, beside raw TCP writes in the same run. Prints one JSON line for each figure.

    python bench/server_fanout.py [--connections 1000] [--only fanout,renewals,memory,visible,killed,hung]

Servers run in processes of their own, on the same kind of loop; the load is one process with hand-made frames.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import resource
import signal
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import trustme
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as websockets_server

from mdk_runtime.cli import main as mdk

ROUNDS, WARM_UP = 40, 5
PAUSE_S = 0.03
"""Longer than changes are merged for: each is told by itself."""
WITHIN_S = 60.0
RENEWALS_EACH, RENEWERS = 500, 100
VISIBLE = 300
KILLS = 20
HANGS, HUNG_TTL_S = 10, 1.0

HOLDER = """
import json, socket, sys, time
sys.path.insert(0, {folder!r})
from server_fanout import frame, handshake
s = socket.create_connection(("127.0.0.1", {port}))
s.sendall(handshake({port}))
s.recv(4096)
s.sendall(frame({{"type": "open", "nodeId": {node!r}}}) + frame(json.loads({active!r})))
print("ready", flush=True)
time.sleep(600)
"""


# --- hand-made WebSocket --------------------------------------------------------------------------


def handshake(port: int) -> bytes:
    """A request for the protocol."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /rtp HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def frame(message: dict[str, Any]) -> bytes:
    """A client's text frame; its mask is zero, which leaves the payload as it is."""
    payload = json.dumps(message).encode()
    size = len(payload)
    head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x81, 0x80 | 126, size)
    return head + bytes(4) + payload


def active(sender: str, address: str, *, service: str = "svc", **properties: Any) -> dict[str, Any]:
    """Registers a node of about 200 bytes."""
    node = {"id": sender, "service": service, "version": "1.0", "address": address, "properties": properties}
    return {"type": "active", "node": node, "ttl": 30.0}


# --- load -----------------------------------------------------------------------------------------


class Crowd:
    """Waits until every connection has received something."""

    def __init__(self) -> None:
        self.missing = 0
        self.everybody = asyncio.Event()

    def expect(self, receivers: list[Receiver]) -> None:
        """From now on each has to."""
        self.everybody.clear()
        self.missing = len(receivers)
        for one in receivers:
            one.is_waiting = True

    async def wait(self) -> float:
        """When the last one did."""
        async with asyncio.timeout(WITHIN_S):
            await self.everybody.wait()
        return time.perf_counter()


class Receiver(asyncio.Protocol):
    """One connection: says that bytes came, and keeps the last ones."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.is_waiting = False
        self.last = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: Any) -> None:
        """Keep it."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """One more has something."""
        self.last = data
        if self.is_waiting:
            self.is_waiting = False
            self.crowd.missing -= 1
            if not self.crowd.missing:
                self.crowd.everybody.set()


async def connected(
    port: int, count: int, crowd: Crowd, *hello: bytes, tls: ssl.SSLContext | None = None
) -> list[Receiver]:
    """Connections, each of which has had an answer to everything that it said."""
    loop = asyncio.get_running_loop()
    receivers: list[Receiver] = []
    while len(receivers) < count:
        batch: list[Receiver] = []
        for _ in range(min(100, count - len(receivers))):
            _, one = await loop.create_connection(lambda: Receiver(crowd), "127.0.0.1", port, ssl=tls)
            batch.append(one)
        for said in hello:
            crowd.expect(batch)
            for one in batch:
                one.transport.write(said)
            await crowd.wait()
        receivers += batch
    await asyncio.sleep(0.3)
    return receivers


def hello(port: int, follow: dict[str, Any] | None) -> list[bytes]:
    """What a client of ours says before it hears of changes."""
    said = [handshake(port), frame({"type": "open", "properties": {"mdkRevision": 1 if follow is not None else 0}})]
    return [*said, frame(follow)] if follow is not None else said


@asynccontextmanager
async def crowd_at(
    port: int, count: int, *said: bytes, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[tuple[Crowd, list[Receiver]]]:
    """So many connections, closed at the end."""
    crowd = Crowd()
    receivers = await connected(port, count, crowd, *said, tls=tls)
    try:
        yield crowd, receivers
    finally:
        for one in receivers:
            one.transport.abort()
        await asyncio.sleep(0.5)


# --- servers --------------------------------------------------------------------------------------


class Floor(asyncio.Protocol):
    """What one line says is written to every other connection: no framing, no protocol."""

    everybody: set[asyncio.Transport] = set()  # noqa: RUF012  # of the one server of the process

    def connection_made(self, transport: Any) -> None:
        """One more."""
        self.transport = transport
        transport.write(b"welcome")
        self.everybody.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """One less."""
        self.everybody.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        for transport in self.everybody:
            if transport is not self.transport:
                transport.write(data)


async def read_alone(websocket: ServerConnection) -> None:
    """What the WebSocket library costs: every frame is read and parsed as JSON; what is no renewal is answered."""
    async for text in websocket:
        if json.loads(text)["type"] != "active":
            await websocket.send("heard")


async def run_floor(kind: str, ready: Path, options: list[str]) -> None:
    """Serve raw TCP, or WebSockets without a protocol, until killed."""
    given = dict(zip(options[::2], options[1::2], strict=True))
    context = None
    if given:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(given["--tls-cert"], given["--tls-key"])
    if kind == "floor":
        server: Any = await asyncio.get_running_loop().create_server(Floor, "127.0.0.1", 0, backlog=1000)
    else:
        server = await websockets_server(read_alone, "127.0.0.1", 0, compression=None, backlog=1000, ssl=context)
    port = next(iter(server.sockets)).getsockname()[1]
    beside = ready.with_suffix(".new")
    beside.write_text(json.dumps({"rtp": f"ws://127.0.0.1:{port}/", "pid": os.getpid()}))
    beside.replace(ready)
    await server.serve_forever()


@contextmanager
def server(kind: str, *options: str) -> Generator[tuple[int, int]]:
    """A server's port and process; `mdk`, `floor` or `websockets`."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [sys.executable, __file__, "--serve", kind, "--ready-file", str(ready), *options]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            end = time.monotonic() + 20
            while not ready.exists():
                assert process.poll() is None, (Path(folder) / "log").read_text()
                assert time.monotonic() < end
                time.sleep(0.01)
            said = json.loads(ready.read_text())
            yield int(said["rtp"].rsplit(":", 1)[1].split("/")[0]), process.pid
        finally:
            process.kill()
            process.wait()


def serve(kind: str, ready: Path, options: list[str]) -> int:
    """Be a server."""
    if kind == "mdk":
        data = str(ready.parent / "data")
        # The hand-made clients answer no pings.
        return mdk(["server", "--port", "0", "--data", data, "--ready-file", str(ready), "--ping", "3600", *options])
    from mdk_runtime.commands.server import loop_factory

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(run_floor(kind, ready, options))
    return 0


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid: int) -> int:
    """Memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# --- figures --------------------------------------------------------------------------------------


async def fanout(port: int, pid: int, count: int, said: list[bytes], *, is_raw: bool) -> dict[str, float]:
    """One change to everybody: from its sending to the last connection that has it."""
    times: list[float] = []
    async with crowd_at(port, count, *said) as (crowd, receivers):
        sender_said = [] if is_raw else hello(port, None)
        async with crowd_at(port, 1, *sender_said) as (_, (sender,)):
            before = 0.0
            for number in range(WARM_UP + ROUNDS):
                if number == WARM_UP:
                    before = cpu_s(pid)
                crowd.expect(receivers)
                start = time.perf_counter()
                change = active("s1", "http://127.0.0.1:8080", turn=f"{number:03}", padding="x" * 80)
                sender.transport.write(frame(change) if not is_raw else json.dumps(change).encode())
                times.append(await crowd.wait() - start)
                await asyncio.sleep(PAUSE_S)
            cpu_us = (cpu_s(pid) - before) / ROUNDS / count * 1e6
    return {"last_ms": statistics.median(times[WARM_UP:]) * 1e3, "cpu_us": cpu_us}


async def bench_fanout(count: int) -> None:
    """Ours and originals, beside the floor; interleaved, so that the machine's moods meet all."""
    found: dict[str, list[dict[str, float]]] = {"floor": [], "ours": [], "originals": []}
    for _ in range(3):
        with server("floor") as (port, pid):
            found["floor"].append(await fanout(port, pid, count, [], is_raw=True))
        with server("mdk") as (port, pid):
            found["ours"].append(await fanout(port, pid, count, hello(port, {"type": "follow"}), is_raw=False))
            found["originals"].append(await fanout(port, pid, count, hello(port, None), is_raw=False))
    figures: dict[str, Any] = {"bench": "server_fanout", "connections": count}
    for kind, runs in found.items():
        for name in ("last_ms", "cpu_us"):
            figures[f"{kind}_{name}"] = round(statistics.median(run[name] for run in runs), 2)
    for kind in ("ours", "originals"):
        ratios = [run["last_ms"] / floor["last_ms"] for run, floor in zip(found[kind], found["floor"], strict=True)]
        figures[f"{kind}_to_floor"] = round(statistics.median(ratios), 2)
    print(json.dumps(figures), flush=True)


async def renewals(port: int, pid: int) -> dict[str, float]:
    """Renewals that change nothing, from many connections, until the server has answered what came after them."""
    async with crowd_at(port, RENEWERS, *hello(port, {"type": "follow", "services": ["none"]})) as (crowd, clients):
        for number, one in enumerate(clients):
            one.transport.write(frame(active(f"s{number}", f"http://127.0.0.1:{number}")))
        await asyncio.sleep(0.5)
        before, start = cpu_s(pid), time.perf_counter()
        crowd.expect(clients)
        for number, one in enumerate(clients):
            renewal = frame(active(f"s{number}", f"http://127.0.0.1:{number}"))
            one.transport.write(renewal * RENEWALS_EACH + frame({"type": "follow", "services": ["done"]}))
        took = await crowd.wait() - start
        cpu = cpu_s(pid) - before
    total = RENEWERS * RENEWALS_EACH
    return {"per_s": total / took, "per_cpu_s": total / cpu}


async def bench_renewals() -> None:
    """Ours beside the WebSocket library alone, which reads the same frames and does nothing with them."""
    found: dict[str, list[dict[str, float]]] = {"websockets": [], "mdk": []}
    for _ in range(3):
        for kind, runs in found.items():
            with server(kind) as (port, pid):
                runs.append(await renewals(port, pid))
    middle = {
        kind: {name: statistics.median(run[name] for run in runs) for name in runs[0]} for kind, runs in found.items()
    }
    figures: dict[str, Any] = {"bench": "server_renewals", "connections": RENEWERS}
    for kind, values in middle.items():
        figures |= {f"{kind}_{name}": round(value) for name, value in values.items()}
    figures["ratio"] = round(middle["mdk"]["per_s"] / middle["websockets"]["per_s"], 2)
    figures["ratio_cpu"] = round(middle["mdk"]["per_cpu_s"] / middle["websockets"]["per_cpu_s"], 2)
    print(json.dumps(figures), flush=True)


async def grown_kb(kind: str, count: int, follow: dict[str, Any] | None, tls: Path | None = None) -> float:
    """What an idle connection adds to a server's memory."""
    options, context = [], None
    if tls is not None:
        options = ["--tls-cert", str(tls / "cert.pem"), "--tls-key", str(tls / "key.pem")]
        context = ssl.create_default_context(cafile=str(tls / "ca.pem"))
    with server(kind, *options) as (port, pid):
        async with crowd_at(port, 50, *hello(port, follow), tls=context):
            before = rss_bytes(pid)
            async with crowd_at(port, count, *hello(port, follow), tls=context):
                await asyncio.sleep(1.0)
                return (rss_bytes(pid) - before) / count / 1000


async def bench_memory(count: int) -> None:
    """Idle connections: the WebSocket library alone, ours, originals, and ours encrypted."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        each = {
            "websockets": await grown_kb("websockets", count, None),
            "ours": await grown_kb("mdk", count, {"type": "follow"}),
            "originals": await grown_kb("mdk", count, None),
            "websockets_tls": await grown_kb("websockets", count, None, folder),
            "ours_tls": await grown_kb("mdk", count, {"type": "follow"}, folder),
        }
    figures: dict[str, Any] = {"bench": "server_memory", "connections": count}
    figures |= {f"{kind}_kB_each": round(value, 1) for kind, value in each.items()}
    figures["ratio"] = round(each["ours"] / each["websockets"], 2)
    figures["ratio_tls"] = round(each["ours_tls"] / each["websockets_tls"], 2)
    print(json.dumps(figures), flush=True)


async def bench_visible() -> None:
    """From the sending of a registration to its arrival at another client, beside the floor's."""
    figures: dict[str, Any] = {"bench": "server_visible", "samples": VISIBLE}
    for kind in ("floor", "mdk"):
        times: list[float] = []
        with server(kind) as (port, _):
            said = hello(port, {"type": "follow"}) if kind == "mdk" else []
            async with crowd_at(port, 1, *said) as (crowd, receivers), crowd_at(port, 1, *said[:2]) as (_, (sender,)):
                for number in range(VISIBLE):
                    crowd.expect(receivers)
                    start = time.perf_counter()
                    sender.transport.write(frame(active("s1", f"http://127.0.0.1:{number}")))
                    times.append(await crowd.wait() - start)
                    await asyncio.sleep(PAUSE_S)
        times.sort()
        figures |= {
            f"{kind}_p50_ms": round(times[len(times) // 2] * 1e3, 3),
            f"{kind}_p99_ms": round(times[int(len(times) * 0.99)] * 1e3, 3),
        }
    figures["ratio_p50"] = round(figures["mdk_p50_ms"] / figures["floor_p50_ms"], 2)
    print(json.dumps(figures), flush=True)


async def bench_killed(count: int) -> None:
    """From the kill -9 of an instance to the moment when the last of many clients knows that it is suspect."""
    times: list[float] = []
    with server("mdk", "--grace", "600") as (port, _):
        async with crowd_at(port, count, *hello(port, {"type": "follow"})) as (crowd, receivers):
            for number in range(KILLS):
                node = active(f"k{number}", f"http://127.0.0.1:{number}")
                program = HOLDER.format(
                    folder=str(Path(__file__).parent), port=port, node=f"k{number}", active=json.dumps(node)
                )
                crowd.expect(receivers)
                holder = await asyncio.create_subprocess_exec(
                    sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
                )
                assert holder.stdout is not None
                await holder.stdout.readline()
                await crowd.wait()
                await asyncio.sleep(PAUSE_S)
                crowd.expect(receivers)
                start = time.perf_counter()
                holder.send_signal(signal.SIGKILL)
                times.append(await crowd.wait() - start)
                assert b'"suspect":[{' in receivers[0].last
                await holder.wait()
    times.sort()
    figures = {"p50_ms": round(statistics.median(times) * 1e3, 1), "max_ms": round(times[-1] * 1e3, 1)}
    print(json.dumps({"bench": "server_killed", "clients": count, "kills": KILLS, **figures}), flush=True)


async def bench_hung(count: int) -> None:
    """From the last renewal of an instance that hangs to the moment when the last of many clients knows it is gone.

    Its connection stays, as a hung process's does. The floor is its ttl.
    """
    late: list[float] = []
    with server("mdk") as (port, _):
        async with crowd_at(port, count, *hello(port, {"type": "follow"})) as (crowd, receivers):
            for number in range(HANGS):
                async with crowd_at(port, 1, *hello(port, {"type": "follow", "services": ["none"]})) as (_, (hung,)):
                    crowd.expect(receivers)
                    node = active(f"h{number}", f"http://127.0.0.1:{number}") | {"ttl": HUNG_TTL_S}
                    start = time.perf_counter()
                    hung.transport.write(frame(node))
                    await crowd.wait()
                    await asyncio.sleep(PAUSE_S)
                    crowd.expect(receivers)
                    late.append(await crowd.wait() - start - HUNG_TTL_S)
                    assert b'"gone":[{' in receivers[0].last
    late.sort()
    figures = {"ttl_s": HUNG_TTL_S, "late_p50_ms": round(statistics.median(late) * 1e3, 1)}
    figures |= {"late_max_ms": round(late[-1] * 1e3, 1), "ratio": round((late[-1] + HUNG_TTL_S) / HUNG_TTL_S, 3)}
    print(json.dumps({"bench": "server_hung", "clients": count, "hangs": HANGS, **figures}), flush=True)


async def run(arguments: argparse.Namespace) -> None:
    """All that is asked for."""
    count = arguments.connections
    benches: dict[str, Callable[[], Awaitable[None]]] = {
        "fanout": lambda: bench_fanout(count),
        "renewals": bench_renewals,
        "memory": lambda: bench_memory(count),
        "visible": bench_visible,
        "killed": lambda: bench_killed(count),
        "hung": lambda: bench_hung(count),
    }
    for name in arguments.only.split(",") if arguments.only else benches:
        await benches[name]()


def main() -> int:
    """Measure, or be one of the servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--only", default="")
    parser.add_argument("--serve", default="")
    parser.add_argument("--ready-file", type=Path, default=None)
    arguments, options = parser.parse_known_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    if arguments.serve:
        return serve(arguments.serve, arguments.ready_file, options)
    asyncio.run(run(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
