"""Tests of mdk_runtime.integrations.requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import BaseAdapter

from mdk_runtime.client import MDK
from mdk_runtime.integrations.requests import requests_session
from unit.mdk_runtime.fakes import Clock, make_mdk


class Adapter(BaseAdapter):
    """Answers everything and keeps how it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[requests.PreparedRequest, Any]] = []

    def send(self, request: requests.PreparedRequest, *_: Any, timeout: Any = None, **__: Any) -> requests.Response:
        """Keep it."""
        self.asked.append((request, timeout))
        response = requests.Response()
        response.status_code = 200
        response.request = request
        response.url = request.url or ""
        return response

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def clock() -> Clock:
    """Stands still."""
    return Clock()


@pytest.fixture
def mdk(clock: Clock) -> MDK:
    """An MDK on that clock."""
    return make_mdk(clock=clock)


def test_context_header(mdk: MDK) -> None:
    """Each call carries the session, each with a clock of its own."""
    session, adapter = mdk.session(), Adapter()
    http = requests_session(session)
    http.mount("http://", adapter)
    http.get("http://x")
    http.get("http://x", headers={"other": "1"})
    contexts = [json.loads(request.headers["X-MDK-Context"]) for request, _ in adapter.asked]
    assert [context["traceId"] for context in contexts] == [session.trace_id] * 2
    assert [context["clock"]["clocks"] for context in contexts] == [[0], [1]]


@pytest.mark.parametrize(
    ("given", "used"),
    [(None, 5.0), (2.0, 2.0), (9.0, 5.0), ((1.0, 9.0), (1.0, 5.0)), ((None, 2.0), (5.0, 2.0))],
)
def test_timeout_is_the_shorter(mdk: MDK, given: Any, used: Any) -> None:
    """The session's deadline and the call's timeout: the shorter holds."""
    session, adapter = mdk.session(), Adapter()
    session.set_deadline(5.0)
    http = requests_session(session)
    http.mount("http://", adapter)
    http.get("http://x", timeout=given)
    assert adapter.asked[0][1] == used


@pytest.mark.parametrize(("given", "total"), [(None, 5.0), (2.0, 2.0), (9.0, 5.0)])
def test_a_timeout_of_urllib3(mdk: MDK, given: float | None, total: float) -> None:
    """It keeps its parts, and ends in all by the deadline; the caller's own object stays as it is."""
    session, adapter = mdk.session(), Adapter()
    session.set_deadline(5.0)
    http = requests_session(session)
    http.mount("http://", adapter)
    timeout: Any = urllib3.Timeout(connect=1.0, read=3.0, total=given)
    http.get("http://x", timeout=timeout)
    used = adapter.asked[0][1]
    assert (used.total, used.connect_timeout, timeout.total) == (total, 1.0, given)


def test_without_deadline_the_timeout_is_the_call_s(mdk: MDK) -> None:
    """A session without deadline changes no timeout."""
    adapter = Adapter()
    http = requests_session(mdk.session())
    http.mount("http://", adapter)
    http.get("http://x", timeout=3.0)
    http.get("http://x")
    assert [timeout for _, timeout in adapter.asked] == [3.0, None]


def test_past_the_deadline(mdk: MDK, clock: Clock) -> None:
    """After the deadline a call ends in the library's own error, and nothing is sent."""
    session, adapter = mdk.session(), Adapter()
    session.set_deadline(1.0)
    clock.move(3.0)
    http = requests_session(session)
    http.mount("http://", adapter)
    with pytest.raises(requests.Timeout) as caught:
        http.get("http://x/")
    assert str(caught.value) == "the session's deadline passed 2.0 s ago, before GET http://x/"
    assert adapter.asked == []
