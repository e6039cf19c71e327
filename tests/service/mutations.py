"""What a hostile or broken client might send: the captures and the spec's vectors, damaged. The same for the same seed."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

from conformance import captures
from conformance.specs import spec_of
from mdk_protocol.tables import SESSION_SERVER
from mdkgen.vectors.render import render
from service.raw_socket import CLOSE, TEXT, framed

ODD: tuple[str, ...] = (
    "null", "true", "-1", "0", "1e400", "NaN", "-Infinity", "18446744073709551616", "1.5", '""', '"x"', "[]", "{}",
    '"\\ud800"', '"\\u0000"', "[[[[[[]]]]]]", '{"a":{"a":{"a":null}}}', '"' + "y" * 5000 + '"', "[" * 300 + "]" * 300,
    "2147483648", "-9223372036854775809", '"INFO"', '"2.0.0"', "[null]", "1" * 400,
)  # fmt: skip
"""Values where others belong, as JSON or nearly so."""
MARK = "\ue000odd\ue000"
"""Stands for one of them until the message is a text."""
OPCODES = (0, 2, 3, 7, 8, 9, 10, 11, 15)
DAMAGES_MAX = 3
STYLES, WEIGHTS = ("json", "text", "torn", "bytes", "frames"), (55, 15, 10, 10, 10)
"""What a connection's frames suffer. Bytes and frames soon end it, so that what follows is not looked at."""


@cache
def messages() -> tuple[str, ...]:
    """Frames of originals and of ours, whole."""
    captured = [frame.text for name in captures.names() for frame in captures.frames(name) if frame.from_client]
    vectors = json.loads(render(spec_of("mdk_protocol"))["vectors.json"])
    good = [one for one in vectors["good"] if one["message"] in SESSION_SERVER.receives]
    made = [one["frame"] for one in good if isinstance(one["frame"], str)]
    return tuple(text for text in (*captured, *made) if len(text) < 20_000)


@cache
def openings() -> tuple[str, ...]:
    """First frames: of originals, and of ours."""
    ours = json.dumps({"type": "open", "nodeId": "fuzz", "properties": {"mdkRevision": 1}})
    originals = [text for text in messages() if '"type":"open"' in text]
    return (*originals[:3], ours, ours)


class Mutator:
    """Damages frames and handshakes.

    Args:
        seed: The same seed, the same damage.
    """

    def __init__(self, seed: str) -> None:
        self.dice = random.Random(seed)
        self.says_goodbye = False
        """Some frame may be read as the client's own end."""
        self.style = self.dice.choices(STYLES, WEIGHTS)[0]

    def opening(self) -> bytes:
        """A greeting, mostly a good one."""
        text = self.dice.choice(openings())
        return framed(text.encode()) if self.dice.random() < 0.9 else self.frame()

    def frame(self) -> bytes:
        """One frame, damaged or whole."""
        text = self.dice.choice(messages())
        if self.style == "torn":  # None of them is JSON, which the server puts up with so many times.
            return framed(text[: self.dice.randrange(len(text))].encode())
        self.says_goodbye |= "close" in text.lower()
        if self.style == "text":
            return framed(self._as_text(text).encode("utf-8", "replace"))
        text = self._as_json(text)
        self.says_goodbye |= "close" in text.lower()
        payload = text.encode("utf-8", "surrogatepass")
        if self.style == "bytes" and self.dice.random() < 0.5:
            payload = self._as_bytes(payload)
        return self._as_frame(payload) if self.style == "frames" and self.dice.random() < 0.2 else framed(payload)

    def handshake(self, good: bytes) -> bytes:
        """A request: lines gone, doubled, swapped or made long, or bytes damaged; it still ends."""
        lines = good.rstrip(b"\r\n").split(b"\r\n")
        act = self.dice.randrange(5)
        at = self.dice.randrange(len(lines))
        if act == 0:
            del lines[at]
        elif act == 1:
            lines.insert(at, self.dice.choice(lines))
        elif act == 2:
            self.dice.shuffle(lines)
        elif act == 3:
            lines[at] += self.dice.choice((b"x" * 9000, b"\x00", b"\xff", b": :", b"\t", b"\n\n"))
        else:
            return self._as_bytes(good) + b"\r\n\r\n"
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _as_json(self, text: str) -> str:
        try:
            message = json.loads(text)
        except ValueError:
            return text
        for _ in range(self.dice.randint(0, DAMAGES_MAX)):
            self._damage(message)
        said = json.dumps(message)
        while json.dumps(MARK) in said:
            said = said.replace(json.dumps(MARK), self.dice.choice(ODD), 1)
        if self.dice.random() < 0.05:  # Every key twice.
            said = said[:-1] + "," + said[1:] if said.startswith("{") and len(said) > 2 else said
        return said

    def _damage(self, value: Any) -> None:
        """Somewhere in a message: a value is an odd one, a key is gone, another message's part is there."""
        while isinstance(value, dict | list) and value:
            key: Any = self.dice.choice(list(value)) if isinstance(value, dict) else self.dice.randrange(len(value))
            inner = value[key]
            if isinstance(inner, dict | list) and inner and self.dice.random() < 0.7:
                value = inner
                continue
            act = self.dice.randrange(5)
            if act == 0:
                del value[key]
            elif act == 1 and isinstance(value, dict):
                value[self.dice.choice(("type", "node", "x", "", "sequence"))] = inner
            elif act == 2:
                value[key] = json.loads(self.dice.choice(messages()))
            else:
                value[key] = MARK
            return

    def _as_text(self, text: str) -> str:
        """Cut, doubled or filled up, but still a text: nothing for the WebSocket library to complain about."""
        at, end = sorted(self.dice.randrange(len(text) + 1) for _ in range(2))
        middle = self.dice.choice(("", text[at:end] * 2, self.dice.choice(ODD), "\x00\u2028", '"', "}", "\\"))
        return text[:at] + middle + text[end:]

    def _as_bytes(self, data: bytes) -> bytes:
        damaged = bytearray(data)
        for _ in range(self.dice.randint(1, DAMAGES_MAX)):
            at, end = sorted(self.dice.randrange(len(damaged) + 1) for _ in range(2))
            act = self.dice.randrange(5)
            if act == 0:
                damaged[at : at + 1] = self.dice.randbytes(1)
            elif act == 1:
                del damaged[at:end]
            elif act == 2:
                damaged[at:at] = damaged[at:end][:2000]
            elif act == 3:
                damaged[at:at] = self.dice.randbytes(self.dice.randint(1, 20))
            else:
                del damaged[at:]
        return bytes(damaged)

    def _as_frame(self, payload: bytes) -> bytes:
        """Another kind of frame, in pieces, with reserved bits, without a mask, too long for a control frame."""
        act = self.dice.randrange(5)
        if act in (0, 4):
            opcode = self.dice.choice(OPCODES if act == 0 else OPCODES[4:])
            self.says_goodbye |= opcode == CLOSE
            return framed(payload[:200] if act == 4 else payload, opcode=opcode, fin=self.dice.random() < 0.7)
        if act == 1:
            cut = self.dice.randrange(len(payload) + 1)
            first = framed(payload[:cut], fin=False)
            return first + framed(payload[cut:], opcode=self.dice.choice((0, 0, 0, TEXT)))
        whole = bytearray(framed(payload))
        if act == 2:
            whole[0] |= self.dice.choice((0x40, 0x20, 0x10))
        else:
            whole[1] &= 0x7F
        return bytes(whole)
