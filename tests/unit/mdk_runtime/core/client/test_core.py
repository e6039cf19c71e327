"""Tests of mdk_runtime.core.client.core."""

from __future__ import annotations

from msgspec import UNSET

from mdk_protocol import CODEC, messages
from mdk_protocol.client import SessionClient
from mdk_runtime.core.client.environments import Environment
from mdk_runtime.core.client.nodes import Node
from mdk_runtime.errors import NodeOut, NoNodeAvailable, ResolveTimeout
from unit.mdk_runtime.fakes import Clock, Listener, make_core, node_message

SANDBOX = Environment()


def test_says_who_it_is() -> None:
    """`open` carries version, id, environment, and that we know more than the original protocol."""
    core = make_core(Clock(), environment=Environment("c", "p"))
    assert core.own_open() == messages.Open(
        mdk_version="9.9",
        properties={"mdkRevision": 1},
        node_id="own-id",
        environment=messages.Environment(name="c", fallback_name="p"),
    )


def test_registrations() -> None:
    """One node a service, in order of first registration; registering again replaces."""
    core = make_core(Clock())
    for service, address in (("b", "1"), ("a", "2"), ("b", "3")):
        core.remember(core.make_own_node(service, "1.0", address))
    assert [(node.service, node.address) for node in core.own_nodes()] == [("b", "3"), ("a", "2")]
    core.forget(core.make_own_node("b", "1.0", "3"))
    core.forget(core.make_own_node("b", "1.0", "3"))
    assert [node.service for node in core.own_nodes()] == ["a"]


def test_it_is_a_handler() -> None:
    """The engine drives it: open, then its nodes, when connected."""
    core = make_core(Clock())
    endpoint = SessionClient(core)
    endpoint.register(core.make_own_node("s", "1.0", "a"), now=0.0)
    endpoint.start(now=0.0)
    endpoint.connected(now=0.0)
    kinds = [frame.split(b'"type":"')[1].split(b'"')[0] for frame in endpoint.take_output()]
    assert kinds == [b"open", b"active"]


def test_after_a_fork_it_is_another() -> None:
    """A child offers what its parent did, under its own id."""
    core = make_core(Clock())
    core.remember(core.make_own_node("s", "1.0", "a"))
    core.become("child-id", core.lock)
    (node,) = core.own_nodes()
    assert (node.id, node.properties["datawire_nodeId"], node.address) == ("child-id", "child-id", "a")


def test_a_fork_may_come_before_the_engine_is_told() -> None:
    """What is about to be registered is offered by the child; in the parent it is offered once the engine knows it."""
    core = make_core(Clock())
    for service in ("told", "coming"):
        core.will_remember(node := core.make_own_node(service, "1.0", "a"))
        assert node not in core.own_nodes()
        if service == "told":
            core.remember(node)
            core.forget(node)
    assert list(core.own_nodes()) == []
    core.become("child-id", core.lock)
    assert [node.service for node in core.own_nodes()] == ["coming"]


def test_nodes_come_and_go() -> None:
    """What the server says is in the table; expire, by id or by the old property, takes it out; clear takes all."""
    core = make_core(Clock())
    core.node_active(node_message("svc", "a"))
    core.node_active(messages.Node(service="svc", version="1.0", address="b", properties={"datawire_nodeId": "old"}))
    core.node_active(messages.Node(service="nowhere"))
    assert [node.address for node in core.table.nodes("svc")] == ["a", "b"]
    core.node_expired(messages.Node(service="svc", version="1.0", address="b", properties={"datawire_nodeId": "old"}))
    assert [node.address for node in core.table.nodes("svc")] == ["a"]
    core.cleared()
    assert core.table.nodes("svc") == []


def test_what_is_not_named_again_is_swept() -> None:
    """After a reconnect, nodes that the server does not name within a ttl are gone; those of other sources stay."""
    listener = Listener()
    core = make_core(Clock(), listener)
    core.add_nodes([node_message("svc", "static")])
    core.replace_nodes("svc2", [node_message("svc2", "synapse")])
    core.node_active(node_message("svc", "stays"))
    core.node_active(node_message("svc", "goes"))
    core.opened(messages.Open())
    core.node_active(node_message("svc", "stays"))
    core.node_active(node_message("svc", "new"))
    assert core.sweep() == 1
    assert sorted(node.address for node in core.table.nodes("svc")) == ["new", "static", "stays"]
    assert [node.address for node in core.table.nodes("svc2")] == ["synapse"]
    assert core.sweep() == 0
    assert len(listener.opens) == 1


def test_listener_is_told() -> None:
    """Closing and logs are reported as they came; no error is None."""
    listener = Listener()
    core = make_core(Clock(), listener)
    core.closed(UNSET)
    core.closed(messages.ProtocolError(code="c"))
    core.log_received(messages.Log(text="x"))
    assert listener.closes == [None, messages.ProtocolError(code="c")]
    assert [log.text for log in listener.logs] == ["x"]


def test_resolves_wait_and_are_woken() -> None:
    """A resolve is answered at once if it can be, else by the node that comes, and only once."""
    core = make_core(Clock())
    found: list[Node] = []
    assert core.resolve_now(SANDBOX, "svc", "1.0") is None
    waiter = core.resolve_later(SANDBOX, "svc", "1.0", found.append, lambda: None)
    assert waiter is not None
    core.node_active(node_message("svc", "a"))
    core.node_active(node_message("svc", "b"))
    assert [node.address for node in found] == ["a"]
    assert core.resolve_later(SANDBOX, "svc", "1.0", found.append, lambda: None) is None
    assert len(found) == 2
    cancelled = core.resolve_later(SANDBOX, "svc", "2.0", found.append, lambda: None)
    assert cancelled is not None
    core.cancel(cancelled)
    core.node_active(node_message("svc", "c", version="2.0"))
    assert len(found) == 2


def test_other_sources_wake_too() -> None:
    """A waiting resolve takes a node from wherever it comes."""
    core = make_core(Clock())
    found: list[Node] = []
    core.resolve_later(SANDBOX, "one", "1.0", found.append, lambda: None)
    core.resolve_later(SANDBOX, "two", "1.0", found.append, lambda: None)
    core.add_nodes([node_message("one", "a"), messages.Node(service="nowhere")])
    core.replace_nodes("two", [node_message("two", "b")])
    assert [node.address for node in found] == ["a", "b"]


def test_breaker_from_failure_to_probe_to_success() -> None:
    """Three failures take a node out; 30 s later one resolve may try it; its success lets everybody in."""
    clock, listener = Clock(), Listener()
    core = make_core(clock, listener)
    core.node_active(node_message("svc", "a"))
    node = core.resolve_now(SANDBOX, "svc", "1.0")
    assert node is not None
    for _ in range(3):
        node.failure()
    assert not node.available()
    assert listener.rescheduled_count == 1
    assert core.verdicts.deadline == clock.now + 30.0
    assert core.resolve_now(SANDBOX, "svc", "1.0") is None
    found: list[Node] = []
    core.resolve_later(SANDBOX, "svc", "1.0", found.append, lambda: None)
    clock.move(30.0)
    core.verdicts.tick()
    assert found == [node]
    assert core.resolve_now(SANDBOX, "svc", "1.0") is None
    waiting: list[Node] = []
    core.resolve_later(SANDBOX, "svc", "1.0", waiting.append, lambda: None)
    node.success()
    assert waiting == [node]
    assert node.breaker.successes == 1
    assert core.resolve_now(SANDBOX, "svc", "1.0") is node


def test_a_resolve_does_not_look_at_the_clock() -> None:
    """What a breaker keeps out is offered by the timer, not by whoever resolves."""
    clock = Clock()
    core = make_core(clock)
    core.node_active(node_message("svc", "a"))
    for _ in range(3):
        core.verdicts.failed("a")
    clock.move(31.0)
    assert core.resolve_now(SANDBOX, "svc", "1.0") is None
    core.verdicts.tick()
    assert core.resolve_now(SANDBOX, "svc", "1.0") is not None


def test_only_a_new_deadline_is_reported() -> None:
    """Every breaker that opens moves it; failures that open none, and successes, do not."""
    clock, listener = Clock(), Listener()
    core = make_core(clock, listener)
    for address in ("a", "b"):
        core.node_active(node_message("svc", address))
    for address in ("a", "a", "a", "b", "b", "b"):
        core.verdicts.failed(address)
    core.verdicts.succeeded("c")
    assert listener.rescheduled_count == 2


def test_errors_say_what_is_known() -> None:
    """Nothing there: what else there is. All out: each with its time."""
    clock = Clock()
    core = make_core(clock)
    core.node_active(node_message("svc", "a"))
    error = core.resolve_error(SANDBOX, "svc", "2.0", waited_s=1.0, surroundings="here")
    assert type(error) is ResolveTimeout
    assert (error.service, error.version, error.waited_s, error.surroundings) == ("svc", "2.0", 1.0, "here")
    assert [str(one) for one in error.known] == ["1 of version 1.0 in sandbox"]
    for _ in range(3):
        core.verdicts.failed("a")
    clock.move(10.0)
    error = core.resolve_error(SANDBOX, "svc", "1.0", waited_s=1.0, surroundings="")
    assert isinstance(error, NoNodeAvailable)
    assert error.out == (NodeOut("a", 20.0),)
    clock.move(20.0)
    core.verdicts.tick()
    core.resolve_now(SANDBOX, "svc", "1.0")
    error = core.resolve_error(SANDBOX, "svc", "1.0", waited_s=1.0, surroundings="")
    assert isinstance(error, NoNodeAvailable)
    assert error.out == (NodeOut("a", 0.0),)


def test_a_cleared_client_says_again_what_it_offers() -> None:
    """An admin's `clear` takes out what is stale; what lives is back with the next message, not with the next renewal."""
    core = make_core(Clock())
    endpoint = SessionClient(core)
    endpoint.register(core.make_own_node("s", "1.0", "a"), now=0.0)
    endpoint.start(now=0.0)
    endpoint.connected(now=0.0)
    core.node_active(node_message(service="other"))
    endpoint.take_output()
    endpoint.receive(CODEC.encode(messages.Clear()), now=1.0)
    assert core.table.services() == []
    (frame,) = endpoint.take_output()
    assert CODEC.decode(frame) == messages.Active(node=core.make_own_node("s", "1.0", "a"))


def test_when_it_is_stopped_nothing_waits() -> None:
    """Who waits is handed out to be told; who comes later is told at once, but gets what there is."""
    core = make_core(Clock())
    found: list[Node] = []
    ended: list[str] = []
    core.node_active(node_message("here", "a"))
    core.resolve_later(SANDBOX, "svc", "1.0", found.append, lambda: ended.append("first"))
    for waiter in core.stop_waiting():
        waiter.ended()
    assert core.resolve_later(SANDBOX, "svc", "1.0", found.append, lambda: ended.append("second")) is None
    assert core.resolve_later(SANDBOX, "here", "1.0", found.append, lambda: ended.append("third")) is None
    assert ended == ["first", "second"]
    assert [node.address for node in found] == ["a"]
    core.start_waiting()
    assert core.resolve_later(SANDBOX, "svc", "1.0", found.append, lambda: ended.append("fourth")) is not None
    core.node_active(node_message("svc", "b"))
    assert [node.address for node in found] == ["a", "b"]
    assert ended == ["first", "second"]


def test_a_node_that_is_not_whole_is_passed_over() -> None:
    """Among changes, too: the others are taken in."""
    core = make_core(Clock())
    core.changed(messages.Changes(active=[messages.Node(service="svc"), node_message("svc", "a")], suspect=[], gone=[]))
    assert [node.address for node in core.table.nodes("svc")] == ["a"]


def test_what_is_used_is_asked_for_once() -> None:
    """The shell is called when there is more to ask for, and without the lock."""
    core = make_core(Clock(), follows_all=False)
    asked: list[str] = []
    core.use("quiet")
    core.asks_more = lambda: asked.append(",".join(next(iter(core.wanted())).services or ()))
    core.use("svc")
    core.use("svc")
    assert asked == ["quiet,svc"]


def test_a_probe_is_taken_by_one() -> None:
    """Two that pick at the same moment may both see it offered."""
    clock = Clock()
    core = make_core(clock)
    core.node_active(node_message("svc", "a"))
    (node,) = core.table.nodes("svc")
    for _ in range(3):
        core.verdicts.failed("a")
    clock.move(30.0)
    core.verdicts.tick()
    assert [core.verdicts.take_probe(node), core.verdicts.take_probe(node)] == [True, False]
