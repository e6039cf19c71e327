"""Tests of mdk_runtime.core: levels, routes, nodes, interactions."""

from __future__ import annotations

import pytest

from mdk_protocol import messages
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.core.client.interactions import Level, failure_text, interaction_event
from mdk_runtime.core.client.nodes import node_from_message, own_node
from mdk_runtime.core.client.routes import routed, with_route
from mdk_runtime.core.levels import LEVELS, threshold
from unit.mdk_runtime.fakes import Reporter, make_node, node_message


def test_threshold() -> None:
    """INFO unless said otherwise; what nobody knows lets only CRITICAL through."""
    assert [threshold(name) for name in LEVELS] == [0, 1, 2, 3, 4]
    assert (threshold(None), threshold("debug"), threshold("nonsense"), threshold(7)) == (3, 4, 0, 0)


def test_routes_are_added() -> None:
    """A route goes behind those of its service; what is no route is passed over."""
    routes = with_route(None, "svc", "1.0", "svc2", "2.0")
    routes = with_route(routes, "svc", "1.1", "svc3", "3.0")
    assert routes == {
        "svc": [
            {"version": "1.0", "target": "svc2", "targetVersion": "2.0"},
            {"version": "1.1", "target": "svc3", "targetVersion": "3.0"},
        ]
    }
    assert routed(routes, "svc", "1.1") == ("svc3", "3.0")
    assert routed(routes, "svc", "1.2") == ("svc", "1.2")
    assert routed(routes, "other", "1.0") == ("other", "1.0")


@pytest.mark.parametrize("routes", [None, 5, [], {"svc": 5}, {"svc": [5, {}, {"version": "1.0", "target": 5}]}])
def test_bad_routes_lead_nowhere(routes: object) -> None:
    """Routes of others may be anything."""
    assert routed(routes, "svc", "1.0") == ("svc", "1.0")
    assert routed(with_route(routes, "svc", "1.0", "a", "b"), "svc", "1.0") == ("a", "b")


def test_node_ids() -> None:
    """A node is known by its id, or else by the property of old clients."""
    reporter = Reporter()
    with_id = node_from_message(node_message(sender="i"), reporter)
    message = messages.Node(service="s", address="a", version="1", properties={"datawire_nodeId": "p"})
    without = node_from_message(message, reporter)
    assert with_id is not None
    assert without is not None
    assert (with_id.getId(), with_id.get_id(), without.getId(), without.id) == ("i", "i", "p", None)


@pytest.mark.parametrize("message", [messages.Node(service="", address="a"), messages.Node(service="s")])
def test_nodes_that_lead_nowhere(message: messages.Node) -> None:
    """A node without service or address is none."""
    assert node_from_message(message, Reporter()) is None


def test_node_texts() -> None:
    """A node shows itself as the original's did."""
    node = make_node("addr1", Reporter(), service="svc1")
    assert str(node) == node.toString() == node.to_string() == "Node(id:id-addr1 svc1: addr1, 1.0) {}"


def test_node_reports() -> None:
    """Success and failure go to the breaker of the node's address."""
    reporter = Reporter()
    node = make_node("a", reporter)
    node.success()
    node.failure()
    assert reporter.reported == [("success", "a"), ("failure", "a")]
    assert node.available() is True
    assert node.breaker is reporter.breakers.of("a")


def test_own_node_is_whole() -> None:
    """What we register has everything that an original client needs, the old property too."""
    node = own_node("s", "1.0", "a", node_id="me", environment=Environment("c", "p"))
    assert (node.id, node.service, node.version, node.address) == ("me", "s", "1.0", "a")
    assert node.properties == {"datawire_nodeId": "me"}
    assert node.environment == messages.Environment(name="c", fallback_name="p")


def test_level_counts_each_address_once() -> None:
    """A node used twice in an interaction counts once; what failed does not succeed at the end."""
    reporter = Reporter()
    first, second = make_node("a", reporter), make_node("b", reporter)
    level = Level(1.0)
    level.nodes[first] = None
    level.nodes[make_node("a", reporter)] = None
    assert [node.address for node in level.fail()] == ["a"]
    level.nodes[second] = None
    assert level.finish() == [second]
    assert level.results == {"id-a": 0, "id-b": 1}
    assert level.finish() == []


def test_interaction_event() -> None:
    """Times are milliseconds; clocks and results as they stand."""
    level = Level(1.5, (3,))
    event = interaction_event(
        level, uuid="u", trace_id="t", node_id="n", environment=Environment("e"), ended_s=2.25, end_clock=[5]
    )
    assert event == messages.InteractionEvent(
        start_timestamp=1500,
        end_timestamp=2250,
        environment=messages.Environment(name="e"),
        uuid="u",
        session="t",
        node="n",
        results={},
        start_clock=[3],
        end_clock=[5],
    )


def test_failure_text() -> None:
    """A failure names the nodes involved, then says what the application said."""
    nodes = [make_node("a", Reporter()), make_node("b", Reporter())]
    assert failure_text(nodes, "OHNO") == "involved: Node(id:id-a svc: a, 1.0) {}, Node(id:id-b svc: b, 1.0) {}\n\nOHNO"
