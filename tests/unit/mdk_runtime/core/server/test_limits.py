"""What a tenant's clients may do: by their tokens, and by what is used already."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import UNSET

from mdk_protocol.messages import InteractionEvent, Log, Open
from mdk_runtime.core.server import limits as module
from mdk_runtime.core.server.connection import Connection
from mdk_runtime.core.server.grants import EVERYTHING, ORDINARY, Grant, Scope
from mdk_runtime.core.server.limits import TELL_EVERY_S, Allowance, Bucket, Limits, Told
from mdk_runtime.core.server.origin import Entry
from mdk_runtime.core.server.rejections import Rejections
from mdk_runtime.core.server.tenant import Tenant
from mdk_runtime.core.server.writes import Outcome, by_write
from service.servers import active, log

READER = Grant("t", frozenset({Scope.READ}))


class Client:
    """A client with a token."""

    def __init__(
        self,
        tenant: Tenant,
        node_id: str,
        grant: Grant | None = None,
        properties: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.tenant = tenant
        self.connection: Connection = tenant.connect(grant, **options)
        self.endpoint = self.connection.endpoint
        self.endpoint.connected(now=0.0)
        self.answers = self.send({"type": "open", "nodeId": node_id, "properties": properties or {}})

    def send(self, message: dict[str, Any], *, now: float = 0.0) -> list[dict[str, Any]]:
        """What the server answers at once, without what it tells everyone."""
        self.endpoint.receive(json.dumps(message), now=now)
        self.tenant.work(now=now)
        return self.take()

    def take(self) -> list[dict[str, Any]]:
        """What it was sent since it was looked last."""
        frames: list[dict[str, Any]] = []
        while output := self.endpoint.take_output():
            frames += [json.loads(frame) for frame in output]
        return [one for one in frames if one["type"] not in ("extend", "table")]

    def end(self) -> None:
        """The connection is gone."""
        self.endpoint.lost(now=0.0)
        self.tenant.disconnected(self.connection, now=0.0)


def kinds(frames: list[dict[str, Any]]) -> list[str]:
    """Types, and of a `close` its code."""
    return [one["error"]["code"] if one["type"] == "close" else one["type"] for one in frames]


def tenant(**limits: int) -> Tenant:
    """With these bounds."""
    return Tenant(Open(), limits=Limits(**limits), merge_s=0.0)


def test_without_register_nothing_is_registered() -> None:
    """The client is told so by `close`, once; then it may stay, and its node is left out without a word."""
    served = tenant()
    reader = Client(served, "r", READER)
    (close,) = reader.send(active("r"))
    assert close == {
        "type": "close", "error": {"code": "scope_register", "title": "the token lacks the scope 'register'"}
    }  # fmt: skip
    assert reader.endpoint.hanging_up
    reader.end()
    again = Client(served, "r", READER)
    assert again.send(active("r")) == again.send(active("r")) == []
    assert not again.endpoint.hanging_up
    assert len(served.registry) == 0
    assert served.counters["node refused"] == 3
    assert [one.reason for one in served.take_refusals()] == ["the token lacks the scope 'register'"]


def test_without_register_nothing_of_others_is_taken_back() -> None:
    """`expire` is refused as `active` is."""
    served = tenant()
    owner = Client(served, "n1")
    owner.send(active("n1"))
    thief = Client(served, "n2", READER)
    assert kinds(thief.send({**active("n1"), "type": "expire"})) == ["scope_register"]
    assert len(served.registry) == 1


def test_without_write_nothing_is_stored() -> None:
    """Acknowledged all the same and counted as rejected, or it would be sent again for ever; told once."""
    served = tenant()
    reader = Client(served, "r", READER)
    assert kinds(reader.send(log(0, node="r"))) == ["logack", "scope_write"]
    reader.end()
    again = Client(served, "r", READER)
    assert kinds(again.send(log(1, node="r"))) == ["logack"]
    interaction = {"uuid": "u", "session": "t", "node": "r", "type": "interactionevent", "sequence": 0, "sync": 1}
    assert again.send(interaction) == [{"type": "interactionack", "sequence": 0}]
    assert served.writes.take() == []
    assert (served.counters["log rejected"], served.counters["interaction rejected"]) == (2, 1)


def test_scopes_name_everything() -> None:
    """An ordinary token may all but administer."""
    assert {Scope.ADMIN} == EVERYTHING - ORDINARY
    assert Allowance(Limits()).forbids_node(Grant("t", ORDINARY), others=0) is None


def test_one_connection_too_many() -> None:
    """It is told so when it has spoken, and not answered; when another one has gone there is room."""
    served = tenant(connections_max=2)
    one, two = Client(served, "1"), Client(served, "2")
    three = Client(served, "3")
    assert kinds(one.answers) == kinds(two.answers) == ["open"]
    assert kinds(three.answers) == ["connections_max"]
    assert three.endpoint.hanging_up
    assert three.send({"type": "open"}) == []
    assert served.counters["connection refused"] == 1
    two.end()
    assert kinds(Client(served, "4").answers) == ["open"]


def test_one_node_too_many() -> None:
    """Told once; renewals and moves of what is there go on; when one is gone there is room."""
    served = tenant(nodes_max=2)
    client = Client(served, "n1")
    for number in (1, 2):
        assert kinds(client.send(active(f"n{number}", f"http://{number}"))) == ["active"]
    assert client.send(active("n1", "http://1")) == []
    assert client.send(active("n3", "http://3"))[-1]["error"]["title"] == "the tenant has 2 nodes already"
    client.end()
    again = Client(served, "n1")
    assert client.connection not in served.connections
    assert again.send(active("n3", "http://3")) == []
    assert kinds(again.send(active("n1", "http://moved")))[-1] == "active"
    again.send({**active("n2", "http://2"), "type": "expire"})
    assert kinds(again.send(active("n3", "http://3"))) == ["active"]


def told(client: Client, outcomes: list[Outcome] | None = None, *, now: float = 0.0) -> list[str]:
    """What the client hears when storage has decided: as given, or that what may be stored is new."""
    writes = client.tenant.writes.take()
    entries = [entry for write in writes for entry in write.entries]
    decided = outcomes or [Outcome.REJECTED if entry.forbidden else Outcome.NEW for entry in entries]
    client.tenant.stored(by_write(writes, decided), now=now)
    return kinds(client.take())


def test_too_many_logs() -> None:
    """What is above the rate is acknowledged, counted as rejected and told once; later there is room again."""
    served = tenant(logs_per_s_max=2)
    client = Client(served, "n1")
    assert [client.send(log(number)) for number in range(5)] == [[]] * 5
    assert told(client) == ["logack"] * 5 + ["logs_per_second_max"]
    assert [one.reason for one in served.take_refusals()] == ["the tenant logs more than 2 messages a second"]
    client.end()
    again = Client(served, "n1")
    assert again.send(log(5)) == again.send(log(6), now=1.0) == again.send(log(7), now=1.0) == []
    assert told(again, now=1.0) == ["logack"] * 3
    again.send(log(8), now=1.0)
    assert told(again, now=1.0) == ["logack"], "it was told"
    again.send(log(9), now=1.0 + TELL_EVERY_S)
    assert told(again) == ["logack"]
    assert (served.counters["log new"], served.counters["log rejected"]) == (7, 3)


def test_what_storage_knows_is_not_rejected() -> None:
    """Above the rate storage decides: what it has seen is known, and nobody is told of a limit."""
    served = tenant(logs_per_s_max=1)
    client = Client(served, "n1")
    for number in range(3):
        client.send(log(number))
    assert told(client, [Outcome.NEW, Outcome.KNOWN, Outcome.KNOWN]) == ["logack"] * 3
    assert served.counters == {"log new": 1, "log known": 2}


def test_a_client_that_is_gone_is_not_told() -> None:
    """The next connection of its sender is told what the limit is."""
    served = tenant(logs_per_s_max=1)
    client = Client(served, "n1")
    for number in range(3):
        client.send(log(number))
    client.end()
    assert told(client) == []
    again = Client(served, "n1")
    again.send(log(2))
    assert told(again) == ["logack", "logs_per_second_max"]


def batch(*logs: dict[str, Any]) -> dict[str, Any]:
    """Logs in one frame."""
    return {"type": "logs", "logs": list(logs)}


def pending(served: Tenant) -> list[Entry]:
    """What storage is asked to store or to reject; nobody hears of it any more."""
    return [entry for write in served.writes.take() for entry in write.entries]


def test_of_a_batch_as_many_are_let_in_as_there_is_room_for() -> None:
    """The first ones; the others go to storage as forbidden, so that it says whether it knows them."""
    served = tenant(logs_per_s_max=3)
    client = Client(served, "n1", properties={"mdkRevision": 1, "service": "svc"})
    assert client.send(batch(*(log(number) for number in range(4)))) == []
    assert [entry.forbidden for entry in pending(served)] == [None] * 4
    assert client.send(batch(*(log(number) for number in range(4, 8)))) == []
    entries = pending(served)
    assert [entry.message.sequence for entry in entries] == [4, 5, 6, 7]
    assert [entry.forbidden and entry.forbidden.code for entry in entries] == [None] * 2 + ["logs_per_second_max"] * 2
    assert [entry.origin.service for entry in entries] == ["svc"] * 2 + [""] * 2


@pytest.mark.parametrize(
    "logs",
    [
        [log(0), log(2), log(1)],
        [log(0), {**log(0), "node": "other"}],
        [log(0), {key: value for key, value in log(0).items() if key != "sequence"}],
        [log(0), log(0)],
    ],
    ids=["out of order", "of two senders", "without a number", "twice"],
)
def test_logs_of_an_odd_batch_are_stored_all_the_same(logs: list[dict[str, Any]]) -> None:
    """Each is looked at by itself, and goes on with its own origin."""
    served = tenant()
    client = Client(served, "n1", properties={"mdkRevision": 1, "service": "svc"})
    client.send(batch(*logs))
    writes = served.writes.take()
    assert [entry.message.sequence for write in writes for entry in write.entries] == [
        one.get("sequence", UNSET) for one in logs
    ]
    assert [entry.origin.service for write in writes for entry in write.entries] == [
        "svc" if one["node"] == "n1" else "" for one in logs
    ]


def test_what_a_token_may_not_write_is_rejected_once() -> None:
    """It never comes to storage, which cannot say then that it knows it."""
    served = tenant()
    for _ in range(2):
        reader = Client(served, "n", READER)
        reader.send(log(0))
        reader.end()
    unnumbered = {key: value for key, value in log(0).items() if key != "sequence"}
    again = Client(served, "n", READER)
    again.send(unnumbered)
    again.send(unnumbered)
    assert served.counters["log rejected"] == 3, "a log without a number cannot be known again"
    assert pending(served) == []


def test_rejections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sender that was heard longest ago is forgotten, not the one that speaks all the time."""
    monkeypatch.setattr("mdk_runtime.core.server.rejections.SENDERS_MAX", 2)
    rejections = Rejections()
    for node, number in (("a", 0), ("b", 0), ("a", 1), ("c", 0)):
        assert rejections.is_new(Log(node=node, sequence=number))
    assert [rejections.is_new(Log(node=node, sequence=0)) for node in "acb"] == [False, False, True]
    assert rejections.is_new(InteractionEvent(uuid="u", session="t", node="b", sequence=0)), "numbers of their own"


def test_a_token_runs_out() -> None:
    """The connection is ended when its time has come, not before, and one that has gone by itself is not missed."""
    served = tenant()
    client, gone = Client(served, "n", until=5.0), Client(served, "m", until=4.0)
    assert served.deadline == 4.0
    gone.end()
    assert served.deadline in (2.0, 5.0)
    assert client.send({"type": "x"}, now=4.9) == []
    assert kinds(client.send({"type": "x"}, now=5.0)) == ["token_expired"]
    assert client.endpoint.hanging_up


def test_a_key_is_taken_away() -> None:
    """Connections by other keys, and those without any, go on."""
    served = tenant()
    clients = [Client(served, key, Grant("t", key=key)) for key in ("a", "b", "")]
    assert served.revoke(frozenset({"b"}), now=0.0) == 1
    assert [kinds(client.send({"type": "x"})) for client in clients] == [["token_revoked"], [], []]


def test_a_bucket() -> None:
    """A burst, then the rate; a clock that stands still gives nothing; 0 lets everything through."""
    bucket = Bucket(10.0, 3.0)
    assert [bucket.take(now=0.0) for _ in range(4)] == [1, 1, 1, 0]
    assert [bucket.take(now=0.1), bucket.take(now=0.1), bucket.take(now=100.0)] == [1, 0, 1]
    assert [bucket.take(5, now=100.0), bucket.take(5, now=100.0), bucket.take(5, now=100.25)] == [2, 0, 2]
    assert Bucket(0.0, 0.0).take(1000, now=0.0) == 1000


def test_told_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was told longest ago is forgotten first, and told again."""
    monkeypatch.setattr(module, "TOLD_MAX", 2)
    told = Told()
    assert [told.is_news(whom, now=0.0) for whom in ("a", "b", "a", "c", "b", "a")] == [
        True, True, False, True, False, True
    ]  # fmt: skip
    assert told.is_news("a", now=TELL_EVERY_S)


def test_without_write_nothing_is_reported() -> None:
    """A token that may only read says nothing about breakers and clients, either: others would believe it."""
    served = tenant()
    breaker = {"type": "breaker", "breaker": {"service": "s", "address": "a", "state": "OPEN"}}
    for grant, count in ((READER, 0), (Grant("t"), 1)):
        connection = served.connect(grant)
        connection.endpoint.connected(now=0.0)
        connection.endpoint.receive('{"type":"open","nodeId":"n","properties":{"mdkRevision":1}}', now=0.0)
        connection.endpoint.receive(json.dumps(breaker), now=0.0)
        connection.endpoint.receive('{"type":"statistics","emitted":1}', now=0.0)
        assert len(list(served.insight.telemetry.breakers())) == count
        assert (served.insight.telemetry.report(connection) is not None) == bool(count)


def test_a_client_has_a_name_in_the_log() -> None:
    """Its own, and its tenant's: of many clients one sends what is not taken, and somebody has to find it."""
    tenant = Tenant(Open())
    endpoint = tenant.connect(Grant("acme")).endpoint
    assert endpoint.peer_shown == "client '' of acme"
    endpoint.connected(now=0.0)
    endpoint.receive('{"type": "open", "nodeId": "n1"}', now=0.0)
    assert endpoint.peer_shown == "client 'n1' of acme"
