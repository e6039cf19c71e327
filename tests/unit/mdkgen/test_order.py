"""What one end of a connection can know of the order at the other: what it said may have been read behind what came after it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from mdkgen.compiler import compile_texts
from mdkgen.emitters import emit
from mdkgen.output import write
from mdkspec_runtime.monitor import Monitor
from mdkspec_runtime.testing.talk import UNREAD_MAX, WAYS_MAX, Order

ORDERS = """mdkspec 1
namespace orders_of_a_talk
version 1.0
message Ask as "ask" { }
message Take as "take" { }
message Drop as "drop" { }
message Go as "go" { }
protocol Orders {
  transport websocket { path: "/o", tag: "type", message_max: 64KiB }
  roles near connects, far accepts
  unknown message -> drop
  illegal message -> drop
  malformed message -> drop
  reconnect 1s .. 2s x 2
  role near { start state Up { call ask() -> send Ask()  call go() -> send Go()  ignore Take, Drop } }
  role far {
    start state Free { call offer() -> send Take(), goto Busy  recv Ask -> send Drop()  ignore Go }
    state Busy { recv Ask -> goto Free  recv Go -> send Drop()  ignore offer }
  }
}
"""


@pytest.fixture
def order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Order:
    """At its near end, of a new connection."""
    spec = compile_texts({"orders.mdkspec": ORDERS}).spec
    assert spec is not None
    write(emit(spec, ["python"]), tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in [one for one in sys.modules if one.startswith("orders_of_a_talk")]:
        monkeypatch.delitem(sys.modules, name)
    package = importlib.import_module("orders_of_a_talk")
    return Order(Monitor(package.ORDERS_NEAR, package.ORDERS_FAR), "far", "near")


def test_what_crosses_is_no_fault(order: Order) -> None:
    """Take was on its way when Ask was said: far reads it when it is Busy, and is Free again."""
    order.said('{"type":"ask"}')
    assert order.came('{"type":"take"}') is None
    assert order.states("Orders") == {"Free", "Busy"}
    order.said('{"type":"ask"}')
    assert order.came('{"type":"drop"}') is None
    order.settle()
    assert order.states("Orders") == {"Free"}


def test_what_is_wrong_in_every_order_is_a_fault(order: Order) -> None:
    """It moves nothing, and what is legal goes on from there."""
    assert order.came('{"type":"go"}') == "far may not send Go in Orders Free"
    order.said('{"type":"ask"}')
    assert order.came('{"type":"go"}') == "far may not send Go in Orders Free"
    assert order.came('{"type":"take"}') is None
    assert order.came("{") is not None
    order.said('{"type":"ask"}')
    order.settle()
    assert order.states("Orders") == {"Free"}


def test_orders_are_bounded(order: Order) -> None:
    """However much is said and comes."""
    for _ in range(3 * WAYS_MAX):
        order.said('{"type":"ask"}')
        order.said('{"type":"go"}')
        order.came('{"type":"take"}')
        assert all(len(unread) <= UNREAD_MAX for _, unread in order.ways)
        assert len(order.ways) <= WAYS_MAX
