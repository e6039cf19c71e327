"""How long a connecting role waits before it tries again."""

from __future__ import annotations

from collections.abc import Callable

from mdkspec_runtime.tables import Reconnect


def no_jitter() -> float:
    """The middle of the range: waits are exactly what the policy says."""
    return 0.5


class Backoff:
    """Waits that grow while nothing works, and start anew when the peer has proved itself.

    Args:
        policy: The numbers of the specification.
        random: Answers a number from 0 to 1; spreads the clients that lost one server.
    """

    def __init__(self, policy: Reconnect, random: Callable[[], float]) -> None:
        self._policy = policy
        self._random = random
        self._next_s = policy.first_s

    def wait_s(self) -> float:
        """How long to wait now; the next wait will be longer."""
        wait_s = self._next_s
        self._next_s = min(wait_s * self._policy.factor, self._policy.longest_s)
        return wait_s * (1 + self._policy.jitter * (2 * self._random() - 1))

    def proved(self) -> None:
        """The peer said something sensible: the next wait is the first again.

        A connection alone proves nothing: a server may accept it only to close it.
        """
        self._next_s = self._policy.first_s
