"""The example of `derive` over a queue: the program, and its own test."""

from __future__ import annotations

from mdk_runtime.testing.server import TestServer as RunningServer
from service.programs import running


def test_every_receiver_gets_every_order(mdk_server: RunningServer) -> None:
    """In a trace of its own for each message and receiver."""
    assert mdk_server.url
    with running("examples/queue/orders.py") as program:
        assert program.finish() == 0, program.lines
    said = [line.partition(" in trace ") for line in program.lines]
    assert sorted(what for what, _, _ in said) == ["billing: cups", "billing: tea", "shipping: cups", "shipping: tea"]
    assert len({trace for _, _, trace in said}) == 4


def test_its_own_test_passes() -> None:
    """With the fixture that comes with mdk, as an application would run it."""
    with running("-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=prepend", "examples/queue") as program:
        assert program.finish() == 0, program.lines
    assert any("1 passed" in line for line in program.lines), program.lines
