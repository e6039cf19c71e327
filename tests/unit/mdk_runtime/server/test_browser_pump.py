"""A browser's connection, without a browser."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest
from starlette.websockets import WebSocket, WebSocketDisconnect

from mdk_protocol.messages import Open
from mdk_runtime.core.server.tenant import Tenant
from mdk_runtime.server.http.rtp import BrowserPump


class Browser:
    """Says all that it has to say at once."""

    def __init__(self, *said: dict[str, Any]) -> None:
        self.said = [json.dumps(one) for one in said]
        self.heard: list[dict[str, Any]] = []
        self.is_closed = False

    async def receive(self) -> dict[str, Any]:
        """The next frame, without waiting."""
        if self.said:
            return {"type": "websocket.receive", "text": self.said.pop(0)}
        await asyncio.Event().wait()
        raise AssertionError

    async def send_text(self, text: str) -> None:
        """Hear it."""
        if self.is_closed:
            raise WebSocketDisconnect
        self.heard.append(json.loads(text))

    async def close(self) -> None:
        """The end."""
        self.is_closed = True


@pytest.mark.asyncio
async def test_a_browser_that_is_wrong_from_the_start_is_told_so() -> None:
    """Hung up on before anything was written: the `close` that says why is written all the same."""
    browser = Browser({"type": "open", "nodeId": "n1"}, {"type": "logack", "sequence": 1})
    may_read = asyncio.Event()
    may_read.set()
    connection = Tenant(Open(mdk_version="test")).connect()
    async with asyncio.timeout(60):
        await BrowserPump(connection.endpoint, cast("WebSocket", browser), may_read).run()
    assert [one["type"] for one in browser.heard] == ["open", "close"]
    assert browser.heard[1]["error"]["code"] == "illegal_message"
    assert browser.is_closed
