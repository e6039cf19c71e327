"""How an application tests its own part: no server, no network. Run by `pytest examples/queue`."""

from __future__ import annotations

from mdk.testing import FakeMDK
from orders import handle, place_order


def test_a_receiver_has_the_properties_and_a_trace_of_its_own(fake_mdk: FakeMDK) -> None:
    """`fake_mdk` comes with mdk."""
    fake_mdk.set_default_deadline(5)
    message = place_order(fake_mdk, "tea")
    fake_mdk.advance(3600)  # The message waits longer than any call would.
    answer = handle(fake_mdk, "billing", message)
    assert answer.startswith("billing: tea in trace ")
    sent, received = (said for said in fake_mdk.said if said.category in ("shop", "billing"))
    assert (sent.text, received.text) == ("order of tea", "working on tea")
    assert sent.trace_id != received.trace_id
    assert received.properties == {"shop:item": "tea"}
    assert len(fake_mdk.reported) == 1
