"""Tokens, tenants, settings, and the request line of an original."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
from websockets.datastructures import Headers

from mdk_runtime.errors import MDKError
from mdk_runtime.server.application import raise_descriptor_limit
from mdk_runtime.server.connections import with_escaped_blanks
from mdk_runtime.server.errors import (
    CannotListen,
    DataFolderUnusable,
    ListenRefused,
    ReadyFileUnusable,
    ServerError,
)
from mdk_runtime.server.handshake import refusal_of, token_of
from mdk_runtime.server.settings import Settings, default_data_folder, is_loopback
from mdkspec_runtime.links.aio import Handshake
from unit.mdk_runtime.server.hubs import UPGRADE


@pytest.mark.parametrize(
    ("query", "authorization", "token"),
    [
        ("token=abc", "", "abc"),
        ("token=a%20b", "", "a b"),
        ("token=a b", "", "a b"),
        ("token=a+b", "", "a+b"),
        ("token=a#b", "", "a"),
        ("token=a b&c=d", "", "a b"),
        ("x=1&token=abc", "", "abc"),
        ("", "Bearer abc", "abc"),
        ("token=", "bearer  abc ", "abc"),
        ("token=query", "Bearer header", "query"),
        ("", "Basic abc", ""),
        ("", "", ""),
    ],
)
def test_where_a_token_stands(query: str, authorization: str, token: str) -> None:
    """In the query, escaped by ours and as it is by originals, cut at `#` and `&`; or in a header."""
    assert token_of(query, Headers({"Authorization": authorization} if authorization else {})) == token


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({}, None),
        ({"Origin": "ws://h:1/rtp?token=a b#c"}, None),
        ({"Origin": "WSS://h/rtp"}, None),
        ({"Origin": "http://h"}, "origin"),
        ({"Origin": "null"}, "origin"),
        ({"Origin": ""}, "origin"),
        ({"Upgrade": "h2c"}, "upgrade_required"),
        ({"Sec-WebSocket-Version": "8"}, "websocket_version"),
        ({"Sec-WebSocket-Key": ""}, "websocket_key"),
    ],
)
def test_who_is_let_in(change: dict[str, str], error: str | None) -> None:
    """Clients that say ws or nothing as their origin; what a browser sends is refused."""
    refusal = refusal_of(Handshake("/rtp", "", Headers(UPGRADE | change), ("127.0.0.1", 1)))
    assert (refusal.error if refusal else None) == error


@pytest.mark.parametrize("name", list(UPGRADE))
def test_a_header_that_comes_several_times(name: str) -> None:
    """It is one list: a reason to refuse, or none, but not to stumble."""
    headers = Headers(UPGRADE)
    headers[name] = headers[name]
    headers["Authorization"] = "Bearer a"
    headers["Authorization"] = "Bearer b"
    refusal = refusal_of(Handshake("/rtp", "", headers, ("127.0.0.1", 1)))
    assert (refusal.error if refusal else None) == ("websocket_version" if name == "Sec-WebSocket-Version" else None)
    assert token_of("", headers) == "a, Bearer b"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b"GET /rtp?token=a b&c=d HTTP/1.1\r\nA: b c\r\n", b"GET /rtp?token=a%20b&c=d HTTP/1.1\r\nA: b c\r\n"),
        (b"GET /rtp HTTP/1.1\r\n", b"GET /rtp HTTP/1.1\r\n"),
        (b"GET  HTTP/1.1\r\n", b"GET  HTTP/1.1\r\n"),
        (b"nonsense\r\n", b"nonsense\r\n"),
        (b"no end", b"no end"),
    ],
)
def test_blanks_of_a_request_line_are_escaped(sent: bytes, read: bytes) -> None:
    """Those of the target only; anything else is left for the library to refuse."""
    assert with_escaped_blanks(sent) == read


def test_only_this_machine_unless_told() -> None:
    """Without keys a server that others can reach trusts everyone: it says what to do instead."""
    for host in ("127.0.0.1", "::1", "localhost", "127.8.8.8"):
        assert is_loopback(host)
        Settings(host=host).check()
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org", ""):
        with pytest.raises(ListenRefused, match=r"listen on 127\.0\.0\.1, give --key, or say --insecure"):
            Settings(host=host).check()
        Settings(host=host, insecure=True).check()


def test_where_data_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the user's state folder."""
    monkeypatch.setenv("HOME", "/home/u")
    assert default_data_folder({}) == Path("/home/u/.local/state/mdk")
    assert default_data_folder({"XDG_STATE_HOME": "/state"}) == Path("/state/mdk")
    assert default_data_folder({"XDG_STATE_HOME": "relative"}) == Path("/home/u/.local/state/mdk")


def test_descriptors_are_what_the_system_allows() -> None:
    """The limit of the shell that started the server is not its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 500), hard))
        assert raise_descriptor_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_texts_of_errors() -> None:
    """What happened, with which values, and what would be right."""
    errors: list[ServerError] = [
        CannotListen("127.0.0.1", 80, "Permission denied"),
        CannotListen("::1", 80, "Address already in use", flag="--http-port"),
        DataFolderUnusable(Path("/d"), "another server uses it"),
        ReadyFileUnusable(Path("/f"), "No such file or directory"),
    ]
    assert all(isinstance(error, MDKError) for error in errors)
    assert [str(error) for error in errors] == [
        "cannot listen on 127.0.0.1 port 80: Permission denied; --port names another one, 0 any free one",
        "cannot listen on ::1 port 80: Address already in use; --http-port names another one, 0 any free one",
        "the data folder /d cannot be used: another server uses it; --data names another one",
        "the ready file /f cannot be written: No such file or directory",
    ]
