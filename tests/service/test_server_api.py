"""/api of a real server: what it tells, to whom, and what admins do."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from service.access import token
from service.http_port import ask, fill
from service.servers import RawClient, ServerProcess, active


def test_the_table(running: ServerProcess) -> None:
    """Addresses in order, in pages that fit together, filtered by service and environment."""
    with RawClient(running.url, token=None) as client:
        client.open("n0")
        for number in range(5):
            client.send(active(f"n{number}", f"http://{number}", service=f"svc{number % 2}"))
            client.receive()
        found = ask(running, "/api/services").json
        assert [(one["service"], one["address"]) for one in found["items"]] == [
            ("svc0", "http://0"), ("svc0", "http://2"), ("svc0", "http://4"), ("svc1", "http://1"), ("svc1", "http://3"),
        ]  # fmt: skip
        assert found["items"][0] | {"properties": {}} == {
            "environment": "sandbox", "service": "svc0", "version": "1.0", "address": "http://0", "node": "n0",
            "senders": 1, "suspect": False, "properties": {},
        }  # fmt: skip
        pages = [ask(running, "/api/services?limit=2").json]
        while pages[-1]["next"] is not None:
            pages.append(ask(running, f"/api/services?{urlencode({'limit': 2, 'cursor': pages[-1]['next']})}").json)
        assert [one for page in pages for one in page["items"]] == found["items"]
        assert len(ask(running, "/api/services?service=svc1&environment=sandbox").json["items"]) == 2
        assert ask(running, "/api/services?environment=other").json == {"items": [], "next": None}


def test_what_is_stored(running: ServerProcess) -> None:
    """Logs, interactions, traces, one trace, rates and the map, each as the storage answers, with cursors."""
    for path in ("logs", "interactions", "traces", "map", "rates", "rates?of=interactions"):
        assert ask(running, f"/api/{path}").json == {"items": [], "next": None}, path
    fill(running, None)
    logs = ask(running, "/api/logs?limit=4&level=info").json
    assert [one["text"] for one in logs["items"]] == ["text 9", "text 8", "text 7", "text 6"]
    more = ask(running, f"/api/logs?limit=100&level=info&cursor={logs['next']}").json
    assert [one["text"] for one in more["items"]] == [f"text {number}" for number in range(5, -1, -1)]
    assert more["next"] is None
    assert [one["text"] for one in ask(running, "/api/logs?order=oldest&limit=2&trace=trace1").json["items"]] == [
        "text 1", "text 3"
    ]  # fmt: skip
    assert [one["text"] for one in ask(running, "/api/logs?text=7").json["items"]] == ["text 7"]
    assert len(ask(running, "/api/logs?since=1795487508618&until=1795487508619").json["items"]) == 10
    assert ask(running, "/api/logs?since=2026-11-24T03:00:00%2B01:00&until=1795487508618").json["items"] == []
    assert {one["trace_id"] for one in ask(running, "/api/traces").json["items"]} == {"trace0", "trace1"}
    events = ask(running, "/api/traces/trace0").json["items"]
    assert [one["kind"] for one in events].count("log") == 5
    assert [one["kind"] for one in events].count("interaction") == 1
    assert ask(running, "/api/traces/none").status == 404
    (interaction,) = ask(running, "/api/interactions").json["items"]
    assert (interaction["uuid"], interaction["results"]) == ("u", {"n1": 1})
    (rate,) = ask(running, "/api/rates?since=2026-11-01T00:00:00Z&step=100000").json["items"]
    assert rate["levels"] == {"INFO": 10}
    (call,) = ask(running, "/api/rates?of=interactions&since=2026-11-01T00:00:00Z&step=100000").json["items"]
    assert (call["ok"], call["failed"]) == (1, 0)
    (edge,) = ask(running, "/api/map?since=2026-11-01T00:00:00Z").json["items"]
    assert (edge["caller"], edge["callee"], edge["ok"]) == ("svc", "svc", 1)
    assert ask(running, "/api/storage").json["logs"] == 10


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("logs?lvel=INFO", "a parameter is 'lvel'; expected one that is known; did you mean level?"),
        ("logs?level=LOUD", "level is 'LOUD'; expected one of"),
        ("logs?level=INFO&level=WARN", "level is 'WARN'; expected it once"),
        ("logs?limit=0", "limit is '0'; expected a number from 1 to 1000"),
        ("logs?limit=1001", "limit is '1001'; expected a number from 1 to 1000"),
        ("logs?cursor=x", "cursor is 'x'; expected one that an answer named as its next"),
        ("logs?since=yesterday", "since is 'yesterday'; expected milliseconds since 1970, a time such as"),
        ("logs?failed=1", "failed is '1'; expected true or false"),
        ("logs?order=random", "order is 'random'; expected newest or oldest"),
        ("logs?text=" + "x" * 1001, "text is "),
        ("interactions?level=INFO", "filter is "),
        ("services?cursor=[1]", "cursor is '[1]'; expected one that an answer named as its next"),
        ("rates?since=0", "step is 1; expected 1000 steps at most"),
        ("rates?of=x", "of is 'x'; expected logs or interactions"),
        ("traces/t?limit=x", "limit is 'x'"),
    ],
)
def test_what_cannot_be_asked(running: ServerProcess, path: str, said: str) -> None:
    """400, and what would be right."""
    fill(running, None) if path.startswith("logs?cursor") else None
    answer = ask(running, f"/api/{path}")
    assert (answer.status, answer.json["error"]) == (400, "bad_query")
    assert answer.json["detail"].startswith(said)


def test_tenants_do_not_see_each_other(keyed: ServerProcess) -> None:
    """Whatever is asked, by whatever means, only the token's tenant answers."""
    fill(keyed, token("one"))
    fill(keyed, token("two"), node="n2")
    for path in ("services", "logs", "interactions", "traces", "traces/trace0", "map", "rates", "storage"):
        answers = [ask(keyed, f"/api/{path}", bearer=token(tenant)) for tenant in ("one", "two", "three")]
        assert b"n1" not in answers[1].body + answers[2].body, path
        assert b"n2" not in answers[0].body + answers[2].body, path
        assert ask(keyed, f"/api/{path}").status == 401
    cookie = ask(keyed, "/login", method="POST", body=urlencode({"token": token("two")})).headers["Set-Cookie"]
    found = ask(keyed, "/api/services", bearer=token("one"), Cookie=cookie.partition(";")[0]).json["items"]
    assert [one["address"] for one in found] == ["http://n1"], "a token that is said beats a cookie"
    admin = token("two", scope="read admin")
    path = "/api/nodes?environment=sandbox&service=svc&address=http://n1"
    assert ask(keyed, path, method="DELETE", bearer=admin).status == 404
    assert ask(keyed, "/api/clear", method="POST", bearer=admin).json == {"removed": 1}
    assert len(ask(keyed, "/api/services", bearer=token("one")).json["items"]) == 1


def test_admins_act_and_leave_a_trace(keyed: ServerProcess) -> None:
    """Only with `admin`; each act is in the audit log with who, what, when and which tenant; everybody is told."""
    admin = token("acme", scope="read admin", sub="ann")
    with RawClient(keyed.url, token=token("acme")) as client:
        client.open("n1")
        for address in ("a", "b"):
            client.send(active(address, address))
            assert client.receive()["type"] == "active"
        path = "/api/nodes?environment=sandbox&service=svc&address=a"
        assert ask(keyed, path, method="DELETE", bearer=token("acme")).json["error"] == "scope_admin"
        assert ask(keyed, "/api/nodes?service=svc", method="DELETE", bearer=admin).status == 400
        assert ask(keyed, path, method="DELETE", bearer=admin).json == {"removed": 1}
        assert (message := client.receive())["type"] == "expire"
        assert message["node"]["address"] == "a"
        assert ask(keyed, "/api/clear", method="GET", bearer=admin).status == 405
        assert ask(keyed, "/api/clear", method="POST", bearer=admin).json == {"removed": 1}
        assert client.receive()["node"]["address"] == "b"
    lines = [json.loads(line) for line in (keyed.data / "audit.jsonl").read_text().splitlines()]
    assert [(one["act"], one["tenant"], one["who"], one["address"]) for one in lines] == [
        ("remove", "acme", "ann", "127.0.0.1"), ("clear", "acme", "ann", "127.0.0.1"),
    ]  # fmt: skip
    assert lines[0]["node"] == "a"
    assert lines[0]["time"].startswith("20")
    assert (keyed.data / "audit.jsonl").stat().st_mode & 0o777 == 0o600


def test_an_admin_sets_a_level_for_a_while(keyed: ServerProcess) -> None:
    """Clients of the tenant are told, also those that come later; it is audited; what cannot be a rule is said."""
    admin, path = token("acme", scope="read admin", sub="ann"), "/api/level?service=shop&level=debug&seconds=60"
    with RawClient(keyed.url, token=token("acme")) as client:
        client.open("n1", mdkRevision=1)
        assert ask(keyed, path, method="POST", bearer=token("acme")).json["error"] == "scope_admin"
        assert ask(keyed, path, method="POST", bearer=admin).json == {
            "service": "shop",
            "level": "DEBUG",
            "seconds": 60,
        }
        while (message := client.receive())["type"] != "levelrule":
            pass
        assert (message["service"], message["level"], message["left"]) == ("shop", "DEBUG", 60.0)
    for bad in (
        "service=shop",
        "level=debug",
        "service=a&trace=b&level=debug",
        "service=a&level=loud",
        "trace=a&level=info&seconds=-1",
    ):
        assert ask(keyed, f"/api/level?{bad}", method="POST", bearer=admin).json["error"] == "bad_query"
    (line,) = [json.loads(line) for line in (keyed.data / "audit.jsonl").read_text().splitlines()]
    assert (line["act"], line["kind"], line["name"], line["level"], line["seconds"]) == (
        *("level", "service", "shop", "DEBUG", "60"),
    )


def test_what_cannot_be_audited_is_not_done(keyed: ServerProcess) -> None:
    """503, and the table stays."""
    (keyed.data / "audit.jsonl").mkdir()
    with RawClient(keyed.url, token=token("acme")) as client:
        client.open("n1")
        client.send(active("n1"))
        client.receive()
        answer = ask(keyed, "/api/clear", method="POST", bearer=token("acme", scope="admin"))
        assert (answer.status, answer.json["error"]) == (503, "audit")
        assert len(ask(keyed, "/api/services", bearer=token("acme")).json["items"]) == 1
