"""Tests of mdk_runtime.sources.static."""

from __future__ import annotations

import json

import pytest

from mdk_protocol import messages
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.sources.static import read_nodes


def test_nodes_in_full() -> None:
    """Everything that a node may say is read, with environments as objects or as text."""
    text = json.dumps(
        [
            {
                "id": "i",
                "service": "s",
                "version": "2.1",
                "address": "a",
                "properties": {"x": 1},
                "environment": {"name": "c", "fallbackName": "p"},
            },
            {"service": "s", "address": "b", "environment": "p:c"},
            {"service": "s", "address": "d", "version": None, "environment": None},
        ]
    )
    child = messages.Environment(name="c", fallback_name="p")
    first, second, third = read_nodes(text, Environment("own"))
    assert first == messages.Node(
        id="i", service="s", version="2.1", address="a", properties={"x": 1}, environment=child
    )
    assert (second.id, second.version, second.environment) == ("static:b", "1.0", child)
    assert third.environment == messages.Environment(name="own")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "not a list"),
        ("[5]", "no service and address in 5"),
        ('[{"service": "s"}]', 'no service and address in {"service": "s"}'),
        ('[{"service": "s", "address": "a", "properties": [1]}]', "properties are no object in "),
        ("[", "Expecting value"),
    ],
)
def test_what_is_no_node(text: str, problem: str) -> None:
    """The text that is wrong is named."""
    with pytest.raises(ValueError, match=problem):
        read_nodes(text, Environment())
