"""The order of what `mdk logs` prints, and what waits to be printed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdk_protocol.messages import Log
from mdk_runtime.commands import logs as module
from mdk_runtime.commands.logs import Arrivals, in_order

ROWS = st.lists(
    st.builds(
        lambda trace, clock, timestamp: {"trace": trace, "clock": clock, "timestamp": timestamp},
        st.sampled_from("abc"),
        st.lists(st.integers(0, 5), min_size=1, max_size=3),
        st.integers(0, 50),
    )
)


def log(trace: str, clock: list[int], timestamp: int) -> dict[str, Any]:
    """A message, as far as its order goes."""
    return {"trace": trace, "clock": clock, "timestamp": timestamp}


def test_late_ones_stand_where_their_time_is() -> None:
    """A client that was away sends what it kept; it is shown between the others."""
    now, then, late = log("a", [1], 30), log("b", [1], 10), log("c", [1], 20)
    assert in_order([then, now, late]) == [then, late, now]


def test_what_was_caused_comes_behind_its_cause() -> None:
    """Though the clock of its machine is slow."""
    cause, caused, other = log("a", [1], 30), log("a", [1, 1], 5), log("b", [1], 20)
    assert in_order([caused, other, cause]) == [other, cause, caused]


@given(ROWS)
def test_each_trace_is_in_causal_order_and_nothing_is_lost(rows: list[dict[str, Any]]) -> None:
    """Whatever the timestamps say; and where they agree with the clocks, all is in order of time."""
    ordered = in_order(rows)
    assert sorted(map(repr, ordered)) == sorted(map(repr, rows))
    for trace in "abc":
        clocks = [row["clock"] for row in ordered if row["trace"] == trace]
        assert clocks == sorted(clocks)
    single = in_order([{**row, "trace": str(number)} for number, row in enumerate(rows)])
    assert [row["timestamp"] for row in single] == sorted(row["timestamp"] for row in rows)


def test_what_nobody_takes_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that is not read costs no memory: beyond the bound the newest are left out, and said once."""
    monkeypatch.setattr(module, "ARRIVALS_MAX", 2)
    arrivals = Arrivals()
    for text in ("a", "b", "c"):
        arrivals.put(Log(text=text))
    arrivals.put(4)
    assert (arrivals.left_out(), arrivals.left_out()) == (5, 0)
    assert [arrivals.get().text for _ in range(2)] == ["a", "b"]
