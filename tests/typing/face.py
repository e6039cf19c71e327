"""The whole public face, in user-like code that mypy --strict and pyright strict must accept; never run.

tests/conformance/test_compatibility.py sees to it that no public name is missing here or in api.py.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future
from typing import Any

import aiohttp
import flask
import httpx
import requests
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry

import mdk
import mdk.django
import mdk.flask
import mdk.logging
from mdk import aio
from mdk.aiohttp import aiohttp_session
from mdk.httpx import httpx_async_client, httpx_client
from mdk.prometheus import MDKCollector
from mdk.requests import requests_session
from mdk.testing import FakeAioMDK, FakeClock, FakeMDK, Reported, Said


def the_original() -> None:
    """As its guide has it, names and all."""
    m: mdk.MDK = mdk.init().start()
    m.setDefaultDeadline(10.0)
    m.setDefaultTimeout(10.0)
    m.setDeadline(5.0)
    m.register("svc", "1.0", "http://here")
    session: mdk.Session = m.session()
    header: str = m.CONTEXT_HEADER
    encoded: str = session.externalize()
    joined, derived = m.join(encoded), m.derive(encoded)
    session.setDeadline(1.0)
    session.setTimeout(1.0)
    remaining: float | None = session.getRemainingTime()
    session.setProperty("a:b", {"any": ["JSON", 1, None]})
    value: Any = session.getProperty("a:b") if session.hasProperty("a:b") else None
    environment: mdk.Environment = session.getEnvironment()
    place: tuple[str, str | None] = environment.name, environment.fallbackName
    session.route("svc", "1.0", "other", "2.0")
    future: Future[mdk.Node] = session.resolve_async("svc", "1.0")
    node: mdk.Node = future.result()
    same: str | None = node.getId()
    node.success()
    node.failure()
    print(header, joined, derived, remaining, value, place, same, node.available(), node.properties)
    m.stop()


def the_documented(m: mdk.MDK) -> None:
    """The same in snake_case."""
    m.set_default_deadline(10.0)
    m.set_deadline(5.0)
    session = m.session()
    session.set_deadline(1.0)
    remaining: float | None = session.get_remaining_time()
    session.set_property("a:b", [1])
    value: Any = session.get_property("a:b") if session.has_property("a:b") else None
    environment: mdk.Environment = session.get_environment()
    place: tuple[str, str | None] = environment.name, environment.fallback_name
    node: mdk.Node = session.resolve("svc", "1.0")
    texts: list[str | None] = [node.service, node.version, node.address, node.id, node.get_id(), node.environment.name]
    headers: dict[str, str] = {mdk.CONTEXT_HEADER: session.inject()}
    session.inject_headers(headers)
    print(remaining, value, place, texts, m.join_headers(headers).trace_id)


def logging_calls(session: mdk.Session) -> list[int]:
    """Each answers where the message stands."""
    session.trace("DEBUG")
    last: mdk.LoggedMessageId = session.log("INFO", "category", "text")
    for call in (session.critical, session.error, session.warn, session.info, session.debug):
        last = call("category", "text")
    print(last.trace_id, last.environment, last.environment_fallback, last.traceId, last.environmentFallback)
    return last.causal_level if last.causalLevel else []


def interactions(m: mdk.MDK) -> int:
    """In each of their forms."""
    with m.session() as session:
        assert mdk.current_session() is session
        session.start_interaction()
        session.fail_interaction("why")
        session.finish_interaction()
        interaction: mdk.Interaction
        with session.interaction() as interaction:
            node = session.resolve_until("svc", None, 1.0)
            interaction.fail("why")
            interaction.abandon()
        length: int = session.interact(lambda own: len(own.resolve("svc").address))
        again: str = session.call("svc", "1.0", lambda found: found.address, attempts=2, retry_on=(OSError, KeyError))
        kept: mdk.Node = session.resolve_for("a key", "svc")
    return length + len(again) + len(kept.address) + len(node.address)


def errors(m: mdk.MDK) -> str:
    """Fields first."""
    try:
        m.session().resolve("svc")
    except mdk.NoNodeAvailable as error:
        return ", ".join(f"{out.address} in {out.retry_in_s}" for out in error.out)
    except mdk.ResolveTimeout as error:
        return f"{error.service} {error.version} {error.environment} {error.waited_s} {error.known}"
    except mdk.Stopped as error:
        return f"{error.service} {error.version} {error.environment} {error.waited_s}"
    except (mdk.NotStarted, mdk.NoInteraction) as error:
        usage: mdk.UsageError = error
        return str(usage)
    except mdk.BadValue as error:
        return f"{error.name} {error.value!r} {error.expected}"
    except mdk.ConfigurationError as error:
        return f"{error.variable} {error.value}"
    except mdk.MDKError as error:
        return str(error)
    return ""


def looking(m: mdk.MDK) -> list[str]:
    """What is known, and what changes."""
    now: mdk.Statistics = m.statistics()
    lines = [f"{now.connected} {now.queued} {now.dropped} {now.nodes} {now.nodes_out}", m.node_id, str(m.server_url)]
    lines += [node.address for service in m.services() for node in m.nodes(service)]
    watch: mdk.Watch = m.watch("svc")
    change: mdk.Change | None = watch.next(1.0)
    watch.close()
    m.configure("svc", policy="least_pending", failures=3, retry_after_s=30.0, when_all_out="wait")
    return [*lines, change.kind if change else "", m.connection_failure if not m.connected else ""]


def web(m: mdk.MDK) -> CollectorRegistry:
    """Frameworks, clients, logging, metrics."""
    app = flask.Flask("app")
    same: mdk.MDK = mdk.flask.mdk_setup(app, timeout=10.0, mdk=m)
    handlers: list[logging.Handler] = [
        mdk.flask.MDKLoggingHandler(same),
        mdk.logging.MDKHandler(m, mdk.current_session, logging.INFO),
        mdk.django.MDKLoggingHandler(),
    ]
    for handler in handlers:
        logging.getLogger("app").addHandler(handler)
    http: requests.Session = requests_session(m.session())
    client: httpx.Client = httpx_client(m.session(), timeout=3.0)
    print(http.get("http://x").status_code, client.get("http://x").status_code)
    registry = CollectorRegistry()
    registry.register(MDKCollector(m))
    return registry


class Configuration(mdk.django.MDKAppConfig):
    """Of a Django project."""

    def mdk_ready(self, mdk: mdk.MDK) -> None:
        """The MDK is started."""
        mdk.register("project", "1.0")


def respond(request: HttpRequest) -> HttpResponse:
    """A view."""
    return HttpResponse("ok")


middleware = mdk.django.MDKSessionMiddleware(respond)


async def with_asyncio() -> int:
    """On the caller's loop."""
    m: aio.MDK
    async with aio.start() as m:
        session: aio.Session = m.session()
        async with session, session.interaction() as interaction:
            node: mdk.Node = await session.resolve("svc", "1.0")
            same: aio.Interaction = interaction
            assert aio.current_session() is session
        async with httpx_async_client(session) as client, aiohttp_session(session) as other:
            response: httpx.Response = await client.get(node.address)
            answer: aiohttp.ClientResponse = await other.get(node.address)
        watch: aio.Watch = m.watch("svc")
        async for change in watch:
            print(change.kind, same)
            break
        starting: aio.Starting = aio.start()
        started: aio.MDK = aio.init()
        print(starting, started)
    return response.status_code + answer.status


async def testing_aio(fake_aio_mdk: FakeAioMDK) -> mdk.Node:
    """The same for code that awaits."""
    fake_aio_mdk.add("svc", "1.0", "http://one")
    return await fake_aio_mdk.session().resolve("svc", "1.0")


def testing(fake_mdk: FakeMDK) -> float:
    """What a test of an application uses."""
    clock: FakeClock = fake_mdk.clock
    address: str = fake_mdk.add("svc", "1.0", environment="other")
    fake_mdk.advance(30)
    said: list[Said] = fake_mdk.said
    reported: list[Reported] = fake_mdk.reported
    print([one.text for one in said], [one.results for one in reported], fake_mdk.registered)
    fake_mdk.remove("svc", address)
    return clock()
