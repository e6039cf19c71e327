"""Tests of mdk_runtime.lifecycle; what becomes of real processes is in tests/service."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from mdk_runtime import lifecycle

WITHIN_S = 60.0


class Held:
    """An MDK with nothing but its lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.wanted = threading.Semaphore(0)

    def before_fork(self) -> None:
        """Take the lock."""
        self.wanted.release()
        assert self.lock.acquire(timeout=WITHIN_S)

    def after_fork_in_parent(self) -> None:
        """Release it."""
        self.lock.release()

    def after_fork_in_child(self) -> None:
        """Not here."""

    def begin_farewell(self) -> Callable[[float], None]:
        """Not here."""
        return lambda timeout_s: None


def test_threads_that_fork_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each lets go of what it held, whatever another one does meanwhile: no lock stays taken in the parent."""
    held = Held()
    monkeypatch.setattr(lifecycle, "_running", {1: held})

    def fork() -> None:
        lifecycle._before()
        lifecycle._in_parent()

    other = threading.Thread(target=fork)
    lifecycle._before()
    assert held.wanted.acquire(timeout=WITHIN_S)
    other.start()
    held.wanted.acquire(timeout=0.2)  # Until the other one is as far as it gets.
    lifecycle._in_parent()
    other.join(WITHIN_S)
    assert not other.is_alive()
    assert not held.lock.locked()
