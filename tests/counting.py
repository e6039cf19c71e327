"""How much Python does, counted: the same on every machine, however busy it is."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps(work: Callable[[], object]) -> int:
    """Instructions of Python that this thread runs for it, in all functions that it calls. What C does counts as one."""
    count = 0

    def counted(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if event == "call":
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        count += event == "opcode"
        return counted

    before = sys.gettrace()
    gc.disable()  # What others left behind is not its work.
    sys.settrace(counted)
    try:
        work()
    finally:
        sys.settrace(before)
        gc.enable()
    return count
