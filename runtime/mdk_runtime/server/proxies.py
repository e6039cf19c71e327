"""Who asks, where a proxy stands between: only what a proxy that is trusted says counts, anybody else could say it, too."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final, TypeAlias

HOPS_MAX: Final = 20
"""Addresses that are looked at, from the end: there are no more proxies in a row."""

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class TrustedProxies:
    """Proxies that end TLS or spread connections, and say for whom in `X-Forwarded-For` and `X-Forwarded-Proto`.

    Args:
        networks: Of their addresses, such as `10.0.0.0/8` or `::1`.
    """

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks: tuple[Network, ...] = tuple(map(ipaddress.ip_network, networks))

    def address(self, peer: str, forwarded_for: Iterable[str]) -> str:
        """The address of who asks.

        Each proxy adds the address that it was asked from at the end, so the last one that is no proxy's counts: what stands
        before it, its sender has made up.

        Args:
            peer: Who is connected.
            forwarded_for: The values of `X-Forwarded-For`.
        """
        asking = peer
        found = _address(peer)
        hops = ",".join(forwarded_for).split(",")[-HOPS_MAX:]
        while found is not None and self._are(found) and hops:
            found = _address(hops.pop())
            if found is not None:
                asking = str(found)
        return asking

    def is_https(self, peer: str, forwarded_proto: str | None) -> bool:
        """True if a proxy says that it was asked by https."""
        found = _address(peer)
        return found is not None and self._are(found) and _last(forwarded_proto or "").lower() in ("https", "wss")

    def _are(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _last(values: str) -> str:
    return values.rpartition(",")[2].strip()


def _address(text: str) -> Address | None:
    """Of `10.0.0.1`, `10.0.0.1:4711`, `::1`, `[::1]`, `[::1]:4711`; None if it is none, as `unknown`."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return found if mapped is None else mapped
