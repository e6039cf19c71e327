"""Tests of mdk_runtime.config."""

from __future__ import annotations

import pytest

from mdk_runtime.config import Config, read_config
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.errors import ConfigurationError


def test_nothing_set() -> None:
    """Without any variable there is a server on this machine, and no token."""
    config = read_config({})
    assert config == Config()
    assert config.connection_urls == ["ws://127.0.0.1:8765/rtp"]


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"DATAWIRE_TOKEN": "tok"}, "ws://127.0.0.1:8765/rtp?token=tok"),
        ({"MDK_DISCOVERY_SOURCE": "datawire:tok"}, "ws://127.0.0.1:8765/rtp?token=tok"),
        ({"MDK_DISCOVERY_SOURCE": "datawire:other", "DATAWIRE_TOKEN": "tok"}, "ws://127.0.0.1:8765/rtp?token=tok"),
        ({"DATAWIRE_TOKEN": "a b&c#d/é"}, "ws://127.0.0.1:8765/rtp?token=a%20b%26c%23d%2F%C3%A9"),
        ({"MDK_SERVER_URL": "wss://mdk.example/rtp", "DATAWIRE_TOKEN": "t"}, "wss://mdk.example/rtp?token=t"),
        ({"MDK_SERVER_URL": "ws://h:1/rtp?x=1", "DATAWIRE_TOKEN": "t"}, "ws://h:1/rtp?x=1&token=t"),
        ({"MDK_SERVER_URL": "ws://h:1/rtp"}, "ws://h:1/rtp"),
        ({"MDK_DISCOVERY_SOURCE": "static:nodes=[]"}, None),
        ({"MDK_DISCOVERY_SOURCE": "synapse:path=/x", "MDK_SERVER_URL": "ws://h:1/rtp"}, None),
        ({"MDK_DISCOVERY_SOURCE": "static:nodes=[]", "DATAWIRE_TOKEN": "t"}, "ws://127.0.0.1:8765/rtp?token=t"),
    ],
)
def test_where_it_connects(variables: dict[str, str], url: str | None) -> None:
    """DATAWIRE_TOKEN wins; the token is escaped; static and synapse without a token connect to nothing."""
    assert read_config(variables).connection_urls == ([url] if url else [])


def test_the_rest() -> None:
    """Each variable has its place."""
    config = read_config(
        {
            "MDK_ENVIRONMENT": "parent:child",
            "MDK_FAILURE_POLICY": "recording",
            "MDK_EXPERIMENTAL": "1",
            "MDK_LOG_MESSAGES": "1",
            "MDK_PING": "2.5",
            "MDK_FOLLOW": "used",
            "MDK_DISCOVERY_SOURCE": "synapse:path=/some=where",
            "DATAWIRE_ROUTABLE_HOST": "example.org",
            "DATAWIRE_ROUTABLE_PORT": "80",
        }
    )
    assert config.environment == Environment("child", "parent")
    assert config.breaker.trips is False
    assert config.experimental
    assert config.log_messages
    assert (config.ping_s, config.follows_all) == (2.5, False)
    assert (read_config({}).ping_s, read_config({}).follows_all) == (20.0, True)
    assert config.synapse_path == "/some=where"
    assert config.routable_address == "http://example.org:80"
    assert read_config({"DATAWIRE_ROUTABLE_HOST": "h"}).routable_address == "http://h"


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        (
            {"MDK_SERVER_URL": "http://h/rtp"},
            "MDK_SERVER_URL='http://h/rtp' cannot be used; expected a WebSocket URL such as ws://127.0.0.1:8765/rtp",
        ),
        (
            {"MDK_SERVER_URL": "ws://h:port/rtp"},
            "MDK_SERVER_URL='ws://h:port/rtp' cannot be used; expected a WebSocket URL such as ws://127.0.0.1:8765/rtp",
        ),
        (
            {"MDK_ENVIRONMENT": "a:b:c"},
            "MDK_ENVIRONMENT='a:b:c' cannot be used; expected NAME, or FALLBACK:NAME",
        ),
        (
            {"MDK_PING": "0"},
            "MDK_PING='0' cannot be used; expected seconds, more than 0",
        ),
        (
            {"MDK_PING": "soon"},
            "MDK_PING='soon' cannot be used; expected seconds, more than 0",
        ),
        (
            {"MDK_FOLLOW": "some"},
            "MDK_FOLLOW='some' cannot be used; expected all, or used",
        ),
        (
            {"MDK_FAILURE_POLICY": "none"},
            "MDK_FAILURE_POLICY='none' cannot be used; expected recording, or nothing for circuit breakers",
        ),
        (
            {"MDK_DISCOVERY_SOURCE": "consul:x"},
            "MDK_DISCOVERY_SOURCE='consul:x' cannot be used; "
            "expected datawire:TOKEN, static:nodes=[{...}, ...] or synapse:path=DIRECTORY",
        ),
        (
            {"MDK_DISCOVERY_SOURCE": "synapse:/x"},
            "MDK_DISCOVERY_SOURCE='synapse:/x' cannot be used; expected synapse:path=DIRECTORY",
        ),
        (
            {"MDK_DISCOVERY_SOURCE": "static:nodes=[{}]"},
            "MDK_DISCOVERY_SOURCE='static:nodes=[{}]' cannot be used; expected static:nodes=["
            '{"service": "hello", "version": "1.0", "address": "http://127.0.0.1:7000"}, ...] '
            "(no service and address in {})",
        ),
        (
            {"DATAWIRE_ROUTABLE_HOST": "h", "DATAWIRE_ROUTABLE_PORT": "x"},
            "DATAWIRE_ROUTABLE_PORT='x' cannot be used; expected a port number",
        ),
    ],
)
def test_what_cannot_be_used(variables: dict[str, str], text: str) -> None:
    """A bad value is named with its variable and with what would be right."""
    with pytest.raises(ConfigurationError) as caught:
        read_config(variables)
    assert str(caught.value) == text


@pytest.mark.parametrize("source", ["static:", "static:nodes=", "static:nodes={}", "static:x=[]"])
def test_bad_static_nodes(source: str) -> None:
    """What is no JSON list of nodes is refused."""
    with pytest.raises(ConfigurationError, match="MDK_DISCOVERY_SOURCE"):
        read_config({"MDK_DISCOVERY_SOURCE": source})
