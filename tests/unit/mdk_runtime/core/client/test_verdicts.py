"""Tests of mdk_runtime.core.client.verdicts; what breakers do to resolving is in test_core.py."""

from __future__ import annotations

import threading

from mdk_protocol import messages
from unit.mdk_runtime.fakes import Clock, Listener, make_core, node_message


def test_what_is_told_last_is_how_it_stands() -> None:
    """Two threads move one breaker: the server is told of it in the order in which it moved."""

    class Slow(Listener):
        """Learns that a breaker has closed only when another thread has had time to open it again."""

        def breaker_changed(self, statuses: list[messages.BreakerStatus]) -> None:
            if statuses[0].state == messages.BreakerState.CLOSED:
                other.start()
                other.join(0.3)
            super().breaker_changed(statuses)

    listener = Slow()
    core = make_core(Clock(), listener)
    core.node_active(node_message("svc", "a"))

    def fail() -> None:
        for _ in range(3):
            core.verdicts.failed("a")

    other = threading.Thread(target=fail)
    fail()
    core.verdicts.succeeded("a")
    other.join()
    assert [one.state for one in listener.breakers] == ["OPEN", "CLOSED", "OPEN"]
