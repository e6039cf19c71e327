"""Damaged frames and handshakes on both ports: the server goes on serving, in the same memory, and says why it ends what it ends.

`MDK_FUZZ_FRAMES` says how many (`make soak`: 100,000), `MDK_FUZZ_SEED` which.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect

from service.mutations import Mutator, messages
from service.raw_socket import CLOSE, PING, TEXT, Frame, for_browsers, framed, request
from service.sending import resident_bytes
from service.servers import KNOWN, active, log, server, stored_logs

FRAMES = int(os.environ.get("MDK_FUZZ_FRAMES", "10000"))
SEED = os.environ.get("MDK_FUZZ_SEED", "1")
CONNECTIONS = 8
"""At once."""
EACH_MAX = 60
"""Frames of one connection: more than the twenty malformed ones in a row that end it."""
BAD_HANDSHAKES = 0.2
"""Of all connections."""
WITHIN_S = 60.0
MARKER = b"still there?"
SETTLE_S = 0.02
"""After the last answer, as long as a word that explains an end may still take."""
GROWTH_MAX_BYTES = 24 << 20
"""From the first third to the end: caches of storage fill up."""
ENDED_BY_LIBRARY = {1002, 1003, 1007, 1009}
"""What is no WebSocket frame, or no UTF-8: the code says it, as RFC 6455 asks; the protocol has no word for it."""


class Attack:
    """One connection with its damage.

    Args:
        url: Of either port.
        is_web: It is the port for browsers.
        number: Which one; with SEED it says all that is sent.
    """

    def __init__(self, url: str, number: int, *, is_web: bool) -> None:
        self.url = url
        self.number = number
        self.mutator = Mutator(f"{SEED} {number}")
        asked = request(url, token="fuzz")
        if is_web:
            asked = for_browsers(asked, url)
        self.is_bad_handshake = self.mutator.dice.random() < BAD_HANDSHAKES
        self.sent = [self.mutator.handshake(asked) if self.is_bad_handshake else asked]
        self.said: list[Frame] = []
        self.answer = b""
        self.is_ended = False

    def __repr__(self) -> str:
        return f"seed {SEED!r}, connection {self.number} at {self.url}, {self.answer!r}, {self.said!r}, {self.sent!r}"[
            :4000
        ]

    async def run(self) -> None:
        """Send, and hear what the server says, until it hangs up or has answered everything."""
        at = urlsplit(self.url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        try:
            async with asyncio.timeout(WITHIN_S):
                writer.write(self.sent[0])
                with suppress(asyncio.IncompleteReadError, ConnectionError):
                    self.answer = await reader.readuntil(b"\r\n\r\n")
                if not self.is_bad_handshake:
                    assert self.answer.startswith(b"HTTP/1.1 101 "), repr(self)
                    await self._talk(reader, writer)
        except TimeoutError as error:
            raise AssertionError(f"no answer and no end: {self}") from error
        finally:
            writer.close()
            with suppress(ConnectionError, OSError):
                await writer.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mutator = self.mutator
        self.sent += [mutator.opening(), *(mutator.frame() for _ in range(mutator.dice.randint(0, EACH_MAX)))]
        try:
            writer.write(b"".join(self.sent[1:]) + framed(MARKER, opcode=PING))
            while not self.is_ended and not (self.said and self.said[-1].payload == MARKER):
                await self._hear(reader)
            with suppress(TimeoutError):
                async with asyncio.timeout(SETTLE_S):
                    while not self.is_ended:
                        await self._hear(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.is_ended = True

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        head, size = await reader.readexactly(2)
        if size >= 126:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
        self.said.append(Frame(head, await reader.readexactly(size)))
        self.is_ended = self.said[-1].opcode == CLOSE

    def verdict(self) -> str:
        """How it ended. Fails if the server hung up without a word, or with more than one."""
        if self.is_bad_handshake:
            status = self.answer.decode("latin-1").split(" ", 2)[1:2]
            assert "".join(status)[:1] == "4" or status == ["101"], repr(self)
            return f"handshake {status[0]}"
        messages = [frame.message for frame in self.said if frame.opcode == TEXT]
        closes = [message["error"] for message in messages if message["type"] == "close"]
        if not self.is_ended:
            return "served"
        codes = [int.from_bytes(frame.payload[:2]) for frame in self.said if frame.opcode == CLOSE]
        assert len(codes) == 1 or self.mutator.says_goodbye, repr(self)
        if closes:
            (error,) = closes
            assert messages[-1]["type"] == "close", repr(self)
            assert error["code"], repr(self)
            assert error["title"], repr(self)
            return f"close {error['code']}"
        assert codes[0] in ENDED_BY_LIBRARY or self.mutator.says_goodbye, repr(self)
        return f"websocket {codes[0]}"


async def watch(url: str, kinds: Counter[str]) -> None:
    """An original in the attacked tenant: it is sent what it knows, and no node that is not whole."""
    async with connect(f"{url}?token=fuzz", compression=None, max_size=None) as websocket:
        await websocket.send(json.dumps({"type": "open", "nodeId": "watcher"}))
        await websocket.send(json.dumps({"type": "subscribe"}))
        async for frame in websocket:
            message = json.loads(frame)
            kinds[message["type"]] += 1
            assert message["type"] in KNOWN
            if message["type"] in ("active", "expire"):
                keys = ("id", "service", "version", "address")
                assert all(isinstance(message["node"][key], str) and message["node"][key] for key in keys), frame


async def is_served(url: str, number: int) -> None:
    """A client as any other registers, hears of it, and has a log stored."""
    async with asyncio.timeout(WITHIN_S), connect(f"{url}?token=good", compression=None) as websocket:
        await websocket.send(json.dumps({"type": "open", "nodeId": "good"}))
        await websocket.send(json.dumps(active("good", f"http://{number}")))
        await websocket.send(json.dumps(log(number, node="good")))
        wanted = {"open", "active", "logack"}
        async for frame in websocket:
            wanted.discard(json.loads(frame)["type"])
            if not wanted:
                return


@pytest.mark.timeout(240 + FRAMES // 50)
@pytest.mark.asyncio
async def test_damaged_frames_and_handshakes_do_no_harm(tmp_path: Path) -> None:
    """Each connection ends with one clear word, or is served; the others are served; memory is flat; no traceback."""
    messages()  # Made before the clock runs: it takes seconds.
    with server(tmp_path, "--http", "--grace", "0.2", "--logs-per-second-max", "1000000") as running:
        web = running.ready["http"].replace("http:", "ws:") + "rtp"
        kinds: Counter[str] = Counter()
        watcher = asyncio.create_task(watch(running.url, kinds))
        verdicts: Counter[str] = Counter()
        numbers = iter(range(FRAMES))
        done, checks, early_bytes = 0, 0, 0

        async def attack() -> None:
            nonlocal done, early_bytes
            for number in numbers:
                if done >= FRAMES:
                    return
                is_web = number % 2 == 1
                one = Attack(web if is_web else running.url, number, is_web=is_web)
                await one.run()
                verdicts[one.verdict()] += 1
                done += len(one.sent) - (not one.is_bad_handshake)
                if not early_bytes and done > FRAMES / 3:
                    early_bytes = resident_bytes(running.process.pid)

        attackers = [asyncio.create_task(attack()) for _ in range(CONNECTIONS)]
        while not all(one.done() for one in attackers):
            await is_served(running.url, checks)
            checks += 1
            await asyncio.sleep(0.2)
        await asyncio.gather(*attackers)
        await is_served(running.url, checks)
        growth = resident_bytes(running.process.pid) - early_bytes
        print(json.dumps({"frames": done, "verdicts": dict(verdicts), "growth_bytes": growth, "watched": kinds}))
        assert not watcher.done() or watcher.result() is None
        watcher.cancel()
        assert growth < GROWTH_MAX_BYTES
        assert await asyncio.to_thread(running.terminate) == 0
        assert "Traceback" not in running.log.read_text()
        folders = [path for path in running.data.iterdir() if path.is_dir()]
        stored = [[one.sequence for one in stored_logs(folder) if one.node == "good"] for folder in folders]
        assert list(range(checks + 1)) in stored, "what was acknowledged is stored"
        assert {kind.partition(" ")[0] for kind in verdicts} == {"handshake", "served", "close", "websocket"}
