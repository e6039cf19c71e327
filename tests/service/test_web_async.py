"""ASGI applications and httpx clients, each the real thing on a real server."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from mdk.httpx import httpx_async_client, httpx_client
from mdk.testing import FakeMDK
from mdk_runtime.session import current_session
from service.programs import Program, running
from service.scripted_server import ScriptedServer

STARLETTE = """
import asyncio, json, mdk
from mdk.asgi import MDKMiddleware
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

async def show(request):
    await asyncio.sleep(0.01)  # others are answered meanwhile
    session = mdk.current_session()
    assert session is request.state.mdk_session
    return JSONResponse({"trace": session.trace_id, "remaining": session.get_remaining_time()})

async def fails(request):
    raise ValueError("on purpose")

async def refuses(request):
    return PlainTextResponse("no", status_code=503)

routes = [Route("/", show), Route("/fails", fails), Route("/refuses", refuses)]
app = MDKMiddleware(Starlette(routes=routes))
"""
ON_THE_LOOP = (
    STARLETTE.replace("mdk.current_session()", "aio.current_session()")
    .replace("import asyncio, json, mdk", "import asyncio, contextlib, json\nfrom mdk import aio")
    .replace(
        "app = MDKMiddleware(Starlette(routes=routes))",
        """
m = aio.init()

@contextlib.asynccontextmanager
async def lifespan(app):
    async with m:
        yield

app = MDKMiddleware(Starlette(routes=routes, lifespan=lifespan), m)
""",
    )
)
"""One whose MDK lives on the server's own loop."""
FASTAPI = """
import asyncio, mdk
from fastapi import FastAPI, Request, Response
from mdk.asgi import MDKMiddleware
app = FastAPI()
app.add_middleware(MDKMiddleware)

@app.get("/")
async def show(request: Request):
    await asyncio.sleep(0.01)
    session = mdk.current_session()
    assert session is request.state.mdk_session
    return {"trace": session.trace_id, "remaining": session.get_remaining_time()}

@app.get("/fails")
def fails():
    raise ValueError("on purpose")

@app.get("/refuses")
def refuses():
    return Response("no", status_code=503)
"""
DJANGO = """
import asyncio, django, mdk
from django.conf import settings
settings.configure(
    DEBUG=False, SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["mdk.django.MDKAppConfig"], MIDDLEWARE=["mdk.django.MDKSessionMiddleware"],
    LOGGING_CONFIG=None,
)
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

async def show(request):
    await asyncio.sleep(0.01)
    session = mdk.current_session()
    assert session is request.mdk_session
    return JsonResponse({"trace": session.trace_id, "remaining": session.get_remaining_time()})

def fails(request):
    raise ValueError("on purpose")

async def refuses(request):
    return HttpResponse("no", status=503)

urlpatterns = [path("", show), path("fails", fails), path("refuses", refuses)]
app = get_asgi_application()
"""
SERVE = """
import sys, uvicorn
sys.path.insert(0, sys.argv[1])
config = uvicorn.Config("application:app", port=0, log_level="warning")
class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        print("port", self.servers[0].sockets[0].getsockname()[1], flush=True)
Server(config).run()
"""


@pytest.fixture
def mdk_peer() -> Iterator[ScriptedServer]:
    """What the applications report to."""
    server = ScriptedServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=[STARLETTE, ON_THE_LOOP, FASTAPI, DJANGO], ids=["starlette", "mdk.aio", "fastapi", "django"])
def url(request: pytest.FixtureRequest, tmp_path: Path, mdk_peer: ScriptedServer) -> Iterator[str]:
    """A running application."""
    (tmp_path / "application.py").write_text(request.param)
    environment = {"MDK_SERVER_URL": mdk_peer.url}
    with running("-W", "ignore", "-c", SERVE, str(tmp_path), **environment) as program:
        yield f"http://127.0.0.1:{port_of(program)}"


def port_of(program: Program) -> int:
    """Where it listens."""
    return int(program.wait_for("port ").split()[1])


def failures(server: ScriptedServer) -> list[str]:
    """What failed interactions have said."""
    logs = [log for log in server.heard("log") if log["category"] == "interaction failure"]
    return [log["text"].rpartition("\n")[2] for log in logs]


def test_applications(url: str, mdk_peer: ScriptedServer, fake_mdk: FakeMDK) -> None:
    """The caller's session goes on, deadline included; a request is an interaction; what fails is said, once."""
    session = fake_mdk.session()
    fake_mdk.clock.now_s = time.time()
    session.set_deadline(20)
    with httpx_client(session) as client:
        shown = client.get(url).json()
        assert shown["trace"] == session.trace_id
        assert 0 < shown["remaining"] <= 20
        mdk_peer.wait_for(lambda: len(mdk_peer.heard("interactionevent")) == 1)
        assert mdk_peer.heard("interactionevent")[0]["session"] == session.trace_id
        assert failures(mdk_peer) == []
        assert client.get(f"{url}/refuses").status_code == 503
        mdk_peer.wait_for(lambda: len(mdk_peer.heard("interactionevent")) == 2)
        assert failures(mdk_peer) == ["answered with HTTP 503"]
        assert client.get(f"{url}/fails").status_code == 500
        mdk_peer.wait_for(lambda: len(mdk_peer.heard("interactionevent")) == 3)
        assert failures(mdk_peer) == ["answered with HTTP 503", "ValueError: on purpose"]


def test_a_hundred_requests_at_once(url: str, mdk_peer: ScriptedServer) -> None:
    """Each keeps its own trace, at the client by the current session, at the server in its answer."""
    fake_mdk = FakeMDK()

    async def ask(client: httpx.AsyncClient) -> tuple[str, str]:
        with fake_mdk.session() as session:
            await asyncio.sleep(0)
            answer = await client.get(url)
            assert current_session() is session
            return session.trace_id, json.loads(answer.text)["trace"]

    async def ask_all() -> list[tuple[str, str]]:
        async with httpx_async_client(timeout=30) as client:
            return await asyncio.gather(*(ask(client) for _ in range(100)))

    pairs = asyncio.run(ask_all())
    assert all(sent == seen for sent, seen in pairs)
    assert len({sent for sent, _ in pairs}) == 100
    mdk_peer.wait_for(lambda: len(mdk_peer.heard("interactionevent")) == 100)
    assert {event["session"] for event in mdk_peer.heard("interactionevent")} == {sent for sent, _ in pairs}


def sent_by(session_deadline_s: float | None, timeout: float | None) -> httpx.Request:
    """A request as it leaves the client."""
    fake = FakeMDK()
    session = fake.session()
    if session_deadline_s is not None:
        session.set_deadline(session_deadline_s)
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    with httpx_client(session, transport=httpx.MockTransport(answer), timeout=timeout) as client:
        client.get("http://x")
    return seen[0]


@pytest.mark.parametrize(
    ("deadline_s", "timeout", "expected"), [(3.0, None, 3.0), (3.0, 5.0, 3.0), (3.0, 1.0, 1.0), (None, 2.0, 2.0)]
)
def test_the_deadline_is_the_timeout(deadline_s: float | None, timeout: float | None, expected: float) -> None:
    """The shorter of the two holds, for every phase of a call."""
    request = sent_by(deadline_s, timeout)
    assert request.extensions["timeout"] == dict.fromkeys(("connect", "read", "write", "pool"), expected)
    assert {"x-mdk-context", "traceparent", "tracestate"} <= set(request.headers)


def test_after_the_deadline_nothing_is_sent() -> None:
    """The error says so, and names the call."""
    with pytest.raises(httpx.TimeoutException, match=r"the session's deadline passed 1\.0 s ago, before GET http://x"):
        sent_by(-1.0, None)


def test_without_a_session_a_call_is_plain() -> None:
    """Nothing is added where nothing is current."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    with httpx_client(transport=httpx.MockTransport(answer)) as client:
        client.get("http://x")
    assert "x-mdk-context" not in seen[0].headers
