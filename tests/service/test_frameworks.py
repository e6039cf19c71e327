"""Every integration against every requirement: the real framework, in a real server process, and nothing faked but time.

SERVERS times SERVER_CELLS, and CLIENTS times the tests below them, are the whole matrix; a test at the end sees to it
that no integration of `mdk` is outside of it.
"""

from __future__ import annotations

import asyncio
import json
import pkgutil
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests

import mdk
from mdk.aiohttp import aiohttp_session
from mdk.httpx import httpx_async_client, httpx_client
from mdk.requests import requests_session
from mdk.testing import FakeMDK
from mdk_runtime.config import Config
from service.programs import WITHIN_S, Program, running
from service.scripted_server import ScriptedServer, scripted_server

UVICORN = ("-W", "ignore", "-m", "service.applications.serve")
GUNICORN = ("-W", "ignore", "-m", "gunicorn", "--threads", "100", "--bind", "127.0.0.1:0")
SERVERS = {
    "flask": (*GUNICORN, "service.applications.flask_app:app"),
    "django wsgi": (*GUNICORN, "service.applications.django_wsgi_app:app"),
    "django asgi": (*UVICORN, "service.applications.django_asgi_app"),
    "starlette": (*UVICORN, "service.applications.starlette_app"),
    "fastapi": (*UVICORN, "service.applications.fastapi_app"),
}
TRACEPARENT = "00-{trace}-00f067aa0ba902b7-01"
AT_ONCE = 100


@dataclass
class Site:
    """A running application, and the MDK server that it reports to."""

    url: str
    peer: ScriptedServer

    def get(
        self, path: str, session: mdk.Session | None = None, header: tuple[str, str] | None = None
    ) -> httpx.Response:
        """Ask it, as a caller with that session, or with that header."""
        name, value = header or (mdk.CONTEXT_HEADER, session.inject() if session is not None else "")
        return httpx.get(f"{self.url}{path}", headers={name.encode(): value.encode("latin-1")}, timeout=50)

    def results(self, session: mdk.Session) -> dict[str, int]:
        """Of the one interaction of that trace, once it is over."""
        self.peer.wait_for(lambda: self._events(session))
        (event,) = self._events(session)
        found: dict[str, int] = event["results"]
        return found

    def _events(self, session: mdk.Session) -> list[dict[str, Any]]:
        return [event for event in self.peer.heard("interactionevent") if event["session"] == session.trace_id]

    def failures(self, session: mdk.Session) -> list[str]:
        """What failed interactions of that trace have said, once the interaction is over."""
        self.results(session)
        logs = [log for log in self.peer.heard("log") if log["context"]["traceId"] == session.trace_id]
        return [log["text"].rpartition("\n")[2] for log in logs if log["category"] == "interaction failure"]


def port_of(program: Program) -> str:
    """Where it listens."""
    if "gunicorn" in program.process.args:  # type: ignore[operator]  # a list of texts
        return program.wait_for("Listening at: http://127.0.0.1:").partition("127.0.0.1:")[2].split()[0]
    return program.wait_for("port ").split()[1]


@pytest.fixture(scope="module", params=SERVERS)
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    """One application, for all of its cells."""
    with scripted_server() as peer:
        peer.active("downstream", "http://downstream")
        environment = {"MDK_SERVER_URL": peer.url, "MDK_FAILURE_POLICY": "recording", "PYTHONPATH": "tests"}
        with running(*SERVERS[request.param], **environment) as program:
            yield Site(f"http://127.0.0.1:{port_of(program)}", peer)
            program.process.send_signal(signal.SIGINT)  # So that the workers end before what reads their output.
            program.process.wait(WITHIN_S)


@pytest.fixture
def session() -> mdk.Session:
    """A caller's session; its MDK has no server."""
    return mdk.MDK(Config(server_url=None)).session()


# --- servers ---------------------------------------------------------------------------------------------


def joins_the_context(site: Site, session: mdk.Session) -> None:
    """The caller's trace goes on, and its properties; the caller's case of the header does not matter."""
    assert site.get("/show", session).json()["trace"] == session.trace_id
    assert site.get("/show", header=("x-mdk-CONTEXT", session.inject())).json()["trace"] == session.trace_id


def joins_w3c_headers(site: Site, session: mdk.Session) -> None:
    """A caller that knows only OpenTelemetry keeps its trace."""
    trace = session.trace_id.replace("-", "")
    assert (
        site.get("/show", header=("traceparent", TRACEPARENT.format(trace=trace))).json()["trace"] == session.trace_id
    )


def begins_a_session(site: Site, session: mdk.Session) -> None:
    """Without a context each request is a new trace."""
    assert len({site.get("/show").json()["trace"] for _ in range(3)} | {session.trace_id}) == 4


def survives_a_hostile_context(site: Site, session: mdk.Session) -> None:
    """Whatever the header holds, the request is answered, in a new trace."""
    for hostile in ("{", "[]", '{"traceId": 5}', "[" * 3000, "\xff\xfe", '{"clock": {"clocks": "x"}}'):
        answer = site.get("/show", header=(mdk.CONTEXT_HEADER, hostile))
        assert answer.status_code == 200
        assert answer.json()["trace"] != session.trace_id


def has_a_default_deadline(site: Site, session: mdk.Session) -> None:
    """The setting's, unless the caller's is lower; never the caller's if that is higher."""
    assert 8 < site.get("/show").json()["remaining"] <= 10
    session.set_deadline(60)
    assert 8 < site.get("/show", session).json()["remaining"] <= 10
    session.set_deadline(5)
    assert 3 < site.get("/show", session).json()["remaining"] <= 5


def counts_a_success(site: Site, session: mdk.Session) -> None:
    """A request is an interaction: what it resolved has worked."""
    assert site.get("/uses", session).status_code == 200
    assert site.results(session) == {NODE: 1}
    assert site.failures(session) == []


def does_not_fail_on_the_caller_s_mistake(site: Site, session: mdk.Session) -> None:
    """A 404 is nobody's failure here."""
    assert site.get("/nowhere", session).status_code == 404
    assert site.failures(session) == []


def fails_on_an_exception(site: Site, session: mdk.Session) -> None:
    """One that goes unhandled fails what was resolved, once, by its name; the answer is the framework's 500."""
    assert site.get("/raises", session).status_code == 500
    assert site.failures(session) == ["ValueError: on purpose"]
    assert site.results(session) == {NODE: 0}


def fails_on_5xx(site: Site, session: mdk.Session) -> None:
    """So does an answer that says that the server is at fault."""
    assert site.get("/refuses", session).status_code == 503
    assert site.failures(session) == ["answered with HTTP 503"]
    assert site.results(session) == {NODE: 0}


def fails_on_an_exception_in_a_middleware(site: Site, session: mdk.Session) -> None:
    """Also where no view was reached."""
    assert site.get("/middleware", session).status_code == 500
    (failure,) = site.failures(session)
    assert failure in ("ValueError: in the middleware", "answered with HTTP 500")  # Django makes an answer of it first
    assert site.results(session) == {NODE: 0}


def streams_in_its_session(site: Site, session: mdk.Session) -> None:
    """Every piece of a streamed answer is made in the request's session; the last one ends the interaction."""
    assert site.get("/streams", session).text.split() == [session.trace_id] * 3
    assert site.results(session) == {NODE: 1}


def fails_on_a_broken_stream(site: Site, session: mdk.Session) -> None:
    """An exception after the first piece fails the request, although its status was 200."""
    with suppress(httpx.HTTPError):  # What the caller sees is up to the server.
        site.get("/breaks", session)
    assert site.failures(session) == ["ValueError: in the stream"]
    assert site.results(session) == {NODE: 0}


def does_not_fail_when_the_caller_hangs_up(site: Site, session: mdk.Session) -> None:
    """The interaction ends, and says nothing about the node: an impatient caller is no reason to take it out."""
    parts = urlsplit(site.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=50) as caller:
        head = f"GET /endless HTTP/1.1\r\nHost: x\r\n{mdk.CONTEXT_HEADER}: {session.inject()}\r\n\r\n"
        caller.sendall(head.encode())
        seen = b""
        while b"more" not in seen:
            seen += caller.recv(1000)
    assert site.results(session) == {}
    assert site.failures(session) == []


def ends_its_calls_by_the_deadline(site: Site, session: mdk.Session) -> None:
    """A call to a slow server ends in the client's own timeout when the caller's deadline comes."""
    session.set_deadline(1.0)
    with running("-m", "service.applications.target", PYTHONPATH="tests") as target:
        answer = site.get(f"/calls?url=http://127.0.0.1:{port_of(target)}/slow", session)
    assert (answer.status_code, "Timeout" in answer.text) == (504, True)


def passes_its_session_on(site: Site, session: mdk.Session) -> None:
    """A call to another server carries the request's session, one tick further, in both kinds of headers."""
    with running("-m", "service.applications.target", PYTHONPATH="tests") as target:
        sent = site.get(f"/calls?url=http://127.0.0.1:{port_of(target)}/echo", session).json()
    context = json.loads(sent["x-mdk-context"])
    assert context["traceId"] == session.trace_id
    assert len(context["clock"]["clocks"]) == 2
    assert session.trace_id.replace("-", "") in sent["traceparent"]


def logs_in_its_session(site: Site, session: mdk.Session) -> None:
    """Standard logging inside of a request is in the request's trace, under the logger's name."""
    assert site.get("/logs", session).status_code == 200
    site.results(session)
    logs = [log for log in site.peer.heard("log") if log["context"]["traceId"] == session.trace_id]
    assert ("application", "INFO", "logged") in {(log["category"], log["level"], log["text"]) for log in logs}


def keeps_requests_apart(site: Site, session: mdk.Session) -> None:
    """A hundred at once: each trace stays its own, each is one interaction; afterwards nothing is left over."""
    fake = FakeMDK()
    sessions = [fake.session() for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda one: site.get("/show", one).json()["trace"], sessions))
    assert answers == [one.trace_id for one in sessions]
    assert [site.results(one) for one in sessions] == [{}] * AT_ONCE
    assert site.get("/show").json()["trace"] not in {*answers, session.trace_id}
    assert site.get("/leftovers").json() == []


NODE = "id of http://downstream"
SERVER_CELLS: dict[str, Callable[[Site, mdk.Session], None]] = {
    cell.__name__: cell
    for cell in (
        joins_the_context,
        joins_w3c_headers,
        begins_a_session,
        survives_a_hostile_context,
        has_a_default_deadline,
        counts_a_success,
        does_not_fail_on_the_caller_s_mistake,
        fails_on_an_exception,
        fails_on_5xx,
        fails_on_an_exception_in_a_middleware,
        streams_in_its_session,
        fails_on_a_broken_stream,
        does_not_fail_when_the_caller_hangs_up,
        ends_its_calls_by_the_deadline,
        passes_its_session_on,
        logs_in_its_session,
        keeps_requests_apart,
    )
}


@pytest.mark.parametrize("cell", SERVER_CELLS)
def test_a_server_s_cell(site: Site, session: mdk.Session, cell: str) -> None:
    """One framework, one requirement."""
    SERVER_CELLS[cell](site, session)


# --- clients ---------------------------------------------------------------------------------------------


Get = Callable[[mdk.Session | None, str, float | None], Any]
"""Session, URL, timeout: the answer's JSON, or its text."""


def _read(status: int, text: str) -> Any:
    assert status == 200, text
    return json.loads(text) if text.startswith("{") else text


def by_requests(session: mdk.Session | None, url: str, within_s: float | None) -> Any:
    """Its integration wants a session."""
    with requests_session(session) if session else requests.Session() as client:
        answer = client.get(url, timeout=within_s)
        return _read(answer.status_code, answer.text)


def by_httpx(session: mdk.Session | None, url: str, within_s: float | None) -> Any:
    """The synchronous one, with the current session."""
    with session or nullcontext(), httpx_client(follow_redirects=True, timeout=within_s) as client:
        answer = client.get(url)
        return _read(answer.status_code, answer.text)


async def _by_httpx_async(session: mdk.Session | None, url: str, within_s: float | None) -> Any:
    with session or nullcontext():
        async with httpx_async_client(follow_redirects=True, timeout=within_s) as client:
            answer = await client.get(url)
            return _read(answer.status_code, answer.text)


async def _by_aiohttp(session: mdk.Session | None, url: str, within_s: float | None) -> Any:
    with session or nullcontext():
        async with aiohttp_session(timeout=aiohttp.ClientTimeout(within_s)) as client, client.get(url) as answer:
            return _read(answer.status, await answer.text())


def _run(get: Callable[[mdk.Session | None, str, float | None], Awaitable[Any]]) -> Get:
    async def wait(*arguments: Any) -> Any:
        return await get(*arguments)

    return lambda session, url, within_s: asyncio.run(wait(session, url, within_s))


CLIENTS: dict[str, tuple[Get, type[Exception], type[Exception]]] = {
    "requests": (by_requests, requests.Timeout, requests.ConnectionError),
    "httpx": (by_httpx, httpx.TimeoutException, httpx.ConnectError),
    "httpx async": (_run(_by_httpx_async), httpx.TimeoutException, httpx.ConnectError),
    "aiohttp": (_run(_by_aiohttp), aiohttp.ServerTimeoutError, aiohttp.ClientConnectorError),
}
"""Each with the errors that it raises when time is up, and when nobody listens."""


@dataclass
class Client:
    """One client, and a server to call."""

    name: str
    get: Get
    timeout_error: type[Exception]
    connection_error: type[Exception]
    url: str


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    """A server to call."""
    with running("-m", "service.applications.target", PYTHONPATH="tests") as program:
        yield f"http://127.0.0.1:{port_of(program)}"


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, target: str) -> Client:
    """One of the clients."""
    return Client(request.param, *CLIENTS[request.param], target)


def test_a_client_carries_the_session(client: Client, session: mdk.Session) -> None:
    """Every call carries all headers, with a clock of its own."""
    sent = [client.get(session, f"{client.url}/echo", None) for _ in range(2)]
    contexts = [json.loads(one["x-mdk-context"]) for one in sent]
    assert [context["traceId"] for context in contexts] == [session.trace_id] * 2
    assert [context["clock"]["clocks"] for context in contexts] == [[0], [1]]
    assert all(session.trace_id.replace("-", "") in one["traceparent"] for one in sent)


def test_a_client_follows_with_the_session(client: Client, session: mdk.Session) -> None:
    """A redirect is a second call, with a clock of its own; the context stands there once."""
    sent = client.get(session, f"{client.url}/moved", None)
    assert json.loads(sent["x-mdk-context"])["clock"]["clocks"] == [1]


def test_a_client_without_a_session_is_plain(client: Client) -> None:
    """Nothing is added where nothing is current."""
    assert "x-mdk-context" not in client.get(None, f"{client.url}/echo", None)


@pytest.mark.parametrize(("deadline_s", "timeout"), [(1.0, None), (1.0, 8.0), (8.0, 1.0)])
def test_a_client_s_deadline_is_its_timeout(
    client: Client, session: mdk.Session, deadline_s: float, timeout: float | None
) -> None:
    """A call to a slow server ends in the library's own error, at the session's deadline or the given timeout."""
    session.set_deadline(deadline_s)
    start = time.monotonic()
    error = TimeoutError if client.name == "aiohttp" else client.timeout_error
    with pytest.raises(error):
        client.get(session, f"{client.url}/slow", timeout)
    assert time.monotonic() - start > 0.9


def test_a_client_cuts_a_body_that_trickles(client: Client, session: mdk.Session) -> None:
    """However soon each piece comes, the whole is late; requests has no such bound, and says so.

    Where the machine stands still, all of the time may be over before the first piece: then it is the library that says so.
    """
    if client.name == "requests":
        assert "may take longer" in (requests_session.__doc__ or "")
        return
    session.set_deadline(1.0)
    start = time.monotonic()
    with pytest.raises(client.timeout_error, match=r"^$|the session's deadline has passed during GET http"):
        client.get(session, f"{client.url}/trickle", None)
    assert time.monotonic() - start > 0.9


def test_a_client_sends_nothing_after_the_deadline(client: Client, session: mdk.Session) -> None:
    """The library's own error, at once, which names the call."""
    session.set_deadline(-1.0)
    with pytest.raises(client.timeout_error, match=r"deadline passed \d\.\d s ago, before GET http://127\.0\.0\.1:1/"):
        client.get(session, "http://127.0.0.1:1/", None)


def test_a_client_s_error_fails_the_interaction(client: Client) -> None:
    """What it raises fails the interaction around it, and after the third time the node is out."""
    fake = FakeMDK()
    address = fake.add("svc", address="http://127.0.0.1:1/")
    for _ in range(3):
        session = fake.session()
        with pytest.raises(client.connection_error), session.interaction():
            client.get(session, session.resolve("svc").address, None)
    assert [reported.results for reported in fake.reported] == [{address: False}] * 3
    with pytest.raises(mdk.NoNodeAvailable):
        fake.session().resolve_until("svc", None, 0)


def test_a_client_keeps_calls_apart(client: Client) -> None:
    """A hundred at once, each in its own session: what was sent is each one's own, and nothing is current afterwards."""
    fake = FakeMDK()
    sessions = [fake.session() for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(25) as threads:
        sent = list(threads.map(lambda one: client.get(one, f"{client.url}/echo", None), sessions))
    assert [json.loads(one["x-mdk-context"])["traceId"] for one in sent] == [one.trace_id for one in sessions]
    assert mdk.current_session() is None


@pytest.mark.parametrize("name", ["httpx async", "aiohttp"])
def test_one_client_of_many_tasks(name: str, target: str) -> None:
    """One client object shared by a hundred tasks sends each task's own session."""
    fake = FakeMDK()

    async def by_httpx_of(http: httpx.AsyncClient) -> str:
        return (await http.get(f"{target}/echo")).text

    async def by_aiohttp_of(http: aiohttp.ClientSession) -> str:
        async with http.get(f"{target}/echo") as answer:
            return await answer.text()

    async def ask(get: Callable[[Any], Awaitable[str]], http: Any) -> tuple[str, str]:
        with fake.session() as one:
            sent = json.loads(await get(http))
            assert mdk.current_session() is one
            return one.trace_id, json.loads(sent["x-mdk-context"])["traceId"]

    async def ask_all() -> list[tuple[str, str]]:
        if name == "aiohttp":
            async with aiohttp_session() as session:
                return await asyncio.gather(*(ask(by_aiohttp_of, session) for _ in range(AT_ONCE)))
        async with httpx_async_client(timeout=30) as client:
            return await asyncio.gather(*(ask(by_httpx_of, client) for _ in range(AT_ONCE)))

    pairs = asyncio.run(ask_all())
    assert all(own == sent for own, sent in pairs)
    assert len({own for own, _ in pairs}) == AT_ONCE


ELSEWHERE = {
    "logging": "logs_in_its_session above, test_logging.py and test_structlog.py",
    "prometheus": "test_prometheus.py",
    "testing": "test_fake.py",
    "aio": "the conformance suite of the client",
}


def test_no_integration_is_forgotten() -> None:
    """Whatever `import mdk` offers for a framework is in the matrix, or is named with the tests that it has instead."""
    modules = {module.name for module in pkgutil.iter_modules(mdk.__path__)}
    covered = {name.split()[0] for name in (*SERVERS, *CLIENTS)} | {"asgi"} - {"starlette", "fastapi"}
    assert modules - covered - ELSEWHERE.keys() == set()
