"""What the console is told each second."""

from __future__ import annotations

from typing import Any

import pytest

from mdk_protocol.messages import (
    CallRate,
    Environment,
    LogRate,
    Rates,
    StorageState,
    Viewer,
)
from mdk_runtime.core.server import pulse as module
from mdk_runtime.core.server.grants import Grant, Scope
from mdk_runtime.core.server.news import CALLS_MAX
from mdk_runtime.core.server.origin import Entry
from mdk_runtime.core.server.pulse import Facts
from mdk_runtime.core.server.writes import Outcome
from unit.mdk_runtime.core.server.networks import TTL_S, Client, Network
from unit.mdk_runtime.core.server.raw_clients import call

STORAGE = StorageState(bytes=77, logs=1, interactions=0, segments=1)


class Looker(Client):
    """A client of ours that wants pulses."""

    def __init__(self, network: Network, **watch: Any) -> None:
        super().__init__(network, "looker")
        self.send({"type": "watch", **watch})

    def pulses(self) -> list[dict[str, Any]]:
        """What came since the last time."""
        self.take_frames()
        frames, self.frames = self.frames, []
        return [frame for frame in frames if frame["type"] == "pulse"]


def ages(pulse: dict[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Of each address: since, renewed and left."""
    return {one["address"]: (one["since"], one["renewed"], round(one["left"], 6)) for one in pulse["nodes"]}


def test_the_first_pulse_is_whole_and_comes_at_once() -> None:
    """Every node with its age, and when it would lapse."""
    network = Network()
    service = Client(network, "n1")
    service.register("n1", "a")
    network.move(4.0)
    service.register("n1", "a")
    network.move(3.0)
    looker = Looker(network)
    (pulse,) = looker.pulses()
    assert pulse["whole"] is True
    assert ages(pulse) == {"a": (7.0, 3.0, TTL_S - 3.0)}


def test_then_each_second_what_is_new() -> None:
    """Nodes that came or were renewed; none otherwise. Nothing after the end."""
    network = Network()
    service, looker = Client(network, "n1"), Looker(network)
    service.register("n1", "a")
    looker.pulses()
    network.move(1.0)
    (pulse,) = looker.pulses()
    assert (pulse["whole"], ages(pulse)) == (False, {"a": (1.0, 1.0, TTL_S - 1.0)})
    network.move(2.0)
    assert [ages(one) for one in looker.pulses()] == [{}, {}]
    service.register("n1", "a")
    network.move(1.0)
    assert [ages(one)["a"][:2] for one in looker.pulses()] == [(4.0, 1.0)]
    looker.send({"type": "unwatch"})
    network.move(5.0)
    assert looker.pulses() == []
    assert network.tenant.pulses.deadline is None


def test_a_suspect_is_said_and_said_again_when_it_is_back() -> None:
    """Its process is out of touch, then in touch."""
    network = Network()
    service, looker = Client(network, "n1"), Looker(network)
    service.register("n1", "a")
    network.move(1.0)
    looker.pulses()
    service.cut()
    network.move(1.0)
    (pulse,) = looker.pulses()
    assert [one["suspect"] for one in pulse["nodes"]] == [True]
    Client(network, "n1").register("n1", "a")
    network.move(1.0)
    (pulse,) = looker.pulses()
    assert [one["suspect"] for one in pulse["nodes"]] == [False]


def test_breakers_are_seen_with_their_owner() -> None:
    """Those that are not closed, in every pulse; what they did, once."""
    network = Network()
    caller, looker = Client(network, "n1"), Looker(network)
    caller.register("n1", "a", service="shop")
    looker.pulses()
    breaker = {"service": "cart", "address": "b", "state": "OPEN", "failures": 3}
    caller.send({"type": "breaker", "breaker": breaker})
    network.move(2.0)
    first, second = looker.pulses()
    (seen,) = first["breakers"]
    assert (seen["client"], seen["services"], seen["breaker"]["address"]) == ("n1", ["shop"], "b")
    assert second["breakers"] == first["breakers"]
    assert [[one["breaker"]["state"] for one in each["changes"]] for each in (first, second)] == [["OPEN"], []]
    assert Looker(network).pulses()[0]["changes"] == [], "what happened before somebody looked is history"


def test_clients_come_if_they_are_wanted() -> None:
    """With what they said of themselves; originals as such."""
    network = Network()
    one, _ = Client(network, "n1"), Client(network, "n2", is_ours=False)
    one.register("n1", "a", service="shop")
    one.send({"type": "statistics", "emitted": 7, "queued": 2, "dropped": 1})
    (pulse,) = Looker(network, clients=True).pulses()
    told = {client["node"]: client for client in pulse["clients"]}
    assert (told["n1"]["services"], told["n1"]["emitted"], told["n1"]["dropped"]) == (["shop"], 7, 1)
    assert (told["n1"]["original"], told["n2"]["original"]) == (False, True)
    assert "clients" not in Looker(network).pulses()[0]


def test_the_server_says_how_it_is() -> None:
    """Counts of the tenant; what the shell knows; why nobody is expired, while that holds."""
    network = Network()
    service = Client(network, "n1")
    service.register("n1", "a")
    network.tenant.pulses.facts = module.Facts(time_ms=5, uptime_s=6.0, waiting=7, is_failing=True)
    looker = Looker(network)
    (pulse,) = looker.pulses()
    server = pulse["server"]
    assert (server["time"], server["uptime"], server["waiting"], server["failing"]) == (5, 6.0, 7, True)
    assert (server["connections"], server["nodes"]) == (2, 1)
    assert "protected" not in server
    network.tenant.expiry.protect("a test", now=network.now)
    network.move(1.0)
    assert looker.pulses()[0]["server"]["protected"] == "a test"


def test_a_pulse_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the nodes comes in the next ones, and nothing claims to be whole."""
    monkeypatch.setattr(module, "NODES_MAX", 2)
    network = Network()
    service = Client(network, "n1")
    for number in range(5):
        service.register(f"n{number}", f"a{number}")
    looker = Looker(network)
    network.move(2.0)
    pulses = looker.pulses()
    assert [(one["whole"], len(one["nodes"])) for one in pulses] == [(False, 2), (False, 2), (False, 1)]
    assert {address for one in pulses for address in ages(one)} == {f"a{number}" for number in range(5)}


def test_a_looker_that_is_gone_is_told_nothing() -> None:
    """And no timer runs for it."""
    network = Network()
    looker = Looker(network)
    looker.cut()
    assert not network.tenant.pulses.is_wanted
    network.move(3.0)


def test_who_looks_is_told_so_once() -> None:
    """The tenant and scopes of its own token, and what the tenant may have: in the first pulse only."""
    network = Network()
    looker = Looker(network)
    (first,) = looker.pulses()
    grant = looker.connection.grant
    assert first["viewer"] == {
        "tenant": grant.tenant,
        "scopes": ["admin", "read", "register", "write"],
        "subject": "",
        "signed": False,
    }
    limits = network.tenant.allowance.limits
    assert first["limits"] == {
        "connections": limits.connections_max,
        "nodes": limits.nodes_max,
        "logsPerSecond": limits.logs_per_s_max,
        "bytes": 0,
        "age": 0,
        "keptBytes": 0,
        "keptAge": 0,
    }
    network.move(1.0)
    (second,) = looker.pulses()
    assert "viewer" not in second
    assert "limits" not in second


def test_what_a_token_says() -> None:
    """Its subject, that a key has signed it, when it runs out."""
    grant = Grant("acme", frozenset({Scope.READ}), "ada", 12.5, "fingerprint")
    assert module.viewer_of(grant) == Viewer(tenant="acme", scopes=["read"], subject="ada", signed=True, expires=12_500)


def test_the_last_hour_is_kept_for_who_looks_first() -> None:
    """A point a minute, whether anybody looks or not, 60 of them; what was lost is what clients dropped and storage rejected."""
    network = Network()
    service = Client(network, "n1")
    service.register("n1", "a")
    service.send({"type": "statistics", "emitted": 9, "dropped": 4})
    network.tenant.counters["log rejected"] = 2
    for minute in range(70):
        network.tenant.pulses.keep_minute(Facts(time_ms=minute, waiting=minute % 2, storage=STORAGE))
    looker = Looker(network)
    (first,) = looker.pulses()
    assert [one["time"] for one in first["minutes"]] == list(range(10, 70))
    assert first["minutes"][-1] == {
        "time": 69, "connections": 1, "nodes": 1, "waiting": 1, "bytes": 77, "lost": 6,
    }  # fmt: skip
    network.move(1.0)
    (second,) = looker.pulses()
    assert second.get("minutes", []) == []


def stored(network: Network, *entries: Entry) -> None:
    """Storage has them."""
    pulses = network.tenant.pulses
    pulses.news.stored(entries, time_ms=pulses.facts.time_ms)


def test_calls_come_with_the_next_pulse() -> None:
    """Once, with the services of both sides; the newest of very many; none from before somebody looked."""
    network = Network()
    stored(network, call(0))
    looker = Looker(network)
    looker.pulses()
    stored(network, call(1))
    network.move(2.0)
    first, second = looker.pulses()
    assert first["calls"] == [
        {
            "uuid": "1",
            "traceId": "t",
            "start": 100 * 60_000 - 5,
            "end": 100 * 60_000,
            "environment": "sandbox",
            "service": "cart",
            "results": {"n2": 1},
            "callees": {"n2": "pay"},
        }
    ]
    assert second["calls"] == []
    stored(network, *(call(number) for number in range(300)))
    network.move(1.0)
    (pulse,) = looker.pulses()
    assert [one["uuid"] for one in pulse["calls"]] == [str(number) for number in range(300 - CALLS_MAX, 300)]


def test_sums_are_told_once() -> None:
    """To all who look, when there are new ones."""
    network = Network()
    one, two = Looker(network), Looker(network)
    for looker in (one, two):
        looker.pulses()
    sums = Rates(
        logs=[LogRate(start=60_000, environment="e", service="s", version="1", levels={"INFO": 3})],
        calls=[CallRate(start=60_000, environment="e", caller="s", callee="t", ok=1, failed=2)],
    )
    network.tenant.pulses.facts = Facts(sums=sums)
    network.move(2.0)
    for looker in (one, two):
        first, second = looker.pulses()
        assert [rate["levels"] for rate in first["logRates"]] == [{"INFO": 3}]
        assert [(rate["ok"], rate["failed"]) for rate in first["callRates"]] == [(1, 2)]
        assert second["logRates"] == second["callRates"] == []


def test_names_without_measure_do_not_silence_the_pulse() -> None:
    """What is too long for a message is left out, and the rest is told."""
    network = Network()
    looker = Looker(network)
    looker.pulses()
    stored(network, call(1, environment=Environment(name="x" * 2_000_000)))
    network.move(1.0)
    (pulse,) = looker.pulses()
    assert pulse["calls"] == []
    assert network.tenant.counters["pulse unsendable"] == 0


def test_what_is_kept_for_how_long_is_told() -> None:
    """With the other limits, in the first pulse."""
    network = Network()
    network.tenant.pulses.facts = Facts(retention=module.Retention(5, 6.0, 7, 8.0))
    (pulse,) = Looker(network).pulses()
    told = pulse["limits"]
    assert (told["bytes"], told["age"], told["keptBytes"], told["keptAge"]) == (5, 6.0, 7, 8.0)


def test_what_is_stored_for_a_client_is_in_the_next_pulse() -> None:
    """Once it is durable, and only if it is new."""
    network = Network()
    looker, client = Looker(network), Client(network, "n1")
    looker.pulses()
    for number in range(2):
        event = {
            "uuid": str(number),
            "session": "t",
            "node": "n1",
            "startTimestamp": 1,
            "endTimestamp": 2,
            "results": {"n2": 1},
        }
        client.send({"type": "interactionevent", "sequence": number, "environment": {"name": "e"}, **event})
    new, known = [Outcome.NEW, Outcome.KNOWN]
    writes = network.tenant.writes.take()
    assert [len(write.entries) for write in writes] == [1, 1]
    network.tenant.stored(zip(writes, ([new], [known]), strict=True), now=network.now)
    network.move(1.0)
    (pulse,) = looker.pulses()
    assert len(pulse["calls"]) == 1
    assert network.tenant.counters["interaction new"] == network.tenant.counters["interaction known"] == 1


def test_a_pulse_that_is_too_long_is_counted() -> None:
    """Services whose names fill a message each: nobody is told of their breakers, and everything goes on."""
    network = Network()
    looker = Looker(network)
    looker.pulses()
    for number in range(2):
        breaker = {"service": f"{number}" * 700_000, "address": "a", "state": "OPEN"}
        Client(network, f"n{number}").send({"type": "breaker", "breaker": breaker})
    network.move(1.0)
    assert looker.pulses() == []
    assert network.tenant.counters["pulse unsendable"] == 1
    assert looker.connection.endpoint.is_connected
