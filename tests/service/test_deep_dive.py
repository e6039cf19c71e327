"""Every program of the original's guide, as it stands in tests/originals, doing what the guide says it does."""

from __future__ import annotations

import json
import os
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flask
import pytest
import requests

from mdk_protocol import messages
from mdk_runtime.client import MDK
from mdk_runtime.config import Config
from mdk_runtime.session import Session
from service.programs import ROOT, WITHIN_S, Program, running, wait_until
from service.scripted_server import ScriptedServer, scripted_server

ORIGINALS = Path("tests/originals")
PYTHONPATH = os.pathsep.join(["runtime", "generated"])


@pytest.fixture(params=["scripted", "mdk server"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a server is: one by hand, and ours."""
    if request.param == "scripted":
        with scripted_server() as server:
            yield server.url
        return
    ready = tmp_path / "ready"
    command = ("-m", "mdk_runtime.cli", "server", "--port", "0", "--ready-file", str(ready), "--data", str(tmp_path))
    with running(*command, PYTHONPATH=PYTHONPATH) as program:
        wait_until(lambda: ready.exists() and ready.read_text(), "the server is not ready")
        yield json.loads(ready.read_text())["rtp"]
        program.process.terminate()
        assert program.finish() == 0, program.lines


class Watcher:
    """Another client of the tenant, which sees what happens."""

    def __init__(self, mdk: MDK) -> None:
        self.mdk = mdk
        self.logs: list[messages.Log] = []
        mdk.subscribe(self.logs.append)

    def addresses(self, service: str) -> set[str]:
        """Where a service is now."""
        return {node.address for node in self.mdk.nodes(service)}


@pytest.fixture
def watcher(url: str) -> Iterator[Watcher]:
    """A client that is there before the programs."""
    with MDK(Config(server_url=url, token="tok")) as mdk:
        yield Watcher(mdk)


@pytest.fixture
def environment(url: str) -> dict[str, str]:
    """What the guide's reader has in the terminal."""
    return {
        "MDK_SERVER_URL": url,
        "DATAWIRE_TOKEN": "tok",
        "MDK_DISCOVERY_SOURCE": "",
        "MDK_ENVIRONMENT": "",
        "PYTHONPATH": PYTHONPATH,
    }


def program(name: str) -> str:
    """The path of a program of the guide."""
    return str(ORIGINALS / f"{name}.py")


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def answer_of(port: str) -> str:
    """What a microservice says, once it listens."""

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", int(port))) == 0

    wait_until(listens, f"nobody listens on port {port}")
    return requests.get(f"http://127.0.0.1:{port}", timeout=WITHIN_S).text


def test_plain_microservice(environment: dict[str, str]) -> None:
    """The service without MDK, to begin with."""
    port = free_port()
    with running(program("01_plain_microservice"), "127.0.0.1", port, **environment):
        assert answer_of(port) == "Hello World!\n"


def test_registered_microservice_is_resolved(environment: dict[str, str], watcher: Watcher) -> None:
    """The microservice registers; the interpreter session prints its address; its end takes it out."""
    port = free_port()
    with running(program("02_registered_microservice"), "127.0.0.1", port, **environment) as service:
        assert answer_of(port) == "Hello World (via Datawire)!\n"
        with running(program("03_resolve"), **environment) as reader:
            reader.wait_for(f"http://127.0.0.1:{port}")
            assert reader.finish() == 0
        service.process.send_signal(2)
        service.process.wait(WITHIN_S)
    wait_until(lambda: not watcher.addresses("hello"), "the node is still there")


def test_load_balancing(environment: dict[str, str], watcher: Watcher) -> None:
    """With two microservices the resolves take turns."""
    ports = [free_port(), free_port()]
    with (
        running(program("02_registered_microservice"), "127.0.0.1", ports[0], **environment),
        running(program("02_registered_microservice"), "127.0.0.1", ports[1], **environment),
    ):
        wait_until(lambda: len(watcher.addresses("hello")) == 2, "both microservices")
        with running(program("04_load_balancing"), **environment) as reader:
            assert reader.finish() == 0
        first, second, third = reader.lines
        assert first == third != second
        assert {first, second} == {f"http://127.0.0.1:{port}" for port in ports}


def test_client_calls_microservices_in_turn(environment: dict[str, str], watcher: Watcher) -> None:
    """The client calls one microservice after the other, and its sessions go along: logs have the client's traces."""
    ports = [free_port(), free_port()]
    with (
        running(program("06_logging_microservice"), "127.0.0.1", ports[0], **environment),
        running(program("06_logging_microservice"), "127.0.0.1", ports[1], **environment),
    ):
        wait_until(lambda: len(watcher.addresses("hello")) == 2, "both microservices")
        for port in ports:
            answer_of(port)
        with running(program("05_client"), "hello", **environment) as client:
            client.wait_for("=> 200: Hello World (via Datawire)!", count=3)
            calls = called(client)
        assert calls[0] != calls[1]
        assert calls[0] == calls[2]
        wait_until(lambda: len(watcher.logs) >= 5, "all logs")
    logs = [log for log in watcher.logs if len(log.context.clock.clocks) == 2]
    assert {(log.category, log.level, log.text) for log in logs} == {("hello", "INFO", "Received a request.")}
    assert [log.context.clock.clocks for log in logs] == [[1, 1]] * len(logs)
    assert len({log.context.trace_id for log in logs}) == len(logs) >= 3


def called(client: Program) -> list[str]:
    """The addresses that the client printed."""
    return [line.split(" => ")[0] for line in client.lines if "=> 200" in line]


# --- what the guide shows in pieces: run with the names around them that the guide assumes ----------


@pytest.fixture
def mdk(server: ScriptedServer) -> Iterator[MDK]:
    """The guide's `mdk`, which is what start() answered."""
    with MDK(Config(server_url=server.url)) as mdk:
        yield mdk


def run(name: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run a piece in a namespace."""
    code = (ROOT / program(name)).read_text()
    exec(compile(code, name, "exec"), names)
    return names


class Http:
    """A `requests` that keeps how it was called."""

    def __init__(self, answer: object = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answer = answer

    def get(self, url: str, **options: Any) -> Any:
        """Keep it."""
        self.calls.append((url, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return SimpleNamespace(json=lambda: self.answer)


def test_cross_service_tracing(mdk: MDK, server: ScriptedServer) -> None:
    """Service A calls B with its session; what B logs is in A's trace."""
    mdk.register("B", "1.0", "http://b")
    http = Http()
    ssn: Session = run("07_cross_service_call", {"mdk": mdk, "requests": http})["ssn"]
    ((url, options),) = http.calls
    assert url == "http://b"
    app = flask.Flask("b")
    app.service_name = "service b"  # type: ignore[attr-defined]  # the guide's own
    run("08_cross_service_join", {"mdk": mdk, "app": app, "request": flask.request})
    assert app.test_client().get("/", headers=options["headers"]).text == "Hello World!"
    server.wait_for(lambda: server.heard("log"))
    (log,) = server.heard("log")
    assert (log["context"]["traceId"], log["context"]["clock"]["clocks"]) == (ssn.trace_id, [1, 1])
    assert (log["category"], log["text"]) == ("service b", "Received a request.")


@pytest.mark.parametrize("works", [True, False])
def test_circuit_breaker(mdk: MDK, server: ScriptedServer, works: bool) -> None:
    """The guide's breaker: a call that works is a finished interaction, one that raises is a failure of its node."""
    mdk.register("svc", "1.0", "http://b")
    session, result = mdk.session(), {"requests": list[Any]()}
    names = {
        "ssn": session,
        "m": mdk,
        "requests": Http({"request_id": "r1"} if works else ConnectionError("refused")),
        "config": SimpleNamespace(name="a", node="a1", service="svc"),
        "result": result,
        "traceback": traceback,
        "service": "svc",
        "version": "1.0",
    }
    node = run("09_circuit_breaker", names)["node"]
    if works:
        assert result["requests"] == [{"request_id": "r1"}]
        assert (node.breaker.successes, node.breaker.failures) == (1, 0)
        server.wait_for(lambda: server.heard("interactionevent"))
        return
    assert result["requests"] == [f"ERROR({node})"]
    assert node.available()
    run("09_circuit_breaker", names)
    run("09_circuit_breaker", names)
    assert not node.available()
    server.wait_for(lambda: [log for log in server.heard("log") if log["category"] == "interaction failure"])


def test_deadlines(mdk: MDK) -> None:
    """Remaining time as a timeout; the default for new sessions; a session's own."""
    run("11_default_deadline", {"mdk": mdk})
    session, http = mdk.session(), Http()
    run("10_remaining_time", {"requests": http, "ssn": session, "url": "http://x"})
    assert 9.0 < http.calls[0][1]["timeout"] <= 10.0
    run("12_session_deadline", {"mdk": session})
    assert 4.0 < (session.get_remaining_time() or 0) <= 5.0
    with mdk.session() as current:
        run("12_session_deadline", {"mdk": mdk})
        assert 4.0 < (current.get_remaining_time() or 0) <= 5.0


def test_properties(mdk: MDK) -> None:
    """A property set in one process is read in another."""
    body = "".join(f"    {line}\n" for line in (ROOT / program("13_set_property")).read_text().splitlines())
    names: dict[str, Any] = {"mdk": mdk}
    exec(f"def piece():\n{body}", names)  # It returns, so it stood in a function.
    session = run("14_get_property", {"mdk": mdk, "encoded_session": names["piece"]()})["session"]
    assert session.hasProperty("demoapp:items") is True
    assert session.getProperty("demoapp:items") == [1, 2]
