"""`/healthz`, `/readyz` and `/metrics`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mdk_runtime.core.server.grants import Grant, Scope
from mdk_runtime.server.http.site import allowed, site_of
from mdk_runtime.server.metrics import ServerCollector, registry_of, size_of


async def healthz(_: Request) -> Response:
    """The loop runs."""
    return JSONResponse({"status": "alive"})


async def readyz(request: Request) -> Response:
    """New clients are welcome: the server does not end, and storage writes."""
    hub = site_of(request).hub
    reasons = [
        reason
        for reason, holds in (("the server ends", hub.is_ending), ("storage cannot write", hub.writer.is_failing))
        if holds
    ]
    if reasons:
        return JSONResponse({"status": "not ready", "reasons": reasons}, HTTPStatus.SERVICE_UNAVAILABLE)
    return JSONResponse({"status": "ready"})


def metrics_endpoint(*, is_public: bool) -> Callable[[Request], Awaitable[Response]]:
    """Sums over all tenants: for admins where there are keys, unless they are said to be public."""
    collectors: list[ServerCollector] = []

    async def metrics(request: Request) -> Response:
        site = site_of(request)
        if not collectors:
            collectors.append(ServerCollector(site.hub))
        collectors[0].storage_bytes = await asyncio.to_thread(size_of, site.settings.data)
        return Response(generate_latest(registry_of(collectors[0])), media_type=CONTENT_TYPE_LATEST)

    async def metrics_for(request: Request, _: Grant) -> Response:
        return await metrics(request)

    return metrics if is_public else allowed(Scope.ADMIN, metrics_for)
