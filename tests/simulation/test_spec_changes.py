"""Change the spec, run mdkgen, and what happens on the wire changes: nothing is written twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import mdk_protocol
from mdkspec_runtime import IllegalCall
from simulation.variants import Edit, compiled, connected, variant

NODE = mdk_protocol.Node(service="hello", id="n1", version="1.0", address="http://a")


def test_another_ttl_moves_the_renewal(tmp_path: Path) -> None:
    """With a ttl of 8 s the client renews after 4 s, not before, and says 8."""
    package = variant(tmp_path, Edit("records.mdkspec", "NODE_TTL: seconds = 30s", "NODE_TTL: seconds = 8s"))
    pair = connected(package, package)
    pair.client.register(package.Node(service="hello"), now=0.0)
    pair.flow(0.0)
    pair.sent.clear()
    pair.client.tick(now=3.9)
    pair.flow(3.9)
    assert pair.sent == []
    assert pair.client.deadline == 4.0
    pair.client.tick(now=4.0)
    pair.flow(4.0)
    ((sender, frame),) = pair.sent
    assert (sender, json.loads(frame)["type"], json.loads(frame)["ttl"]) == ("client", "active", 8.0)


def test_the_real_spec_renews_after_15_seconds() -> None:
    """The same with the spec as it is: 30 s, and so 15."""
    pair = connected(mdk_protocol, mdk_protocol)
    pair.client.register(NODE, now=0.0)
    pair.flow(0.0)
    assert pair.client.deadline == 15.0


def test_a_renamed_type_still_talks_to_an_old_peer(tmp_path: Path) -> None:
    """`expire` becomes `gone`, with the old name in `also`: new servers understand old clients, and each other."""
    edit = Edit("discovery.mdkspec", 'Expire as "expire" also', 'Expire as "gone" also "expire",')
    package = variant(tmp_path, edit)
    old_to_new = connected(mdk_protocol, package)
    old_to_new.client.register(NODE, now=1.0)
    old_to_new.client.unregister(NODE, now=2.0)
    old_to_new.flow(2.0)
    assert "expired" in old_to_new.server_told.names()
    assert old_to_new.server.counters.aliases["expire"] == 1
    new_to_new = connected(package, package)
    new_to_new.client.unregister(package.Node(service="hello"), now=2.0)
    new_to_new.flow(2.0)
    assert json.loads(new_to_new.sent[-1][1])["type"] == "gone"
    assert "expired" in new_to_new.server_told.names()


@pytest.mark.parametrize(
    ("file", "line", "code"),
    [
        (
            "discovery.mdkspec",
            "recv Clear      -> tell cleared(), send Active(node = node, ttl = ttl) for node in own_nodes()\n",
            "MDK3011",
        ),
        ("tracing.mdkspec", "      recv Subscribe    -> set following, tell subscribed()\n", "MDK3011"),
        ("metrics.mdkspec", "      recv InteractionEvent(m) -> tell interaction_received(m)\n", "MDK3011"),
        ("discovery.mdkspec", "      recv Active(m)  -> tell refused(m.node)\n", "MDK3006"),
    ],
)
def test_a_removed_transition_is_refused(file: str, line: str, code: str) -> None:
    """Nothing is generated from a spec in which a message that may come is not taken."""
    compilation = compiled(Edit(file, line, ""))
    assert compilation.spec is None
    assert next(one.code for one in compilation.diagnostics if one.severity == "error") == code


def test_a_server_that_never_comes_up_is_refused() -> None:
    """Without `goto Up` after `open`, what clients send next has nobody to take it: found by verification."""
    taken = "recv Open(m)   -> send own_open(), tell opened(m)"
    edit = Edit("session.mdkspec", f"{taken}, goto Up", taken)
    found = [one for one in compiled(edit).diagnostics if one.severity == "error"]
    assert found[0].code == "MDK4001"
    assert "server may receive Active" in found[0].message
    assert [step.text for step in found[0].trace][:2] == ["connect", "server receives Open"]


def test_a_server_that_says_more_than_the_client_knows_is_refused() -> None:
    """A part that is live at the server before it has said `extend` is found by verification."""
    edit = Edit("session.mdkspec", "send own_open(), send Extend(), tell opened(m), goto Extended", "goto Extended")
    extra = 'message Extra as "extra" { }\npart Extras of Session live in Extended {'
    extra += " role client { start state Up { recv Extra -> tell extra() } }"
    extra += " role server { start state Up { enter -> send Extra() } } }"
    part = Edit("metrics.mdkspec", "/// Interactions to the server.", extra)
    listed = Edit(
        "session.mdkspec",
        "parts Discovery, Table, Tracing, Metrics",
        "parts Discovery, Extras, Table, Tracing, Metrics",
    )
    assert compiled(part, listed).spec is not None
    found = [one for one in compiled(part, listed, edit).diagnostics if one.severity == "error"]
    assert any("client may receive Extra before it is live" in one.message for one in found)


def test_a_part_that_lives_on_both_sides_of_a_change_goes_on() -> None:
    """`extend` brings both sides into Extended; Discovery goes on there: no node is said twice, its timer stays."""
    pair = connected(mdk_protocol, mdk_protocol, mdkRevision=1)
    pair.client.register(NODE, now=0.0)
    pair.flow(0.0)
    assert pair.client.state("Session") == pair.server.state("Session") == "Extended"
    assert pair.client.state("Discovery") == pair.server.state("Discovery") == "Up"
    assert [json.loads(frame)["type"] for _, frame in pair.sent] == ["open", "open", "extend", "active"]
    pair.client.tick(now=10.0)  # Telemetry's report, in Extended only.
    assert pair.client.deadline == 15.0
    original = connected(mdk_protocol, mdk_protocol)
    assert original.client.state("Session") == original.server.state("Session") == "Up"
    assert [json.loads(frame)["type"] for _, frame in original.sent] == ["open", "open"]


def test_an_illegal_call_raises_and_changes_nothing() -> None:
    """A server that announces before it has read `open` is stopped at the call; nothing goes out."""
    pair = connected(mdk_protocol, mdk_protocol)
    server = mdk_protocol.SessionServer(pair.server_told, shared=mdk_protocol.SessionServerShared(pair.server_told))
    server.connected(now=0.0)
    with pytest.raises(IllegalCall, match="the call 'announce' is not allowed while Discovery is not live"):
        server.announce(mdk_protocol.Active(node=NODE), now=0.0)
    assert server.take_output() == []
    assert server.state("Session") == "Greeting"


def test_an_illegal_message_closes_at_the_peer() -> None:
    """A client that registers before its `open` is told why, and hung up on."""
    pair = connected(mdk_protocol, mdk_protocol)
    server = mdk_protocol.SessionServer(pair.server_told, shared=mdk_protocol.SessionServerShared(pair.server_told))
    server.connected(now=0.0)
    server.receive(mdk_protocol.CODEC.encode(mdk_protocol.Active(node=NODE)), now=0.0)
    (frame,) = server.take_output()
    assert json.loads(frame) == {
        "type": "close",
        "error": {
            "code": "illegal_message",
            "title": "Active is not allowed while Discovery is not live; allowed: nothing",
        },
    }
    assert server.hanging_up
    assert server.counters.illegal == 1


def test_a_flag_that_starts_set_changes_who_subscribes(tmp_path: Path) -> None:
    """With `wanted = true` every client asks for logs, without a call."""
    package = variant(tmp_path, Edit("tracing.mdkspec", "session flag wanted = false", "session flag wanted = true"))
    kinds = [json.loads(frame)["type"] for sender, frame in connected(package, package).sent if sender == "client"]
    assert kinds == ["open", "subscribe"]


def test_a_longer_patience_waits_longer(tmp_path: Path) -> None:
    """`after 3s` instead of 10: a silent client is hung up on after 3 s with the code of the spec."""
    package = variant(tmp_path, Edit("session.mdkspec", "after 10s", "after 3s"))
    pair = connected(package, package)
    server = package.SessionServer(pair.server_told, shared=package.SessionServerShared(pair.server_told))
    server.connected(now=100.0)
    assert server.deadline == 103.0
    server.tick(now=103.0)
    assert json.loads(server.take_output()[0])["error"]["code"] == "no_open"
    assert server.hanging_up
