"""Tests of mdk_runtime.core.client.trace_context, with OpenTelemetry's own propagators as the other side."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.core.client import trace_context as w3c
from mdk_runtime.core.client.trace_context import Upstream, read_upstream, trace_id_hex
from mdk_runtime.session import Session
from unit.mdk_runtime.fakes import make_mdk

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
AS_UUID = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
OTEL = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])


def make_allowing(*names: str) -> MDK:
    """An MDK whose baggage carries properties."""
    return make_mdk(Config(baggage_properties=names))


def injected(session: Session) -> dict[str, str]:
    """The headers of one call."""
    headers: dict[str, str] = {}
    session.inject_headers(headers)
    return headers


def over_otel(headers: dict[str, str], **items: str) -> dict[str, str]:
    """What a service sends on that knows only OpenTelemetry."""
    context = OTEL.extract(headers)
    for name, value in items.items():
        context = baggage.set_baggage(name, value, context)
    sent: dict[str, str] = {}
    with TracerProvider().get_tracer("test").start_as_current_span("hop", context=context) as span:
        OTEL.inject(sent, trace.set_span_in_context(span, context))
    return sent


def prefix_of(session: Session) -> tuple[int, ...]:
    """Where a session stands in its trace."""
    return session.clock_prefix


def test_headers_of_a_new_session() -> None:
    """All of them say the same: the trace, where it stands, that it is sampled and random."""
    session = make_mdk().session()
    headers = injected(session)
    assert json.loads(headers["X-MDK-Context"])["traceId"] == session.trace_id
    version, trace_id, parent_id, flags = headers["traceparent"].split("-")
    assert (version, trace_id, flags) == ("00", session.trace_id.replace("-", ""), "03")
    assert len(parent_id) == 16
    assert headers["tracestate"] == "mdk=0"
    assert "baggage" not in headers
    assert injected(session)["tracestate"] == "mdk=1"
    assert injected(session)["traceparent"] == headers["traceparent"]


def test_an_interaction_is_a_span_of_its_own() -> None:
    """Calls inside an interaction name it as their parent; the same one for each of its calls."""
    session = make_mdk().session()
    outside = injected(session)["traceparent"]
    with session.interaction():
        inside = injected(session)["traceparent"]
        assert injected(session)["traceparent"] == inside
    assert inside != outside
    assert injected(session)["traceparent"] == outside


def test_opentelemetry_reads_ours() -> None:
    """Its propagators find the trace and the baggage."""
    session = make_allowing("shop:items").session()
    session.set_property("shop:items", ["ä", 1])
    session.set_property("secret", "x")
    context = OTEL.extract(injected(session))
    span = trace.get_current_span(context).get_span_context()
    assert f"{span.trace_id:032x}" == session.trace_id.replace("-", "")
    assert span.trace_flags & 1
    assert [json.loads(str(value)) for value in baggage.get_all(context).values()] == [["ä", 1]]
    assert "secret" not in injected(session)["baggage"]


def test_a_hop_that_only_knows_opentelemetry_keeps_the_trace() -> None:
    """The trace, the clock, the trace level and the allowed properties come through; siblings are kept apart."""
    mdk = make_allowing("shop:items")
    session = mdk.session()
    session.set_property("shop:items", {"a": 1})
    session.set_property("secret", "x")
    session.trace("DEBUG")
    session.info("c", "t")
    headers = injected(session)
    one, other = (mdk.join_headers(over_otel(headers, user="7")) for _ in range(2))
    assert one.trace_id == other.trace_id == session.trace_id
    assert prefix_of(one)[:-1] == prefix_of(other)[:-1] == (1,)
    assert prefix_of(one) != prefix_of(other)
    assert one.get_property("shop:items") == {"a": 1}
    assert one.get_property("trace") == "DEBUG"
    assert not one.has_property("secret")
    again = injected(one)
    assert "user=7" in again["baggage"], "what others put there is passed on"
    assert again["traceparent"].split("-")[1] == headers["traceparent"].split("-")[1]


def test_both_with_the_same_trace() -> None:
    """X-MDK-Context says clock and properties; flags, the vendors' tracestate and baggage are passed on."""
    mdk = make_mdk()
    session = mdk.session()
    session.set_property("a", 1)
    headers = injected(session)
    headers["tracestate"] = f"{headers['tracestate']},vendor=1"
    headers["traceparent"] = headers["traceparent"][:-2] + "02"
    headers["baggage"] = "user=7"
    joined = mdk.join_headers(headers)
    assert (joined.trace_id, prefix_of(joined), joined.get_property("a")) == (session.trace_id, (1,), 1)
    sent = injected(joined)
    assert sent["traceparent"].endswith("-02")
    assert sent["tracestate"] == "mdk=1.0,vendor=1"
    assert sent["baggage"] == "user=7"


def test_both_with_different_traces() -> None:
    """X-MDK-Context decides; the other trace is a link, and its tracestate ends here."""
    mdk = make_mdk()
    session = mdk.session()
    headers = injected(session) | {"traceparent": PARENT, "tracestate": "vendor=1"}
    joined = mdk.join_headers(headers)
    assert joined.trace_id == session.trace_id
    assert joined.upstream.trace_id == TRACE
    assert injected(joined)["tracestate"] == "mdk=1.0"


def test_traceparent_alone() -> None:
    """Its trace goes on, on a level taken from the caller's span; vendors' members stay behind ours."""
    joined = make_mdk().join_headers({"Traceparent": PARENT, "TraceState": "a=1,b=2"})
    assert joined.trace_id == AS_UUID
    assert prefix_of(joined) == (0x00F067AA,)
    assert injected(joined)["tracestate"] == f"mdk={0x00F067AA}.0,a=1,b=2"
    assert injected(joined)["traceparent"].startswith(f"00-{TRACE}-")


def test_context_alone_and_nothing() -> None:
    """As ever: joined, or new."""
    mdk = make_mdk()
    session = mdk.session()
    assert mdk.join_headers({"x-mdk-context": session.inject()}).trace_id == session.trace_id
    assert mdk.join_headers({}).trace_id not in (session.trace_id, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        PARENT.upper(),
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{PARENT}-more",
        f"{PARENT},{PARENT}",
        "00-" + "٣" * 32 + "-00f067aa0ba902b7-01",
    ],
)
def test_invalid_traceparent(text: str) -> None:
    """It is as good as not there, and so is the tracestate beside it."""
    assert read_upstream({"traceparent": text, "tracestate": "mdk=1.2,a=1"}) == Upstream()


def test_traceparent_of_a_later_version() -> None:
    """Read as far as it is known."""
    assert read_upstream({"traceparent": f"01{PARENT[2:]}-more"}).trace_id == TRACE


@pytest.mark.parametrize("clock", ["", "x", "1..2", "-1", "4294967296", "1." * 99 + "1", "٣"])
def test_broken_clock_in_tracestate(clock: str) -> None:
    """The trace goes on without it."""
    upstream = read_upstream({"traceparent": PARENT, "tracestate": f"mdk={clock}"})
    assert (upstream.trace_id, upstream.clocks) == (TRACE, ())


def test_a_broken_context_beside_a_good_traceparent(caplog: pytest.LogCaptureFixture) -> None:
    """One warning, and the trace goes on."""
    with caplog.at_level(logging.WARNING, "mdk"):
        joined = make_mdk().join_headers({"X-MDK-Context": "{", "traceparent": PARENT})
    assert joined.trace_id == AS_UUID
    assert len(caplog.records) == 1


def test_bounds() -> None:
    """At most 32 members of tracestate, 64 and 8192 characters of baggage, sent or read."""
    members = ",".join(f"v{i}=1" for i in range(40))
    joined = make_mdk().join_headers({"traceparent": PARENT, "tracestate": members, "baggage": "a=" + "x" * 9000})
    sent = injected(joined)
    assert len(sent["tracestate"].split(",")) == 32
    assert "baggage" not in sent
    session = make_allowing(*(f"p{i}" for i in range(100))).session()
    for i in range(100):
        session.set_property(f"p{i}", "x" * 300)
    assert len(injected(session)["baggage"]) <= 8192
    assert len(injected(session)["baggage"].split(",")) > 20


def test_baggage_of_others_is_text() -> None:
    """A value that is no JSON is taken as it stands."""
    joined = make_allowing("user").join_headers({"traceparent": PARENT, "baggage": "user=J%C3%BCrgen;meta=1, x=y"})
    assert joined.get_property("user") == "Jürgen"
    assert not joined.has_property("x")


def test_ids_that_are_no_uuid() -> None:
    """Every trace has an id that W3C takes, always the same."""
    for text in ("", "legacy-1", "00000000-0000-0000-0000-000000000000", "\ud800"):
        assert trace_id_hex(text) == trace_id_hex(text)
        assert len(trace_id_hex(text)) == 32
        assert trace_id_hex(text).strip("0")


@given(
    st.dictionaries(
        st.sampled_from(["traceparent", "tracestate", "baggage", "X-MDK-Context", "other"]),
        st.one_of(
            st.text(),
            st.just(PARENT),
            st.from_regex(r"mdk=[0-9.]{0,20}(,[a-z]=.)?"),
            st.just("[" * 5000),
            st.integers(),
        ),
    )
)
def test_hostile_headers(headers: dict[str, Any]) -> None:
    """Whatever comes, there is a session, and it can go on."""
    session = make_allowing("a").join_headers(headers)
    sent = injected(session)
    assert w3c.read_upstream({name.lower(): value for name, value in sent.items()}).trace_id == trace_id_hex(
        session.trace_id
    )
    for name, value in sent.items():
        assert value.isascii(), name
        assert value.isprintable(), name
