"""Tests of mdk_runtime.integrations.django, on Django's own test client."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import django
import pytest
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path

from mdk_protocol import messages
from mdk_runtime.client import MDK
from mdk_runtime.integrations import django as integration
from mdk_runtime.session import current_session
from unit.mdk_runtime.fakes import make_mdk, node_message, queued


def hello(request: HttpRequest) -> JsonResponse:
    """Resolves, and answers with its session."""
    session = current_session()
    assert session is not None
    assert session is request.mdk_session  # type: ignore[attr-defined]  # the middleware's
    session.resolve("svc", "1.0")
    return JsonResponse({"trace": session.trace_id, "left": session.get_remaining_time()})


def fail(request: HttpRequest) -> JsonResponse:
    """Resolves, and raises."""
    request.mdk_session.resolve("svc", "1.0")  # type: ignore[attr-defined]  # the middleware's
    raise ZeroDivisionError("by 0")


@pytest.fixture(scope="module", autouse=True)
def project() -> None:
    """A Django project in this process."""
    urls: Any = ModuleType("mdk_test_urls")
    urls.urlpatterns = [path("", hello), path("fail", fail)]
    sys.modules["mdk_test_urls"] = urls
    settings.configure(
        ROOT_URLCONF="mdk_test_urls",
        ALLOWED_HOSTS=["testserver"],
        MIDDLEWARE=["mdk.django.MDKSessionMiddleware"],
        MDK_DEFAULT_TIMEOUT=10.0,
        SECRET_KEY="none",
    )
    django.setup()


@pytest.fixture
def mdk(monkeypatch: pytest.MonkeyPatch) -> Iterator[MDK]:
    """The project's MDK, which knows a node; it is found as the project finds it."""
    mdk = make_mdk()
    mdk.core.node_active(node_message("svc", "a"))
    monkeypatch.setattr(integration, "_mdk", None)
    monkeypatch.setattr(integration, "start", lambda: mdk)
    yield mdk
    assert current_session() is None


def results(mdk: MDK) -> list[dict[str, int]]:
    """Of the interactions reported since."""
    return [item.results for item in queued(mdk) if isinstance(item, messages.InteractionEvent)]


def test_session_of_the_request(mdk: MDK) -> None:
    """A request's session is the caller's if it brings one; the setting's deadline holds unless the caller's is sooner."""
    session = mdk.session()
    session.set_deadline(5.0)
    joined = Client().get("/", headers={"X-MDK-Context": session.inject()}).json()
    assert joined == {"trace": session.trace_id, "left": 5.0}
    fresh = Client().get("/").json()
    assert fresh["trace"] != session.trace_id
    assert fresh["left"] == 10.0


def test_request_is_an_interaction(mdk: MDK) -> None:
    """A request that is answered worked; one whose view raised failed, and is answered with 500."""
    client = Client(raise_request_exception=False)
    assert client.get("/").status_code == 200
    assert results(mdk) == [{"id-a": 1}]
    assert client.get("/fail").status_code == 500
    assert results(mdk) == [{"id-a": 0}]


def test_app_config_hands_the_mdk_over(mdk: MDK) -> None:
    """A project that derives from the configuration gets the started MDK."""
    got: list[MDK] = []

    class Config(integration.MDKAppConfig):
        """Registers, say."""

        def mdk_ready(self, mdk: MDK) -> None:
            """The MDK is started."""
            got.append(mdk)

    Config("mdk_runtime.integrations", sys.modules["mdk_runtime.integrations"]).ready()
    assert got == [mdk]
