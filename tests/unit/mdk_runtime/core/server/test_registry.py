"""A tenant's table against a model, and its cases by name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mdk_protocol.messages import Environment, Node
from mdk_runtime.core.server.registry import Registry
from mdk_runtime.core.server.service import Change
from mdk_runtime.core.server.wholeness import completed, lease_key, missing_in, sender_of

SENDERS = ["s1", "s2", "s3", "s4"]
ADDRESSES = ["a", "b", "c"]


def node(sender: str = "s1", address: str = "a", **fields: Any) -> Node:
    """A whole node."""
    given: dict[str, Any] = {"service": "svc", "version": "1.0", "properties": {"datawire_nodeId": sender}, **fields}
    return Node(id=sender, address=address, **given)


class ClientTable:
    """What an original client makes of the changes: the first node of the same address or id is replaced."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def apply(self, changes: list[Change]) -> None:
        """Take what the server sends."""
        for change in changes:
            place = next((i for i, one in enumerate(self.nodes) if self.is_same(one, change.node)), None)
            if change.is_gone:
                assert place is not None, "what is withdrawn was announced"
                del self.nodes[place]
            elif place is None:
                self.nodes.append(change.node)
            else:
                self.nodes[place] = change.node

    @staticmethod
    def is_same(one: Node, other: Node) -> bool:
        """Within a service of an environment."""
        return (one.environment.name, one.service) == (other.environment.name, other.service) and (
            one.address == other.address or one.id == other.id
        )


class OurTable:
    """What a client of ours makes of the changes: each names an address as it is from now on."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, str], tuple[Node, bool]] = {}

    def apply(self, changes: list[Change]) -> None:
        """Take what the server sends."""
        for change in changes:
            place = (change.node.environment.name, str(change.node.address))
            if change.is_gone:
                del self.places[place]
            else:
                self.places[place] = (change.node, change.is_suspect)


class RegistryMachine(RuleBasedStateMachine):
    """Any sequence of events gives the table of the model, at the server and at each client."""

    def __init__(self) -> None:
        super().__init__()
        self.registry = Registry()
        self.client = ClientTable()
        self.ours = OurTable()
        self.model: dict[str, Node] = {}
        self.suspects: dict[str, float] = {}
        self.now = 0.0

    def apply(self, changes: list[Change]) -> None:
        """Both kinds of clients are told."""
        self.client.apply([change for change in changes if change.for_originals])
        self.ours.apply(changes)

    @rule(
        sender=st.sampled_from(SENDERS),
        address=st.sampled_from(ADDRESSES),
        version=st.sampled_from(["1.0", "1.1"]),
        environment=st.sampled_from(["sandbox", "child"]),
    )
    def register(self, sender: str, address: str, version: str, environment: str) -> None:
        """A sender has the address that it said last."""
        one = node(sender, address, version=version, environment=Environment(name=environment))
        changes = self.registry.register(one)
        key = lease_key(one)
        if self.model.get(key) == one:
            assert [change for change in changes if change.for_originals] == []
            assert changes == [] or key in self.suspects
        self.apply(changes)
        self.model[key] = one
        self.suspects.pop(key, None)

    @rule(sender=st.sampled_from(SENDERS), environment=st.sampled_from(["sandbox", "child"]))
    def unregister(self, sender: str, environment: str) -> None:
        """Whatever address the sender names."""
        one = node(sender, "any", environment=Environment(name=environment))
        self.apply(self.registry.unregister(one))
        self.model.pop(lease_key(one), None)
        self.suspects.pop(lease_key(one), None)

    @rule(sender=st.sampled_from(SENDERS), grace=st.integers(1, 3))
    def suspect(self, sender: str, grace: int) -> None:
        """All that the sender has goes at a time, unless it is renewed."""
        changes = self.registry.suspect(sender, until=self.now + grace)
        assert not any(change.for_originals for change in changes)
        self.apply(changes)
        self.suspects |= {key: self.now + grace for key, one in self.model.items() if one.id == sender}

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.now += seconds
        self.apply(self.registry.tick(now=self.now))
        for key in [key for key, until in self.suspects.items() if until <= self.now]:
            del self.suspects[key], self.model[key]

    @invariant()
    def same_table(self) -> None:
        """An address is served as long as somebody serves it, and is shown as one of these describes it."""
        served = {(one.environment.name, one.address) for one in self.model.values()}
        shown = {(one.environment.name, one.address): one for one in self.registry.nodes()}
        assert shown.keys() == served
        assert all(one in self.model.values() for one in shown.values())
        assert sorted(map(str, self.client.nodes)) == sorted(map(str, shown.values()))
        assert {place: one for place, (one, _) in self.ours.places.items()} == shown
        trusted = {(one.environment.name, one.address) for key, one in self.model.items() if key not in self.suspects}
        assert {place for place, (_, is_suspect) in self.ours.places.items() if is_suspect} == served - trusted
        assert sorted(map(str, self.registry.records())) == sorted(map(str, self.model.values()))
        assert self.registry.deadline == min(self.suspects.values(), default=None)
        assert len(self.registry) == len(served)


RegistryMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestRegistry = RegistryMachine.TestCase


def test_a_renewal_is_no_change() -> None:
    """What a sender said before is news to nobody."""
    registry = Registry()
    assert registry.register(node()) == [Change(node(), is_gone=False)]
    assert registry.holds(node())
    assert registry.register(node()) == []


def test_a_new_address_replaces_the_old_one_without_a_gap() -> None:
    """Clients replace by id, so the old address need not be withdrawn first."""
    registry = Registry()
    registry.register(node(address="a"))
    assert registry.register(node(address="b")) == [
        Change(node(address="a"), is_gone=True, for_originals=False),
        Change(node(address="b"), is_gone=False),
    ]
    assert [one.address for one in registry.nodes()] == ["b"]


def test_workers_share_an_address() -> None:
    """Alternating senders are no change for anyone; the address goes with the last of them."""
    registry = Registry()
    registry.register(node("s1"))
    assert registry.register(node("s2")) == []
    assert registry.register(node("s1")) == []
    assert registry.shown(node("s2")) == node("s1")
    assert registry.unregister(node("s2")) == []
    assert registry.unregister(node("s1")) == [Change(node("s1"), is_gone=True)]
    assert registry.shown(node("s1")) is None


def test_an_address_is_never_shown_by_one_who_left() -> None:
    """The next sender takes over, or a later move of the first would replace the address at clients."""
    registry = Registry()
    registry.register(node("s1"))
    registry.register(node("s2"))
    assert registry.register(node("s1", "b")) == [
        Change(node("s2"), is_gone=False),
        Change(node("s1", "b"), is_gone=False),
    ]


def test_a_newcomer_with_another_version_is_shown() -> None:
    """A process restarted at its address says what runs there now, though the old one has not lapsed yet."""
    registry = Registry()
    registry.register(node("s1"))
    newer = node("s2", version="2.0")
    assert registry.register(newer) == [Change(newer, is_gone=False)]
    assert registry.register(node("s1")) == [], "a renewal of the old one does not bring it back"


def test_one_who_joins_another_leaves_nothing_behind() -> None:
    """Who moves to an address that is shown by another is withdrawn where it was."""
    registry = Registry()
    registry.register(node("s1", "a"))
    registry.register(node("s2", "b"))
    assert registry.register(node("s2", "a")) == [Change(node("s2", "b"), is_gone=True)]


def test_a_suspect_goes_after_its_grace() -> None:
    """Unless it renews: then it was no change for an original; ours have picked it last for a while."""
    registry = Registry()
    registry.register(node())
    assert registry.suspect("s1", until=2.0) == [
        Change(node(), is_gone=False, is_suspect=True, for_originals=False),
    ]
    assert (registry.senders, registry.senders_out) == (1, 1)
    assert registry.deadline == 2.0
    assert registry.tick(now=1.9) == []
    assert registry.register(node()) == [Change(node(), is_gone=False, for_originals=False)]
    assert registry.senders_out == 0
    assert registry.deadline is None
    registry.suspect("s1", until=4.0)
    assert registry.tick(now=4.0) == [Change(node(), is_gone=True)]
    assert registry.remove(lease_key(node())) == [], "its lease lapses later, and finds nothing"


def test_environments_are_apart() -> None:
    """The same sender and address in two environments are two nodes, which pass through as they are."""
    child = node(environment=Environment(name="child", fallback_name="parent"))
    registry = Registry()
    registry.register(node())
    assert registry.register(child) == [Change(child, is_gone=False)]
    assert len(registry) == 2


@pytest.mark.parametrize(
    ("incomplete", "missing"),
    [
        (Node(service="", id="i", version="1", address="a"), ["service"]),
        (Node(service="s", version="1", address="a"), ["id"]),
        (Node(service="s", version="1", address="a", properties={"datawire_nodeId": 7}), ["id"]),
        (Node(service="s", id="i", address="a"), ["version"]),
        (Node(service="s", id="i", version=""), ["version", "address"]),
        (Node(service="s", version="1", address="a", properties={"datawire_nodeId": "i"}), []),
    ],
)
def test_what_a_node_needs(incomplete: Node, missing: list[str]) -> None:
    """Service, id, version and address; the id may stand among the properties."""
    assert missing_in(incomplete) == missing


def test_an_id_is_completed() -> None:
    """From the property where old clients keep it."""
    old = Node(service="s", version="1", address="a", properties={"datawire_nodeId": "i"})
    assert sender_of(old) == "i"
    assert completed(old).id == "i"
    assert completed(node()) == node()


def test_lease_keys_tell_odd_names_apart() -> None:
    """No choice of names makes two nodes one."""
    one = lease_key(node("x", service="b", environment=Environment(name="a1:b")))
    other = lease_key(node("x", service="b1:b", environment=Environment(name="a")))
    assert one != other


def test_what_is_known_of_an_address() -> None:
    """How many senders it has, and their leases; nothing of one that nobody serves."""
    registry = Registry()
    for sender in ("s1", "s2"):
        registry.register(node(sender))
    registry.suspect("s1", until=2.0)
    (entry,) = registry.entries()
    assert (entry.node.address, entry.senders, entry.is_suspect) == ("a", 2, False)
    registry.suspect("s2", until=2.0)
    assert [one.is_suspect for one in registry.entries()] == [True]
    name = entry.node.environment.name
    assert registry.keys_at(name, "svc", "a") == [lease_key(node("s1")), lease_key(node("s2"))]
    assert registry.keys_at(name, "svc", "b") == registry.keys_at(name, "other", "a") == []
