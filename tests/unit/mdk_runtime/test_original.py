"""What the original's own unit tests ask of its public API, asked of ours. docs/compatibility.md names each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

import mdk
from counting import steps
from mdk.flask import MDKLoggingHandler
from mdk.testing import FakeMDK
from mdk_protocol import messages
from mdk_protocol.codec import CODEC
from mdk_runtime.client import MDK
from mdk_runtime.config import read_config
from mdk_runtime.core.client.environments import Environment
from unit.mdk_runtime.fakes import Clock, log_lines, make_mdk, node_message, queued


def addresses(one: MDK, service: str = "svc", version: str | None = None, count: int = 20) -> set[str]:
    """What so many resolves answer, the waiting kept out of it."""
    session = one.session()
    return {session.resolve_until(service, version, 0).address for _ in range(count)}


# --- interactions: two services with two nodes each, a policy that only records ----------------------


@pytest.fixture
def recording() -> MDK:
    """Breakers count and never open."""
    one = make_mdk(read_config({"MDK_FAILURE_POLICY": "recording"}))
    for service in ("service1", "service2"):
        for number in (1, 2):
            one.core.node_active(node_message(service, f"{service}-{number}"))
    return one


def counts(one: MDK) -> dict[str, tuple[int, int]]:
    """Successes and failures of every address that has any."""
    nodes = [node for service in one.services() for node in one.nodes(service)]
    found = {node.address: (node.breaker.successes, node.breaker.failures) for node in nodes}
    return {address: count for address, count in found.items() if count != (0, 0)}


def test_successful_interaction(recording: MDK) -> None:
    """Each node resolved between start and finish counts one success; the others count nothing."""
    session = recording.session()
    session.start_interaction()
    used = {session.resolve(service, "1.0").address for service in ("service1", "service2")}
    session.finish_interaction()
    assert counts(recording) == dict.fromkeys(used, (1, 0))


def test_failed_interaction_counts_failures_only(recording: MDK) -> None:
    """All nodes resolved so far have failed; the finish that follows adds no success."""
    session = recording.session()
    session.start_interaction()
    used = {session.resolve(service, "1.0").address for service in ("service1", "service2")}
    session.fail_interaction("OHNO")
    session.finish_interaction()
    assert counts(recording) == dict.fromkeys(used, (0, 1))


def test_a_failure_resets_the_interaction(recording: MDK) -> None:
    """What is resolved after the failure and before the finish has worked."""
    session = recording.session()
    session.start_interaction()
    failed = session.resolve("service1", "1.0").address
    session.fail_interaction("OHNO")
    worked = session.resolve("service2", "1.0").address
    session.finish_interaction()
    assert counts(recording) == {failed: (0, 1), worked: (1, 0)}


def test_interactions_on_one_node_count_apart(recording: MDK) -> None:
    """A second interaction on the same node is counted by itself, and a policy that records never opens."""
    session = recording.session()
    for fails in (True, False, True, True, True):
        with session.interaction() as interaction:
            session.resolve("service1", "1.0")
            session.resolve("service1", "1.0")
            if fails:
                interaction.fail("OHNO")
    assert counts(recording) == dict.fromkeys(("service1-1", "service1-2"), (1, 4))
    assert all(node.available() for node in recording.nodes("service1"))


# --- deadlines, sessions ---------------------------------------------------------------------------------


def test_a_deadline_travels(fake_mdk: FakeMDK) -> None:
    """What is encoded and joined has the same deadline, less what has passed on the way."""
    session = fake_mdk.session()
    session.setDeadline(13.0)
    encoded = session.externalize()
    fake_mdk.advance(3.0)
    assert fake_mdk.join(encoded).getRemainingTime() == 10.0


def test_environment_of_a_new_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the process: its name, and no fallback unless one is given."""
    monkeypatch.setenv("MDK_ENVIRONMENT", "myenv")
    environment = mdk.init().session().getEnvironment()
    assert (environment.name, environment.fallbackName) == ("myenv", None)


def test_environment_of_a_joined_session() -> None:
    """That of the sender, whatever that of the receiver is."""
    sender, receiver = FakeMDK("parent:child"), FakeMDK("other")
    assert receiver.join(sender.session().inject()).getEnvironment() == Environment("child", "parent")


def test_logged_message_id_of_a_fallback_environment() -> None:
    """Trace, causal level, environment and its fallback, also of a message that is not sent."""
    session = FakeMDK("fallback:child").session()
    for log in (session.info, session.debug):
        logged = log("cat", "text")
        assert logged.traceId == session.trace_id
        assert (logged.environment, logged.environmentFallback) == ("child", "fallback")
    assert logged.causalLevel == [2]


@pytest.mark.parametrize("level", ["CRITICAL", "ERROR", "WARN", "INFO", "DEBUG"])
def test_no_token_and_a_folder(level: str, tmp_path: Path) -> None:
    """With synapse and no token there is no server; logging at every level answers, and keeps nothing."""
    one = make_mdk(read_config({"MDK_DISCOVERY_SOURCE": f"synapse:path={tmp_path}"}))
    assert one.config.connection_urls == []
    session = one.session()
    logged = getattr(session, level.lower())("category", "text")
    assert logged.causal_level == [1]
    assert queued(one) == []


# --- nodes, environments ---------------------------------------------------------------------------------


def test_a_resolved_node_says_all(fake_mdk: FakeMDK) -> None:
    """Service, version, address, properties, environment and id, as they were announced."""
    fake_mdk.core.node_active(node_message("svc", "addr", version="1.2.3", properties={"x": {"y": 1}}))
    node = fake_mdk.session().resolve("svc", "1.0")
    assert (node.service, node.version, node.address) == ("svc", "1.2.3", "addr")
    assert node.properties == {"x": {"y": 1}}
    assert (node.environment.name, node.getId(), node.id) == ("sandbox", "id-addr", "id-addr")


def announced(one: MDK, version: str) -> None:
    """As the server announces a change."""
    one.core.node_active(node_message("svc", "addr", version=version, properties={"of": version}))


def replaced(one: MDK, version: str) -> None:
    """As a synapse file replaces a service."""
    one.core.replace_nodes("svc", [node_message("svc", "addr", version=version, properties={"of": version})])


@pytest.mark.parametrize("change", [announced, replaced])
def test_a_change_does_not_touch_what_was_resolved(fake_mdk: FakeMDK, change: Callable[[MDK, str], None]) -> None:
    """A node that somebody holds keeps its values when its address says something new."""
    change(fake_mdk, "1.0")
    held = fake_mdk.session().resolve("svc")
    change(fake_mdk, "1.5")
    assert (held.version, held.properties) == ("1.0", {"of": "1.0"})
    assert fake_mdk.session().resolve("svc").version == "1.5"


def test_a_node_and_its_breaker(fake_mdk: FakeMDK) -> None:
    """Available, out after three failures for 30 s, available again after a success, which starts the count over."""
    fake_mdk.add("svc", address="a")
    node = fake_mdk.session().resolve("svc")
    node.failure()
    node.failure()
    assert node.available()
    node.failure()
    assert not node.available()
    fake_mdk.advance(29)
    assert not node.available()
    fake_mdk.advance(1.1)
    assert node.available()
    node.success()
    node.failure()
    node.failure()
    assert node.available()
    node.failure()
    assert not node.available()


def test_expiry_is_of_one_environment(fake_mdk: FakeMDK) -> None:
    """A node that goes in one environment stays in the other."""
    for name in ("sandbox", "other"):
        fake_mdk.add("svc", address="a", environment=name)
    fake_mdk.remove("svc", "a", environment="other")
    assert addresses(fake_mdk) == {"a"}
    fake_mdk.add("svc", address="b", environment="other")
    fake_mdk.remove("svc", "a")
    assert [node.environment.name for node in fake_mdk.nodes("svc")] == ["other"]


def test_a_replacement_is_of_one_environment(fake_mdk: FakeMDK) -> None:
    """A synapse file replaces the nodes of the MDK's own environment, and no others."""
    fake_mdk.add("svc", address="elsewhere", environment="other")
    for address in ("one", "two"):
        fake_mdk.core.replace_nodes("svc", [node_message("svc", address)])
    assert {(node.environment.name, node.address) for node in fake_mdk.nodes("svc")} == {
        ("other", "elsewhere"),
        ("sandbox", "two"),
    }


def test_resolve_sees_its_own_environment_only(fake_mdk: FakeMDK) -> None:
    """Ten resolves of each, against the round robin."""
    fake_mdk.add("svc", address="own")
    fake_mdk.add("svc", address="other", environment="other")
    assert addresses(fake_mdk, count=10) == {"own"}
    session = fake_mdk.join(FakeMDK("other").session().inject())
    assert {session.resolve("svc").address for _ in range(10)} == {"other"}


def test_of_two_nodes_the_broken_one_is_left_out(fake_mdk: FakeMDK) -> None:
    """Two nodes take turns; after three failures of one only the other is answered."""
    for address in ("a", "b"):
        fake_mdk.add("svc", address=address)
    session = fake_mdk.session()
    assert [session.resolve("svc").address for _ in range(4)] == ["a", "b", "a", "b"]
    broken = session.resolve("svc")
    for _ in range(3):
        broken.failure()
    assert {session.resolve("svc").address for _ in range(10)} == {"b"}


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "replace"]),
        st.sampled_from(["s1", "s2", "s3"]),
        st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True),
    ),
    max_size=30,
)


@given(CHANGES)
def test_any_changes_agree_with_sets(changes: list[tuple[str, str, list[str]]]) -> None:
    """After any sequence of additions, removals and replacements, what resolves answer are the sets of a plain dict."""
    one = FakeMDK()
    model: dict[str, set[str]] = {"s1": set(), "s2": set(), "s3": set()}
    for kind, service, names in changes:
        messages = [node_message(service, f"{service}-{name}") for name in names]
        if kind == "replace":
            one.core.replace_nodes(service, messages)
            model[service] = {str(message.address) for message in messages}
            continue
        for message in messages:
            if kind == "add":
                one.core.node_active(message)
                model[service].add(str(message.address))
            else:
                one.core.node_expired(message)
                model[service].discard(str(message.address))
    for service, expected in model.items():
        assert (addresses(one, service, count=2 * len(expected)) if expected else set()) == expected
        assert {node.address for node in one.nodes(service)} == expected


# --- logging ---------------------------------------------------------------------------------------------


def test_flask_handler_answers_an_id() -> None:
    """`emit` says where the message stands: in the request's session inside of one, else in the handler's own."""
    one = make_mdk()
    handler = MDKLoggingHandler(one)
    record = handler_record()
    outside = handler.emit(record)
    app = flask.Flask("test")
    with app.test_request_context("/"):
        flask.g.mdk_session = one.session()
        inside = handler.emit(record)
        assert inside is not None
        assert inside.trace_id == flask.g.mdk_session.trace_id
    assert outside is not None
    assert outside.trace_id != inside.trace_id
    assert [text for *_, text in log_lines(queued(one))] == ["hello"] * 2


def handler_record() -> Any:
    """A record of standard logging."""
    import logging

    return logging.LogRecord("n", logging.INFO, "f", 1, "hello", None, None)


def test_properties_travel_as_they_are(fake_mdk: FakeMDK) -> None:
    """True stays true over any number of hops (the original makes 1 of it); integer keys become JSON's."""
    session = fake_mdk.session()
    session.set_property("p", {"yes": True, "no": False, "none": None, 7: "seven"})
    for _ in range(3):
        session = fake_mdk.join(session.inject())
    value = session.get_property("p")
    assert value == {"yes": True, "no": False, "none": None, "7": "seven"}
    assert (value["yes"], value["no"]) == (True, False)
    assert type(value["yes"]) is bool
    assert json.loads(session.inject())["properties"]["p"]["yes"] is True


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"DATAWIRE_ROUTABLE_HOST": "h", "DATAWIRE_ROUTABLE_PORT": "8000"}, "http://h:8000"),
        ({"DATAWIRE_ROUTABLE_HOST": "h"}, "http://h"),
        ({"DATAWIRE_ROUTABLE_HOST": "fe80::1", "DATAWIRE_ROUTABLE_PORT": "80"}, "http://[fe80::1]:80"),
        ({"DATAWIRE_ROUTABLE_HOST": "[::1]", "DATAWIRE_ROUTABLE_PORT": "80"}, "http://[::1]:80"),
    ],
)
def test_register_without_an_address(variables: dict[str, str], address: str) -> None:
    """The routable host and port are the default; an address that is given counts more."""
    one = make_mdk(read_config(variables))
    one.register("svc", "1.0")
    one.register("other", "1.0", "http://given")
    assert [node.address for node in one.core.own_nodes()] == [address, "http://given"]


def test_register_without_any_address(fake_mdk: FakeMDK) -> None:
    """The error names the variable that would be the default."""
    with pytest.raises(mdk.BadValue, match="address is None; expected a text, or DATAWIRE_ROUTABLE_HOST"):
        fake_mdk.register("svc", "1.0")


def from_an_original(nodes: list[messages.Node]) -> list[Struct]:
    """A table as a server of 2016 sends it."""
    return [messages.Open(), *(messages.Active(node=node) for node in nodes)]


def from_ours(nodes: list[messages.Node]) -> list[Struct]:
    """A table as our server sends it."""
    position = messages.Position(epoch="e", sequence=1)
    parts = [messages.Changes(active=nodes[i : i + 100]) for i in range(0, len(nodes), 100)]
    return [messages.Open(), messages.Extend(), messages.TableBegin(), *parts, messages.TableEnd(position=position)]


def steps_to_read(size: int, frames_of: Callable[[list[messages.Node]], list[Struct]]) -> int:
    """What a client does to read a table of one service, and, after a cut, to read it again."""
    nodes = [node_message(address=f"http://{number}") for number in range(size)]
    frames = [CODEC.encode(message) for message in frames_of(nodes)]
    one = make_mdk(clock=Clock())
    one.endpoint.start(now=0)

    def read() -> None:
        for now in (1.0, 2.0):
            one.endpoint.connected(now=now)
            for frame in frames:
                one.endpoint.receive(frame, now=now)
            one.core.sweep()
            one.endpoint.lost(now=now)

    count = steps(read)
    assert len(one.nodes("svc")) == size
    return count


@pytest.mark.parametrize("frames_of", [from_an_original, from_ours])
def test_a_large_table_is_read_in_linear_time(frames_of: Callable[[list[messages.Node]], list[Struct]]) -> None:
    """Four times as many nodes are four times the work: none looks at those that are there already."""
    steps_to_read(501, frames_of)  # What is done once in a process.
    one, some, many = (steps_to_read(size, frames_of) for size in (1, 501, 2001))
    assert (many - one) / (some - one) == pytest.approx(4, rel=0.01)


def test_unknown_services_time_out(fake_mdk: FakeMDK) -> None:
    """After 10 s, although the deadline is later; after 3 s with a deadline of 3 s."""
    for deadline_s, waited_s in ((20.0, 10.0), (3.0, 3.0)):
        session = fake_mdk.session()
        session.set_deadline(deadline_s)
        begun_s = fake_mdk.clock.now_s
        with pytest.raises(mdk.ResolveTimeout):
            session.resolve("unknown", "1.0")
        assert fake_mdk.clock.now_s - begun_s == pytest.approx(waited_s)


def test_resolve_starts_no_thread(fake_mdk: FakeMDK) -> None:
    """Neither a resolve nor its wait does."""
    import threading

    before = set(threading.enumerate())
    fake_mdk.add("svc", address="a")
    assert addresses(fake_mdk) == {"a"}
    with pytest.raises(mdk.ResolveTimeout):
        make_mdk(clock=Clock()).session().resolve_until("nobody", None, 0)
    assert set(threading.enumerate()) == before
