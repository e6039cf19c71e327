"""What a running MDK must live through: forks, and the end of a program that forgot stop()."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from threading import RLock
from time import monotonic
from typing import Protocol


class Running(Protocol):
    """An MDK, as far as this module is concerned."""

    def before_fork(self) -> None:
        """Let no other thread be in the middle of a change."""
        ...

    def after_fork_in_parent(self) -> None:
        """Go on."""
        ...

    def after_fork_in_child(self) -> None:
        """Be a process of one's own."""
        ...

    def begin_farewell(self) -> Callable[[float], None]:
        """Ask for the farewell. What waits until it is over, so many seconds at most."""
        ...


FAREWELL_S = 2.0
"""As long as all MDKs of a process together may hold up its end."""

_running: dict[int, Running] = {}
_forks = RLock()
"""Held over a fork: several threads may fork at once."""
_forking: list[tuple[Running, ...]] = []
"""What the thread that forks holds: more than one if a handler of signals forks inside of that."""
_hooked = False


def watch(mdk: Running) -> None:
    """An MDK runs. It is kept alive until it is stopped."""
    global _hooked
    _running[id(mdk)] = mdk
    if not _hooked:
        _hooked = True
        atexit.register(farewell)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)


def unwatch(mdk: Running) -> None:
    """An MDK has stopped."""
    _running.pop(id(mdk), None)


def farewell() -> None:
    """Stop every MDK, all at the same time."""
    end = monotonic() + FAREWELL_S
    for wait in [mdk.begin_farewell() for mdk in tuple(_running.values())]:
        wait(max(0.0, end - monotonic()))


def _finalize(_: object) -> None:
    from multiprocessing import util

    util.Finalize(None, farewell, exitpriority=0)


def _before() -> None:
    _forks.acquire()
    _forking.append(tuple(_running.values()))
    for mdk in _forking[-1]:
        mdk.before_fork()


def _in_parent() -> None:
    if not _forking:
        return  # It began before there was an MDK.
    for mdk in reversed(_forking.pop()):
        mdk.after_fork_in_parent()
    _forks.release()


def _in_child() -> None:
    if not _forking:
        return
    children = _forking.pop()
    _forks.release()
    for mdk in children:
        mdk.after_fork_in_child()
    util = sys.modules.get("multiprocessing.util")
    if util is not None and children:
        # multiprocessing ends its children without atexit; its own finalizers are cleared between here and the target.
        util.register_after_fork(farewell, _finalize)
