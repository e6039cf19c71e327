"""Whose address counts behind proxies, and whether it asked by https."""

from __future__ import annotations

import pytest

from mdk_runtime.server.proxies import HOPS_MAX, TrustedProxies

PROXIES = TrustedProxies(["10.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "address"),
    [
        ("10.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["6.6.6.6, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["6.6.6.6", "192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", ["6.6.6.6, 192.0.2.7, 10.9.9.9"], "192.0.2.7"),
        ("::ffff:10.0.0.1", ["::ffff:192.0.2.7"], "192.0.2.7"),
        ("::1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["192.0.2.7:4711"], "192.0.2.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["6.6.6.6, unknown, 10.9.9.9"], "10.9.9.9"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("192.0.2.1", ["192.0.2.7"], "192.0.2.1"),
        ("192.0.2.1", ["10.0.0.1"], "192.0.2.1"),
        ("", ["192.0.2.7"], ""),
    ],
)
def test_the_last_that_is_no_proxy_counts(peer: str, forwarded_for: list[str], address: str) -> None:
    """What a proxy that is trusted adds is believed, and nothing that its sender has made up before it."""
    assert PROXIES.address(peer, forwarded_for) == address
    assert TrustedProxies().address(peer, forwarded_for) == peer, "unless it is said, nobody is trusted"


def test_hops_are_bounded() -> None:
    """A list without end is looked at from its end, so far and no farther."""
    many = ["192.0.2.7", *["10.0.0.1"] * (HOPS_MAX - 1)]
    assert PROXIES.address("10.0.0.1", many) == "192.0.2.7"
    assert PROXIES.address("10.0.0.1", [*many, "10.0.0.1"]) == "10.0.0.1"


@pytest.mark.parametrize(
    ("peer", "said", "is_https"),
    [
        ("10.0.0.1", "https", True),
        ("10.0.0.1", "HTTPS", True),
        ("10.0.0.1", "wss", True),
        ("10.0.0.1", "http, https", True),
        ("10.0.0.1", "https, http", False),
        ("10.0.0.1", "http", False),
        ("10.0.0.1", None, False),
        ("192.0.2.1", "https", False),
    ],
)
def test_https_is_said_by_a_proxy(peer: str, said: str | None, is_https: bool) -> None:
    """By the last one, and only by one that is trusted."""
    assert PROXIES.is_https(peer, said) is is_https
