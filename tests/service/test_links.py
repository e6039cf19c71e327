"""Links over real sockets on loopback: the toy protocol, both ends in one loop."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
import trustme
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

from mdkspec_runtime.endpoint import Endpoint
from mdkspec_runtime.leases import SharedLeases
from mdkspec_runtime.links import driver
from mdkspec_runtime.links.aio import ClientLink, Handshake, Refusal, serve
from unit.mdkspec_runtime.toy import SERVER, Answer, Ask, Client, Handler, Post, Server

WITHIN_S = 60.0


async def until(condition: Callable[[], Any]) -> None:
    """Wait for what must come true soon."""
    async with asyncio.timeout(WITHIN_S):
        while not condition():  # noqa: ASYNC110  # conditions of every kind, none with an event of its own
            await asyncio.sleep(0.005)


class Place:
    """A server of the toy protocol that remembers its endpoints."""

    def __init__(self) -> None:
        self.handler = Handler()
        self.shared = SharedLeases(SERVER, self.handler)
        self.servers: list[Server] = []
        self.ended: list[Endpoint] = []
        self.handshakes: list[Handshake] = []

    def accept(self, handshake: Handshake) -> Endpoint | Refusal:
        """Every handshake but one with a bad token."""
        self.handshakes.append(handshake)
        if handshake.query == "token=bad":
            return Refusal(HTTPStatus.UNAUTHORIZED, "bad_token", "the token is not one")
        self.servers.append(Server(self.handler, self.shared))
        return self.servers[-1]

    def serve(self, port: int = 0) -> Any:
        """The listener, as a context."""
        return serve(self.accept, "127.0.0.1", port, path="/toy", message_bytes_max=2000, ended=self.ended.append)


def now() -> float:
    """The loop's time."""
    return asyncio.get_running_loop().time()


@pytest.mark.asyncio
async def test_client_and_server_talk_and_part() -> None:
    """Hello, welcome, a post and its ack; after stop the client's run ends and the server has read all."""
    place, client = Place(), Client(Handler())
    async with place.serve() as listener:
        running = asyncio.create_task(ClientLink(client, f"ws://127.0.0.1:{listener.port}/toy?token=x").run())
        await until(lambda: client.state("Work"))
        client.deliver("posts", Post(text="x"), now=now())
        await until(lambda: ("posted", Post(text="x", number=0)) in place.handler.told)
        place.servers[0].acknowledge("posts", 0, now=now())
        await until(lambda: client.outbox("posts").count == 0)
        client.deliver("posts", Post(text="last"), now=now())
        client.stop(now=now())
        await asyncio.wait_for(running, WITHIN_S)
        assert ("posted", Post(text="last", number=1)) in place.handler.told
        await until(lambda: place.ended)
    assert place.handshakes[0].query == "token=x"


@pytest.mark.asyncio
async def test_a_client_comes_back_and_sends_again() -> None:
    """A server that goes away and comes back gets what was not acknowledged."""
    first, client = Place(), Client(Handler())
    async with first.serve() as listener:
        port = listener.port
        running = asyncio.create_task(ClientLink(client, f"ws://127.0.0.1:{port}/toy").run())
        await until(lambda: client.state("Work"))
        client.deliver("posts", Post(text="x"), now=now())
        await until(lambda: len(first.handler.told) > 1)
    await until(lambda: not client.is_connected)
    second = Place()
    async with second.serve(port):
        await until(lambda: ("posted", Post(text="x", number=0)) in second.handler.told)
        client.stop(now=now())
        await asyncio.wait_for(running, WITHIN_S)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/toy?token=bad", {}, 401),
        ("/other", {}, 404),
        ("/toy", {"Origin": "http://example.com"}, 403),
        ("/toy", {"Origin": "null"}, 403),
    ],
)
async def test_refusals_come_before_the_connection(target: str, headers: dict[str, str], status: int) -> None:
    """As HTTP, with a JSON body; no endpoint is made."""
    place = Place()
    async with place.serve() as listener:
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://127.0.0.1:{listener.port}{target}", additional_headers=headers)
    assert caught.value.response.status_code == status
    assert b'{"error": ' in (caught.value.response.body or b"")
    assert not place.servers


@pytest.mark.asyncio
async def test_an_origin_of_its_own_scheme_is_let_in() -> None:
    """Original clients send their own ws URL as Origin."""
    place = Place()
    async with place.serve() as listener:
        url = f"ws://127.0.0.1:{listener.port}/toy"
        async with connect(url, additional_headers={"Origin": url}) as peer:
            await peer.send('{"type":"hello","name":"ada"}')
            assert await asyncio.wait_for(peer.recv(), WITHIN_S) == '{"type":"welcome","members":[]}'


@pytest.mark.asyncio
async def test_a_bad_peer_is_answered_by_the_policy() -> None:
    """Binary and malformed frames are dropped; the third in a row is answered with `bye` and a close of 1000."""
    place = Place()
    async with place.serve() as listener, connect(f"ws://127.0.0.1:{listener.port}/toy") as peer:
        for frame in (b"binary", "{", "x" * 3000):
            await peer.send(frame)
        assert "malformed_messages" in str(await asyncio.wait_for(peer.recv(), WITHIN_S))
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(peer.recv(), WITHIN_S)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1000
    assert place.servers[0].counters.malformed == 3


@pytest.mark.asyncio
async def test_a_huge_frame_is_cut_before_it_is_read() -> None:
    """Beyond twice the limit the library closes with 1009."""
    place = Place()
    async with place.serve() as listener, connect(f"ws://127.0.0.1:{listener.port}/toy") as peer:
        await peer.send("x" * 5000)
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(peer.recv(), WITHIN_S)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


@pytest.mark.asyncio
async def test_an_error_of_the_application_is_logged_and_the_connection_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One message's failure is not the connection's."""
    place, client = Place(), Client(Handler())
    place.handler.raises["posted"] = ValueError("application")
    async with place.serve() as listener:
        running = asyncio.create_task(ClientLink(client, f"ws://127.0.0.1:{listener.port}/toy").run())
        await until(lambda: client.state("Work"))
        with caplog.at_level(logging.ERROR):
            client.deliver("posts", Post(text="one"), now=now())
            client.deliver("posts", Post(text="two"), now=now())
            await until(lambda: len([event for event in place.handler.told if event[0] == "posted"]) == 2)
        client.stop(now=now())
        await asyncio.wait_for(running, WITHIN_S)
    assert "the application failed on a message; the connection goes on" in caplog.text
    assert len(place.servers) == 1


@pytest.mark.asyncio
async def test_closing_writes_what_is_to_be_written() -> None:
    """What an endpoint was told to send before the close arrives."""
    place = Place()
    async with place.serve() as listener:
        async with connect(f"ws://127.0.0.1:{listener.port}/toy") as peer:
            await peer.send('{"type":"hello","name":"ada"}')
            assert await asyncio.wait_for(peer.recv(), WITHIN_S)
            place.servers[0].call("Talk", "leave", now=now())
            await listener.close()
            assert await asyncio.wait_for(peer.recv(), WITHIN_S) == '{"type":"bye","code":"left","title":""}'
        assert listener.connections == 0


@pytest.mark.asyncio
async def test_a_timer_of_the_server_runs() -> None:
    """`beat` comes by itself, by the endpoint's deadline."""
    place = Place()

    def accept(handshake: Handshake) -> Endpoint:
        return Endpoint(SERVER, place.handler, params={"beat": 0.05}, shared=place.shared)

    async with (
        serve(accept, "127.0.0.1", 0, path="/toy", message_bytes_max=2000) as listener,
        connect(f"ws://127.0.0.1:{listener.port}/toy") as peer,
    ):
        await peer.send('{"type":"hello","name":"ada"}')
        got = [await asyncio.wait_for(peer.recv(), WITHIN_S) for _ in range(3)]
    assert got[1:] == ['{"type":"beat"}'] * 2


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("variable", "proxy", "reason"),
    [
        ("http_proxy", "nonsense://127.0.0.1:1", "nonsense://127.0.0.1:1 isn't a valid proxy"),
        ("socks_proxy", "socks5://127.0.0.1:1", "connecting through a SOCKS proxy requires python-socks"),
    ],
)
async def test_a_proxy_that_cannot_be_used_is_a_failed_attempt(
    variable: str, proxy: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the environment says of proxies may be wrong: that is named, and tried again; it does not end the link."""
    monkeypatch.setenv(variable, proxy)
    monkeypatch.setenv("no_proxy", "")
    client = Client(Handler())
    link = ClientLink(client, "ws://127.0.0.1:1/toy")
    running = asyncio.ensure_future(link.run())
    await until(lambda: link.failure or running.done())
    assert link.failure.startswith(reason)
    assert client.connect_at is not None
    client.stop(now=now())
    await asyncio.wait_for(running, WITHIN_S)


@pytest.mark.asyncio
async def test_text_that_is_not_utf8_ends_the_connection() -> None:
    """RFC 6455, section 8.1, wants that: such a frame never comes to the policy on malformed messages."""
    place = Place()
    async with place.serve() as listener, connect(f"ws://127.0.0.1:{listener.port}/toy") as peer:
        await peer.send(b'{"type":"hello","name":"\xff"}', text=True)
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(peer.recv(), WITHIN_S)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1007
    await until(lambda: place.ended)


@pytest.mark.asyncio
async def test_a_peer_that_does_not_read_is_cut_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound on unread output the connection ends within seconds, though nothing can be written any more."""
    monkeypatch.setattr(driver, "HANGUP_WITHIN_S", 0.2)
    place = Place()
    async with place.serve() as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port, limit=1024)
        writer.write(
            b"GET /toy HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        hello = b'{"type":"hello","name":"a"}'
        writer.write(bytes([0x81, 0x80 | len(hello), 0, 0, 0, 0]) + hello)
        await until(lambda: place.servers and place.servers[0].state("Work") == "Busy")
        server = place.servers[0]
        while not server.counters.overruns:
            for _ in range(100):
                server.reply("ask", Ask(request=1), Answer(text="x" * 1900), now=now())
            await asyncio.sleep(0)  # The writer fills the socket, then waits for ever.
        await until(lambda: place.ended)
        writer.transport.abort()


@pytest.mark.asyncio
async def test_a_link_that_is_cancelled_while_it_says_goodbye() -> None:
    """A peer that does not answer the goodbye cannot hold it up: the connection is cut, and the endpoint knows it."""
    client, peers = Client(Handler()), asyncio.Queue[ServerConnection]()

    async def is_silent(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        peers.put_nowait(connection)
        await connection.wait_closed()

    async with serve_websockets(is_silent, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        running = asyncio.create_task(ClientLink(client, f"ws://127.0.0.1:{port}/toy").run())
        peer = await asyncio.wait_for(peers.get(), WITHIN_S)
        await until(lambda: client.is_connected)
        for _ in range(2):
            running.cancel()
            await asyncio.sleep(0.05)
        await asyncio.wait([running], timeout=WITHIN_S)
        assert running.cancelled()
        assert not client.is_connected
        peer.transport.resume_reading()
        await asyncio.wait_for(peer.wait_closed(), WITHIN_S)


@pytest.mark.asyncio
async def test_a_handshake_of_tls_takes_no_longer_than_any_other() -> None:
    """Who connects and says nothing is cut, before there is a connection that could be asked for a request."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    accepting = serve(
        Place().accept, "127.0.0.1", 0, path="/toy", message_bytes_max=2000, ssl=context, open_timeout_s=0.2
    )
    async with accepting as listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
        async with asyncio.timeout(30):  # The loop's own time for it is 60 s.
            assert await reader.read() == b""
        writer.close()
