"""How often an address may show tokens that are refused, without I/O."""

from __future__ import annotations

import hashlib
import ipaddress
from collections import OrderedDict

ADDRESSES_MAX = 10_000
"""Addresses that are remembered; those that failed longest ago make room."""
GOOD_MAX = 10_000
"""Tokens that are remembered for having been let in."""
WINDOW_S = 60.0


class Attempts:
    """Counts refused tokens of each address.

    An address may fail so often at once, and so often a minute. Past that it has to wait, whatever it shows; but a token
    that was good before is looked at all the same, so one wrong program does not shut out the others of its machine.

    Args:
        failures_max: A minute; 0 counts nothing.
    """

    def __init__(self, failures_max: int) -> None:
        self._failures_max = failures_max
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Address to how many failures count still, and when that was so; the one that failed last stands last."""
        self._good: OrderedDict[bytes, None] = OrderedDict()
        """Hashes of tokens; the one used last stands last."""

    def __len__(self) -> int:
        return len(self._failures)

    def wait_s(self, address: str, token: str, *, now: float) -> float:
        """How long the address has to wait before it may show this token; 0 if it need not."""
        if not self._failures_max or _digest(token) in self._good:
            return 0.0
        too_many = self._level(_network(address), now) + 1.0 - self._failures_max
        return max(0.0, too_many * WINDOW_S / self._failures_max)

    def failed(self, address: str, token: str, *, now: float) -> None:
        """A token was refused."""
        if not self._failures_max:
            return
        self._good.pop(_digest(token), None)
        network = _network(address)
        level = self._level(network, now) + 1.0
        self._failures.pop(network, None)
        if len(self._failures) >= ADDRESSES_MAX:
            self._failures.popitem(last=False)
        self._failures[network] = (level, now)

    def succeeded(self, token: str) -> None:
        """A token was let in."""
        if not self._failures_max:
            return
        digest = _digest(token)
        self._good.pop(digest, None)
        if len(self._good) >= GOOD_MAX:
            self._good.popitem(last=False)
        self._good[digest] = None

    def _level(self, network: str, now: float) -> float:
        level, at = self._failures.get(network, (0.0, now))
        return max(0.0, level - (now - at) * self._failures_max / WINDOW_S)


def _network(address: str) -> str:
    """Of an IPv6 address the /64, which one customer has whole."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
