"""Tests of mdk_runtime.core.client.context."""

from __future__ import annotations

import contextlib
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdk_runtime.core.client.context import (
    CONTEXT_CHARS_MAX,
    BrokenContext,
    Context,
    deadline_of,
    decode_context,
    derivation_text,
    derived,
    encode_context,
    joined,
    uuid_text,
)
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.storage.rows import clock_key, clock_levels

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CONTEXT = Context("t", (5,), 2, {"x": 1, "timeout": 7.5}, Environment("e", "f"))


@given(
    st.text(min_size=1),
    st.lists(st.integers(0, 2**32 - 2), min_size=1, max_size=5),
    st.dictionaries(st.text(), json_values, max_size=4),
)
def test_travels(trace_id: str, clocks: list[int], properties: dict[str, Any]) -> None:
    """What is decoded is what was encoded, and the text is legal in a header whatever it holds."""
    environment = Environment("child", "parent")
    text = encode_context(trace_id, clocks, properties, environment)
    assert text.isascii()
    assert "\n" not in text
    assert "\r" not in text
    context = decode_context(text)
    assert context == Context(trace_id, tuple(clocks[:-1]), clocks[-1], properties, environment)
    assert context.clocks == clocks
    assert json.loads(text)["properties"] == properties


def test_join_adds_a_level() -> None:
    """The sender's last level is ticked, and the receiver starts at 0 below it."""
    assert joined(CONTEXT, new_id=lambda: "unused") == Context("t", (5, 3), 0, CONTEXT.properties, CONTEXT.environment)


def test_derive_is_a_new_trace_without_deadline() -> None:
    """A derived session starts afresh, with everything but the deadline, in the environment given."""
    environment = Environment("own")
    assert derived(CONTEXT, trace_id="new", environment=environment) == Context("new", (), 0, {"x": 1}, environment)
    assert derivation_text(CONTEXT) == "This session is derived from trace t [5, 3]"


@pytest.mark.parametrize(
    ("text", "clocks", "environment"),
    [
        ("{}", [1, 0], Environment()),
        ('{"traceId":"abc","clock":{"clocks":[5]}}', [6, 0], Environment()),
        ('{"clock":{"clocks":[5,2]},"environment":{"name":"e"},"extra":7}', [5, 3, 0], Environment("e")),
        ('{"traceId":null,"clock":null,"properties":null,"environment":null}', [1, 0], Environment()),
        ('{"$class":"os.system","clock":{"$class":"x","clocks":[2.0]}}', [3, 0], Environment()),
    ],
)
def test_join_completes_what_is_missing(text: str, clocks: list[int], environment: Environment) -> None:
    """A context that lacks parts gets their defaults, and an id if it names none."""
    context = joined(decode_context(text), new_id=lambda: "given")
    assert context.clocks == clocks
    assert context.environment == environment
    assert context.trace_id in ("given", "abc")


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "null",
        '{"traceId":5}',
        '{"clock":{"clocks":["a"]}}',
        '{"clock":{"clocks":[4294967296, 1]}}',
        '{"clock":{"clocks":[4294967295]}}',
        "[" * 100_000,
        b"\xff",
        "{" + " " * CONTEXT_CHARS_MAX + "}",
    ],
    ids=range(10),
)
def test_broken_contexts(text: str | bytes) -> None:
    """Whatever comes in a header, it is a context or BrokenContext."""
    with pytest.raises(BrokenContext):
        decode_context(text)


def test_the_highest_clock_can_be_stored() -> None:
    """No header makes a clock that storage rejects, or a caller could keep its request out of the logs."""
    text = '{"traceId":"t","clock":{"clocks":[4294967295,4294967294]}}'
    context = joined(decode_context(text), new_id=lambda: "unused")
    assert clock_levels(clock_key(context.clocks)) == (4294967295, 4294967295, 0)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_anything_is_read_or_refused(text: str | bytes) -> None:
    """No text at all raises anything else."""
    with contextlib.suppress(BrokenContext):
        decode_context(text)


@given(st.integers(0, 2**128 - 1))
def test_uuids(bits: int) -> None:
    """Any bits make a version 4 UUID in its usual spelling."""
    text = uuid_text(bits)
    value = uuid.UUID(text)
    assert (str(value), value.version, value.variant) == (text, 4, uuid.RFC_4122)


@pytest.mark.parametrize(
    ("properties", "deadline"),
    [
        ({}, None),
        ({"timeout": 5}, 5.0),
        ({"timeout": "5"}, None),
        ({"timeout": True}, None),
        ({"timeout": [1]}, None),
        ({"timeout": 10**400}, None),
    ],
    ids=range(6),
)
def test_deadline_is_a_number_or_none(properties: dict[str, Any], deadline: float | None) -> None:
    """A deadline that others have written badly is none."""
    assert deadline_of(properties) == deadline
